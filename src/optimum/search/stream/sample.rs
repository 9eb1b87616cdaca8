//! A first guess of the threshold, from some of the weights.
//!
//! The map `g(tau) = mean{|w| : |w| > tau} / 2` is iterated on chunks of 16 weights spread evenly over the slice, about
//! `12 sqrt(N)` weights. For ordinary data the guess is off by about `0.7 / sqrt(those above it)`. Nothing but speed depends on it.

use crate::optimum::scan::{LANES, Side, singles};
use crate::simd::{Job, Vector};
use crate::weight::Format;

/// Chunks that are looked at, at the most.
const MOST: usize = 1024;

/// Chunks that are added side by side.
const AT_ONCE: usize = 4;

/// Every so many chunks one is looked at.
#[derive(Clone, Copy)]
pub(super) struct Sample<'a, W> {
    weights: &'a [W],
    side: Side,
    stride: usize,
    chunks: usize,
}

impl<'a, W: Format> Sample<'a, W> {
    pub(super) fn new(weights: &'a [W], side: Side) -> Self {
        let all = weights.len() / LANES;
        let wanted = (weights.len().isqrt() * 3 / 4).min(MOST);
        let chunks = wanted.clamp(1, all.max(1));
        Self {
            weights,
            side,
            stride: (all / chunks).max(1),
            chunks,
        }
    }
}

/// A guess.
#[derive(Clone, Copy)]
pub(super) struct Guess {
    /// 0 if there is nothing to go by.
    pub(super) tau: f64,
    /// The relative distance within which the optimum is expected: about three standard deviations.
    pub(super) spread: f64,
}

impl<W: Format> Job for Sample<'_, W> {
    type Output = Guess;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Guess {
        // On ordinary distributions the fixed point lies between 0.66 and 1 times the mean.
        let first = 1.6 * self.map(vector, 0.0).0;
        let (second, _) = self.map(vector, first);
        let (third, count) = self.map(vector, second);
        // Aitken's extrapolation of a sequence that converges like a geometric one.
        let (step, bend) = (third - second, (third - second) - (second - first));
        let limit = third - step * step / bend;
        let plausible = limit > 0.5 * third && limit < 2.0 * third;
        let guess = if plausible { limit } else { third };
        Guess {
            tau: f64::from(if guess.is_finite() { guess } else { 0.0 }),
            spread: f64::min(2.0 / num_traits::Float::sqrt(f64::from(count)), 0.3),
        }
    }
}

impl<W: Format> Sample<'_, W> {
    /// `g`, on the sample, 0 of nothing; and how many are above.
    #[inline(always)]
    fn map<V: Vector>(&self, vector: V, tau: f32) -> (f32, u32) {
        // Four sums, so that an addition need not wait for the one before.
        let zeros = (vector.splat(0.0), 0);
        let mut sums = [zeros; AT_ONCE];
        for first in (0..self.chunks).step_by(AT_ONCE) {
            sums[0] = self.add(vector, tau, first, sums[0]);
            sums[1] = self.add(vector, tau, first + 1, sums[1]);
            sums[2] = self.add(vector, tau, first + 2, sums[2]);
            sums[3] = self.add(vector, tau, first + 3, sums[3]);
        }
        let mut count = 0;
        let mut sum = 0.0;
        for (lanes, above) in sums {
            count += above;
            for lane in vector.array(lanes) {
                sum += lane;
            }
        }
        let half_mean = if count == 0 {
            0.0
        } else {
            sum / (2.0 * count as f32)
        };
        (half_mean, count)
    }

    /// Adds what is above a threshold of one chunk.
    #[inline(always)]
    fn add<V: Vector>(
        &self,
        vector: V,
        tau: f32,
        number: usize,
        (sum, count): (V::Singles, u32),
    ) -> (V::Singles, u32) {
        let at = number * self.stride * LANES;
        let chunk = self.weights.get(at..).and_then(<[_]>::first_chunk::<LANES>);
        let chunk = chunk.map_or([0.0; LANES], singles);
        let x = self.side.magnitudes(vector, vector.load(&chunk));
        let above = vector.greater(x, vector.splat(tau));
        (
            vector.add(sum, vector.select(above, x)),
            count + vector.bits(above).count_ones(),
        )
    }
}
