//! A first guess of the threshold, from some of the weights.
//!
//! The map `g(tau) = S / 2m` of what is above `tau` is iterated on chunks of 16 weights spread evenly over the slice. The mean of
//! weights with importances is as good as that of `(sum h |w|)^2 / sum (h |w|)^2` weights alike, or somewhat better. Nothing but
//! speed depends on it.

use crate::exact::float_sums::total;
use crate::optimum::scan::weighted::Weighted;
use crate::optimum::scan::{LANES, Side, singles};
use crate::simd::{Job, Vector};
use crate::weight::Format;

/// Chunks that are looked at, at the most.
const MOST: usize = 1024;

/// Every so many chunks one is looked at.
#[derive(Clone, Copy)]
pub(super) struct Sample<'a, W> {
    weighted: Weighted<'a, W>,
    side: Side,
    stride: usize,
    chunks: usize,
}

impl<'a, W: Format> Sample<'a, W> {
    pub(super) fn new(weighted: Weighted<'a, W>, side: Side) -> Self {
        let len = weighted.weights.len();
        let all = len / LANES;
        let chunks = (len.isqrt() * 3 / 2).min(MOST).clamp(1, all.max(1));
        Self {
            weighted,
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
    /// The importance of a weight above the threshold, on average; 0 if there is none.
    pub(super) importance: f64,
}

/// `[sum h |w|, sum h, sum (h |w|)^2]` above a threshold, and how many.
type Sums = ([f64; 3], u32);

/// `g`, 0 of nothing.
fn half_mean(([sum, mass, _], _): Sums) -> f64 {
    if mass > 0.0 { sum / (2.0 * mass) } else { 0.0 }
}

impl<W: Format> Job for Sample<'_, W> {
    type Output = Guess;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Guess {
        // On ordinary distributions the fixed point lies between 0.66 and 1 times the mean.
        let first = 1.6 * half_mean(self.sums(vector, 0.0));
        let second = half_mean(self.sums(vector, first));
        let sums = self.sums(vector, second);
        let third = half_mean(sums);
        // Aitken's extrapolation of a sequence that converges like a geometric one.
        let (step, bend) = (third - second, (third - second) - (second - first));
        let limit = third - step * step / bend;
        let plausible = limit > 0.5 * third && limit < 2.0 * third;
        let guess = if plausible { limit } else { third };
        let ([sum, mass, squares], count) = sums;
        let spread = 2.0 * num_traits::Float::sqrt(squares) / sum;
        Guess {
            tau: if guess.is_finite() { guess } else { 0.0 },
            spread: if spread < 0.3 { spread } else { 0.3 },
            importance: mass / f64::from(count.max(1)),
        }
    }
}

impl<W: Format> Sample<'_, W> {
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "to the nearest is what is wanted"
    )]
    fn sums<V: Vector>(&self, vector: V, tau: f64) -> Sums {
        let threshold = vector.splat(tau as f32);
        let (mut sums, mut count) = ([vector.zeros(); 3], 0);
        let chunks = self.weighted.weights.as_chunks::<LANES>().0;
        let masses = self.weighted.importance.as_chunks::<LANES>().0;
        let both = chunks.iter().zip(masses);
        for (weights, importance) in both.step_by(self.stride).take(self.chunks) {
            let x = self.side.magnitudes(vector, vector.load(&singles(weights)));
            let above = vector.greater(x, threshold);
            let h = vector.widen(vector.select(above, vector.load(importance)));
            let x = vector.widen(x);
            for half in 0..2 {
                let product = vector.multiply_doubles(h[half], x[half]);
                sums[0] = vector.add_doubles(sums[0], product);
                sums[1] = vector.add_doubles(sums[1], h[half]);
                let square = vector.multiply_doubles(product, product);
                sums[2] = vector.add_doubles(sums[2], square);
            }
            count += vector.bits(above).count_ones();
        }
        let mut totals = [0.0; 3];
        for j in 0..3 {
            totals[j] = total(&vector.doubles(sums[j]));
        }
        (totals, count)
    }
}
