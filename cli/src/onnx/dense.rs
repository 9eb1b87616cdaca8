//! The constants of a network as tensors of a model file.

use anyhow::{Context as _, Result};
use ternarize::model::DenseTensor;

use super::network::Constant;
use super::{Layer, Network};

impl Network {
    /// The names of the constants of the file: initializers, and the outputs of `Constant` nodes.
    #[must_use]
    pub fn constant_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.constants.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// A constant with the edits made so far; `None` if it is sparse, text, or of numbers that a safetensors file does not have.
    ///
    /// # Errors
    ///
    /// If there is none of this name, or it cannot be read.
    pub fn dense_constant(&self, name: &str) -> Result<Option<DenseTensor>> {
        if let Some(Constant::Sparse(_)) = self.constants.get(name) {
            return Ok(None);
        }
        if let Some(Constant::Attribute(_, attribute)) = self.constants.get(name)
            && attribute.starts_with("value_string")
        {
            return Ok(None);
        }
        let read = || -> Result<_> {
            let tensor = self.constant(name)?.context("no constant")?;
            let Some(dtype) = tensor.data_type.name() else {
                return Ok(None);
            };
            let raw = tensor.raw()?.into_owned();
            Ok(Some(DenseTensor::from_bytes(dtype, &tensor.dims, raw)?))
        };
        read().with_context(|| format!("constant `{}`", name.escape_debug()))
    }
}

impl Layer {
    /// The constant that holds its weights.
    #[must_use]
    pub fn constant(&self) -> &str {
        &self.source.constant
    }
}
