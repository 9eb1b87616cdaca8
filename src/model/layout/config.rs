//! What the `config.json` of a checkpoint says of quantized layers.
//!
//! ```text
//! Hugging Face   "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"}
//! MLX            "quantization": {"group_size": 64, "bits": 2, "model.layers.0.mlp": {"group_size": 64, "bits": 4}, ...}
//! ```
//!
//! In Hugging Face's checkpoints weights are multiplied by the scale for the class `autobitlinear`, and divided by it for `bitlinear` or
//! without a class. Tensors without config.json are taken as they are stored: the same bytes may mean either.

use alloc::vec::Vec;

use serde_json::Value;

use super::{Recognized, StoredByName, huggingface, mlx};

/// How the layers of a checkpoint are quantized.
#[derive(Clone, Debug, Default)]
pub(in crate::model) struct Config {
    /// `BitNet` layers, and whether weights are divided by the scale.
    huggingface: Option<bool>,
    mlx: Option<Mlx>,
}

/// MLX's quantization.
#[derive(Clone, Debug)]
pub(super) struct Mlx(Value);

impl Config {
    /// Reads the text of config.json.
    pub(in crate::model) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        let config: Value = serde_json::from_slice(text)?;
        let bitnet = config.get("quantization_config").filter(|config| {
            let method = config.get("quant_method");
            method.and_then(Value::as_str) == Some("bitnet")
        });
        let class = bitnet.map(|config| config.get("linear_class").and_then(Value::as_str));
        let mlx = config.get("quantization").filter(|found| found.is_object());
        Ok(Self {
            huggingface: class.map(|class| class != Some("autobitlinear")),
            mlx: mlx.cloned().map(Mlx),
        })
    }

    /// Takes the tensors of quantized layers out of those that are stored.
    pub(super) fn recognize(&self, stored: &mut StoredByName) -> Vec<Recognized> {
        match (&self.huggingface, &self.mlx) {
            (Some(divided), _) => huggingface::recognize(*divided, stored),
            (None, Some(config)) => mlx::recognize(config, stored),
            (None, None) => Vec::new(),
        }
    }
}

impl Mlx {
    /// The bits of the weights of a layer, which may have an entry of its own.
    pub(super) fn bits(&self, layer: &str) -> Option<u64> {
        let own = self.0.get(layer).filter(|own| own.is_object());
        own.unwrap_or(&self.0).get("bits").and_then(Value::as_u64)
    }
}

/// The name of the file.
pub(in crate::model) const FILE: &str = "config.json";
