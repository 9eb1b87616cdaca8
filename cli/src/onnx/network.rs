//! The graph.
use std::path::Path;

use anyhow::Result;

use super::{DataType, Node, Tensor};

/// A network: a model file, and edits of it.
#[derive(Clone, Debug)]
pub struct Network {
    nodes: Vec<Node>,
}

/// An input or output of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInfo {
    /// The name.
    pub name: String,
    /// The type of its numbers, if the file says so.
    pub data_type: Option<DataType>,
    /// The extents, if the file says how many; `None` for those that are not fixed.
    pub dims: Option<Vec<Option<usize>>>,
}

impl Network {
    /// Reads a model file. External data is read when it is needed.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is no ONNX model.
    pub fn open(_path: &Path) -> Result<Self> {
        todo!()
    }

    /// Reads a model from memory.
    ///
    /// # Errors
    ///
    /// If it is no ONNX model.
    pub fn parse(_bytes: Vec<u8>) -> Result<Self> {
        todo!()
    }

    /// The nodes, in an order in which they can run: that of the file if it is one.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The inputs that a caller has to give.
    #[must_use]
    pub fn inputs(&self) -> Vec<ValueInfo> {
        todo!()
    }

    /// The outputs.
    #[must_use]
    pub fn outputs(&self) -> Vec<ValueInfo> {
        todo!()
    }

    /// The version of the operations of ONNX.
    #[must_use]
    pub fn opset(&self) -> i64 {
        todo!()
    }

    /// A value that does not depend on the inputs: an initializer, or the output of a `Constant` node.
    #[must_use]
    pub fn constant(&self, _name: &str) -> Option<Tensor<'_>> {
        todo!()
    }
}
