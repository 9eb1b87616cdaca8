//! The end of the search of an interval: its weights lie gathered in the buffer, and get fewer and fewer.
//!
//! ```text
//! repeat   B at both ends and at five thresholds between, from the sums above and the gathered weights
//!          keep what the chords leave; what is above goes to the sums, what is below is forgotten
//! until    16 are left, or it does not pay
//! offer    each support that is left
//! ```
//!
//! Cost: a round leaves about a tenth of ordinary weights, so all rounds together read the gathered ones somewhat more than once.

use core::marker::PhantomData;

use super::Decide;
use super::chords::{Interval, Point, left};
use super::intervals::IntervalSearch;
use crate::optimum::scan::gathered::{HingePass, HingeSums, hinge_error};
use crate::optimum::scan::survey::Gathered;
use crate::weight::{FloatBits, floor};

/// So few are offered at once. Chosen: about as many as fit one vector, so another round would not read less.
const FEW: usize = 16;
/// Thresholds inside the interval. Chosen: one more costs two operations for 16 weights, and five leave about a tenth.
const INNER: usize = 5;
/// Those, and the ends.
const POINTS: usize = INNER + 2;
/// With importances, so many supports can be kept: narrowing goes on until no more are left, even if a round leaves most of them.
const MANY: usize = 64;
/// The most rounds. Chosen: ordinary weights need two to five.
const ROUNDS: usize = 24;

impl<W: FloatBits, H: Decide<W>> IntervalSearch<'_, '_, W, H> {
    /// Offers every support whose threshold is in the interval and that could be the best; returns `B` at its ends.
    pub(super) fn finish(
        &mut self,
        gathered: Gathered<H>,
        mut interval: Interval,
    ) -> Option<[Point; 2]> {
        let (mut len, mut above) = (gathered.inside, gathered.above);
        let mut taus = self.around_fixed_point(above, len, interval);
        let mut points = self.points(above, len, taus);
        let ends = [points[0], points[POINTS - 1]];
        for _ in 0..ROUNDS {
            if len <= FEW {
                break;
            }
            // What the chords leave.
            self.note(&points);
            let mut parts = points.windows(2).filter_map(|pair| match pair {
                &[p, q] if p.tau < q.tau => left(p, q, self.gain),
                _ => None,
            });
            let Some(first) = parts.next() else {
                return Some(ends);
            };
            interval = Interval {
                low: first.low,
                high: parts.next_back().unwrap_or(first).high,
            };
            let before = len;
            len = H::compact(self, &mut above, len, interval);
            // Whether another round pays.
            let slow = len > before - before / 8;
            if len == before || slow && (len <= MANY || !H::WEIGHTED) {
                break;
            }
            // Where the guess did not help, it would not help again.
            taus = if len < before / 4 {
                self.around_fixed_point(above, len, interval)
            } else {
                evenly(interval)
            };
            points = self.points(above, len, taus);
        }
        H::offer(self, above, len, floor(interval.high))?;
        Some(ends)
    }

    /// Thresholds close to where the map `g` will hold still, if the weights lie evenly in the interval.
    ///
    /// With a mass `p` on a unit of thresholds, `g = S / 2m` grows by `p (2g - tau) / 2m` for a unit of `tau`: so much of a step
    /// towards the fixed point is still to come after it.
    fn around_fixed_point(&self, above: H::Sums, len: usize, interval: Interval) -> [f64; POINTS] {
        let Interval { low, high } = interval;
        let above = H::rounded(self, above);
        let (half_mean, twice) = (above.sum / (2.0 * above.mass), 2.0 * above.mass);
        let inside = len as f64 * self.mean_mass;
        let slope = inside / (high - low) * (2.0 * half_mean - high) / twice;
        let fixed = high - (high - half_mean) / (1.0 - slope);
        if fixed > low && fixed < high && slope < 0.9 {
            // Chosen: close to the fixed point the chords leave least.
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
    fn points(&mut self, above: H::Sums, len: usize, taus: [f64; POINTS]) -> [Point; POINTS] {
        let mut inner = [0.0; INNER];
        inner.copy_from_slice(&taus[1..=INNER]);
        let HingeSums { sum, mass, hinges } = self.input.backend.run(HingePass::<W, H, INNER> {
            buffer: self.buffer.first(len),
            taus: inner,
            masses: PhantomData,
        });
        let above = H::rounded(self, above);
        // What is taken away is smaller than what it is taken from.
        let error = 2.0 * (above.error.max(hinge_error(len)) + 8.0 * f64::EPSILON);
        core::array::from_fn(|j| {
            let tau = taus[j];
            let hinge = match j {
                0 => sum,
                _ => hinges.get(j - 1).copied().unwrap_or(mass * tau),
            };
            let b = above.sum - above.mass * tau + (hinge - mass * tau);
            Point::new(tau, b, error * (above.sum + hinge))
        })
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
