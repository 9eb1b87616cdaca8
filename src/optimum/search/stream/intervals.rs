//! [`Search`]: the intervals that the chords leave, one after the other.
//!
//! ```text
//! dig:    gather what lies in the interval;  if it fits the slots, finish,  else split
//! split:  at quantiles of a sample of what was gathered;  survey these, and dig where the chords leave something
//! ```
//!
//! The best support so far is kept, and the best gain known: what comes later is the shorter for it.

use core::cmp::Ordering;

use super::chords::{Interval, Point, Points, left, pieces};
use super::{Found, Task};
use crate::exact::score::clearly_within;
use crate::optimum::objective::{Objective, Plain};
use crate::optimum::scan::above::{is_exact, last_place};
use crate::optimum::scan::gather::{Gather, Gathered, REACH};
use crate::optimum::scan::survey::Survey;
use crate::weight::{Weight, floor, scale_by_power};

/// Parts into which an interval is split at once.
const PARTS: usize = 12;

/// Weights by whose quantiles an interval is split.
const SAMPLE: usize = 256;

/// The largest relative error of a running sum before it is taken anew from the exact one: 2^-53 for each addition.
pub(super) const SUM_ERROR: f64 = 1.2e-15;

/// Intervals are to be searched one after the other; this is what the searches share.
pub(super) struct Search<'a, 's, W: Weight> {
    pub(super) task: Task<'a, W>,
    pub(super) plain: Plain<'a, W>,
    pub(super) slots: &'s mut [W::Slot],
    /// The best support so far.
    best: Gathered,
    /// Its score, on the grid of the sums.
    pub(super) score: f64,
    /// A gain that some support reaches.
    pub(super) gain: f64,
}

impl<'a, 's, W: Weight> Search<'a, 's, W> {
    /// `None` if the sums could overflow or round.
    pub(super) fn new<const T: usize>(
        task: Task<'a, W>,
        survey: &Survey<T>,
        scratch: &'s mut [i8],
    ) -> Option<Self> {
        // Sums of 64 singles stay finite; doubles were not cut to nothing when they became singles.
        const MOST: f32 = f32::from_bits((127 + 120) << 23);
        const LEAST: f32 = f32::from_bits((127 - 100) << 23);
        let top = f32::from_bits(survey.top);
        let plain = if W::FITS_SINGLE {
            Plain::with_top(task.weights, task.side, survey.top_key::<W>())
        } else {
            Plain::new(task.weights, task.side)
        };
        let suited = top < MOST && (W::FITS_SINGLE || top > LEAST || plain.top() == 0);
        suited.then_some(Self {
            task,
            plain,
            slots: W::slots(scratch),
            best: Gathered::default(),
            score: 0.0,
            gain: 0.0,
        })
    }

