//! The bias of a layer.
use super::{Layer, Network};
use anyhow::Result;

impl Network {
    /// The bias of a layer, one value for each row, if the node has one.
    ///
    /// # Errors
    ///
    /// If it is computed by the network, if it is not one value for each row, or if it cannot be read.
    pub fn bias(&self, _layer: &Layer) -> Result<Option<Vec<f32>>> {
        todo!()
    }

    /// Replaces the bias of a layer, or gives it one.
    ///
    /// # Errors
    ///
    /// Those of [`Network::bias`], or if the number of values is wrong.
    pub fn set_bias(&mut self, _layer: &Layer, _values: &[f32]) -> Result<()> {
        todo!()
    }
}
