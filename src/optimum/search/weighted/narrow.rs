//! Making a window narrower, which lies gathered: its weights get fewer and fewer.
//!
//! ```text
//! repeat   B at both ends and at three thresholds between, from the sums above and the gathered weights
//!          keep what the chords leave; what is above goes to the sums, what is below is forgotten
//! until    16 are left, or it does not pay
//! ```

use super::{Interval, Point, Progress, THRESHOLDS, Task, outward};
use crate::optimum::scan::weighted::Above;
use crate::optimum::scan::weighted::pairs::{Compact, Hinges, Pairs, error};
use crate::optimum::scan::weighted::scan::Survey;
use crate::optimum::search::stream::chords::left;
use crate::weight::{Weight, floor};

/// So few are looked at one by one.
const FEW: usize = 16;

/// Thresholds inside, and both ends.
const POINTS: usize = 5;

/// What is left of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Narrowed {
    /// `B` at the ends of the window as it was.
    pub(super) ends: [Point; 2],
    /// Where optima can be; `None` if there are none in the window.
    pub(super) interval: Option<Interval>,
    /// How many pairs are left.
    pub(super) len: usize,
    /// The sums of what is above `high`.
    pub(super) above: Above,
    /// Above it is nothing that is left.
    pub(super) high: f32,
}

impl<W: Weight> Task<'_, W> {
    /// Keeps the pairs that decide, in the first places.
    pub(super) fn narrow(
        self,
        progress: &mut Progress,
        mut pairs: Pairs<'_>,
        survey: &Survey<THRESHOLDS>,
        mut ends: [f32; 2],
    ) -> Narrowed {
        let mut points = self.inner_points(pairs.reborrow(), survey.above, ends);
        let mut narrowed = Narrowed {
            ends: [points[0], points[POINTS - 1]],
            interval: None,
            len: survey.inside,
            above: survey.above,
            high: ends[1],
        };
        loop {
            progress.note(&points);
            let mut parts = points.windows(2).filter_map(|pair| match pair {
                &[p, q] if p.tau < q.tau => left(p, q, progress.gain),
                _ => None,
            });
            let Some(first) = parts.next() else {
                narrowed.interval = None;
                return narrowed;
            };
            let interval = Interval {
                low: first.low,
                high: parts.next_back().unwrap_or(first).high,
            };
            narrowed.interval = Some(interval);
            let before = narrowed.len;
            if before <= FEW {
                return narrowed;
            }
            let [low, high] = outward(interval);
            ends = [low.max(ends[0]), high.min(ends[1])];
            let pairs_left = pairs.first(before);
            let (kept, above) = self.backend.run(Compact {
                pairs: pairs_left,
                ends,
            });
            narrowed.above = narrowed.above.and(above);
            (narrowed.len, narrowed.high) = (kept, ends[1]);
            if kept > before - before / 4 {
                return narrowed;
            }
            points = self.inner_points(pairs.first(kept), narrowed.above, ends);
        }
    }

    /// `B` at the ends of the window and between.
    fn inner_points(self, pairs: Pairs<'_>, above: Above, ends: [f32; 2]) -> [Point; POINTS] {
        let [low, high] = ends.map(f64::from);
        // Evenly on a logarithmic scale: tails are long.
        let half = num_traits::Float::sqrt(low * high);
        let quarters = [low, high].map(|end| num_traits::Float::sqrt(end * half));
        let inner = |tau: f64| floor::<f32>(tau).clamp(ends[0], ends[1]);
        let thresholds = [
            ends[0],
            inner(quarters[0]),
            inner(half),
            inner(quarters[1]),
            ends[1],
        ];
        let rounding = above.error.max(error(pairs.len())) + 8.0 * f64::EPSILON;
        let (hinges, mass) = self.backend.run(Hinges { pairs, thresholds });
        core::array::from_fn(|j| {
            let (tau, hinge) = (f64::from(thresholds[j]), hinges[j]);
            let b = above.sum - above.mass * tau + (hinge - mass * tau);
            // What is taken away is smaller than what it is taken from.
            Point::new(tau, b, 2.0 * rounding * (above.sum + hinge))
        })
    }
}
