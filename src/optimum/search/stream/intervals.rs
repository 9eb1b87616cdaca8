//! [`IntervalSearch`]: the window, then the intervals that the chords leave around it, each narrowed until few supports are left.
//!
//! ```text
//! repeat   B at both ends and at five thresholds between, from the sums above and the gathered weights
//!          keep what the chords leave; what is above goes to the sums, what is below is forgotten
//! until    16 are left, or it does not pay
//! offer    each support that is left
//! ```
//!
//! The best support so far and the best gain known are kept, so later intervals are shorter. Cost: a round leaves about a tenth of
//! ordinary weights, so all rounds together read the gathered ones somewhat more than once.

use core::marker::PhantomData;

use super::chords::{Interval, Point, Points, left, pieces};
use super::{Decide, StreamInput, Streamed};
use crate::exact::grid::Grid;
use crate::optimum::scan::above::last_place;
use crate::optimum::scan::buffer::GatherBuffer;
use crate::optimum::scan::gathered::{HingePass, HingeSums, hinge_error};
use crate::optimum::scan::mass::Mass;
use crate::optimum::scan::survey::{Gathered, Survey};
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

/// A search of intervals, and what they share.
pub(crate) struct IntervalSearch<'a, 's, W: FloatBits, H: Decide<W>> {
    pub(super) input: StreamInput<'a, W, H>,
    pub(super) buffer: GatherBuffer<'s, W>,
    pub(super) grid: Grid,
    /// The key of the largest magnitude that can be selected.
    pub(super) top_key: u64,
    /// The mass of a weight that is selected, about.
    pub(super) mean_mass: f64,
    pub(super) mass_scale: f32,
    pub(super) best: H::Best,
    /// A gain that some support reaches.
    pub(super) gain: f64,
}

impl<W: FloatBits, H: Decide<W>> IntervalSearch<'_, '_, W, H> {
    /// The best support, when all have been offered.
    pub(super) fn found(self) -> Streamed<H::Best> {
        Streamed {
            best: self.best,
            top: self.top_key,
        }
    }

    /// Searches the window that was gathered, if there is one, and all that the first survey leaves around it. `None` if it cannot.
    pub(super) fn all<const T: usize>(
        &mut self,
        thresholds: [f32; T],
        survey: &Survey<H, T>,
        window: Option<([f32; 2], Gathered<H>)>,
    ) -> Option<()> {
        let norms = self.input.norms;
        let survey_points = survey_points(thresholds, survey, norms.mass);
        self.note(&survey_points);
        let mut ends = None;
        if let Some((window, gathered)) = window
            && self.is_complete(window, gathered)
        {
            let above = H::in_unit(self, gathered.above, last_place(window[1]));
            let [low, high] = window.map(f64::from);
            ends = Some(self.finish(Gathered { above, ..gathered }, Interval { low, high })?);
        }
        // All points in order, from zero to the largest magnitude; and how many lie below the window.
        let top = self.top();
        // Cauchy and Schwarz: the sum of all magnitudes, with more to spare than an energy of rounded weights needs.
        let most = num_traits::Float::sqrt(norms.mass * norms.energy * 1.000_001);
        let (mut points, mut below) = (Points::new(most), None);
        let beyond = Point::new(f64::INFINITY, 0.0, 0.0);
        for point in survey_points.into_iter().chain([beyond]) {
            if let (Some([low, high]), None) = (ends, below)
                && point.tau > low.tau
            {
                below = Some(points.push(low));
                points.push(high);
            }
            if point.tau < top {
                points.push(point);
            }
        }
        points.push(Point::new(top, 0.0, 0.0));
        self.note(points.all());
        // What the chords leave on both sides of the window.
        let (first, second) = points.all().split_at(below.unwrap_or(points.all().len()));
        for part in [first, second] {
            let pieces = pieces::<{ Points::MOST - 1 }>(part, self.gain);
            for piece in pieces.into_iter().flatten() {
                self.dig_around(piece, [0.0, f32::MAX])?;
            }
        }
        Some(())
    }

    /// Whether all of a window was gathered, and the sums above it can be used.
    fn is_complete(&self, ends: [f32; 2], gathered: Gathered<H>) -> bool {
        let [low, high] = ends.map(f64::from);
        let in_order = 0.0 < low && low < high && self.lowest() <= low;
        let fits = gathered.inside <= self.buffer.slots.len();
        fits && in_order && H::is_exact(self, ends[1])
    }

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
            let (below, above) = (fixed - near, fixed + near);
            let taus = [low, fixed - far, below, fixed, above, fixed + far, high];
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

    /// No optimum has a threshold below: its score `4 tau^2 m` would be less than the gain.
    pub(super) fn lowest(&self) -> f64 {
        0.49 * num_traits::Float::sqrt(self.gain / self.input.norms.mass)
    }

    /// Remembers the best gain of some points.
    pub(super) fn note(&mut self, points: &[Point]) {
        let best = points.iter().map(|point| point.gain()).fold(0.0, f64::max);
        self.gain = self.gain.max(best);
    }

    /// The largest magnitude.
    pub(super) fn top(&self) -> f64 {
        W::from_key(self.top_key).widen()
    }

    /// The unit of exact sums is two to this power.
    pub(super) fn unit(&self) -> i32 {
        self.grid.unit::<W>()
    }
}

/// What a survey says of `B` at its thresholds.
pub(super) fn survey_points<H: Mass, const T: usize>(
    thresholds: [f32; T],
    survey: &Survey<H, T>,
    mass: f64,
) -> [Point; T] {
    let mut points = [Point::default(); T];
    for (point, (threshold, hinge)) in points.iter_mut().zip(thresholds.iter().zip(survey.hinges)) {
        let (tau, error) = (f64::from(*threshold), hinge * survey.hinge_error);
        *point = Point::new(tau, hinge - mass * tau, error);
    }
    points
}

/// Thresholds on a logarithmic scale: tails are long.
fn evenly(Interval { low, high }: Interval) -> [f64; POINTS] {
    let root = num_traits::Float::sqrt;
    let ratio = root(high / low);
    // The sixth root of the ratio, near enough: powers of 1/2, 1/4 and 1/8 are cheap.
    let [half, quarter] = [ratio, root(ratio)].map(|factor| low * factor);
    let eighth = root(root(ratio));
    let (first, above, last) = (low * eighth, half * root(ratio), high / eighth);
    let taus = [low, first, quarter, half, above, last, high];
    taus.map(|tau| tau.clamp(low, high))
}
