//! [`IntervalSearch`]: the intervals that the chords leave, one after the other.
//!
//! ```text
//! dig:    gather what lies in the interval;  if it fits the buffer, narrow it,  else split
//! split:  at quantiles of a sample of what was gathered;  survey these, and dig where the chords leave something
//! ```
//!
//! The best support so far and the best gain known are kept, so later intervals are shorter.

use super::chords::{Interval, Point, Points, left, pieces};
use super::{Decide, StreamInput, Streamed};
use crate::exact::grid::Grid;
use crate::optimum::scan::above::last_place;
use crate::optimum::scan::buffer::GatherBuffer;
use crate::optimum::scan::mass::Mass;
use crate::optimum::scan::survey::{Gathered, ScanPass, Survey};
use crate::weight::{FloatBits, floor};

/// Parts into which an interval is split at once. Chosen: the thresholds between them are as many as those of the first scan, so
/// that no other scan is compiled for them.
const PARTS: usize = 7;

/// Weights by whose quantiles an interval is split. Chosen: quantiles of so many are off by less than a part.
const SAMPLE: usize = 256;

/// A search of intervals, and what they share.
pub(crate) struct IntervalSearch<'a, 's, W: FloatBits, H: Decide<W>> {
    pub(super) input: StreamInput<'a, W, H>,
    pub(super) buffer: GatherBuffer<'s, W>,
    pub(super) grid: Grid,
    /// The key of the largest magnitude that can be selected.
    top_key: u64,
    pub(super) top_mass: f32,
    /// `sum h` of all weights, about.
    mass: f64,
    /// The mass of a weight that is selected, about.
    pub(super) mean_mass: f64,
    pub(super) mass_scale: f32,
    pub(super) best: H::Best,
    /// A gain that some support reaches.
    pub(super) gain: f64,
}

impl<'a, 's, W: FloatBits, H: Decide<W>> IntervalSearch<'a, 's, W, H> {
    pub(super) fn new<const T: usize>(
        input: StreamInput<'a, W, H>,
        survey: &Survey<H, T>,
        mean_mass: f64,
        mass_scale: f32,
        buffer: GatherBuffer<'s, W>,
    ) -> Self {
        let weights = input.weights.weights;
        let top_key = if W::FITS_SINGLE {
            W::narrow(f64::from(f32::from_bits(survey.top))).key()
        } else {
            let keys = weights.iter().map(|weight| {
                let counts = input.side.includes(weight.is_sign_negative());
                weight.key() * u64::from(counts)
            });
            keys.max().unwrap_or(0)
        };
        let mut search = Self {
            input,
            buffer,
            grid: Grid::coarsest(top_key, weights.len() as u64, W::PRECISION),
            top_key,
            top_mass: survey.top_mass,
            mass: if H::WEIGHTED {
                survey.mass
            } else {
                weights.len() as f64
            },
            mean_mass,
            mass_scale,
            best: H::Best::default(),
            gain: 0.0,
        };
        if !H::WEIGHTED {
            // The largest weight alone.
            search.gain = search.top() * search.top();
        }
        search
    }

    /// The best support, once all is searched.
    pub(super) fn result(self, energy: f64) -> Streamed<H::Best> {
        Streamed {
            best: self.best,
            top: self.top_key,
            top_mass: self.top_mass,
            energy: W::FITS_SINGLE.then_some(energy),
        }
    }

