//! The end of the search of an interval: its weights lie gathered in the scratch, and get fewer and fewer.
//!
//! ```text
//! repeat   B at both ends and at five thresholds between, from the sums above and the gathered weights
//!          keep what the chords leave; what is above goes to the sums, what is below is forgotten
//! until    16 are left, or it does not pay
//! sort, and offer each prefix
//! ```
//!
//! Cost: a round leaves about a tenth of ordinary weights, so all rounds together read the gathered ones somewhat more than once.

use core::cmp::Reverse;

use super::chords::{Interval, Point, left};
use super::intervals::{SUM_ERROR, Search};
use crate::optimum::scan::LANES;
use crate::optimum::scan::above::is_exact;
use crate::optimum::scan::compact::{Compact, load};
use crate::optimum::scan::gather::Gathered;
use crate::simd::{Job, Vector};
use crate::weight::{Weight, floor, scale_by_power};

/// So few are sorted at once.
const FEW: usize = 16;
/// Thresholds inside the interval.
const INNER: usize = 5;
/// Those, and the ends.
const POINTS: usize = INNER + 2;

/// `sum |w|` over gathered weights, and `sum max(|w|, tau)`.
struct Hinges<'s, W: Weight> {
    slots: &'s [W::Slot],
    taus: [f64; INNER],
}

impl<W: Weight> Job for Hinges<'_, W> {
    type Output = (f64, [f64; INNER]);

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let (mut total, mut sums) = (vector.zeros(), [vector.zeros(); INNER]);
        let step = if W::FITS_SINGLE { LANES } else { 8 };
        for start in (0..self.slots.len()).step_by(step) {
            let [x, y] = sixteen::<V, W>(vector, self.slots, start);
            total = vector.add_doubles(total, vector.add_doubles(x, y));
            for (sum, tau) in sums.iter_mut().zip(self.taus) {
                let tau = vector.splat_double(tau);
                let (x, y) = (vector.max_doubles(x, tau), vector.max_doubles(y, tau));
                *sum = vector.add_doubles(*sum, vector.add_doubles(x, y));
            }
        }
        // What was added beyond the last weight: nothing, or a threshold.
        let padding = self.slots.len().div_ceil(step) * LANES - self.slots.len();
        let mut hinges = [0.0; INNER];
        for j in 0..INNER {
            hinges[j] = sum_of(vector, sums[j]) - padding as f64 * self.taus[j];
        }
        (sum_of(vector, total), hinges)
    }
}

/// The sum of all lanes.
#[inline(always)]
fn sum_of<V: Vector>(vector: V, lanes: V::Doubles) -> f64 {
    let mut sum = 0.0;
    for lane in vector.doubles(lanes) {
        sum += lane;
    }
    sum
}

/// Magnitudes from a slot on, sixteen singles or eight doubles; zeros beyond the last.
#[inline(always)]
fn sixteen<V: Vector, W: Weight>(vector: V, slots: &[W::Slot], start: usize) -> [V::Doubles; 2] {
    if W::FITS_SINGLE {
        return vector.widen(vector.abs(vector.load(&load::<W>(slots, start))));
    }
    let mut eight = [0.0; 8];
    for (x, &slot) in eight.iter_mut().zip(slots.iter().skip(start)) {
        *x = W::from_slot(slot).abs().widen();
    }
    [vector.load_doubles(&eight), vector.zeros()]
}

impl<W: Weight> Search<'_, '_, W> {
    /// Offers every support whose threshold is in the interval and that could be the best; returns `B` at its ends.
    pub(super) fn finish(&mut self, mut above: Gathered, mut interval: Interval) -> [Point; 2] {
        let mut len = above.inside;
        let mut taus = self.around_fixed_point(&above, len, interval);
        let mut points = self.points(&above, len, taus);
        let ends = [points[0], points[POINTS - 1]];
        while len > FEW {
            self.note(&points);
            let mut parts = points.windows(2).filter_map(|pair| match pair {
                &[p, q] if p.tau < q.tau => left(p, q, self.gain),
                _ => None,
            });
            let Some(first) = parts.next() else {
                return ends;
            };
            interval = Interval {
                low: first.low,
                high: parts.next_back().unwrap_or(first).high,
            };
            let before = len;
            len = self.compact(&mut above, len, interval);
            if len > before - before / 8 {
                break;
            }
            // Where the guess did not help, it would not help again.
            taus = if len < before / 4 {
                self.around_fixed_point(&above, len, interval)
            } else {
                evenly(interval)
            };
            points = self.points(&above, len, taus);
        }
        self.offer_prefixes(above, len);
        ends
    }

