//! The search for slices with importances: like [`stream`](super::stream), with sums that are rounded and say by how much.
//!
//! With importances the gain of a threshold is `F(tau) = 4 tau B(tau)`, `B(tau) = sum h (|w| - tau)+`, still convex, and all that
//! [`stream`](super::stream) says of chords holds word for word. What does not carry over is exactness: no few bits hold
//! `S = sum h |w|` and `m = sum h`. So candidates are compared in doubles, and only where these leave a doubt, in integers.
//!
//! ```text
//! guess    = fixed point of g on about 24 sqrt(N) weights                                         (sample)
//! scan     : B at some thresholds around the guess; the window around it, and the sums above, in one pass
//! narrow   : B at three thresholds inside the window, drop what the chords exclude, until few weights are left
//! if the chords leave something outside the window, or it did not fit:  scan again, around what is left
//! decide   : every support that is left, against the one above them all, in doubles               (decide)
//! doubt    : those that doubles cannot tell apart, by their exact sums, a pass for each
//! ```
//!
//! Memory is the output buffer, eight bytes for a pair of a weight and its importance, so the window has room for an eighth of the
//! weights. Where that is not enough after some scans, and where very many supports score almost alike, the search gives up and
//! [`bracket`](super::bracket) has to do it: that is so for vectors made to be hard, not for trained weights.
//!
//! Cost: a scan and the pass that writes, about three times the time without importances; each doubt another two passes. So weights
//! that are ternary already take several times as long, heavy tails twice, and where this search gives up, two orders more.

mod decide;
mod narrow;
mod sample;

use decide::Kept;
use narrow::Narrowed;
use sample::{Guess, Sample};

use super::stream::chords::{Interval, Point, Points, pieces};
use crate::optimum::scan::Side;
use crate::optimum::scan::weighted::Weighted;
use crate::optimum::scan::weighted::pairs::Pairs;
use crate::optimum::scan::weighted::scan::{Scan, Survey};
use crate::simd::Backend;
use crate::weight::{Format, Weight, floor, scale_by_power};

/// Slices no longer than these lend no memory: there is more on the stack.
const SHORT: usize = 512;
const MEDIUM: usize = 4096;

/// Thresholds of a scan.
const THRESHOLDS: usize = 8;

/// Scans, at the most.
const SCANS: usize = 6;

/// What the search found.
pub(crate) enum Outcome {
    /// Not a case for this search; another has to do it.
    Unsuited,
    /// The optimum.
    Found(Found),
}

/// The optimum: all weights of some importance above a threshold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    /// Separates the support from the rest; it need not be half the scale.
    pub(crate) threshold: f32,
    /// The largest magnitude that can be selected.
    pub(crate) top: f32,
    /// The largest importance.
    pub(crate) top_importance: f32,
    /// `sum h w^2` of all weights, in the order of [`crate::exact::float_sums`].
    pub(crate) energy: f64,
}

/// What is to be searched, and with which instructions.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a, W> {
    pub(crate) backend: Backend,
    pub(crate) weighted: Weighted<'a, W>,
    pub(crate) side: Side,
}

/// Finds the optimum of at least 16 weights of a type that fits singles. Whatever `scratch` held is lost.
pub(crate) fn optimum<W: Weight>(task: Task<'_, W>, scratch: &mut [i8]) -> Outcome {
    let guess = task.backend.run(Sample::new(task.weighted, task.side));
    let len = task.weighted.weights.len();
    if len <= SHORT {
        task.search(guess, Pairs::new(&mut [0; 8 * SHORT]))
    } else if len <= MEDIUM {
        task.search(guess, Pairs::new(&mut [0; 2 * MEDIUM]))
    } else {
        task.search(guess, Pairs::new(scratch))
    }
}

/// Where to look next.
#[derive(Clone, Copy)]
struct Plan {
    thresholds: [f32; THRESHOLDS],
    ends: [f32; 2],
}

impl Plan {
    /// Around a guess: the nearest thresholds two to three widths of the window away, the next where chords from these still
    /// exclude.
    fn around(guess: Guess) -> Self {
        let [near, far] = [2.5, 8.0].map(|widths| f64::min(widths * guess.spread, 0.9));
        let (below, above) = (1.0 - near, 1.0 + near);
        let between = 1.5 * num_traits::Float::sqrt(1.0 + far);
        let factors = [0.0, 1.0 - far, below, above, 1.0 + far, between, 2.9, 8.0];
        Self {
            thresholds: factors.map(|factor| f32::narrow(guess.tau * factor)),
            ends: [1.0 - guess.spread, 1.0 + guess.spread]
                .map(|factor| f32::narrow(guess.tau * factor)),
        }
    }

