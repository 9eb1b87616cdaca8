//! One short vector: its magnitudes sorted, and every prefix scored in doubles.
//!
//! Sums are exact up to the best prefix, and scores are rounded by less than 1e-13, as for sixteen vectors
//! [in lanes](crate::optimum::route::Route::Lanes). Where two prefixes score alike up to [`MARGIN`], where magnitudes are extreme, or where
//! a quotient in `f64` cannot tell to which side its exact value would be rounded, the vector is in doubt and left to the search in
//! integers. So the result has the same bits.

use super::RuleSolution;
use crate::exact::float_sums;
use crate::optimum::fit::{self, Fit};
use crate::optimum::objective::RoundedTally;
use crate::optimum::options::Ternarizer;
use crate::optimum::route::LONGEST_DIRECT;
use crate::optimum::rule::{Rule, Scales};
use crate::optimum::scan::above::lane_counts;
use crate::optimum::scan::sum_of_lanes;
use crate::optimum::side::Side;
use crate::simd::{Backend, Job, Vector};
use crate::weight::{FloatBits, floor};

/// The relative distance below which two scores are not told apart. Derived: more than ten times the rounding error of a score.
pub(crate) const MARGIN: f64 = 1e-12;

/// Magnitudes below 2^-60 and above 2^60 are left to other searches. Derived: squares of sums of 256 stay normal `f64`.
pub(crate) const LEAST: f32 = 1.0 / (1_u64 << 60) as f32;

/// So few weights have arrays of their own: clearing longer ones would take a third of the time.
const FEW: usize = 16;

/// The fit of at most [`LONGEST_DIRECT`] weights of a type that fits `f32`, without importances; `None` if it is in doubt.
pub(super) fn ternarize<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Option<Fit<W>> {
    if weights.len() <= FEW {
        in_arrays::<W, FEW>(options, weights, trits)
    } else {
        in_arrays::<W, LONGEST_DIRECT>(options, weights, trits)
    }
}

/// In arrays of so many numbers.
fn in_arrays<W: FloatBits, const N: usize>(
    options: &Ternarizer<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Option<Fit<W>> {
    let backend = options.instructions();
    let mut values = [0.0; N];
    for (value, weight) in values.iter_mut().zip(weights) {
        *value = weight.single();
    }
    let values = Values {
        all: &values,
        len: weights.len(),
    };
    // The support of each sign, its scale and its threshold.
    let (parts, lambda, [p, n]);
    if options.rule == Rule::TwoScale {
        parts = [
            values.best(backend, Side::Positive)?,
            values.best(backend, Side::Negative)?,
        ];
        let all = parts[0].and(parts[1]);
        lambda = W::narrow(fit::share(all.sum, all.mass));
        [p, n] = [scale(parts[0])?, scale(parts[1])?];
    } else {
        let all = values.best(backend, Side::Both)?;
        let (both, threshold): (W, W) = scale(all)?;
        let positive = backend.run(AbovePass {
            values,
            threshold: threshold.single(),
        });
        let negative = RoundedTally::new(all.sum - positive.sum, all.mass - positive.mass);
        (parts, lambda) = ([positive, negative], both);
        [p, n] = match options.scales {
            Scales::One => [(both, threshold); 2],
            Scales::Two => [
                (scale(positive)?.0, threshold),
                (scale(negative)?.0, threshold),
            ],
        };
    }
    for (trit, &weight) in trits.iter_mut().zip(weights) {
        *trit = i8::from(weight > p.1) - i8::from(weight < -n.1);
    }
    let solution = RuleSolution {
        lambda,
        scales: [p.0, n.0],
        thresholds: [p.1, n.1].map(W::key),
        ties: 0,
        rounded: parts[0].and(parts[1]),
        parts,
        unit: 0,
    };
    let energy = float_sums::sum(weights, |_, weight| weight.widen() * weight.widen());
    let residual = || solution.residual(weights, None, trits);
    Some(solution.measure(weights.len(), parts.map(count), energy, residual))
}

/// How many weights a support has: those whose trits have its sign, as it is clearly the best.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number from 0 to 128"
)]
fn count(part: RoundedTally) -> usize {
    part.mass as usize
}

