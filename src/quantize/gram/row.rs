//! [`Row`]: one row of weights, the levels chosen for it, and what a change of them would do.
//!
//! With `q` the levels, `M` the metric and `t_c` the coefficients of scale `c` (zero outside of its group):
//!
//! ```text
//! q        = sum_c s_c t_c
//! image_c  = M t_c
//! gradient = M (q - w) = sum_c s_c image_c - M w
//! objective = (q - w)^T M (q - w) = (q - w) . gradient
//! ```
//!
//! A change of one weight's level by `d` changes the objective by `d (2 gradient_i + d M_ii)`, in O(1). Once it is accepted,
//! the gradient and an image take O(N). Memory: `N` numbers for each scale of the row.

use alloc::vec;
use alloc::vec::Vec;

use super::codebook::{Choice, Patterns};
use super::loops::Change;
use super::metric::Metric;
use crate::quantize::scale_type::ScaleType;

/// What all rows of a matrix have in common.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub metric: &'a Metric,
    pub patterns: &'a Patterns,
    /// Weights in a group; the last group may have fewer.
    pub group: usize,
    pub scale_type: ScaleType,
}

impl Setting<'_> {
    /// The weights of a group.
    pub(super) fn members(&self, group: usize) -> core::ops::Range<usize> {
        let start = group * self.group;
        start..(start + self.group).min(self.metric.inputs())
    }

    /// The number of groups in a row.
    pub(super) const fn groups(&self) -> usize {
        self.metric.inputs().div_ceil(self.group)
    }
}

/// The sum of the products, in order.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The state of a row. See the module.
pub(super) struct Row<'a> {
    pub setting: Setting<'a>,
    /// `M w`.
    pub target: &'a [f64],
    pub choice: Choice,
    pub images: Vec<Vec<f64>>,
    pub gradient: Vec<f64>,
    /// A gain below this is none.
    pub tolerance: f64,
}

impl<'a> Row<'a> {
    /// The state of a choice for some weights. `target` is the product of the metric with them.
    pub(super) fn new(
        setting: Setting<'a>,
        weights: &'a [f64],
        target: &'a [f64],
        choice: Choice,
    ) -> Self {
        let energy = dot(weights, target);
        let mut row = Self {
            setting,
            target,
            images: vec![vec![0.0; weights.len()]; choice.scales.len()],
            choice,
            gradient: Vec::new(),
            tolerance: energy.max(0.0) * f64::EPSILON * 4096.0,
        };
        row.make_images();
        row.refresh();
        row
    }

    /// `(q - w)^T M (q - w)`, but for `w^T M w`, which is the same for all choices.
    pub(super) fn objective(&self) -> f64 {
        let levels = self
            .choice
            .levels(self.setting.patterns, self.setting.group);
        let terms = levels.iter().zip(self.gradient.iter().zip(self.target));
        terms
            .map(|(q, (gradient, target))| q * (gradient - target))
            .sum()
    }

    fn make_images(&mut self) {
        let Setting {
            metric, patterns, ..
        } = self.setting;
        for (i, &pattern) in self.choice.patterns.iter().enumerate() {
            let first = i / self.setting.group * patterns.scales();
            for scale in 0..patterns.scales() {
                let coefficient = patterns.coefficient(pattern, scale);
                if coefficient != 0 {
                    let image = &mut self.images[first + scale];
                    metric.add_multiple(image, f64::from(coefficient), metric.row(i));
                }
            }
        }
    }

    /// Computes the gradient anew, without the rounding of many changes.
    pub(super) fn refresh(&mut self) {
        self.gradient.clear();
        self.gradient.extend(self.target.iter().map(|t| -t));
        for (image, &scale) in self.images.iter().zip(&self.choice.scales) {
            self.setting
                .metric
                .add_multiple(&mut self.gradient, scale, image);
        }
    }

    /// The range of the scales of a group.
    pub(super) const fn scales_of(&self, group: usize) -> core::ops::Range<usize> {
        let count = self.setting.patterns.scales();
        group * count..(group + 1) * count
    }

    /// The coefficient of a scale of the row at a weight of its group.
    pub(super) fn coefficient(&self, scale: usize, i: usize) -> f64 {
        let patterns = self.setting.patterns;
        f64::from(patterns.coefficient(self.choice.patterns[i], scale % patterns.scales()))
    }

    /// Gives a weight another pattern; images and gradient follow. The scales stay.
    pub(super) fn set_pattern(&mut self, i: usize, pattern: usize) {
        let first = i / self.setting.group * self.setting.patterns.scales();
        for scale in 0..self.setting.patterns.scales() {
            let before = self
                .setting
                .patterns
                .coefficient(self.choice.patterns[i], scale);
            let after = self.setting.patterns.coefficient(pattern, scale);
            if before != after {
                let value = self.choice.scales[first + scale];
                self.change(first + scale, i, f64::from(after - before), value);
            }
        }
        self.choice.patterns[i] = pattern;
    }

    /// Changes the coefficient of a scale at a weight by `step`, and the scale to `after`.
    pub(super) fn change(&mut self, scale: usize, i: usize, step: f64, after: f64) {
        let metric = self.setting.metric;
        metric.change(Change {
            image: &mut self.images[scale],
            gradient: &mut self.gradient,
            row: metric.row(i),
            step,
            before: self.choice.scales[scale],
            after,
        });
        self.choice.scales[scale] = after;
    }

    /// Sets a scale; the gradient follows.
    pub(super) fn set_scale(&mut self, scale: usize, value: f64) {
        let step = value - self.choice.scales[scale];
        if step != 0.0 {
            self.setting
                .metric
                .add_multiple(&mut self.gradient, step, &self.images[scale]);
            self.choice.scales[scale] = value;
        }
    }

    /// Makes no scale negative, and gives a scale of 0 no coefficients. The levels stay the same.
    pub(super) fn normalise(&mut self) {
        let patterns = self.setting.patterns;
        for scale in 0..self.choice.scales.len() {
            let value = self.choice.scales[scale];
            let sign = match value {
                v if v > 0.0 => continue,
                v if v < 0.0 => -1,
                _ => 0,
            };
            let members = self.setting.members(scale / patterns.scales());
            for pattern in &mut self.choice.patterns[members] {
                *pattern = patterns.turned(*pattern, scale % patterns.scales(), sign);
            }
            self.choice.scales[scale] = value.abs();
            for entry in &mut self.images[scale] {
                *entry *= f64::from(sign);
            }
        }
    }
}