    /// Thresholds close to where the map `g` will hold still, if the weights lie evenly in the interval.
    ///
    /// With `p` weights on a unit of thresholds, `g = S / 2M` grows by `p (2g - tau) / 2M` for a unit of `tau`: so much of a step
    /// towards the fixed point is still to come after it.
    fn around_fixed_point(
        &self,
        above: &Gathered,
        len: usize,
        interval: Interval,
    ) -> [f64; POINTS] {
        let Interval { low, high } = interval;
        let (sum, twice) = (self.value(above.all.sum), 2.0 * above.all.count as f64);
        let half_mean = sum / twice;
        let slope = len as f64 / (high - low) * (2.0 * half_mean - high) / twice;
        let fixed = high - (high - half_mean) / (1.0 - slope);
        if fixed > low && fixed < high && slope < 0.9 {
            let [far, near] = [7.0, 24.0].map(|part| (high - low) / part);
            let taus = [
                low,
                fixed - far,
                fixed - near,
                fixed,
                fixed + near,
                fixed + far,
                high,
            ];
            taus.map(|tau| tau.clamp(low, high))
        } else {
            evenly(interval)
        }
    }

    /// `B` at some thresholds, the first and the last of which enclose all gathered weights.
    fn points(&self, above: &Gathered, len: usize, taus: [f64; POINTS]) -> [Point; POINTS] {
        let slots = self.slots.get(..len).unwrap_or_default();
        let mut inner = [0.0; INNER];
        inner.copy_from_slice(&taus[1..=INNER]);
        let (total, hinges) = self.task.backend.run(Hinges::<W> { slots, taus: inner });
        let (sum, count) = (self.value(above.all.sum), above.all.count as f64);
        core::array::from_fn(|j| {
            let (tau, len) = (taus[j], len as f64);
            let hinge = match j {
                0 => total,
                _ => hinges.get(j - 1).copied().unwrap_or(len * tau),
            };
            let b = sum - count * tau + hinge - len * tau;
            // All sums have less than 2^28 terms of less than the sum; what cancels is smaller than the sum, too.
            Point::new(tau, b, 1e-11 * (sum + hinge))
        })
    }

    /// Keeps the weights in the interval, adds those above it to the sums, and returns how many are kept.
    fn compact(
        &mut self,
        above: &mut Gathered,
        len: usize,
        Interval { low, high }: Interval,
    ) -> usize {
        let grid = self.plain.grid();
        if W::FITS_SINGLE && is_exact(len, self.top(), high) {
            let ends = [low, high].map(floor::<f32>);
            let slots = self.slots.get_mut(..len).unwrap_or_default();
            let (kept, sums) = self.task.backend.run(Compact::<W> { slots, ends, grid });
            above.add_sums(sums);
            return kept;
        }
        let mut kept = 0;
        // Without a branch, for none could be predicted.
        for i in 0..len {
            let weight = W::from_slot(self.slots[i]);
            let x = weight.abs().widen();
            above.add_if(
                x > high,
                grid.place(weight.key()),
                weight.is_sign_negative(),
            );
            self.slots[kept] = self.slots[i];
            kept += usize::from(x > low && x <= high);
        }
        kept
    }

    /// Offers what is above, and one weight more each time.
    pub(super) fn offer_prefixes(&mut self, mut above: Gathered, len: usize) {
        /// After so many additions the sum is off by at most [`SUM_ERROR`].
        const RUN: usize = 8;
        const MARGIN: f64 = 1.0 - 1e-12;
        let grid = self.plain.grid();
        if let Some(window) = self.slots.get_mut(..len) {
            window.sort_unstable_by_key(|&slot| Reverse(W::slot_order(slot)));
        }
        const { assert!(SUM_ERROR > (RUN + 2) as f64 * f64::EPSILON / 2.0) };
        self.offer(&above);
        let unit = -self.unit();
        for start in (0..len).step_by(RUN) {
            // In a loop around the other, or the compiler takes it anew for each weight.
            let mut sum = above.all.sum as f64;
            for i in start..len.min(start + RUN) {
                let weight = W::from_slot(self.slots[i]);
                above.add(grid.place(weight.key()), weight.is_sign_negative());
                sum += scale_by_power(weight.abs().widen(), unit);
                // Most are clearly worse: no need to know by how much.
                if sum * sum >= self.score * MARGIN * above.all.count as f64 {
                    self.offer_sum(&above, sum);
                }
            }
        }
    }
}

/// Thresholds on a logarithmic scale: tails are long.
fn evenly(Interval { low, high }: Interval) -> [f64; POINTS] {
    let root = num_traits::Float::sqrt;
    let ratio = root(high / low);
    // The sixth root of the ratio, near enough: powers of 1/2, 1/4 and 1/8 are cheap.
    let [half, quarter] = [ratio, root(ratio)].map(|factor| low * factor);
    let eighth = root(root(ratio));
    let taus = [
        low,
        low * eighth,
        quarter,
        half,
        half * root(ratio),
        high / eighth,
        high,
    ];
    taus.map(|tau| tau.clamp(low, high))
}
