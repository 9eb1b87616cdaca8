//! The last pass: the trits, and with importances the sums of each sign.
//!
//! ```text
//! t = +1 if w > threshold_p,   -1 if -w > threshold_n,   else 0;      0 where h = 0
//! S_p = sum h w, m_p = sum h where t = +1;      S_n = sum h |w|, m_n = sum h where t = -1        (with importances)
//! ```
//!
//! The sums run over all weights in the order of [`crate::exact::float_sums`], with zeros where the trit is another, so a plain loop
//! gives the same bits. Without importances exact sums are known already.
//!
//! Cost: one read of the weights, one write of a byte each; with importances about 30 vector operations for 16 weights.

use super::above::lane_counts;
use super::mass::{MassedWeights, WeightChunk};
use super::{AHEAD, LANES, load};
use crate::exact::float_sums::{BLOCK, OrderedSums, cut, total};
use crate::optimum::side::Side;
use crate::simd::{Divisible, Job, Vector};
use crate::weight::FloatBits;

/// Writes the trits of weights without importances.
pub(crate) struct TritPass<'a, 't, W> {
    pub(crate) weights: &'a [W],
    pub(crate) trits: &'t mut [i8],
    pub(crate) threshold_p: W,
    pub(crate) threshold_n: W,
}

impl<W: FloatBits> Job for TritPass<'_, '_, W> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) {
        let (mut weights, mut trits) = (self.weights, self.trits);
        let negative = -self.threshold_n;
        if W::FITS_SINGLE {
            let (blocks, rest) = weights.as_chunks::<BLOCK>();
            let (places, rest_places) = trits.as_chunks_mut::<BLOCK>();
            let above = vector.splat(self.threshold_p.single());
            let below = vector.splat(negative.single());
            for (block, places) in blocks.iter().zip(places) {
                vector.prefetch(block, AHEAD);
                for (chunk, places) in block.as_chunks().0.iter().zip(places.as_chunks_mut().0) {
                    *places = vector.signs(load(vector, chunk), above, below);
                }
            }
            (weights, trits) = (rest, rest_places);
        }
        for (trit, &weight) in trits.iter_mut().zip(weights) {
            *trit = i8::from(weight > self.threshold_p) - i8::from(weight < negative);
        }
    }
}

impl<W: FloatBits> Divisible for TritPass<'_, '_, W> {
    fn divide(&mut self) -> Option<[impl Divisible<Output = Self::Output>; 2]> {
        let at = cut(self.weights.len())?;
        let (first, second) = self.weights.split_at(at);
        let (first_trits, second_trits) = self.trits.split_at_mut_checked(at)?;
        let part = |weights, trits| TritPass {
            weights,
            trits,
            ..*self
        };
        Some([part(first, first_trits), part(second, second_trits)])
    }

    fn unite(&mut self, _: [(); 2]) -> Option<()> {
        Some(())
    }
}

/// Writes the trits of weights with importances, and adds the sums of each sign.
pub(crate) struct WeightedTritPass<'a, 't, W> {
    pub(crate) input: MassedWeights<'a, W, f32>,
    pub(crate) trits: &'t mut [i8],
    /// Of the positive weights, and of the negative ones.
    pub(crate) thresholds: [f32; 2],
}

/// The sums of one sign.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SignSums {
    pub(crate) count: usize,
    /// `sum h |w|`.
    pub(crate) sum: f64,
    /// `sum h`.
    pub(crate) mass: f64,
}

impl<W: FloatBits> Job for WeightedTritPass<'_, '_, W> {
    /// The sums of both signs.
    type Output = [SignSums; 2];

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let [p, n] = self.thresholds;
        let mut writer = TritWriter::<V> {
            thresholds: [vector.splat(p), vector.splat(-n)],
            counts: [vector.splat(0.0); 2],
        };
        let (mut sums, mut last) = (OrderedSums::new(), [0.0; 4]);
        let places = self.trits.chunks_mut(BLOCK);
        for ((weights, masses, whole), places) in self.input.blocks(&mut None).zip(places) {
            let (trits, totals) = writer.block(vector, weights, masses);
            if let Some(places) = places.first_chunk_mut() {
                *places = trits;
            } else {
                let places = places.iter_mut().zip(trits);
                places.for_each(|(place, trit)| *place = trit);
            }
            if whole {
                sums.carry(totals);
            } else {
                last = totals;
            }
        }
        let sums = sums.total(last);
        let part = |sign: usize| SignSums {
            count: lane_counts(vector, writer.counts[sign]),
            sum: sums[2 * sign],
            mass: sums[2 * sign + 1],
        };
        [part(0), part(1)]
    }
}

struct TritWriter<V: Vector> {
    /// Above the first are the positive weights, below the second the negative ones.
    thresholds: [V::Singles; 2],
    /// [Counts](Vector::count) of both.
    counts: [V::Singles; 2],
}

impl<V: Vector> TritWriter<V> {
    /// The trits of a block, and `S_p, m_p, S_n, m_n`.
    #[inline(always)]
    fn block<W: FloatBits>(
        &mut self,
        vector: V,
        weights: &[W; BLOCK],
        masses: &[f32; BLOCK],
    ) -> ([i8; BLOCK], [f64; 4]) {
        let (mut sums, mut trits) = ([vector.zeros(); 4], [0; BLOCK]);
        let chunks = (MassedWeights { weights, masses }).arrays();
        for ((weights, masses), places) in chunks.zip(trits.as_chunks_mut::<LANES>().0) {
            let chunk = WeightChunk::load::<W, f32>(vector, Side::Both, weights, masses);
            let matters = vector.greater(chunk.masses, vector.splat(0.0));
            let w = vector.select(matters, chunk.singles);
            let [above, below] = self.thresholds;
            let masks = [vector.greater(w, above), vector.greater(below, w)];
            for sign in 0..2 {
                self.counts[sign] = vector.count(self.counts[sign], masks[sign]);
                let h = vector.widen(vector.select(masks[sign], chunk.masses));
                for half in 0..2 {
                    sums[2 * sign] = vector.add_product(sums[2 * sign], h[half], chunk.wide[half]);
                    sums[2 * sign + 1] = vector.add_doubles(sums[2 * sign + 1], h[half]);
                }
            }
            *places = vector.signs(w, above, below);
        }
        let mut totals = [0.0; 4];
        for (place, lanes) in totals.iter_mut().zip(sums) {
            *place = total(&vector.doubles(lanes));
        }
        (trits, totals)
    }
}
