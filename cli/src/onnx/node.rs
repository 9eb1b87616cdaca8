//! Operations: what they read and make, their attributes, and what the bodies inside them read from outside.
//!
//! A body (of `If`, `Loop` or `Scan`) is a graph in an attribute. It sees the values of the graphs around it; those that it reads are
//! *captured*: the node depends on them as it depends on its inputs.

use core::ops::Range;
use std::collections::HashSet;

use anyhow::{Result, ensure};

use super::protobuf::{Field, fields, put_bytes, put_integer};

/// The deepest nesting of bodies. Chosen: exporters do not go beyond a handful.
const DEEPEST: usize = 32;

/// Operations with weights that are matrices.
const PRODUCTS: [&str; 5] = ["MatMul", "Gemm", "Conv", "LSTM", "GRU"];

/// An operation of a network.
#[derive(Clone, Debug, Default)]
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
    /// The values from outside that its bodies read.
    pub captured: Vec<String>,
    /// The names of matrix products in its bodies.
    pub(super) inside: Vec<String>,
    pub(super) attributes: Vec<Attribute>,
    /// Its field in the file.
    pub(super) field: Range<usize>,
}

/// A setting of an operation. Numbers that may be many stay in the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Attribute {
    pub(super) name: String,
    float: Option<f32>,
    integer: Option<i64>,
    text: Option<String>,
    integers: Option<Vec<i64>>,
    /// The field of a tensor.
    pub(super) tensor: Option<Range<usize>>,
    bodies: Vec<Range<usize>>,
    /// Its field in the file.
    pub(super) field: Range<usize>,
}

impl Node {
    /// Whether it is an operation of ONNX itself with this name.
    #[must_use]
    pub fn is(&self, op_type: &str) -> bool {
        self.op_type == op_type && matches!(self.domain.as_str(), "" | "ai.onnx")
    }

    /// Its name, or that of its output if it has none.
    #[must_use]
    pub fn label(&self) -> &str {
        let output = self.outputs.first().unwrap_or(&self.op_type);
        if self.name.is_empty() {
            output
        } else {
            &self.name
        }
    }

    /// An attribute that is an integer.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.integer
    }

    /// An attribute that is a list of integers.
    #[must_use]
    pub fn integers(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name)?.integers.as_deref()
    }

    /// An attribute that is a float.
    #[must_use]
    pub fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name)?.float
    }

    /// An attribute that is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name)?.text.as_deref()
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|found| found.name == name)
    }

    /// Reads a node, `depth` bodies deep.
    pub(super) fn parse(file: &[u8], field: &Field, depth: usize) -> Result<Self> {
        ensure!(depth <= DEEPEST, "more than {DEEPEST} nested bodies");
        let mut node = Self {
            field: field.whole.clone(),
            ..Self::default()
        };
        for field in fields(file, field.bytes()?) {
            let field = field?;
            match field.number {
                1 => node.inputs.push(field.text(file)?.into()),
                2 => node.outputs.push(field.text(file)?.into()),
                3 => node.name = field.text(file)?.into(),
                4 => node.op_type = field.text(file)?.into(),
                5 => node.attributes.push(Attribute::parse(file, &field)?),
                7 => node.domain = field.text(file)?.into(),
                _ => {}
            }
        }
        let bodies: Vec<_> = node
            .attributes
            .iter_mut()
            .flat_map(|attribute| core::mem::take(&mut attribute.bodies))
            .collect();
        for body in bodies {
            node.read_body(file, body, depth + 1)?;
        }
        Ok(node)
    }

    /// Notes what a body captures, and its matrix products.
    fn read_body(&mut self, file: &[u8], body: Range<usize>, depth: usize) -> Result<()> {
        let mut made = HashSet::new();
        let mut read = Vec::new();
        for field in fields(file, body) {
            let field = field?;
            match field.number {
                1 => {
                    let node = Self::parse(file, &field, depth)?;
                    if PRODUCTS.iter().any(|product| node.is(product)) {
                        self.inside.push(node.label().into());
                    }
                    self.inside.extend(node.inside);
                    read.extend(node.inputs);
                    read.extend(node.captured);
                    made.extend(node.outputs);
                }
                5 => made.extend(text_in(file, &field, 8)?),
                11 => made.extend(text_in(file, &field, 1)?),
                12 => read.extend(text_in(file, &field, 1)?),
                15 => made.extend(sparse_name(file, &field)?),
                _ => {}
            }
        }
        // An empty name is an input that is left out.
        made.insert(String::new());
        made.extend(self.captured.iter().cloned());
        let captured = read.into_iter().filter(|name| made.insert(name.clone()));
        self.captured.extend(captured);
        Ok(())
    }
}

