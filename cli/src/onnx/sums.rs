//! What the output of a layer is added to.

use super::network::Reader;
use super::{Kind, Layer, Network};

impl Network {
    /// The value that the output of a layer, with its biases, is added to, if nothing else is done with the output and the value is computed
    /// before the layer. None for recurrent ones, whose gates are not what is put out.
    #[must_use]
    pub fn summand(&self, layer: &Layer) -> Option<&str> {
        if !layer.also.is_empty() || matches!(layer.kind, Kind::Recurrent { .. }) {
            return None;
        }
        let mut output = layer.output.as_str();
        loop {
            let &[Reader::Input(reader, input)] = self.readers.get(output)?.as_slice() else {
                return None;
            };
            let add = self.nodes.get(reader).filter(|node| node.is("Add"))?;
            let other = add.inputs.get(1 - input.min(1))?;
            match self.makers.get(other) {
                Some(&maker) if self.varies[maker] => {
                    return (maker < layer.node).then_some(other);
                }
                // A bias.
                _ if !self.inputs.contains(other) => output = add.outputs.first()?,
                _ => return None,
            }
        }
    }
}