/// Numbers, and zeros behind them.
#[derive(Clone, Copy)]
struct Values<'v, const N: usize> {
    all: &'v [f32; N],
    len: usize,
}

impl<'v, const N: usize> Values<'v, N> {
    /// The support of the largest score, unless it is in doubt.
    fn best(self, backend: Backend, side: Side) -> Option<RoundedTally> {
        if side == Side::Both {
            return self.clearly_best(backend);
        }
        let (mut own, mut len) = ([0.0; N], 0);
        for &value in &self.all[..self.len] {
            // Zeros are not counted: the next value takes their place.
            own[len] = if side.includes(value.is_sign_negative()) {
                value
            } else {
                0.0
            };
            len += usize::from(own[len] != 0.0);
        }
        Values { all: &own, len }.clearly_best(backend)
    }

    fn clearly_best(self, backend: Backend) -> Option<RoundedTally> {
        let (largest, found, clear) = backend.run(PrefixPass(self));
        let clear = clear && (LEAST..=1.0 / LEAST).contains(&largest);
        (clear || largest == 0.0).then_some(found)
    }

    /// Sixteen at a time, the last ones with zeros.
    #[inline(always)]
    fn chunks(self) -> &'v [[f32; 16]] {
        let chunks = self.all.as_chunks().0;
        &chunks[..self.len.div_ceil(16)]
    }
}

/// Sorts magnitudes, the largest first, by counting for each how many are larger: without a branch, for few numbers. Of equals the first
/// place has the number, and 0 stands in the others. Then scores all prefixes, without a branch either.
struct PrefixPass<'v, const N: usize>(Values<'v, N>);

impl<const N: usize> Job for PrefixPass<'_, N> {
    /// The largest magnitude, the prefix of the largest score, and whether all others are clearly smaller.
    type Output = (f32, RoundedTally, bool);

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> Self::Output {
        let (mut magnitudes, mut sorted) = ([0.0; N], [0.0; N]);
        let (zero, mut positive) = (v.splat(0.0), v.splat(0.0));
        for (magnitudes, values) in magnitudes.as_chunks_mut().0.iter_mut().zip(self.0.chunks()) {
            let x = v.abs(v.load(values));
            positive = v.count(positive, v.greater(x, zero));
            *magnitudes = v.array(x);
        }
        let (all, len) = (&magnitudes, self.0.len);
        for chunk in (Values { all, len }).chunks() {
            let (x, mut larger) = (v.load(chunk), zero);
            for &number in &magnitudes[..len] {
                larger = v.count(larger, v.greater(v.splat(number), x));
            }
            // Zeros are written behind the others, or nowhere.
            for (place, &magnitude) in v.array(larger).iter().zip(chunk) {
                if let Some(place) = sorted.get_mut(place.to_bits() as usize) {
                    *place = magnitude;
                }
            }
        }
        let mut all = RoundedTally::new(0.0, 0.0);
        let (mut found, mut best, mut second) = (all, 0.0, 0.0);
        let mut magnitude = 0.0;
        for &place in sorted.iter().take(lane_counts(v, positive)) {
            // Equals have one place together: the first.
            magnitude = if place > 0.0 { place } else { magnitude };
            all = all.and(RoundedTally::new(f64::from(magnitude), 1.0));
            let score = all.sum * (all.sum / all.mass);
            found = if score > best { all } else { found };
            let lesser = if score > best { best } else { score };
            second = if lesser > second { lesser } else { second };
            best = if score > best { score } else { best };
        }
        (sorted[0], found, second < best * (1.0 - MARGIN))
    }
}

