//! Parts of a network.
use super::Network;
use anyhow::Result;

impl Network {
    /// The values that are known after `nodes()[..=node]` and needed afterwards.
    #[must_use]
    pub fn live_after(&self, _node: usize) -> Vec<String> {
        todo!()
    }

    /// A model of its own: the nodes that compute `outputs` from `inputs`, with the edits made so far.
    ///
    /// # Errors
    ///
    /// If they need another input of the network, or if a constant cannot be read.
    pub fn part(&self, _inputs: &[String], _outputs: &[String]) -> Result<Vec<u8>> {
        todo!()
    }
}
