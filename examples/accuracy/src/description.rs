//! A network, described in JSON: its layers in order.
//!
//! ```json
//! {"input": [1, 28, 28], "scale": 255, "layers": [
//!     {"type": "conv", "name": "conv1", "kernel": 5, "padding": 2, "stride": 1},
//!     {"type": "batchnorm", "name": "bn1", "epsilon": 1e-5},
//!     {"type": "relu"}, {"type": "maxpool", "size": 2}, {"type": "avgpool", "size": 7},
//!     {"type": "flatten"}, {"type": "linear", "name": "fc1"}]}
//! ```
//!
//! `input` is channels, rows, columns; `scale` is the brightest pixel. Parameters have PyTorch's names and layouts: `conv1.weight` is
//! output channel, input channel, row, column. A layer may have no bias. A batch norm follows a layer with weights.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::layer::{Unfold, Volume};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Description {
    pub(crate) input: [usize; 3],
    #[serde(default = "one")]
    pub(crate) scale: f32,
    pub(crate) layers: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Step {
    Conv {
        name: String,
        kernel: usize,
        #[serde(default)]
        padding: usize,
        #[serde(default = "one_step")]
        stride: usize,
    },
    Linear {
        name: String,
    },
    BatchNorm {
        name: String,
        #[serde(default = "small")]
        epsilon: f64,
    },
    Relu,
    MaxPool {
        size: usize,
    },
    AvgPool {
        size: usize,
    },
    Flatten,
}

const fn one() -> f32 {
    1.0
}

const fn one_step() -> usize {
    1
}

const fn small() -> f64 {
    1e-5
}

impl Step {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Conv { name, .. } | Self::Linear { name } | Self::BatchNorm { name, .. } => name,
            Self::Relu => "relu",
            Self::MaxPool { .. } => "maxpool",
            Self::AvgPool { .. } => "avgpool",
            Self::Flatten => "flatten",
        }
    }

    /// How a convolution reads its input.
    pub(crate) fn unfold(&self, input: Volume) -> Result<Unfold> {
        let &Self::Conv {
            kernel,
            padding,
            stride,
            ..
        } = self
        else {
            bail!("not a convolution");
        };
        ensure!(kernel > 0 && stride > 0, "a kernel or a stride of zero");
        ensure!(padding < kernel, "a padding as large as the kernel");
        let fit = |side: usize| {
            let places = (side + 2 * padding).checked_sub(kernel);
            places.with_context(|| format!("a kernel of {kernel} on {side} pixels"))
        };
        Ok(Unfold {
            input,
            kernel,
            padding,
            stride,
            output: Volume {
                channels: 0,
                rows: fit(input.rows)? / stride + 1,
                columns: fit(input.columns)? / stride + 1,
            },
        })
    }
}
