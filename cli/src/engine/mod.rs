//! Runs ONNX networks: on batches of inputs, up to any value in between.

mod idx;
mod npy;
mod npz;

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
pub use rten::Value;
use rten::{Model, ValueOrView};
use rten_tensor::prelude::*;

pub use npy::{Array, Numbers};
pub use npz::read_arrays;

/// Values of a network by their names.
pub type Values = BTreeMap<String, Value>;

/// A network, or a part of one, that can be run.
pub struct Engine {
    model: Model,
}

impl Engine {
    /// Prepares a network.
    ///
    /// # Errors
    ///
    /// What the engine cannot do.
    pub fn load(bytes: Vec<u8>) -> Result<Self> {
        let model =
            Model::load(bytes).map_err(|error| anyhow!("the engine cannot run it: {error}"))?;
        Ok(Self { model })
    }

    /// The wanted values. Names that the network does not use may be among the inputs.
    ///
    /// # Errors
    ///
    /// For inputs that do not fit.
    pub fn run(&self, inputs: &Values, wanted: &[String]) -> Result<Values> {
        let mut given = Vec::new();
        for (name, value) in inputs {
            if let Some(id) = self.model.find_node(name) {
                given.push((id, ValueOrView::from(value)));
            }
        }
        let ids = wanted.iter().map(|name| {
            let id = self.model.find_node(name);
            id.with_context(|| format!("the network has no value `{name}`"))
        });
        let ids = ids.collect::<Result<Vec<_>>>()?;
        let values = self.model.run(given, &ids, None);
        let values = values.map_err(|error| anyhow!("the engine stopped: {error}"))?;
        Ok(wanted.iter().cloned().zip(values).collect())
    }
}

/// What runs networks here. Its floats may differ between processors in their last bits.
#[must_use]
pub fn description() -> String {
    format!(
        "rten 0.27 on {} ({})",
        std::env::consts::ARCH,
        ternarize::Backend::detect().name()
    )
}

/// The floats of a value with its shape, or `None` for whole numbers.
#[must_use]
pub fn floats(value: &Value) -> Option<(Vec<usize>, Vec<f32>)> {
    let tensor = value.as_tensor_view::<f32>()?;
    Some((tensor.shape().to_vec(), tensor.to_vec()))
}