/// The sum and the number of the values above a threshold: exact, as those of all magnitudes are.
struct AbovePass<'v, const N: usize> {
    values: Values<'v, N>,
    threshold: f32,
}

impl<const N: usize> Job for AbovePass<'_, N> {
    type Output = RoundedTally;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> RoundedTally {
        let (threshold, mut count) = (v.splat(self.threshold), v.splat(0.0));
        let mut sums = [v.zeros(); 2];
        for chunk in self.values.chunks() {
            let x = v.load(chunk);
            let above = v.greater(x, threshold);
            count = v.count(count, above);
            let halves = v.widen(v.select(above, x));
            sums = [
                v.add_doubles(sums[0], halves[0]),
                v.add_doubles(sums[1], halves[1]),
            ];
        }
        RoundedTally::new(sum_of_lanes(v, sums), lane_counts(v, count) as f64)
    }
}

/// The weight nearest to the mean of a support, and the largest one not above half of the mean; `None` if that is in doubt.
fn scale<W: FloatBits>(part: RoundedTally) -> Option<(W, W)> {
    let mean = fit::share(part.sum, part.mass);
    let clear = !may_round_twice::<W>(part.sum, part.mass, mean);
    clear.then(|| (W::narrow(mean), floor(0.5 * mean)))
}

/// Whether a quotient, rounded to `f64`, cannot tell to which weight its exact value would be rounded: if it has so few bits that it may be
/// a weight, or a tie between two, and is not exact. A product of a count and a number of so few bits is.
#[inline(always)]
pub(crate) fn may_round_twice<W: FloatBits>(sum: f64, divisor: f64, quotient: f64) -> bool {
    let few = quotient.to_bits() & ((1 << (52 - W::PRECISION)) - 1) == 0;
    // Without a branch, for loops over lanes.
    few & ((quotient * divisor).to_bits() != sum.to_bits())
}

#[cfg(all(test, feature = "alloc", target_pointer_width = "64"))]
mod tests {
    use super::*;
    use crate::optimum::search::Search;

    /// Weights with few bits, so that there are equals, zeros and ties between prefixes, or with many.
    fn weights(len: usize, seed: u32) -> alloc::vec::Vec<f32> {
        let mut state = seed;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let bits = (state >> 8) as f32 - (1 << 23) as f32;
            if seed.is_multiple_of(3) {
                (bits / 4e6).round()
            } else {
                bits
            }
        };
        (0..len).map(|_| number()).collect()
    }

    #[test]
    fn what_is_not_in_doubt_is_what_sorting_finds() {
        let mut clear = 0;
        for len in 1..=LONGEST_DIRECT {
            for seed in 0..12 {
                let weights = weights(len, seed);
                for rule in [Rule::Tnt, Rule::TwoScale] {
                    let options = Ternarizer::new().rule(rule);
                    let mut trits = alloc::vec![0; len];
                    if let Some(fit) = ternarize(&options, &weights, &mut trits) {
                        let sorted = options.search(Search::Sort).ternarize(&weights);
                        assert_eq!(sorted, Ok((trits, fit)), "{len} {seed} {rule}");
                        clear += 1;
                    }
                }
            }
        }
        assert!(clear > 24 * LONGEST_DIRECT * 9 / 10, "{clear}");
    }

    #[test]
    fn ties_and_extreme_numbers_are_in_doubt() {
        let tries = |weights: &[f32]| ternarize(&Ternarizer::new(), weights, &mut [0; 4]);
        // One weight of 3, or all four: 3^2 = 6^2 / 4.
        assert!(tries(&[3.0, 1.0, 1.0, 1.0]).is_none());
        assert!(tries(&[1e30, 1.0]).is_none() && tries(&[1e-30, 1e-31]).is_none());
        // Nothing is found in zeros.
        assert!(tries(&[0.0, -0.0]).is_some_and(|fit| fit.nonzeros == 0));
    }
}
