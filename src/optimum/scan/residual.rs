//! The squared error, weight by weight: for a small error, where the difference of sums would cancel.
//!
//! ```text
//! sum (w - w')^2,    w' = lambda_p if w > threshold_p,  -lambda_n if -w > threshold_n,  else 0
//! ```
//!
//! In the order of [`crate::exact::float_sums`]. Cost: one read, and about 16 vector operations for 16 weights.

use super::mass::MassedWeights;
use super::{LANES, load};
use crate::exact::float_sums::{BLOCK, OrderedSums, cut, total};
use crate::simd::{Divisible, Job, Vector};
use crate::weight::FloatBits;

/// Adds the squared error of weights that fit `f32`.
#[derive(Clone, Copy)]
pub(crate) struct ResidualPass<'a, W> {
    pub(crate) weights: &'a [W],
    /// For positive and for negative weights.
    pub(crate) thresholds: [f32; 2],
    pub(crate) scales: [f32; 2],
}

impl<W: FloatBits> Job for ResidualPass<'_, W> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> f64 {
        let (mut sum, mut last) = (OrderedSums::<1>::new(), 0.0);
        for (block, _, whole) in MassedWeights::unit(self.weights).blocks(&mut None) {
            let total = self.block(vector, block);
            if whole {
                sum.carry([total]);
            } else {
                last = total;
            }
        }
        let [sum] = sum.total([last]);
        sum
    }
}

impl<W: FloatBits> ResidualPass<'_, W> {
    #[inline(always)]
    fn block<V: Vector>(&self, vector: V, block: &[W; BLOCK]) -> f64 {
        let [p, n] = self.thresholds;
        let (p, n) = (vector.splat(p), vector.splat(-n));
        // What has to be added to a weight to get its error.
        let (minus_p, plus_n) = (vector.splat(-self.scales[0]), vector.splat(self.scales[1]));
        let mut lanes = vector.zeros();
        for chunk in block.as_chunks::<LANES>().0 {
            let w = load(vector, chunk);
            let step = vector.add(
                vector.select(vector.greater(w, p), minus_p),
                vector.select(vector.greater(n, w), plus_n),
            );
            let (w, step) = (vector.widen(w), vector.widen(step));
            for half in 0..2 {
                let lost = vector.add_doubles(w[half], step[half]);
                lanes = vector.add_doubles(lanes, vector.multiply_doubles(lost, lost));
            }
        }
        total(&vector.doubles(lanes))
    }
}

impl<W: FloatBits> Divisible for ResidualPass<'_, W> {
    fn divide(&mut self) -> Option<[impl Divisible<Output = Self::Output>; 2]> {
        let (first, second) = self.weights.split_at(cut(self.weights.len())?);
        Some([first, second].map(|weights| Self { weights, ..*self }))
    }

    fn unite(&mut self, [first, second]: [f64; 2]) -> Option<f64> {
        Some(first + second)
    }
}
