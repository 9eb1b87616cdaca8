//! The end of the search of an interval: its weights lie gathered in the scratch, and get fewer and fewer.
//!
//! ```text
//! repeat   B at both ends and at three thresholds between, from the sums above and the gathered weights
//!          keep what the chords leave; what is above goes to the sums, what is below is forgotten
//! until    16 are left, or it does not pay
//! sort, and offer each prefix
//! ```
//!
//! Cost: each round leaves about a quarter, so all rounds together read the gathered weights somewhat more than once.

use core::cmp::Reverse;

use super::chords::{Interval, Point, left};
use super::intervals::Search;
use crate::backend::{Job, Vector};
use crate::passes::LANES;
use crate::passes::above::is_exact;
use crate::passes::compact::{Compact, load};
use crate::passes::gather::Gathered;
use crate::weight::{Weight, floor, scale_by_power};

/// So few are sorted at once.
const FEW: usize = 16;
/// Thresholds inside the interval.
const INNER: usize = 3;

/// `sum max(|w|, tau)` over gathered weights.
struct Hinges<'s, W: Weight> {
    slots: &'s [W::Slot],
    taus: [f64; INNER + 2],
}

impl<W: Weight> Job for Hinges<'_, W> {
    type Output = [f64; INNER + 2];

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let mut sums = [vector.zeros(); INNER + 2];
        let step = if W::FITS_SINGLE { LANES } else { 8 };
        for start in (0..self.slots.len()).step_by(step) {
            let mut x = [vector.zeros(); 2];
            let halves = step / 8;
            if W::FITS_SINGLE {
                let singles = vector.load(&load::<W>(self.slots, start));
                x = vector.widen(vector.abs(singles));
            } else {
                let mut eight = [0.0; 8];
                for (x, &slot) in eight.iter_mut().zip(self.slots.iter().skip(start)) {
                    *x = W::from_slot(slot).abs().widen();
                }
                x[0] = vector.load_doubles(&eight);
            }
            for j in 0..INNER + 2 {
                let tau = vector.splat_double(self.taus[j]);
                for &x in x.iter().take(halves) {
                    sums[j] = vector.add_doubles(sums[j], vector.max_doubles(x, tau));
                }
            }
        }
        let padding = self.slots.len().next_multiple_of(step) - self.slots.len();
        let mut hinges = [0.0; INNER + 2];
        for j in 0..INNER + 2 {
            hinges[j] = -(padding as f64 * self.taus[j]);
            for lane in vector.doubles(sums[j]) {
                hinges[j] += lane;
            }
        }
        hinges
    }
}

impl<W: Weight> Search<'_, '_, W> {
    /// Offers every support whose threshold is in the interval and that could be the best; returns `B` at its ends.
    pub(super) fn finish(&mut self, mut above: Gathered, mut interval: Interval) -> [Point; 2] {
        let mut len = above.inside;
        let mut points = self.points(&above, len, interval);
        let ends = [points[0], points[INNER + 1]];
        while len > FEW {
            self.note(&points);
            let mut parts = points.windows(2).filter_map(|pair| match pair {
                &[p, q] => left(p, q, self.gain),
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
            if len > before - before / 4 {
                break;
            }
            points = self.points(&above, len, interval);
        }
        self.offer_prefixes(above, len);
        ends
    }

    /// `B` at the ends of the interval and between. No end is zero.
    fn points(
        &self,
        above: &Gathered,
        len: usize,
        Interval { low, high }: Interval,
    ) -> [Point; INNER + 2] {
        // Evenly on a logarithmic scale: tails are long.
        let half = num_traits::Float::sqrt(low * high);
        let quarters = [low, high].map(|end| num_traits::Float::sqrt(end * half).clamp(low, high));
        let taus = [low, quarters[0], half.clamp(low, high), quarters[1], high];
        let slots = self.slots.get(..len).unwrap_or_default();
        let hinges = self.task.backend.run(Hinges::<W> { slots, taus });
        let (sum, count) = (self.value(above.all.sum), above.all.count as f64);
        core::array::from_fn(|j| {
            let (tau, hinge) = (taus[j], hinges[j]);
            let b = sum - count * tau + hinge - len as f64 * tau;
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
        /// More than what a score in doubles can be wrong by after this many additions.
        const RUN: usize = 32;
        const MARGIN: f64 = 1.0 - 1e-12;
        let grid = self.plain.grid();
        if let Some(window) = self.slots.get_mut(..len) {
            window.sort_unstable_by_key(|&slot| Reverse(W::from_slot(slot).key()));
        }
        self.offer(&above);
        let (unit, mut sum) = (-self.unit(), above.all.sum as f64);
        for i in 0..len {
            let weight = W::from_slot(self.slots[i]);
            above.add(grid.place(weight.key()), weight.is_sign_negative());
            sum += scale_by_power(weight.abs().widen(), unit);
            if i % RUN == RUN - 1 {
                sum = above.all.sum as f64;
            }
            // Most are clearly worse: no need to know by how much.
            if sum * sum >= self.score * MARGIN * above.all.count as f64 {
                self.offer(&above);
            }
        }
    }
}
