//! [`RowState`]: one row of weights, the levels chosen for it, and how a change of a level changes the objective.
//!
//! With the levels `q`, the metric `M` and the coefficients `t_c` of scale `c` (zero outside of its group):
//!
//! ```text
//! q        = sum_c s_c t_c
//! image_c  = M t_c
//! gradient = M (q - w) = sum_c s_c image_c - M w
//! objective = (q - w)^T M (q - w) = (q - w) . gradient
//! ```
//!
//! Changing one weight's level by `d` changes the objective by `d (2 gradient_i + d M_ii)`: O(1) to evaluate. If the change is
//! accepted, updating the gradient and an image takes O(N). Memory: `N` numbers per scale of the row.

use alloc::vec;
use alloc::vec::Vec;

use super::loops::Change;
use super::metric::add_rows;
use super::patterns::RowChoice;
use super::problem::Problem;
use crate::simd::Backend;

/// A gain is accepted only above this share of `w^T M w`. Chosen: 2^12 times the rounding error of one operation, because gains are
/// differences of sums of many terms.
const TOLERANCE: f64 = f64::EPSILON * 4096.0;

/// A vector of one number per weight, and its product with the metric.
#[derive(Clone, Copy)]
pub(super) struct RowTarget<'a> {
    pub weights: &'a [f64],
    pub product: &'a [f64],
}

/// The sum of the products, in order.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The state of a row: see the module.
pub(super) struct RowState<'a> {
    pub problem: &'a Problem<'a>,
    /// `M w`.
    target: &'a [f64],
    pub choice: RowChoice,
    pub images: Vec<Vec<f64>>,
    pub gradient: Vec<f64>,
    /// Gains up to this do not count.
    pub tolerance: f64,
}

