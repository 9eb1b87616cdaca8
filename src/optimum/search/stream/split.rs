//! Intervals whose weights are not gathered yet: for ordinary weights there are none.
//!
//! ```text
//! dig:    gather what lies in the interval;  if it fits the buffer, narrow it,  else split
//! split:  at quantiles of a sample of what was gathered;  survey these, and dig where the chords leave something
//! ```

use super::Decide;
use super::chords::{Interval, Point, left};
use super::intervals::{IntervalSearch, survey_points};
use crate::optimum::scan::doubles::GatherPass;
use crate::optimum::scan::survey::{Gathered, ScanPass, Survey};
use crate::weight::{FloatBits, floor};

/// Parts into which an interval is split at once. Chosen: the thresholds between them are as many as those of the first scan, so
/// that no other scan is compiled for them.
const PARTS: usize = 7;

/// Weights by whose quantiles an interval is split. Chosen: quantiles of so many are off by less than a part.
const SAMPLE: usize = 256;

impl<W: FloatBits, H: Decide<W>> IntervalSearch<'_, '_, W, H> {
    /// Searches an interval of real thresholds, which lie between two `f32`.
    pub(super) fn dig_around(&mut self, interval: Interval, [least, most]: [f32; 2]) -> Option<()> {
        // No optimum is above half of the largest weight.
        let low = floor::<f32>(interval.low.max(self.lowest())).max(least);
        let high = floor::<f32>(interval.high.min(0.51 * self.top()));
        let high = high.next_up().min(most);
        if low >= high {
            return Some(());
        }
        self.dig(low, high)
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
        H::is_exact(self, ends[1]).then_some(())?;
        let (weights, side, unit) = (self.input.weights, self.input.side, self.unit());
        let (grid, top, backend) = (self.grid, self.top(), self.input.backend);
        let buffer = self.buffer.lend();
        if const { !W::FITS_SINGLE } {
            let pass = GatherPass {
                weights: weights.weights,
                side,
                ends,
                top,
                grid,
                buffer,
            };
            return H::gather_doubles(backend, pass);
        }
        let scan = ScanPass::<W, H, 0, true> {
            input: weights,
            side,
            thresholds: [],
            mass_scale: 1.0,
            ends,
            unit,
            buffer,
        };
        Some(backend.run_divided(scan).gathered)
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
        let mass = self.input.norms.mass;
        if W::FITS_SINGLE {
            let survey = self.survey::<{ PARTS + 1 }, true>(thresholds)?;
            return Some(survey_points(thresholds, &survey, mass));
        }
        // As many as the first scan has: its code serves here, too.
        let mut more = [f32::MAX; 12];
        more[..=PARTS].copy_from_slice(&thresholds);
        let survey = self.survey::<12, false>(more)?;
        survey_points(more, &survey, mass).first_chunk().copied()
    }

    /// A survey that gathers nothing; `None` if its numbers are too extreme.
    fn survey<const T: usize, const GATHERS: bool>(
        &mut self,
        thresholds: [f32; T],
    ) -> Option<Survey<H, T>> {
        let scan = ScanPass::<W, H, T, GATHERS> {
            input: self.input.weights,
            side: self.input.side,
            thresholds,
            mass_scale: self.mass_scale,
            ends: [f32::MAX; 2],
            unit: 0,
            buffer: self.buffer.first(0),
        };
        let survey = self.input.backend.run_divided(scan);
        H::is_suited(self, &survey.hinges).then_some(survey)
    }
}