    /// Searches the window that was gathered, if there is one, and all that the first survey leaves around it. `None` if it cannot.
    pub(super) fn all<const T: usize>(
        &mut self,
        thresholds: [f32; T],
        survey: &Survey<H, T>,
        window: Option<([f32; 2], Gathered<H>)>,
    ) -> Option<()> {
        let survey_points = survey_points(thresholds, survey);
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
        let most = num_traits::Float::sqrt(survey.mass * survey.energy * 1.000_001);
        let (mut points, mut below) = (Points::new(most), None);
        let beyond = Point {
            tau: f64::INFINITY,
            ..Point::default()
        };
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
        points.push(Point {
            tau: top,
            ..Point::default()
        });
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

    /// No optimum has a threshold below: its score `4 tau^2 m` would be less than the gain.
    fn lowest(&self) -> f64 {
        0.49 * num_traits::Float::sqrt(self.gain / self.mass)
    }

    /// Remembers the best gain of some points.
    pub(super) fn note(&mut self, points: &[Point]) {
        let best = points.iter().map(|point| point.gain()).fold(0.0, f64::max);
        self.gain = self.gain.max(best);
    }

    /// Searches an interval of real thresholds, which lie between two `f32`.
    fn dig_around(&mut self, interval: Interval, [least, most]: [f32; 2]) -> Option<()> {
        // No optimum is above half of the largest weight.
        let low = floor::<f32>(interval.low.max(self.lowest())).max(least);
        let high = floor::<f32>(interval.high.min(0.51 * self.top()))
            .next_up()
            .min(most);
        if low < high {
            self.dig(low, high)
        } else {
            Some(())
        }
    }

    /// Searches the supports that hold what is above `high`, and nothing that is not above `low`.
    fn dig(&mut self, low: f32, high: f32) -> Option<()> {
        let gathered = self.gather([low, high])?;
        if gathered.inside > self.buffer.slots.len() {
            return self.split(low, high, gathered.inside);
        }
        let interval = Interval {
            low: f64::from(low),
            high: f64::from(high),
        };
        self.finish(gathered, interval).map(|_| ())
    }

    /// Gathers the weights in `(low, high]`; `None` if the sums above cannot be used.
    fn gather(&mut self, ends: [f32; 2]) -> Option<Gathered<H>> {
        if !H::is_exact(self, ends[1]) {
            return None;
        }
        let (weights, side, unit) = (self.input.weights, self.input.side, self.unit());
        let (grid, buffer) = (self.grid, self.buffer.lend());
        if !W::FITS_SINGLE {
            return H::gather_one_by_one(weights.weights, side, ends, buffer, grid);
        }
        let scan = ScanPass::<W, H, 0, false, true> {
            input: weights,
            side,
            thresholds: [],
            mass_scale: 1.0,
            ends,
            unit,
            buffer,
        };
        Some(self.input.backend.run_divided(scan).gathered)
    }

    /// Searches below and above one magnitude: inside a run of equals nothing beats both its ends.
    fn around(&mut self, low: f32, only: f32, high: f32) -> Option<()> {
        if only <= low {
            // `f64` between neighbouring `f32`: they cannot be told apart here.
            return None;
        }
        for (low, high) in [(only, high), (low, only.next_down())] {
            if low < high {
                self.dig(low, high)?;
            } else {
                let above = self.gather([low, low])?.above;
                H::offer(self, above, 0, low)?;
            }
        }
        Some(())
    }

    /// Searches an interval of too many weights in parts, about as many weights in each as there are places for.
    fn split(&mut self, low: f32, high: f32, inside: usize) -> Option<()> {
        // Some of the gathered weights, from all over, to the front.
        let slots = &mut *self.buffer.slots;
        let len = slots.len().min(SAMPLE);
        let stride = slots.len() / len.max(1);
        for i in 0..len {
            slots.swap(i, i * stride);
        }
        let parts = (inside / slots.len().max(1) * 9 / 8 + 2).min(PARTS);
        let sample = slots.get_mut(..len)?;
        W::sort_slots(sample);
        // Their quantiles, from the smallest on.
        let magnitude = |&slot: &W::Slot| floor::<f32>(W::from_slot(slot).widen().abs());
        let quantile = |i: usize| sample.iter().rev().nth(i).map(magnitude);
        let middle = quantile(len / 2)?;
        let mut ends = [high; PARTS];
        for (i, end) in (1..parts).zip(&mut ends) {
            *end = quantile(len * i / parts)?;
        }
        if ends.iter().all(|&end| end <= low || end >= high) {
            return self.around(low, middle, high);
        }
        // The chords may exclude some of the parts.
        let mut thresholds = [low; PARTS + 1];
        thresholds[1..].copy_from_slice(&ends);
        let points = self.survey_parts(thresholds)?;
        self.note(&points);
        for (pair, ends) in points.windows(2).zip(thresholds.windows(2)) {
            let (&[p, q], &[least, most]) = (pair, ends) else {
                continue;
            };
            if p.tau < q.tau
                && let Some(part) = left(p, q, self.gain)
            {
                self.dig_around(part, [least, most])?;
            }
        }
        Some(())
    }

    /// `B` at the ends of some parts; `None` if it cannot be known.
    fn survey_parts(&mut self, thresholds: [f32; PARTS + 1]) -> Option<[Point; PARTS + 1]> {
        if W::FITS_SINGLE {
            let survey = self.survey::<{ PARTS + 1 }, true>(thresholds)?;
            return Some(survey_points(thresholds, &survey));
        }
        let mut more = [f32::MAX; PARTS + 2];
        more[..=PARTS].copy_from_slice(&thresholds);
        let survey = self.survey::<{ PARTS + 2 }, false>(more)?;
        survey_points(more, &survey).first_chunk().copied()
    }

    /// A survey that gathers nothing; `None` if its numbers are too extreme.
    fn survey<const T: usize, const GATHERS: bool>(
        &mut self,
        thresholds: [f32; T],
    ) -> Option<Survey<H, T>> {
        let survey = self
            .input
            .backend
            .run_divided(ScanPass::<W, H, T, true, GATHERS> {
                input: self.input.weights,
                side: self.input.side,
                thresholds,
                mass_scale: self.mass_scale,
                ends: [f32::MAX; 2],
                unit: 0,
                buffer: self.buffer.first(0),
            });
        H::is_suited(self, &survey).then_some(survey)
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
fn survey_points<H: Mass, const T: usize>(
    thresholds: [f32; T],
    survey: &Survey<H, T>,
) -> [Point; T] {
    let mut points = [Point::default(); T];
    for (point, (threshold, hinge)) in points.iter_mut().zip(thresholds.iter().zip(survey.hinges)) {
        let (tau, error) = (f64::from(*threshold), hinge * survey.hinge_error);
        *point = Point::new(tau, hinge - survey.mass * tau, error);
    }
    points
}