impl<'a> RowState<'a> {
    /// The states of choices for some rows of weights. The metric is read once for all of them; if there are states from `before`, of
    /// the same rows, only where a trit is not the same.
    pub(super) fn of_rows(
        problem: &'a Problem<'a>,
        rows: impl IntoIterator<Item = (RowTarget<'a>, RowChoice)>,
        before: &[&Self],
    ) -> Vec<Self> {
        let rows = rows.into_iter().enumerate();
        let states = rows.map(|(number, (row, choice))| Self {
            problem,
            target: row.product,
            images: match before.get(number) {
                Some(before) => before.images.clone(),
                None => vec![vec![0.0; row.weights.len()]; choice.scales.len()],
            },
            choice,
            gradient: Vec::new(),
            tolerance: dot(row.weights, row.product).max(0.0) * TOLERANCE,
        });
        let mut states: Vec<Self> = states.collect();
        for group in 0..problem.groups() {
            Self::add_images(problem, &mut states, before, group);
        }
        for state in &mut states {
            state.refresh();
        }
        states
    }

    /// The state of a choice for a row of weights.
    pub(super) fn new(problem: &'a Problem<'a>, row: RowTarget<'a>, choice: RowChoice) -> Self {
        let mut states = Self::of_rows(problem, [(row, choice)], &[]);
        states.swap_remove(0)
    }

    /// Adds what is new of the trits of a group to the images of its scales, for all states.
    fn add_images(problem: &Problem<'_>, states: &mut [Self], before: &[&Self], group: usize) {
        let (patterns, members) = (problem.patterns, problem.members(group));
        let scales = group * patterns.scales()..(group + 1) * patterns.scales();
        let (mut images, mut steps) = (Vec::new(), Vec::new());
        for (number, state) in states.iter_mut().enumerate() {
            let old = before.get(number);
            for (scale, image) in state.images[scales.clone()].iter_mut().enumerate() {
                let step = |i: usize| {
                    let of = |choice: &RowChoice| patterns.coefficient(choice.patterns[i], scale);
                    f64::from(of(&state.choice) - old.map_or(0, |old| of(&old.choice)))
                };
                steps.push(members.clone().map(step).collect::<Vec<_>>());
                images.push(&mut image[..]);
            }
        }
        let mut changed: Vec<usize> = (0..members.len()).collect();
        changed.retain(|&place| steps.iter().any(|steps| steps[place] != 0.0));
        let row = |place: &usize| problem.metric.row(members.start + place);
        let rows: Vec<&[f64]> = changed.iter().map(row).collect();
        add_rows(&mut images, &rows, |image, row| steps[image][changed[row]]);
    }

    /// `(q - w)^T M (q - w)` without `w^T M w`, which is the same for all choices.
    pub(super) fn objective(&self) -> f64 {
        let (patterns, group) = (self.problem.patterns, self.problem.options.group);
        let levels = self.choice.levels(patterns, group);
        let places = levels.iter().zip(self.gradient.iter().zip(self.target));
        let terms = places.map(|(q, (gradient, target))| q * (gradient - target));
        terms.sum()
    }

    /// Computes the gradient anew, without the rounding errors of many changes.
    pub(super) fn refresh(&mut self) {
        self.gradient.clear();
        self.gradient.extend(self.target.iter().map(|t| -t));
        for (image, &scale) in self.images.iter().zip(&self.choice.scales) {
            add_rows(&mut [&mut self.gradient], &[image], |_, _| scale);
        }
    }

    /// The range of the scales of a group.
    pub(super) const fn scales_of(&self, group: usize) -> core::ops::Range<usize> {
        let count = self.problem.patterns.scales();
        group * count..(group + 1) * count
    }

    /// The coefficient of a scale of the row at a weight of its group.
    pub(super) fn coefficient(&self, scale: usize, i: usize) -> f64 {
        let patterns = self.problem.patterns;
        f64::from(patterns.coefficient(self.choice.patterns[i], scale % patterns.scales()))
    }

    /// `t . image` and `t . gradient` of a scale with the coefficients `t`: the length of its column in the metric, and the slope of
    /// half the objective along it.
    pub(super) fn length_and_slope(&self, scale: usize) -> (f64, f64) {
        let (mut length, mut slope) = (0.0, 0.0);
        for i in self.problem.members(scale / self.problem.patterns.scales()) {
            let coefficient = self.coefficient(scale, i);
            length += coefficient * self.images[scale][i];
            slope += coefficient * self.gradient[i];
        }
        (length, slope)
    }

    /// Gives a weight another pattern and updates images and gradient. The scales stay.
    pub(super) fn set_pattern(&mut self, i: usize, pattern: usize) {
        let patterns = self.problem.patterns;
        let first = i / self.problem.options.group * patterns.scales();
        for scale in 0..patterns.scales() {
            let before = patterns.coefficient(self.choice.patterns[i], scale);
            let after = patterns.coefficient(pattern, scale);
            if before != after {
                let value = self.choice.scales[first + scale];
                self.change(first + scale, i, f64::from(after - before), value);
            }
        }
        self.choice.patterns[i] = pattern;
    }

    /// Changes the coefficient of a scale at a weight by `step`, and the scale to `after`.
    pub(super) fn change(&mut self, scale: usize, i: usize, step: f64, after: f64) {
        let metric = self.problem.metric;
        Backend::detect().run(Change {
            image: &mut self.images[scale],
            gradient: &mut self.gradient,
            row: metric.row(i),
            step,
            before: self.choice.scales[scale],
            after,
        });
        self.choice.scales[scale] = after;
    }

    /// Sets a scale and updates the gradient.
    pub(super) fn set_scale(&mut self, scale: usize, value: f64) {
        let step = value - self.choice.scales[scale];
        if step != 0.0 {
            let image = &self.images[scale];
            add_rows(&mut [&mut self.gradient], &[image], |_, _| step);
            self.choice.scales[scale] = value;
        }
    }

    /// Makes all scales non-negative, and drops the coefficients of scales that are 0. The levels stay the same.
    pub(super) fn normalise(&mut self) {
        let patterns = self.problem.patterns;
        for scale in 0..self.choice.scales.len() {
            let value = self.choice.scales[scale];
            let sign = match value {
                v if v > 0.0 => continue,
                v if v < 0.0 => -1,
                _ => 0,
            };
            let members = self.problem.members(scale / patterns.scales());
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