impl Attribute {
    fn parse(file: &[u8], field: &Field) -> Result<Self> {
        let mut attribute = Self {
            field: field.whole.clone(),
            ..Self::default()
        };
        let mut kind = 0;
        for field in fields(file, field.bytes()?) {
            let field = field?;
            match field.number {
                1 => attribute.name = field.text(file)?.into(),
                2 => {
                    let bytes = file[field.fixed(4)?].as_chunks().0;
                    attribute.float = bytes.first().map(|&bytes| f32::from_le_bytes(bytes));
                }
                3 => attribute.integer = Some(field.varint()?.cast_signed()),
                // Other bytes than text are for operations that are unknown here.
                4 => attribute.text = field.text(file).ok().map(Into::into),
                5 => attribute.tensor = Some(field.whole),
                6 | 11 => attribute.bodies.push(field.bytes()?),
                8 => field.integers(file, attribute.integers.get_or_insert_default())?,
                20 => kind = field.varint()?,
                _ => {}
            }
        }
        // Some writers leave out numbers that are zero.
        match kind {
            1 => attribute.float = attribute.float.or(Some(0.0)),
            2 => attribute.integer = attribute.integer.or(Some(0)),
            7 => attribute.integers = attribute.integers.or(Some(Vec::new())),
            _ => {}
        }
        Ok(attribute)
    }
}

/// A new node, as a field of a graph: an operation of a domain, with attributes that are integers.
pub(super) fn new_node(
    (op_type, domain): (&str, &str),
    name: &str,
    inputs: &[&str],
    output: &str,
    attributes: &[(&str, usize)],
) -> Vec<u8> {
    let mut node = Vec::new();
    for input in inputs {
        put_bytes(&mut node, 1, input.as_bytes());
    }
    put_bytes(&mut node, 2, output.as_bytes());
    put_bytes(&mut node, 3, name.as_bytes());
    put_bytes(&mut node, 4, op_type.as_bytes());
    for &(name, value) in attributes {
        let mut attribute = Vec::new();
        put_bytes(&mut attribute, 1, name.as_bytes());
        put_integer(&mut attribute, 3, value as u64);
        // The type of an integer.
        put_integer(&mut attribute, 20, 2);
        put_bytes(&mut node, 5, &attribute);
    }
    if !domain.is_empty() {
        put_bytes(&mut node, 7, domain.as_bytes());
    }
    let mut field = Vec::new();
    put_bytes(&mut field, 1, &node);
    field
}

/// A field of a message that is text.
pub(super) fn text_in(file: &[u8], message: &Field, number: u64) -> Result<Option<String>> {
    let mut text = None;
    for field in fields(file, message.bytes()?) {
        let field = field?;
        if field.number == number {
            text = Some(field.text(file)?.into());
        }
    }
    Ok(text)
}

/// The name of a sparse tensor is that of its values.
pub(super) fn sparse_name(file: &[u8], message: &Field) -> Result<Option<String>> {
    let mut name = None;
    for field in fields(file, message.bytes()?) {
        let field = field?;
        if field.number == 1 {
            name = text_in(file, &field, 8)?;
        }
    }
    Ok(name)
}
