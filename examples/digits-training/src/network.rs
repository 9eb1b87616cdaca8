//! The network: three convolutions and a linear layer, named and laid out as `PyTorch` would.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor, Var};

use crate::data::{CLASSES, SIDE};

/// A convolution with a 3x3 kernel and one pixel of padding, or the linear layer.
struct Layer {
    name: &'static str,
    /// `[out, in, 3, 3]` for a convolution, `[out, in]` for the linear layer.
    weight: Var,
    /// `[out]`
    bias: Var,
}

/// 8x8 image, `conv1`, `ReLU`, `conv2`, `ReLU`, 2x2 maximum, `conv3`, `ReLU`, 2x2 maximum, `fc`,
/// one score for each digit.
pub(crate) struct Network {
    conv1: Layer,
    conv2: Layer,
    conv3: Layer,
    fc: Layer,
}

impl Network {
    /// A network with random weights.
    pub(crate) fn random(rng: &mut fastrand::Rng) -> Result<Self> {
        const FLAT: usize = 32 * (SIDE / 4) * (SIDE / 4);
        Ok(Self {
            conv1: Layer::random("conv1", &[16, 1, 3, 3], rng)?,
            conv2: Layer::random("conv2", &[32, 16, 3, 3], rng)?,
            conv3: Layer::random("conv3", &[32, 32, 3, 3], rng)?,
            fc: Layer::random("fc", &[CLASSES, FLAT], rng)?,
        })
    }

    /// The scores `[n, 10]` of the images `[n, 1, 8, 8]`.
    pub(crate) fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let hidden = self.conv1.convolve(images)?.relu()?;
        let hidden = self.conv2.convolve(&hidden)?.relu()?.max_pool2d(2)?;
        let hidden = self.conv3.convolve(&hidden)?.relu()?.max_pool2d(2)?;
        // Channel by channel, in each row by row: as `torch.flatten(x, 1)` does.
        let flat = hidden.flatten_from(1)?;
        let scores = flat.matmul(&self.fc.weight.t()?)?;
        Ok(scores.broadcast_add(&self.fc.bias)?)
    }

    fn layers(&self) -> [&Layer; 4] {
        [&self.conv1, &self.conv2, &self.conv3, &self.fc]
    }

    /// Everything that the optimizer may change.
    pub(crate) fn variables(&self) -> Vec<Var> {
        let variables = |layer: &Layer| [layer.weight.clone(), layer.bias.clone()];
        self.layers().into_iter().flat_map(variables).collect()
    }

    /// How many weights and biases there are.
    pub(crate) fn len(&self) -> usize {
        let count = |layer: &Layer| layer.weight.elem_count() + layer.bias.elem_count();
        self.layers().into_iter().map(count).sum()
    }

    /// Writes `conv1.weight`, `conv1.bias` and so on in f32.
    ///
    /// `training` goes into the file's metadata. It is one entry because safetensors keeps the
    /// entries in a hash map: two would be written in either order, and the file's bytes would
    /// differ from run to run.
    pub(crate) fn save(&self, path: &Path, training: &str) -> Result<()> {
        let metadata = HashMap::from([("training".to_owned(), training.to_owned())]);
        let tensors = self.layers().into_iter().flat_map(|layer| {
            let tensor = |part, variable: &Var| {
                let name = format!("{}.{part}", layer.name);
                (name, variable.as_tensor().clone())
            };
            [tensor("weight", &layer.weight), tensor("bias", &layer.bias)]
        });
        let bytes = safetensors::serialize(tensors, Some(metadata))?;
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Layer {
    /// He initialization: weights uniform in ±√(6 / inputs), which keeps the signal's size through
    /// a `ReLU`; biases zero.
    fn random(name: &'static str, shape: &[usize], rng: &mut fastrand::Rng) -> Result<Self> {
        let inputs: usize = shape[1..].iter().product();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred inputs")]
        let bound = (6.0 / inputs as f32).sqrt();
        let weights: Vec<f32> = (0..shape[0] * inputs)
            .map(|_| bound * (2.0 * rng.f32() - 1.0))
            .collect();
        Ok(Self {
            name,
            weight: Var::from_vec(weights, shape, &Device::Cpu)?,
            bias: Var::from_vec(vec![0f32; shape[0]], shape[0], &Device::Cpu)?,
        })
    }

    /// The layer's convolution, with padding 1 and stride 1.
    fn convolve(&self, images: &Tensor) -> Result<Tensor> {
        let (padding, stride, dilation, groups) = (1, 1, 1, 1);
        let sums = images.conv2d(&self.weight, padding, stride, dilation, groups)?;
        let bias = self.bias.reshape((1, (), 1, 1))?;
        Ok(sums.broadcast_add(&bias)?)
    }
}
