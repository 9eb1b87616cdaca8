//! [`RowFit`]: the trits and scales of a row, and what they change.

use alloc::vec::Vec;

use super::codebook::{Choice, Codebook};
use super::row::{Setting, dot};
use crate::quantize::scale_type::ScaleType;
use crate::weight::Format;

/// One row of weights as trits and scales.
///
/// # Examples
///
/// ```
/// use ternarize::gram::{Codebook, Gram, OutputAware};
///
/// let mut gram = Gram::new(4)?;
/// gram.add(&[1.0, 0.5, -1.0, 2.0, 0.0, 1.0, 1.0, -0.5])?;
/// let pairs = OutputAware::new(&gram).codebook(Codebook::TwoScales).group(Some(2));
/// let fit = &pairs.ternarize(&[0.5, -0.25, 0.75, 1.0])?[0];
/// assert_eq!((fit.trits.len(), fit.scales.len()), (4, 4));
/// assert_eq!(fit.reconstruct()[1], -fit.scales[1] as f32);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RowFit {
    /// The levels that were allowed.
    pub codebook: Codebook,
    /// The number of weights in a group; the last group may have fewer.
    pub group: usize,
    /// The type the scales are stored in.
    pub scale_type: ScaleType,
    /// The trits, -1, 0 or 1, plane after plane, in a plane one for each weight.
    pub trits: Vec<i8>,
    /// The scales, values of the scale type and none negative, group after group: one a group, or `lambda_p` and `lambda_n`, or one for each plane.
    pub scales: Vec<f64>,
    /// `(w - q)^T H (w - q)`: the squared change of the output, over all rows of the Gram matrix.
    pub error: f64,
    /// `(w - q)^T M (w - q)` with the damped matrix: what was minimised.
    pub objective: f64,
    /// `w^T H w`: the square of the output.
    pub energy: f64,
}

impl RowFit {
    /// The fit of a choice. `lost` is the levels minus the weights, `all` the weights, each with its product with the metric.
    pub(super) fn new(
        setting: &Setting<'_>,
        choice: &Choice,
        lost: (&[f64], &[f64]),
        all: (&[f64], &[f64]),
    ) -> Self {
        let patterns = setting.patterns;
        let planes = 0..patterns.planes();
        let trits = planes.flat_map(|plane| {
            let chosen = choice.patterns.iter();
            chosen.map(move |&pattern| patterns.trit(pattern, plane))
        });
        let damping = setting.metric.damping();
        let undamped = |(x, product): (&[f64], &[f64])| {
            let (all, own) = (dot(x, product), damping * dot(x, x));
            // What rounding can feign is nothing.
            let least = all * (f64::EPSILON * (x.len() + 8) as f64);
            if all - own > least { all - own } else { 0.0 }
        };
        Self {
            codebook: patterns.codebook(),
            group: setting.group,
            scale_type: setting.scale_type,
            trits: trits.collect(),
            scales: choice.scales.clone(),
            error: undamped(lost),
            objective: dot(lost.0, lost.1).max(0.0),
            energy: undamped(all),
        }
    }

    /// The error relative to the square of the output; 0 if the output is 0.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        if self.energy > 0.0 {
            self.error / self.energy
        } else {
            0.0
        }
    }

    /// The weights that trits and scales stand for; beyond the largest number, that. What is missing counts as 0.
    #[must_use]
    pub fn reconstruct(&self) -> Vec<f32> {
        let (planes, count) = (self.codebook.planes(), self.codebook.scales());
        let inputs = self.trits.len() / planes.max(1);
        let level = |i: usize| {
            let first = (i / self.group.max(1)).saturating_mul(count);
            let scales = self.scales.get(first..).unwrap_or_default();
            let trit = |plane: usize| self.trits.get(plane * inputs + i).copied().unwrap_or(0);
            let sum = if (self.codebook, trit(0)) == (Codebook::TwoScales, -1) {
                -scales.get(1).copied().unwrap_or(0.0)
            } else {
                let terms = scales.iter().take(planes).enumerate();
                terms
                    .map(|(plane, scale)| f64::from(trit(plane)) * scale)
                    .sum()
            };
            f32::narrow(sum).clamp(f32::MIN, f32::MAX)
        };
        (0..inputs).map(level).collect()
    }
}
