//! What "best" means: the score of a support, its scale, and how far a set of candidates can get.
//!
//! With the support fixed, the best signs are those of the weights and the best scale is the projection
//! `lambda = S / m`. What is left of the objective is the **score** of the support, to be made as large as possible:
//!
//! ```text
//! S = sum h_i |w_i|,  m = sum h_i        over the support; h_i = 1 without importance
//! score = S^2 / m                        squared error = sum h w^2 - score,  cosine^2 = score / sum h w^2
//! ```
//!
//! so the largest cosine and the least squared error are one problem (TNT, arXiv 1912.09236, section 3). Two objectives
//! share that shape and differ in how they add:
//!
//! - [`GridObjective`] sums magnitudes on a 128-bit grid that is exact for all that an optimum can select;
//! - [`WideObjective`] sums in integers as wide as the weight type needs, for importances and for forced counts.
//!
//! # A bound on many candidates at once
//!
//! Let two thresholds `tau1 < tau2` have the supports `(m1, S1)` and `(m2, S2)`. A candidate in between has a mass `m` in
//! `[m2, m1]`: the smaller support and weights of at most `tau2`, so `S <= S2 + (m - m2) tau2`. The square of a line over
//! `m` is convex, so its largest value lies at an end: no candidate in between scores more than
//! `max(S2^2 / m2, (S2 + (m1 - m2) tau2)^2 / m1)`.

mod grid;
mod wide;

use core::cmp::Ordering;

pub(crate) use grid::GridObjective;
pub(crate) use wide::WideObjective;

pub(crate) use super::side::Side;

use crate::exact::quotient::Quotient;
use crate::weight::{FloatBits, scale_by_power, unit_exponent};

/// One weight as a search sees it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Item {
    /// Key of the magnitude; 0 for a weight that cannot be selected.
    pub(crate) key: u64,
    /// The bits of the importance, an `f32`; 0 where there are no importances.
    pub(crate) mass: u32,
    /// Whether the weight is below zero.
    pub(crate) negative: bool,
}

impl Item {
    /// A weight that is not negative, without an importance.
    pub(crate) fn of_key(key: u64) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }
}

/// Sums over a support, in `f64`: for bounds and reports, never for decisions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundedTally {
    /// `S`, in units of [`Objective::unit_exponent`].
    pub(crate) sum: f64,
    /// `m`.
    pub(crate) mass: f64,
}

impl RoundedTally {
    #[inline(always)]
    pub(crate) fn new(sum: f64, mass: f64) -> Self {
        Self { sum, mass }
    }

    /// Both together.
    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        Self::new(self.sum + other.sum, self.mass + other.mass)
    }

    /// `S^2 / m`, 0 for the empty support.
    pub(crate) fn score(self) -> f64 {
        let score = self.sum * (self.sum / self.mass);
        if self.mass > 0.0 { score } else { 0.0 }
    }

    /// `S / sqrt(m energy)`, where `energy` is `sum h w^2` over all weights in the same units.
    pub(crate) fn cosine(self, energy: f64) -> f64 {
        let norm = num_traits::Float::sqrt(self.mass * energy);
        let cosine = (self.sum / norm).min(1.0);
        if norm > 0.0 { cosine } else { 0.0 }
    }
}

/// Exact sums over a support.
pub(crate) trait Tally: Copy {
    /// Number of weights in the support.
    fn count(&self) -> usize;
}

/// A vector of weights with the exact sums of its supports.
pub(crate) trait Objective {
    /// The weights' type.
    type Weight: FloatBits;
    /// The exact sums of a support.
    type Tally: Tally;