    /// All over what is left, with a window that is as wide as that or narrower.
    fn over(left: Interval, window: Interval) -> Self {
        let ratio = num_traits::Float::powf(left.high / left.low, 1.0 / (THRESHOLDS - 1) as f64);
        let mut tau = left.low;
        let thresholds = core::array::from_fn(|_| {
            let threshold = floor::<f32>(tau);
            tau *= ratio;
            threshold
        });
        let mut plan = Self {
            thresholds,
            ends: outward(window),
        };
        plan.thresholds[THRESHOLDS - 1] = floor::<f32>(left.high).next_up();
        plan
    }
}

/// The singles next to an interval.
fn outward(interval: Interval) -> [f32; 2] {
    [
        floor::<f32>(interval.low),
        floor::<f32>(interval.high).next_up(),
    ]
}

/// What the scans have taught so far.
#[derive(Clone, Copy)]
struct Progress {
    /// A gain that some support reaches, and a threshold that has it.
    gain: f64,
    best: f64,
    /// Where optima can be, but for what is kept.
    left: Interval,
    /// All that is left of some window.
    kept: Option<Kept>,
}

impl Progress {
    /// Remembers the best gain of some points.
    fn note(&mut self, points: &[Point]) {
        for &point in points {
            if point.gain() > self.gain {
                (self.gain, self.best) = (point.gain(), point.tau);
            }
        }
    }

    /// What the chords between points leave.
    fn left_by(&self, points: &[Point]) -> Option<Interval> {
        let pieces = pieces::<{ Points::MOST - 1 }>(points, self.gain);
        let inside = pieces.into_iter().flatten().filter_map(|piece| {
            let (low, high) = (piece.low.max(self.left.low), piece.high.min(self.left.high));
            (low < high).then_some(Interval { low, high })
        });
        inside.reduce(hull)
    }
}

/// The smallest interval that holds both.
fn hull(a: Interval, b: Interval) -> Interval {
    Interval {
        low: a.low.min(b.low),
        high: a.high.max(b.high),
    }
}

impl<W: Weight> Task<'_, W> {
    fn search(self, guess: Guess, mut pairs: Pairs<'_>) -> Outcome {
        let scale = hinge_scale(&guess);
        let mut plan = Plan::around(guess);
        let mut progress = None;
        for _ in 0..SCANS {
            let survey = self.backend.run(Scan {
                weighted: self.weighted,
                side: self.side,
                thresholds: plan.thresholds,
                scale,
                ends: plan.ends,
                window: pairs.reborrow(),
            });
            if survey.largest_importance >= f32::INFINITY.to_bits() {
                // A zero with a sign.
                return Outcome::Unsuited;
            }
            let mut found = Found {
                threshold: 0.0,
                top: f32::from_bits(survey.top),
                top_importance: f32::from_bits(survey.largest_importance),
                energy: survey.energy,
            };
            if survey.top == 0 {
                return Outcome::Found(found);
            }
            if !self.is_suited(&survey, scale) {
                return Outcome::Unsuited;
            }
            let whole = Progress {
                gain: 0.0,
                best: guess.tau,
                left: Interval {
                    low: 0.0,
                    high: f64::from(found.top),
                },
                kept: None,
            };
            let progress = progress.get_or_insert(whole);
            match self.digest(progress, plan, &survey, pairs.reborrow()) {
                Step::Last => {
                    found.threshold = match self.decide(progress.kept.as_ref(), found) {
                        Some(threshold) => threshold,
                        None => return Outcome::Unsuited,
                    };
                    return Outcome::Found(found);
                }
                Step::Again(next) => plan = next,
                Step::Lost => return Outcome::Unsuited,
            }
        }
        Outcome::Unsuited
    }

    /// Whether the hinges are neither infinite nor so small that products may have been lost.
    fn is_suited(&self, survey: &Survey<THRESHOLDS>, scale: f32) -> bool {
        // A product or an importance below the range of normal numbers loses at most 2^-126 (times a magnitude): 2^-26 of this.
        let least = scale_by_power(self.weighted.weights.len() as f64, -100);
        let top = f64::from(f32::from_bits(survey.top)).max(1.0);
        let scale = f64::from(scale);
        let suits = |&hinge: &f64| hinge.is_finite() && hinge * scale >= least * top;
        survey.hinges.iter().all(suits)
    }

    /// What follows from a scan.
    fn digest(
        self,
        progress: &mut Progress,
        plan: Plan,
        survey: &Survey<THRESHOLDS>,
        mut pairs: Pairs<'_>,
    ) -> Step {
        let [low, high] = plan.ends;
        let fits = survey.inside <= pairs.len() && 0.0 < low && low < high;
        let survey_points = survey_points(plan.thresholds, survey);
        progress.note(&survey_points);
        let narrowed =
            fits.then(|| self.narrow(progress, pairs.first(survey.inside), survey, plan.ends));
        let ends = narrowed.as_ref().map(|narrowed| narrowed.ends);
        let (points, below) = with_ends(survey, &survey_points, ends);
        let (first, second) = points.all().split_at(below.min(points.all().len()));
        let both = [first, second].map(|part| progress.left_by(part));
        let mut outside = both.into_iter().flatten().reduce(hull);
        if let Some(narrowed) = narrowed
            && let Some(inside) = narrowed.interval
        {
            outside = progress.keep(&narrowed, inside, &pairs.first(narrowed.len), outside);
        }
        let Some(outside) = outside else {
            return if progress.kept.is_some() {
                Step::Last
            } else {
                Step::Lost
            };
        };
        progress.left = outside;
        Step::Again(progress.plan(&plan, survey.inside, pairs.len()))
    }
}

