//! The tensors of a model by number and by name, and their weights.

use std::collections::BTreeMap;

use ternarize::matmul::rotate_back;
use ternarize::model::TensorInfo;
use ternarize::tensor::TernaryTensor;

use crate::disk::Reader;

/// The tensors of a model.
pub(super) struct Tensors<'a> {
    pub(super) reader: &'a Reader,
    pub(super) infos: Vec<&'a TensorInfo>,
    places: BTreeMap<&'a str, usize>,
}

impl<'a> Tensors<'a> {
    pub(super) fn of(reader: &'a Reader) -> Self {
        let infos: Vec<&TensorInfo> = reader.tensors().collect();
        let places = infos.iter().zip(0..);
        let places = places.map(|(info, index)| (info.name(), index)).collect();
        Self {
            reader,
            infos,
            places,
        }
    }

    /// The number of the tensor of a name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The names that another model lacks, in alphabetical order.
    pub(super) fn missing_in(&self, other: &Self) -> Vec<&'a str> {
        let names = self.places.keys().copied();
        names
            .filter(|name| !other.places.contains_key(name))
            .collect()
    }
}

/// The weights of a tensor for inputs that are not rotated.
pub(super) fn plain_weights(tensor: &TernaryTensor) -> Result<Vec<f32>, ternarize::Error> {
    let mut weights: Vec<f32> = tensor.dequantize();
    if let Some((width, seed)) = tensor.rotation() {
        let rows = tensor.shape().axes().first().copied().unwrap_or(1);
        let columns = weights.len() / rows.max(1);
        rotate_back(&mut weights, columns, width, seed)?;
    }
    Ok(weights)
}
