//! The search for long slices: a guess, one pass over all weights, and a few dozen of them to look at.
//!
//! # The gain of a threshold
//!
//! With the scale `2 tau` the best trits select what is above `tau`, and what they gain over all zeros is
//!
//! ```text
//! F(tau) = sum over |w| > tau of (4 tau |w| - 4 tau^2) = 4 tau B(tau),      B(tau) = sum (|w| - tau)+
//! ```
//!
//! No scale is better for a support than its own, so `F(tau)` is at most the score `S^2 / M` of the support above `tau`; and at
//! the optimum, whose threshold is half its own scale (fact 1 of the [search](crate::optimum::search)), it is equal to it. So the largest
//! score is the largest `F`, and where `F` can be shown to be smaller than some known gain, no optimum is. As `B` is convex, it
//! lies below its chords: two values of `B` bound all between ([`chords`]). This is fact 3: in terms of `(M, S)` the chord's
//! maximum is the kink of the two tangents to `S(M)`.
//!
//! # The algorithm
//!
//! ```text
//! guess    = fixed point of g on about 12 sqrt(N) weights, with three standard deviations for a window      (sample)
//! scan     : in one pass, B at four to eight thresholds around the window, rounding errors bounded;
//!            the window's weights into the output buffer, exact sums of all above it
//! window   : B at five thresholds near where g must hold still; drop what the chords exclude,               (finish)
//!            until few weights are left: sort them, look at each prefix, exactly
//! around   : what chords leave of the intervals outside: for ordinary data nothing, else                    (intervals)
//!            gather it like the window, and split it at quantiles if it does not fit
//! write    : the trits, in a second pass
//! ```
//!
//! So ordinary weights are read twice, and the window holds 2 % of a million weights, 8 % of 4,096. Cost, in vector operations
//! for 16 weights: about 29 to 37 for the scan, 6 for the trits. A matrix is mostly searched row by row, so what lies beyond a
//! slice is asked for while its last weights are read.
//!
//! If an interval has more weights than the output buffer holds (as bytes), it is split at quantiles of a sample of them; each
//! part is done on its own. So the memory is `O(1)` beyond the output, and the worst case, where nothing can be excluded (all candidates
//! score alike), is a gathering for each byte of a weight, or somewhat more, and a sort of all weights in parts: no quadratic path.
//!
//! Long passes are divided between threads where there are some. The best support, its sums and the figures of merit do
//! not depend on where they are cut; only bounds do, and what they exclude could not be best anyway.
//!
//! # What did not help
//!
//! - Counting the weights above each threshold in the survey, too: the map `g` then narrows as much as the chords do, for twice
//!   the work.
//! - Plain loops over arrays of lanes: depending on the number of thresholds the compiler makes vectors of them, or code twenty
//!   times slower. So do closures that are handed down: they are compiled without the backend's instructions.
//! - Exact sums in the survey: the bounds need six digits, not all.
//! - To gather in a second pass, when the chords have said where: the window is then smaller, but a third of the time went into
//!   that pass.
//! - To leave what comes next in memory to the processor's own prefetching: it stops at each page, which took half of the time
//!   for 16 million weights.

pub(super) mod chords;
mod finish;
mod intervals;
mod sample;

use intervals::Search;
use sample::{Guess, Sample};

use crate::exact::grid::Sums;
use crate::optimum::objective::Plain;
use crate::optimum::scan::Side;
use crate::optimum::scan::gather::Gathered;
use crate::optimum::scan::survey::{Question, Survey};
use crate::optimum::scan::window_scan::Scan;
use crate::simd::Backend;
use crate::weight::{Format, Weight};

/// Slices shorter than this are sorted at once, on the stack.
const FEW: usize = 128;

/// Slices shorter than this are sampled so coarsely that fewer thresholds do.
const SHORT: usize = 1 << 14;

/// What the search found.
pub(crate) enum Outcome<'a, W> {
    /// The numbers are too large or too much apart for this search; another has to do it.
    Unsuited,
    /// The optimum.
    Found(Found<'a, W>),
}