/// What a survey says of `B` at its thresholds.
fn survey_points(
    thresholds: [f32; THRESHOLDS],
    survey: &Survey<THRESHOLDS>,
) -> [Point; THRESHOLDS] {
    core::array::from_fn(|j| {
        let (tau, hinge) = (f64::from(thresholds[j]), survey.hinges[j]);
        let error = hinge * (Survey::<THRESHOLDS>::ERROR + survey.above.error);
        Point::new(tau, hinge - survey.mass * tau, error)
    })
}

impl Progress {
    /// Keeps what is left of a window; returns what is to be gathered next.
    fn keep(
        &mut self,
        narrowed: &Narrowed,
        inside: Interval,
        pairs: &Pairs<'_>,
        outside: Option<Interval>,
    ) -> Option<Interval> {
        let rival = self.kept.take().filter(|kept| kept.most() >= self.gain);
        if rival.is_none() {
            self.kept = Kept::new(narrowed, inside, pairs);
        }
        match (rival, &self.kept, outside) {
            // Supports of two windows do not compare well: gather both in one.
            (Some(rival), _, _) => {
                let both = hull(inside, rival.interval);
                Some(outside.map_or(both, |outside| hull(outside, both)))
            }
            (None, None, Some(outside)) => Some(hull(inside, outside)),
            (None, _, outside) => outside,
        }
    }

    /// Where to look next, after a window with so many weights where there was room for so many.
    fn plan(&self, last: &Plan, inside: usize, room: usize) -> Plan {
        let Interval { low, high } = self.left;
        let ends = last.ends.map(f64::from);
        let width = (ends[1] - ends[0]) * 0.7 * room as f64 / inside.max(1) as f64;
        if inside <= room || high - low <= width {
            return Plan::over(self.left, self.left);
        }
        let within = ends[0] <= self.best && self.best <= ends[1];
        let middle = if within {
            self.best
        } else {
            f64::midpoint(ends[0], ends[1])
        };
        let first = (middle - width / 2.0).min(high - width).max(low);
        let window = Interval {
            low: first,
            high: (first + width).min(high),
        };
        Plan::over(self.left, window)
    }
}

/// What to do after a scan.
enum Step {
    /// All candidates are kept.
    Last,
    /// Scan again.
    Again(Plan),
    /// Give up.
    Lost,
}

/// The points of a survey between nothing and everything, and those of the window's ends; how many lie below the window.
fn with_ends(
    survey: &Survey<THRESHOLDS>,
    survey_points: &[Point],
    ends: Option<[Point; 2]>,
) -> (Points, usize) {
    let top = f64::from(f32::from_bits(survey.top));
    // Cauchy and Schwarz: the sum of all magnitudes.
    let most = num_traits::Float::sqrt(survey.mass * survey.energy * 1.000_001);
    let (mut points, mut below) = (Points::new(most), None);
    for &point in survey_points {
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
    if let (Some([low, high]), None) = (ends, below) {
        below = Some(points.push(low));
        points.push(high);
    }
    points.push(Point {
        tau: top,
        ..Point::default()
    });
    (points, below.unwrap_or(0))
}

/// A power of two by which the importances are multiplied so that hinges are about 1.
fn hinge_scale(guess: &Guess) -> f32 {
    let exponent = |x: f64| (x.to_bits() >> 52) as i32 - 1023;
    if guess.tau > 0.0 && guess.importance > 0.0 && guess.importance.is_finite() {
        let exponent = -exponent(guess.tau) - exponent(guess.importance);
        f32::narrow(scale_by_power(1.0, exponent.clamp(-120, 120)))
    } else {
        1.0
    }
}