    /// Number of weights, those that cannot be selected included.
    fn len(&self) -> usize;
    /// The weights in order.
    fn items(&self) -> impl Iterator<Item = Item>;
    /// The empty support.
    fn empty(&self) -> Self::Tally;
    /// Adds `times` weights like this one.
    fn add(&self, tally: &mut Self::Tally, item: Item, times: usize);
    /// Orders two non-empty supports by score, in integers.
    fn compare_exactly(&self, a: &Self::Tally, b: &Self::Tally) -> Ordering;
    /// `S / m`, exactly; `None` for the empty support.
    fn mean(&self, tally: &Self::Tally) -> Option<Quotient>;
    /// The sums in `f64`.
    fn rounded(&self, tally: &Self::Tally) -> RoundedTally;
    /// The largest key, 0 if nothing can be selected.
    fn top(&self) -> u64;
    /// A key at or below the threshold of every optimum.
    fn floor(&self) -> u64;

    /// The supports of all weights above each threshold.
    fn above_each<const T: usize>(&self, thresholds: [u64; T]) -> [Support<Self::Tally>; T] {
        thresholds.map(|threshold| above_one_by_one(self, threshold))
    }

    /// The support of all weights above a threshold: one pass.
    fn above(&self, threshold: u64) -> Support<Self::Tally> {
        let [edge] = self.above_each([threshold]);
        edge
    }

    /// Magnitudes are reported in units of two to this power, so that nothing overflows.
    fn unit_exponent(&self) -> i32 {
        unit_exponent::<Self::Weight>(self.top())
    }

    /// A magnitude in the units of [`RoundedTally::sum`].
    fn magnitude(&self, key: u64) -> f64 {
        scale_by_power(Self::Weight::from_key(key).widen(), -self.unit_exponent())
    }

    /// The scale of a support, rounded to the nearest weight; 0 for the empty one.
    fn scale(&self, tally: &Self::Tally) -> Self::Weight {
        let mean = self.mean(tally);
        let key = mean.map_or(0, |mean| mean.nearest_key(Self::Weight::PRECISION));
        Self::Weight::from_key(key)
    }

    /// `g` of the support: the largest key not above half the scale; 0 for the empty one.
    fn half_scale_key(&self, tally: &Self::Tally) -> u64 {
        let mean = self.mean(tally);
        mean.map_or(0, |mean| mean.half().floor_key(Self::Weight::PRECISION))
    }

    /// No candidate between two thresholds scores more than this (see the module), up to rounding.
    fn bound(&self, low: &Support<Self::Tally>, high: &Support<Self::Tally>) -> f64 {
        let (outer, inner) = (self.rounded(&low.tally), self.rounded(&high.tally));
        let sum = inner.sum + (outer.mass - inner.mass) * self.magnitude(high.cut.key);
        let widened = RoundedTally::new(sum, outer.mass);
        inner.score().max(widened.score())
    }
}

/// The support of all weights above a threshold, added one by one.
fn above_one_by_one<O: Objective + ?Sized>(objective: &O, threshold: u64) -> Support<O::Tally> {
    let mut tally = objective.empty();
    for item in objective.items().filter(|item| item.key > threshold) {
        objective.add(&mut tally, item, 1);
    }
    Support::new(threshold, 0, tally)
}

/// Which weights are selected: those with keys above `key`, and the first `ties` of those equal to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) key: u64,
    pub(crate) ties: usize,
}

impl Cut {
    /// Whether the next weight, of this key, is selected; counts the ties down.
    pub(crate) fn takes(&mut self, key: u64) -> bool {
        let tied = key == self.key && self.ties > 0;
        self.ties -= usize::from(tied);
        key > self.key || tied
    }

    /// The cut that takes one weight more, the next in decreasing order.
    pub(crate) fn and(self, key: u64) -> Self {
        let ties = if key == self.key { self.ties + 1 } else { 1 };
        Self { key, ties }
    }
}

/// A support with its exact sums.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Support<T> {
    pub(crate) cut: Cut,
    pub(crate) tally: T,
}

impl<T> Support<T> {
    pub(crate) fn new(key: u64, ties: usize, tally: T) -> Self {
        let cut = Cut { key, ties };
        Self { cut, tally }
    }
}
