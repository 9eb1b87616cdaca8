//! The values of weights.
use super::{Layer, Network};
use anyhow::Result;

/// Where a weight is stored.
#[derive(Clone, Debug)]
pub(super) struct Source;

impl Network {
    /// The weights of a layer: `rows` times `columns` values, row after row.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn weights(&self, _layer: &Layer) -> Result<Vec<f32>> {
        todo!()
    }

    /// Replaces the weights of a layer. Each is rounded to the stored type; one that would be the same f32 keeps its bits.
    ///
    /// # Errors
    ///
    /// If their number is wrong, if one is too large for the stored type, or if the old ones cannot be read.
    pub fn set_weights(&mut self, _layer: &Layer, _values: &[f32]) -> Result<()> {
        todo!()
    }
}
