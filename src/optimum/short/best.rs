//! The scores of all prefixes of sixteen sorted vectors, and what the best of them is.
//!
//! Sums are added in doubles. All that can be selected lies within a factor `2 sqrt(n)` of the largest magnitude
//! ([`crate::optimum::objective`]), so that up to the best prefix they are exact: `24 + 8 + 1 + 8` bits at most. Scores are rounded, by
//! less than `1e-13` with what sums of more than can be selected add to that. Where two are closer than [`MARGIN`], the lane is in
//! doubt.
//!
//! Cost: about 20 operations for a row of 16 weights, and 7 for the positive ones.

use super::MOST;
use crate::optimum::solution::direct::{LEAST, MARGIN};
use crate::simd::{Job, Vector};

/// One number for each lane.
pub(super) type Lanes = [f64; 16];

/// `1 / m`.
static SHARES: [f64; MOST + 1] = {
    let mut shares = [0.0; MOST + 1];
    let mut m = 1;
    while m <= MOST {
        shares[m] = 1.0 / m as f64;
        m += 1;
    }
    shares
};

/// A support: its sum and its number of weights.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LaneSupport {
    pub(super) sum: Lanes,
    pub(super) mass: Lanes,
}

/// The best prefix, its score, and that of the second best.
#[derive(Clone, Copy, Default)]
pub(super) struct BestPrefix {
    pub(super) support: LaneSupport,
    pub(super) score: Lanes,
    pub(super) second: Lanes,
}

/// A number for each lane.
#[inline(always)]
pub(super) fn each<T: Copy>(zero: T, number: impl Fn(usize) -> T) -> [T; 16] {
    let mut all = [zero; 16];
    for (lane, place) in all.iter_mut().enumerate() {
        *place = number(lane);
    }
    all
}

/// What holds of which lanes, as bits.
#[inline(always)]
pub(super) fn where_true<V: Vector>(v: V, holds: impl Fn(usize) -> bool) -> u32 {
    let ones = each(0.0, |lane| if holds(lane) { 1.0 } else { 0.0 });
    v.bits(v.greater(v.load(&ones), v.splat(0.0)))
}

/// Both halves, one after the other.
#[inline(always)]
pub(super) fn lanes<V: Vector>(v: V, x: [V::Doubles; 2]) -> Lanes {
    let mut lanes = [0.0; 16];
    let (low, high) = lanes.split_at_mut(8);
    low.copy_from_slice(&v.doubles(x[0]));
    high.copy_from_slice(&v.doubles(x[1]));
    lanes
}

/// The best prefix of sorted magnitudes.
pub(super) struct BestPrefixPass<'r> {
    pub(super) rows: &'r [[f32; 16]],
    /// Where what is found is written.
    pub(super) best: &'r mut BestPrefix,
}

impl Job for BestPrefixPass<'_> {
    /// The lanes in doubt as bits.
    type Output = u32;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> Self::Output {
        // All lanes at once where registers are wide, else half of them after the other, so that these stay in registers.
        let mut found = [[v.zeros(); 2]; 4];
        if const { V::COLUMNS == 1 } {
            found = best_prefix::<V, 2>(v, self.rows, 0);
        } else {
            for h in 0..2 {
                let half = best_prefix::<V, 1>(v, self.rows, h);
                for (found, [half]) in found.iter_mut().zip(half) {
                    found[h] = half;
                }
            }
        }
        let ([score, second, sum, mass], best) = (found, self.best);
        best.score = lanes(v, score);
        best.second = lanes(v, second);
        best.support.sum = lanes(v, sum);
        best.support.mass = lanes(v, mass);
        where_true(v, |lane| {
            let top = self.rows[0][lane];
            let close = best.second[lane] >= best.score[lane] * (1.0 - MARGIN);
            let extreme = (top < LEAST) | (top > 1.0 / LEAST);
            (top > 0.0) & (close | extreme)
        })
    }
}

/// For each of `H` halves of the lanes from one on: the best score and the second best, the sum of the best prefix and its length.
#[inline(always)]
fn best_prefix<V: Vector, const H: usize>(
    v: V,
    rows: &[[f32; 16]],
    first: usize,
) -> [[V::Doubles; H]; 4] {
    let zeros = [v.zeros(); H];
    let (mut sum, mut best, mut second) = (zeros, zeros, zeros);
    let (mut best_sum, mut best_mass) = (zeros, zeros);
    let (mut mass, one) = (v.zeros(), v.splat_double(1.0));
    for (row, &share) in rows.iter().zip(&SHARES[1..]) {
        let (x, share) = (v.widen(v.load(row)), v.splat_double(share));
        mass = v.add_doubles(mass, one);
        for h in 0..H {
            sum[h] = v.add_doubles(sum[h], x[first + h]);
            let score = v.multiply_doubles(v.multiply_doubles(sum[h], sum[h]), share);
            second[h] = v.max_doubles(second[h], v.min_doubles(score, best[h]));
            best_sum[h] = v.if_greater((score, best[h]), sum[h], best_sum[h]);
            best_mass[h] = v.if_greater((score, best[h]), mass, best_mass[h]);
            best[h] = v.max_doubles(score, best[h]);
        }
    }
    [best, second, best_sum, best_mass]
}

/// The positive weights above a threshold.
pub(super) struct Positive<'r> {
    pub(super) rows: &'r [[f32; 16]],
    pub(super) thresholds: [f32; 16],
}

impl Job for Positive<'_> {
    type Output = LaneSupport;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> LaneSupport {
        let (threshold, one) = (v.load(&self.thresholds), v.splat(1.0));
        let (mut sum, mut count) = ([v.zeros(); 2], v.splat(0.0));
        for row in self.rows {
            let x = v.load(row);
            let selected = v.greater(x, threshold);
            let wide = v.widen(v.select(selected, x));
            count = v.add(count, v.select(selected, one));
            for h in 0..2 {
                sum[h] = v.add_doubles(sum[h], wide[h]);
            }
        }
        LaneSupport {
            sum: lanes(v, sum),
            mass: lanes(v, v.widen(count)),
        }
    }
}
