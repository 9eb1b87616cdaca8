//! What a model file says of values: the type of their numbers, and their extents.

use core::ops::Range;

use anyhow::Result;

use super::protobuf::fields;
use super::{DataType, Network};

/// An input or output of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInfo {
    /// The name.
    pub name: String,
    /// The type of its numbers, if the file says so.
    pub data_type: Option<DataType>,
    /// The extents, if the file says how many there are; `None` for those that are not fixed.
    pub dims: Option<Vec<Option<usize>>>,
}

impl Network {
    /// The inputs that a caller has to give: those that are no initializers.
    ///
    /// # Errors
    ///
    /// If their description cannot be read.
    pub fn inputs(&self) -> Result<Vec<ValueInfo>> {
        self.inputs
            .iter()
            .map(|name| self.value_info(name))
            .collect()
    }

    /// The outputs.
    ///
    /// # Errors
    ///
    /// If their description cannot be read.
    pub fn outputs(&self) -> Result<Vec<ValueInfo>> {
        self.outputs
            .iter()
            .map(|name| self.value_info(name))
            .collect()
    }

    /// What the file says of a value.
    ///
    /// # Errors
    ///
    /// If its description cannot be read.
    pub fn value_info(&self, name: &str) -> Result<ValueInfo> {
        let mut info = ValueInfo {
            name: name.into(),
            data_type: None,
            dims: None,
        };
        if let Some(message) = self.described.get(name) {
            // ValueInfoProto.type.tensor_type
            for kind in within(&self.file, message.clone(), 2)? {
                for tensor in within(&self.file, kind, 1)? {
                    info.read(&self.file, tensor)?;
                }
            }
        }
        Ok(info)
    }
}

impl ValueInfo {
    fn read(&mut self, file: &[u8], tensor: Range<usize>) -> Result<()> {
        for field in fields(file, tensor) {
            let field = field?;
            match field.number {
                1 => self.data_type = Some(DataType::new(field.varint()?)),
                2 => {
                    let dims = within(file, field.bytes()?, 1)?.into_iter();
                    self.dims = Some(
                        dims.map(|extent| fixed_extent(file, extent))
                            .collect::<Result<_>>()?,
                    );
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn fixed_extent(file: &[u8], message: Range<usize>) -> Result<Option<usize>> {
    let mut extent = None;
    for field in fields(file, message) {
        let field = field?;
        if field.number == 1 {
            extent = usize::try_from(field.varint()?.cast_signed()).ok();
        }
    }
    Ok(extent)
}

/// The messages in a message, in fields of this number.
fn within(file: &[u8], message: Range<usize>, number: u64) -> Result<Vec<Range<usize>>> {
    let mut found = Vec::new();
    for field in fields(file, message) {
        let field = field?;
        if field.number == number {
            found.push(field.bytes()?);
        }
    }
    Ok(found)
}
