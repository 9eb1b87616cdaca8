//! The first pass where there is a good guess: survey and gather at once, so that the weights are read once.
//!
//! The thresholds of the survey lie around the window, whose own weights tell all about the gain inside.
//!
//! Cost: one read, and about `20 + 2 T` vector operations for 16 weights.

use super::gather::{Collector, Gathered};
use super::survey::{Question, Survey, Tally};
use crate::backend::{Job, Vector};
use crate::exact::grid::Grid;
use crate::weight::{Format, Weight};

/// What to find out, and the interval `(low, high]` to gather.
pub(crate) struct Scan<'a, 's, W: Format, const T: usize> {
    pub(crate) question: Question<'a, W, T>,
    pub(crate) ends: [f32; 2],
    pub(crate) window: &'s mut [W::Slot],
}

impl<W: Weight, const T: usize> Job for Scan<'_, '_, W, T> {
    /// The survey, and what was gathered. The sums are right if they [are exact](super::above::is_exact), and on the coarsest grid
    /// that will do for so many weights.
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
        let top = survey.top_key::<W>();
        let grid = Grid::coarsest(top, question.weights.len() as u64, W::PRECISION);
        let mut gathered = Gathered {
            inside: collector.window.len,
            ..Gathered::default()
        };
        gathered.add_sums(collector.above.total::<W>(vector, question.side, grid));
        (survey, gathered)
    }
}
