//! What can be done to a layer, and the choice by the network's own outputs.

use core::iter::repeat_n;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use ternarize::ScaleType;
use ternarize::quantize::Codebook;
use ternarize::quantize::calibrate::Correction;
use ternarize::quantize::gram::{Gram, Method, OutputAware};
use ternarize::tensor::{LayerFit, TensorView, TernaryTensor};

use super::blocks::Blocks;

/// The seed of all rotations. Any would do; the same one makes the same files.
const SEED: u64 = 1;

/// The widest rotation. Measured: wider ones change nothing, and take longer.
const WIDEST: usize = 1024;

/// The damping. Measured on the layers of a sentence encoder: the outputs of nearly all on rows kept out are nearest with it, by up to 1.5 %
/// nearer than with 0.01.
pub(super) const DAMPING: f64 = 0.05;

/// The width and the seed with which so many inputs are rotated.
#[must_use]
pub(super) fn rotation(columns: usize) -> (usize, u64) {
    (WIDEST.min(1 << columns.max(1).ilog2()), SEED)
}

/// How a layer is made ternary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Treatment {
    /// Whether trits are chosen by the layer's outputs, or by its weights alone.
    pub outputs: bool,
    /// Whether its inputs are rotated.
    pub rotation: bool,
    /// Whether it aims at the outputs of the original network, or at its own outputs with the original weights.
    pub effective: bool,
    /// Whether means and standard deviations of its outputs are matched, or means alone.
    pub moments: bool,
    /// Whether only the positions count that win the max pooling behind.
    pub winners: bool,
}

impl Treatment {
    /// What is tried first, and alone for large networks: all ingredients that help nearly always.
    pub const DEFAULT: Self = Self {
        outputs: true,
        rotation: true,
        effective: true,
        moments: false,
        winners: false,
    };

    /// The weights alone decide, and the moments of the outputs are matched.
    pub const WEIGHTS: Self = Self {
        outputs: false,
        rotation: false,
        effective: false,
        moments: true,
        winners: false,
    };

    /// The treatments to compare: `many` if there is time for it, `pooled` if a max pooling follows. With or without `rotation`.
    #[must_use]
    pub fn candidates(many: bool, pooled: bool, rotation: bool) -> Vec<Self> {
        let default = Self::DEFAULT;
        let mut all = vec![default];
        if many {
            all.push(Self {
                rotation: false,
                ..default
            });
            all.push(Self {
                effective: false,
                moments: true,
                ..default
            });
        }
        if pooled {
            let winning: Vec<Self> = all
                .iter()
                .map(|one| Self {
                    winners: true,
                    ..*one
                })
                .collect();
            all.extend(winning);
        }
        all.push(Self::WEIGHTS);
        if !rotation {
            for one in &mut all {
                one.rotation = false;
            }
            all.dedup();
        }
        all
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> String {
        let words = [
            (self.outputs, "outputs", "weights"),
            (self.rotation, "rotated", ""),
            (self.effective, "effective", ""),
            (self.moments, "moments", "bias"),
            (self.winners, "winners", ""),
        ];
        let words = words.map(|(is, yes, no)| if is { yes } else { no });
        words
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Makes a layer ternary.
    ///
    /// # Errors
    ///
    /// For weights that are not finite, or scales beyond the range of `f16`.
    pub(super) fn apply(
        self,
        layer: &LayerInputs<'_>,
        planes: usize,
    ) -> Result<LayerFit, ternarize::Error> {
        let LayerInputs {
            rows,
            groups,
            blocks,
            ..
        } = *layer;
        let (weights, bias) = layer.divided();
        let view = TensorView::new(&weights, &[rows * blocks.count, blocks.width])?;
        let grams = if self.winners {
            layer.winners
        } else {
            layer.all
        };
        let options = grams.iter().enumerate().map(|(number, gram)| {
            let held_out = layer.held_out.get(number);
            self.options(gram, planes, blocks)
                .held_out(held_out.filter(|gram| gram.rows() > 0))
        });
        let options: Vec<OutputAware<'_>> = options.collect();
        let mut fit = TernaryTensor::ternarize_outputs(&view, &bias, &options)?;
        if fit.tensor.bias().is_empty() {
            // So that none stays that was tried before.
            fit.tensor = fit.tensor.with_bias(vec![0.0; rows * blocks.count])?;
        }
        if blocks.count > 1 {
            fit.tensor = blocks.joined(&fit.tensor, rows, groups)?;
        }
        Ok(fit)
    }

    /// The library's options for a layer with so many planes, or for a part of it.
    fn options(self, gram: &Gram, planes: usize, blocks: Blocks) -> OutputAware<'_> {
        let codebook = match u8::try_from(planes) {
            Ok(1) | Err(_) => Codebook::OneScale,
            Ok(planes) => Codebook::Planes(planes),
        };
        let method = if self.outputs {
            Method::Descent
        } else {
            Method::Nearest
        };
        let correction = if self.moments {
            Correction::MatchMoments
        } else {
            Correction::Bias
        };
        let rotated = self.rotation && blocks.count == 1;
        OutputAware::new(gram)
            .damping(DAMPING)
            .codebook(codebook)
            .method(method)
            .effective(self.effective)
            .rotation(rotated.then(|| rotation(blocks.width)))
            .correction(correction)
            .scale_type(ScaleType::F16)
    }
}

/// All that a treatment looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerInputs<'a> {
    /// Row after row.
    pub weights: &'a [f32],
    /// The number of rows.
    pub rows: usize,
    /// The number of groups of rows.
    pub groups: usize,
    /// The blocks of inputs, each with Gram matrices of its own.
    pub blocks: Blocks,
    /// Empty, or one for each row.
    pub bias: &'a [f32],
    /// Centred Gram matrices of all rows, for each group one for each block.
    pub all: &'a [Gram],
    /// Those of the rows that win the pooling behind.
    pub winners: &'a [Gram],
    /// Those of the rows that were kept out.
    pub held_out: &'a [Gram],
}

impl LayerInputs<'_> {
    /// The weights in blocks, in each group block after block, and a bias for each row of them: those of the layer belong to the first
    /// blocks.
    fn divided(&self) -> (Vec<f32>, Vec<f32>) {
        let groups = self.groups.max(1);
        let in_group = (self.weights.len() / groups).max(1);
        let weights = self.weights.chunks(in_group);
        let weights = weights.flat_map(|weights| self.blocks.divided(weights));
        let biases = self.bias.chunks((self.rows / groups).max(1));
        let biases = biases.flat_map(|bias| {
            let others = (self.blocks.count - 1) * bias.len();
            bias.iter().copied().chain(repeat_n(0.0, others))
        });
        (weights.collect(), biases.collect())
    }
}
