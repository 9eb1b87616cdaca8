//! The last pass: the trits.
//!
//! ```text
//! t = +1 if w > threshold_p,   -1 if -w > threshold_n,   else 0
//! ```
//!
//! Cost: one read of the weights, one write of a byte each.

use super::AHEAD;
use crate::exact::float_sums::{BLOCK, cut};
use crate::simd::{Divisible, Job, Vector};
use crate::weight::Weight;

/// Writes the trits of some weights.
pub(crate) struct Write<'a, 't, W> {
    pub(crate) weights: &'a [W],
    pub(crate) trits: &'t mut [i8],
    pub(crate) threshold_p: W,
    pub(crate) threshold_n: W,
}

impl<W: Weight> Job for Write<'_, '_, W> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) {
        let negative = -self.threshold_n;
        let blocks = self.weights.chunks(BLOCK).zip(self.trits.chunks_mut(BLOCK));
        for (weights, trits) in blocks {
            vector.prefetch(weights, AHEAD);
            for (trit, &weight) in trits.iter_mut().zip(weights) {
                *trit = i8::from(weight > self.threshold_p) - i8::from(weight < negative);
            }
        }
    }
}

impl<W: Weight> Divisible for Write<'_, '_, W> {
    type Part<'p>
        = Write<'p, 'p, W>
    where
        Self: 'p;

    fn divide(&mut self) -> Option<[Write<'_, '_, W>; 2]> {
        let at = cut(self.weights.len())?;
        let (first, second) = self.weights.split_at(at);
        let (first_trits, second_trits) = self.trits.split_at_mut_checked(at)?;
        let part = |weights, trits| Write {
            weights,
            trits,
            threshold_p: self.threshold_p,
            threshold_n: self.threshold_n,
        };
        Some([part(first, first_trits), part(second, second_trits)])
    }

    fn unite(&mut self, _: [(); 2]) -> Option<()> {
        Some(())
    }
}
