//! The first pass where there is a good guess: survey and gather at once, so that the weights are read once.
//!
//! The thresholds of the survey lie around the window, whose own weights tell all about the gain inside.
//!
//! Cost: one read, and about `20 + 2 T` vector operations for 16 weights.

use super::above::last_place;
use super::gather::{Collector, Gathered, halves};
use super::survey::{Question, Survey, Tally};
use crate::exact::float_sums::cut;
use crate::simd::{Divisible, Job, Vector};
use crate::weight::{Format, Weight};

/// What to find out, and the interval `(low, high]` to gather.
pub(crate) struct Scan<'a, 's, W: Format, const T: usize> {
    pub(crate) question: Question<'a, W, T>,
    pub(crate) ends: [f32; 2],
    pub(crate) window: &'s mut [W::Slot],
}

impl<W: Weight, const T: usize> Job for Scan<'_, '_, W, T> {
    /// The survey, and what was gathered: the sums in units of the [last place](last_place) of the interval's upper end, and right if
    /// they [are exact](super::above::is_exact).
    type Output = (Survey<T>, Gathered);

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let Self {
            question,
            ends,
            window,
        } = self;
        let mut collector = Collector::<V, W>::new(vector, ends, window);
        let survey = Tally::new(vector).add_all(vector, question, &mut collector);
        let [all, positive] = collector
            .above
            .total(vector, question.side, last_place(ends[1]));
        let gathered = Gathered {
            inside: collector.window.len,
            all,
            positive,
        };
        (survey, gathered)
    }
}

impl<W: Weight, const T: usize> Divisible for Scan<'_, '_, W, T> {
    type Part<'p>
        = Scan<'p, 'p, W, T>
    where
        Self: 'p;

    fn divide(&mut self) -> Option<[Scan<'_, '_, W, T>; 2]> {
        let [first, second] = self.question.halves()?;
        let len = self.question.weights.len();
        let (first_slots, second_slots) = halves(self.window, first.weights.len(), len);
        let ends = self.ends;
        let part = |question, window| Scan {
            question,
            ends,
            window,
        };
        Some([part(first, first_slots), part(second, second_slots)])
    }

    fn unite(&mut self, [first, second]: [Self::Output; 2]) -> Option<Self::Output> {
        let len = self.question.weights.len();
        let gathered = first.1.and::<W>(second.1, self.window, cut(len)?, len)?;
        Some((first.0.and(second.0), gathered))
    }
}