/// The optimum, with the exact sums of all that is selected and of what is positive of it.
pub(crate) struct Found<'a, W> {
    pub(crate) plain: Plain<'a, W>,
    pub(crate) all: Sums,
    pub(crate) positive: Sums,
    /// `sum w^2` of all weights in the order of [`crate::exact::float_sums`], if they are singles.
    pub(crate) energy: Option<f64>,
}

/// The weights to be searched, and with which instructions.
#[derive(Clone, Copy)]
struct Task<'a, W> {
    backend: Backend,
    weights: &'a [W],
    side: Side,
}

/// Finds the optimum of finite weights. Whatever `scratch` held is lost.
pub(crate) fn optimum<'a, W: Weight>(
    backend: Backend,
    weights: &'a [W],
    side: Side,
    scratch: &mut [i8],
) -> Outcome<'a, W> {
    let task = Task {
        backend,
        weights,
        side,
    };
    if weights.len() < FEW {
        let mut scratch = [0; FEW * size_of::<f64>()];
        return task.begin(0.0, [], None, &mut scratch);
    }
    let Guess { tau, spread } = backend.run(Sample::new(weights, side));
    // The nearest thresholds two to three widths away, the next where chords from these still exclude.
    let [near, far] = [2.5, 8.0].map(|widths| f64::min(widths * spread, 0.9));
    let (below, above) = (1.0 - near, 1.0 + near);
    if !W::FITS_SINGLE {
        let (low, high) = (1.0 - spread, 1.0 + spread);
        let factors = [0.5, 1.0 - far, below, low, 1.0, high, above, 1.0 + far, 2.9];
        return task.begin(tau, factors, None, scratch);
    }
    let window = Some([1.0 - spread, 1.0 + spread]);
    if side == Side::Both && weights.len() < SHORT {
        let factors = [
            f64::max(1.0 - 4.0 * spread, 0.3),
            1.0 + 2.8 * spread,
            1.9,
            3.2,
        ];
        task.begin(tau, factors, window, scratch)
    } else {
        let lowest = if side == Side::Both { 0.5 } else { 0.0 };
        let between = 1.5 * num_traits::Float::sqrt(1.0 + far);
        let factors = [
            lowest,
            1.0 - far,
            below,
            above,
            1.0 + far,
            between,
            2.9,
            8.0,
        ];
        task.begin(tau, factors, window, scratch)
    }
}

impl<'a, W: Weight> Task<'a, W> {
    /// Surveys the weights at multiples of a guess, gathers those in a window around it, and searches what is left.
    fn begin<const T: usize>(
        self,
        guess: f64,
        factors: [f64; T],
        window: Option<[f64; 2]>,
        scratch: &mut [i8],
    ) -> Outcome<'a, W> {
        let threshold = |factor| f32::narrow(guess * factor);
        let thresholds = factors.map(threshold);
        let window = window.map(|ends| ends.map(threshold));
        let (survey, gathered) = match window {
            Some(ends) => self.scan(thresholds, ends, scratch),
            None => (self.survey(thresholds), Gathered::default()),
        };
        let Some(mut search) = Search::new(self, &survey, scratch) else {
            return Outcome::Unsuited;
        };
        let done = match (survey.top, T) {
            (0, _) => Some(()),
            (_, 0) => search.every(),
            _ => search.all(thresholds, &survey, window.map(|ends| (ends, gathered))),
        };
        match done {
            Some(()) => Outcome::Found(search.found(survey.energy)),
            None => Outcome::Unsuited,
        }
    }

    /// One pass over the weights that gathers a window, too.
    fn scan<const T: usize>(
        self,
        thresholds: [f32; T],
        ends: [f32; 2],
        scratch: &mut [i8],
    ) -> (Survey<T>, Gathered) {
        self.backend.run_divided(Scan {
            question: self.question(thresholds),
            ends,
            window: W::slots(scratch),
        })
    }

    /// One pass over the weights.
    fn survey<const T: usize>(self, thresholds: [f32; T]) -> Survey<T> {
        self.backend.run_divided(self.question(thresholds))
    }

    fn question<const T: usize>(self, thresholds: [f32; T]) -> Question<'a, W, T> {
        Question {
            weights: self.weights,
            side: self.side,
            thresholds,
        }
    }
}
