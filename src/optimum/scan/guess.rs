//! A first guess of the threshold, from some of the weights.
//!
//! The map `g(tau) = S / 2m` of what is above `tau` is iterated on chunks of 16 weights spread evenly over the slice: about
//! `12 sqrt(N)` weights, with importances twice as many. For ordinary data the guess is off by about `0.7 / sqrt(those above it)`; the mean of
//! weights with importances is about as good as that of `(sum h |w|)^2 / sum (h |w|)^2` weights of equal importance. Only the speed
//! depends on the guess.

use super::above::lane_counts;
use super::mass::{Mass, MassedWeights, WeightChunk};
use super::{LANES, sum_of_lanes};
use crate::optimum::side::Side;
use crate::simd::{Job, Vector};
use crate::weight::FloatBits;

/// The most chunks that are looked at. Chosen: the window that the guess from 16,384 weights leaves is 2 % of the weights or less.
const MOST: usize = 1024;

/// Looks at one chunk in every `stride`.
#[derive(Clone, Copy)]
pub(crate) struct GuessPass<'a, W, H> {
    input: MassedWeights<'a, W, H>,
    side: Side,
    stride: usize,
    chunks: usize,
}

impl<'a, W: FloatBits, H: Mass> GuessPass<'a, W, H> {
    pub(crate) fn new(input: MassedWeights<'a, W, H>, side: Side) -> Self {
        let len = input.weights.len();
        let all = len / LANES;
        // Chosen: the sample and the window that it leaves cost about the same.
        let quarters = if H::WEIGHTED { 6 } else { 3 };
        let wanted = (len.isqrt() * quarters / 4).min(MOST);
        let chunks = wanted.clamp(1, all.max(1));
        Self {
            input,
            side,
            stride: (all / chunks).max(1),
            chunks,
        }
    }
}

/// A guess.
#[derive(Clone, Copy, Default)]
pub(crate) struct ThresholdGuess {
    /// 0 if there is nothing to go by.
    pub(crate) tau: f64,
    /// The relative distance within which the optimum is expected: about three standard deviations.
    pub(crate) spread: f64,
    /// The mass of a weight above the threshold, on average; 0 if there is none.
    pub(crate) mass: f64,
}

/// Sums over the chunks above a threshold.
#[derive(Clone, Copy, Default)]
struct ChunkSums {
    /// `sum h |w|`.
    sum: f64,
    /// `sum h`.
    mass: f64,
    /// `sum (h |w|)^2`; `sum^2 / count` without importances.
    squares: f64,
    count: f64,
}

impl ChunkSums {
    /// `g`, 0 of nothing.
    fn half_mean(self) -> f64 {
        let half_mean = self.sum / (2.0 * self.mass);
        if self.mass > 0.0 { half_mean } else { 0.0 }
    }
}

impl<W: FloatBits, H: Mass> Job for GuessPass<'_, W, H> {
    type Output = ThresholdGuess;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> ThresholdGuess {
        // On ordinary distributions the fixed point lies between 0.66 and 1 times the mean.
        let first = 1.6 * self.sums(vector, 0.0).half_mean();
        let second = self.sums(vector, first).half_mean();
        let sums = self.sums(vector, second);
        let third = sums.half_mean();
        // Aitken's extrapolation of a sequence that converges like a geometric one.
        let (step, bend) = (third - second, (third - second) - (second - first));
        let limit = third - step * step / bend;
        let plausible = limit > 0.5 * third && limit < 2.0 * third;
        let guess = if plausible { limit } else { third };
        let spread = 2.0 * num_traits::Float::sqrt(sums.squares) / sums.sum;
        ThresholdGuess {
            tau: if guess.is_finite() { guess } else { 0.0 },
            // Also where there is nothing above.
            spread: if spread < 0.3 { spread } else { 0.3 },
            mass: sums.mass / sums.count.max(1.0),
        }
    }
}

impl<W: FloatBits, H: Mass> GuessPass<'_, W, H> {
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to the nearest is intended"
    )]
    fn sums<V: Vector>(&self, vector: V, tau: f64) -> ChunkSums {
        let threshold = vector.splat(tau as f32);
        // Two halves, so that an addition need not wait for the one before.
        let (mut sums, mut counts) = ([[vector.zeros(); 2]; 3], vector.splat(0.0));
        let MassedWeights { weights, masses } = self.input;
        let (weights, masses) = (weights.as_chunks().0, masses.as_chunks().0);
        for place in (0..self.chunks).map(|number| number * self.stride) {
            let (Some(weights), Some(masses)) = (weights.get(place), masses.get(place)) else {
                break;
            };
            let chunk = WeightChunk::load::<W, H>(vector, self.side, weights, masses);
            let above = vector.greater(chunk.x, threshold);
            counts = vector.count(counts, above);
            if !H::WEIGHTED {
                let x = vector.widen(vector.select(above, chunk.x));
                for half in 0..2 {
                    sums[0][half] = vector.add_doubles(sums[0][half], x[half]);
                }
                continue;
            }
            let h = vector.widen(vector.select(above, chunk.masses));
            for half in 0..2 {
                let product = vector.multiply_doubles(h[half], chunk.wide[half]);
                let square = vector.multiply_doubles(product, product);
                sums[0][half] = vector.add_doubles(sums[0][half], product);
                sums[1][half] = vector.add_doubles(sums[1][half], h[half]);
                sums[2][half] = vector.add_doubles(sums[2][half], square);
            }
        }
        let (sum, count) = (
            sum_of_lanes(vector, sums[0]),
            lane_counts(vector, counts) as f64,
        );
        let (mut mass, mut squares) = (count, sum * sum / count);
        if H::WEIGHTED {
            mass = sum_of_lanes(vector, sums[1]);
            squares = sum_of_lanes(vector, sums[2]);
        }
        ChunkSums {
            sum,
            mass,
            squares,
            count,
        }
    }
}
