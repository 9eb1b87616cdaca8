//! Nodes and their attributes.

/// An operation of a network.
#[derive(Clone, Debug)]
pub struct Node {
    /// The name, which may be empty.
    pub name: String,
    /// The operation.
    pub op_type: String,
    /// The set of operations: empty for those of ONNX.
    pub domain: String,
    /// The values that it reads. An input that is left out has an empty name.
    pub inputs: Vec<String>,
    /// The values that it makes. An output that is left out has an empty name.
    pub outputs: Vec<String>,
    /// The values from outside that the bodies of `If`, `Loop` and `Scan` read.
    pub captured: Vec<String>,
}

impl Node {
    /// An attribute that is an integer.
    #[must_use]
    pub fn integer(&self, _name: &str) -> Option<i64> {
        todo!()
    }
    /// An attribute that is a list of integers.
    #[must_use]
    pub fn integers(&self, _name: &str) -> Option<&[i64]> {
        todo!()
    }
    /// An attribute that is a float.
    #[must_use]
    pub fn float(&self, _name: &str) -> Option<f32> {
        todo!()
    }
    /// An attribute that is text.
    #[must_use]
    pub fn text(&self, _name: &str) -> Option<&str> {
        todo!()
    }
}