    /// The best support, once all is searched.
    pub(super) fn found(self, energy: f64) -> Found<'a, W> {
        Found {
            plain: self.plain,
            all: self.best.all,
            positive: self.best.positive,
            energy: W::FITS_SINGLE.then_some(energy),
        }
    }

    /// Looks at every prefix of the sorted weights: there is a slot for each.
    pub(super) fn every(&mut self) -> Option<()> {
        let mut len = 0;
        for &weight in self.task.weights {
            *self.slots.get_mut(len)? = weight.to_slot();
            let takes_part = self.task.side.includes(weight.is_sign_negative());
            len += usize::from(takes_part && weight.key() > 0);
        }
        self.offer_prefixes(Gathered::default(), len);
        Some(())
    }

    /// Searches the window that was gathered, if there is one, and all that the first survey leaves around it. `None` if it cannot.
    pub(super) fn all<const T: usize>(
        &mut self,
        thresholds: [f32; T],
        survey: &Survey<T>,
        window: Option<([f32; 2], Gathered)>,
    ) -> Option<()> {
        let top = self.top();
        // Cauchy and Schwarz: the sum of all magnitudes, with more to spare than an energy of rounded singles needs.
        let weights = self.task.weights.len() as f64;
        let mut points = Points::new(num_traits::Float::sqrt(weights * survey.energy * 1.000_001));
        let ends = window.and_then(|(ends, gathered)| self.window(ends, gathered));
        let mut below = None;
        for point in survey_points(thresholds, survey) {
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
        // The largest weight alone.
        self.gain = self.gain.max(top * top);
        let (first, second) = match below {
            Some(len) => (points.all().get(..len)?, points.all().get(len..)?),
            None => (points.all(), &[][..]),
        };
        for part in [first, second] {
            let pieces = pieces::<{ Points::MOST - 1 }>(part, self.gain);
            for piece in pieces.into_iter().flatten() {
                self.dig_around(piece, [0.0, f32::MAX])?;
            }
        }
        Some(())
    }

    /// Searches the window if all of it was gathered and the sums above are exact; returns `B` at its ends.
    fn window(&mut self, ends: [f32; 2], mut gathered: Gathered) -> Option<[Point; 2]> {
        let [low, high] = ends.map(f64::from);
        let exact = self.lowest() <= low
            && low < high
            && is_exact(self.task.weights.len(), self.top(), high);
        if !exact || gathered.inside > self.slots.len() {
            return None;
        }
        let (old, new) = (last_place(ends[1]), self.unit());
        gathered.all = gathered.all.in_unit(old, new);
        gathered.positive = gathered.positive.in_unit(old, new);
        Some(self.finish(gathered, Interval { low, high }))
    }

    /// No optimum has a threshold below.
    fn lowest(&self) -> f64 {
        0.49 * self.top() / num_traits::Float::sqrt(self.task.weights.len() as f64)
    }

    /// Remembers the best gain of some points.
    pub(super) fn note(&mut self, points: &[Point]) {
        let best = points.iter().map(|point| point.gain()).fold(0.0, f64::max);
        self.gain = self.gain.max(best);
    }

    /// Searches an interval of real thresholds, which lie between two singles.
    fn dig_around(&mut self, interval: Interval, [least, most]: [f32; 2]) -> Option<()> {
        // No optimum is below the floor, nor above half of the largest weight.
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
        let gathered = self.gather(low, high)?;
        if gathered.inside > self.slots.len() {
            return self.split(low, high, gathered.inside);
        }
        let interval = Interval {
            low: f64::from(low),
            high: f64::from(high),
        };
        self.finish(gathered, interval);
        Some(())
    }

    /// The weights in `(low, high]` and the sums above.
    fn gather(&mut self, low: f32, high: f32) -> Option<Gathered> {
        let exponent = |x: f64| (x.to_bits() >> 52) as i32;
        let [low, high] = [low, high].map(f64::from);
        let exact = !W::FITS_SINGLE || exponent(self.top()) - exponent(high) <= REACH;
        exact.then(|| {
            self.task.backend.run_divided(Gather {
                weights: self.task.weights,
                side: self.task.side,
                low,
                high,
                window: self.slots,
                grid: self.plain.grid(),
            })
        })
    }

    /// Searches below and above one magnitude: inside a run of equals nothing beats both its ends.
    fn around(&mut self, low: f32, only: f32, high: f32) -> Option<()> {
        if only <= low {
            // Doubles between neighbouring singles: they cannot be told apart here.
            return None;
        }
        for (low, high) in [(only, high), (low, only.next_down())] {
            if low < high {
                self.dig(low, high)?;
            } else {
                let above = self.gather(low, low)?;
                self.offer(&above);
            }
        }
        Some(())
    }

    /// Searches an interval of too many weights in parts, about as many weights in each as there are slots for.
    fn split(&mut self, low: f32, high: f32, inside: usize) -> Option<()> {
        // Some of the slots, from all over, to the front.
        let len = self.slots.len().min(SAMPLE);
        let stride = self.slots.len() / len.max(1);
        for i in 0..len {
            self.slots.swap(i, i * stride);
        }
        let sample = self.slots.get_mut(..len)?;
        sample.sort_unstable_by_key(|&slot| W::slot_order(slot));
        let magnitude = |&slot: &W::Slot| floor::<f32>(W::from_slot(slot).abs().widen());
        let middle = magnitude(sample.get(len / 2)?);
        let parts = (inside / self.slots.len() * 9 / 8 + 2).min(PARTS);
        let mut ends = [high; PARTS];
        for (i, end) in (1..parts).zip(&mut ends) {
            *end = magnitude(self.slots.get(len * i / parts)?);
        }
        if ends.iter().all(|&end| end <= low || end >= high) {
            return self.around(low, middle, high);
        }
        // The chords may exclude some of the parts.
        let thresholds: [f32; PARTS + 1] = core::array::from_fn(|i| match i.checked_sub(1) {
            None => low,
            Some(i) => ends[i],
        });
        let points = survey_points(thresholds, &self.task.survey(thresholds));
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

    /// Takes a support if it beats the best so far; of equals the smaller.
    pub(super) fn offer(&mut self, support: &Gathered) {
        self.offer_sum(support, support.all.sum as f64);
    }

    /// The same with the sum in doubles, off by at most [`SUM_ERROR`] of it.
    pub(super) fn offer_sum(&mut self, support: &Gathered, sum: f64) {
        let (new, best) = (support.all, self.best.all);
        if new.count == 0 {
            return;
        }
        let score = sum * (sum / new.count as f64);
        let better = best.count == 0 || {
            // Each is off by twice the error of a sum, and by three roundings.
            let order = clearly_within(5.0 * SUM_ERROR, score, self.score)
                .unwrap_or_else(|| self.plain.compare_exactly(&new, &best));
            order.then(best.count.cmp(&new.count)) == Ordering::Greater
        };
        if better {
            (self.best, self.score) = (*support, score);
        }
    }

    /// The largest magnitude.
    pub(super) fn top(&self) -> f64 {
        W::from_key(self.plain.top()).widen()
    }

    /// The unit of the sums is two to this power.
    pub(super) fn unit(&self) -> i32 {
        self.plain.grid().unit::<W>()
    }

    /// A sum in the weights' own unit.
    pub(super) fn value(&self, sum: u128) -> f64 {
        scale_by_power(sum as f64, self.unit())
    }
}

/// What a survey says of `B` at its thresholds.
fn survey_points<const T: usize>(thresholds: [f32; T], survey: &Survey<T>) -> [Point; T] {
    core::array::from_fn(|j| {
        let (tau, hinge) = (f64::from(thresholds[j]), survey.hinges[j]);
        let b = hinge - survey.len as f64 * tau;
        Point::new(tau, b, hinge * Survey::<T>::ERROR)
    })
}
