//! The search for long slices: a guess, two passes over all weights, and a few dozen of them to look at.
//!
//! # The gain of a threshold
//!
//! With the scale `2 tau` the best trits select what is above `tau`, and what they gain over all zeros is
//!
//! ```text
//! F(tau) = sum over |w| > tau of h (4 tau |w| - 4 tau^2) = 4 tau B(tau),      B(tau) = sum h (|w| - tau)+
//! ```
//!
//! No scale is better for a support than its own, so `F(tau)` is at most the score `S^2 / m` of the support above `tau`. At the
//! optimum, whose threshold is half its own scale (fact 1 of the [search](crate::optimum::search)), they are equal. So the largest
//! score is the largest `F`, and where `F` is smaller than some known gain there is no optimum. As `B` is convex, it
//! lies below its chords: two values of `B` bound all between ([`chords`]).
//!
//! # The algorithm
//!
//! ```text
//! norms    : sum h w^2, sum h, the largest magnitudes; whether all is finite                                (scan::norms)
//! guess    = fixed point of g on some weights, with three standard deviations for a window                  (scan::guess)
//! scan     : in one pass, B at four to twelve thresholds around the window, rounding errors bounded;
//!            the window's weights into the output buffer, and the sums of all above it                      (scan::survey)
//! window   : B at five thresholds inside; drop what the chords exclude, until few weights are left          (intervals)
//! offer    : each support that is left                                                                      (unit, weighted)
//! around   : what the chords leave of the intervals outside: for ordinary data nothing, else
//!            gather it like the window, and split it at quantiles if it does not fit                        (split)
//! ```
//!
//! All of this is the same with importances and without, except how supports are compared ([`Decide`]): without importances all
//! sums are exact ([`unit`]); with importances they are rounded, and what that leaves open is decided by exact sums ([`weighted`]).
//!
//! The first scan looks at the score near some thresholds:
//!
//! | weights | first scan |
//! |---|---|
//! | fewer than 128, no importances | none: all weights are sorted |
//! | `f64` | twelve thresholds |
//! | fewer than 16,384, no importances, both signs together | four thresholds and a window |
//! | the others | eight thresholds and a window |
//!
//! Ordinary weights are read three times: for their norms, in the scan, and when the trits are written. The window holds 2 % of a
//! million weights, 8 % of 4,096.
//!
//! If an interval has more weights than the output buffer holds (as bytes), it is split at quantiles of a sample of them; each
//! part is done on its own. So the memory is `O(1)` beyond the output. The worst case, where nothing can be excluded because all candidates
//! score alike, is a gathering for each byte of a weight, or somewhat more, and a sort of all weights in parts. With importances the
//! search gives up there, and integers decide.
//!
//! Long passes are divided between threads. The best support, its sums and the error metrics do not depend on where they
//! are cut; only bounds do, and what they exclude cannot be the optimum.
//!
//! # What did not help
//!
//! - Counting the weights above each threshold in the first scan, too: the map `g` then narrows as much as the chords do, for twice
//!   the work.
//! - Plain loops over arrays of lanes: depending on the number of thresholds the compiler makes vectors of them, or code twenty
//!   times slower. Closures that are handed down are compiled without the backend's instructions.
//! - Exact sums in the first scan: the bounds need six digits, not all.
//! - All of a scan in one loop: its sums need twice the registers that AVX2 has, and a quarter of the instructions moved them to and from
//!   memory.
//! - To gather in a second pass, when the chords have said where: the window is then smaller, but a third of the time went into
//!   that pass.
//! - To leave what comes next in memory to the processor's own prefetching: it stops at each page, which took half of the time
//!   for 16 million weights.

pub(super) mod chords;
mod intervals;
mod split;
pub(crate) mod unit;
pub(crate) mod weighted;

use intervals::IntervalSearch;

use crate::exact::grid::Grid;
use crate::optimum::scan::above::{RoundedSums, last_place};
use crate::optimum::scan::buffer::GatherBuffer;
use crate::optimum::scan::doubles::{GatherPass, TopPass};
use crate::optimum::scan::guess::{GuessPass, ThresholdGuess};
use crate::optimum::scan::mass::{Mass, MassedWeights};
use crate::optimum::scan::norms::Norms;
use crate::optimum::scan::survey::{Gathered, ScanPass};
use crate::optimum::side::Side;
use crate::simd::Backend;
use crate::weight::{FloatBits, exponent, scale_by_power};
use chords::Interval;

/// Vectors shorter than this are sorted at once. Chosen: of so few weights a sample is most of them.
const SORTED_AT_ONCE: usize = 128;

/// Vectors shorter than this have so coarse a sample that four thresholds are enough. Chosen for rows of 4,096 weights.
const COARSELY_SAMPLED: usize = 1 << 14;

/// The weights to be searched, and with which instructions.
#[derive(Clone, Copy)]
pub(crate) struct StreamInput<'a, W, H> {
    pub(crate) backend: Backend,
    pub(crate) weights: MassedWeights<'a, W, H>,
    pub(crate) norms: Norms,
    pub(crate) side: Side,
}

/// The optimum.
#[derive(Clone, Copy)]
pub(crate) struct Streamed<B> {
    /// The best support.
    pub(crate) best: B,
    /// The key of the largest magnitude that can be selected.
    pub(crate) top: u64,
}

/// How supports are kept and compared. Implemented for each type of masses.
pub(crate) trait Decide<W: FloatBits>: Mass {
    /// The best support so far.
    type Best: Copy + Default;

    /// Whether the numbers of a survey are neither too large nor too small for this search.
    fn is_suited(search: &IntervalSearch<'_, '_, W, Self>, hinges: &[f64]) -> bool;
    /// Whether the sums above a threshold can be used.
    fn is_exact(search: &IntervalSearch<'_, '_, W, Self>, threshold: f32) -> bool;
    /// Sums in units of two to a power, in the unit of the search.
    fn in_unit(search: &IntervalSearch<'_, '_, W, Self>, sums: Self::Sums, old: i32) -> Self::Sums;
    /// Gathers weights of a type that does not fit `f32`; `None` if that is not supported.
    fn gather_doubles(_: Backend, _: GatherPass<'_, '_, W>) -> Option<Gathered<Self>> {
        None
    }
    /// Keeps the gathered weights in an interval, adds those above it to the sums, and returns how many are kept.
    fn compact(
        search: &mut IntervalSearch<'_, '_, W, Self>,
        above: &mut Self::Sums,
        len: usize,
        interval: Interval,
    ) -> usize;
    /// The sums in units of 1.
    fn rounded(search: &IntervalSearch<'_, '_, W, Self>, sums: Self::Sums) -> RoundedSums;
    /// Offers the support above `high`, and those with one gathered weight more each time, the largest first. `None` if they cannot be
    /// told apart.
    fn offer(
        search: &mut IntervalSearch<'_, '_, W, Self>,
        above: Self::Sums,
        len: usize,
        high: f32,
    ) -> Option<()>;
    /// Offers every support: there is a place for each weight.
    fn offer_all(search: &mut IntervalSearch<'_, '_, W, Self>) -> Option<()>;
}

/// Finds the optimum of finite weights. What `scratch` held is lost. `None` if another search has to do it, because the numbers are too
/// large, too far apart, or candidates score too much alike.
pub(crate) fn optimum<W: FloatBits, H: Decide<W>>(
    input: StreamInput<'_, W, H>,
    scratch: &mut [i8],
) -> Option<Streamed<H::Best>> {
    // Conditions on constants, so that each type gets only the passes that it needs.
    let len = input.weights.weights.len();
    if const { !H::WEIGHTED } && len < SORTED_AT_ONCE {
        let mut scratch = [0; SORTED_AT_ONCE * size_of::<f64>()];
        let mut search = input.search(ThresholdGuess::default(), &mut scratch);
        if search.top_key > 0 {
            H::offer_all(&mut search)?;
        }
        return Some(search.found());
    }
    let guess = input.backend.run(GuessPass::new(input.weights, input.side));
    let spread = guess.spread;
    // The nearest thresholds are two to three widths of the window away, the next where chords from these still exclude. Chosen on
    // normal, Laplace and uniform weights; only the speed depends on them.
    let [near, far] = [2.5, 8.0].map(|widths| f64::min(widths * spread, 0.9));
    let (below, above) = (1.0 - near, 1.0 + near);
    let (low, high) = (1.0 - spread, 1.0 + spread);
    let between = 1.5 * num_traits::Float::sqrt(1.0 + far);
    if const { !W::FITS_SINGLE } {
        let (first, last) = (1.0 - far, 1.0 + far);
        let factors = [
            0.5, first, below, low, 1.0, high, above, last, between, 2.2, 3.2, 8.0,
        ];
        return input.begin::<12, false>(guess, factors, [0.0; 2], scratch);
    }
    let both = input.side == Side::Both;
    if const { !H::WEIGHTED } && both && len < COARSELY_SAMPLED {
        let lowest = f64::max(1.0 - 4.0 * spread, 0.3);
        let factors = [lowest, 1.0 + 2.8 * spread, 1.9, 3.2];
        return input.begin::<4, true>(guess, factors, [low, high], scratch);
    }
    let least = if both && !H::WEIGHTED { 0.5 } else { 0.0 };
    let factors = [least, 1.0 - far, below, above, 1.0 + far, between, 2.9, 8.0];
    input.begin::<8, true>(guess, factors, [low, high], scratch)
}

impl<'a, W: FloatBits, H: Decide<W>> StreamInput<'a, W, H> {
    /// Surveys the weights at multiples of a guess, gathers those in a window around it, and searches what is left.
    fn begin<const T: usize, const GATHERS: bool>(
        self,
        guess: ThresholdGuess,
        factors: [f64; T],
        window: [f64; 2],
        scratch: &mut [i8],
    ) -> Option<Streamed<H::Best>> {
        let mut search = self.search(guess, scratch);
        if search.top_key > 0 {
            let threshold = |factor| f32::narrow(guess.tau * factor);
            let (thresholds, ends) = (factors.map(threshold), window.map(threshold));
            let survey = self.backend.run_divided(ScanPass::<W, H, T, GATHERS> {
                input: self.weights,
                side: self.side,
                thresholds,
                mass_scale: search.mass_scale,
                ends,
                unit: last_place(ends[1]),
                buffer: search.buffer.lend(),
            });
            H::is_suited(&search, &survey.hinges).then_some(())?;
            let window = GATHERS.then_some((ends, survey.gathered));
            search.all(thresholds, &survey, window)?;
        }
        Some(search.found())
    }

    /// A search that has found nothing yet.
    fn search(self, guess: ThresholdGuess, scratch: &mut [i8]) -> IntervalSearch<'a, '_, W, H> {
        let top_key = self.top_key();
        let top = W::from_key(top_key).widen();
        let len = self.weights.weights.len() as u64;
        IntervalSearch {
            input: self,
            buffer: GatherBuffer::new::<H>(scratch),
            grid: Grid::coarsest(top_key, len, W::PRECISION),
            top_key,
            mean_mass: guess.mass,
            mass_scale: mass_scale(guess),
            best: H::Best::default(),
            // The largest weight alone.
            gain: if H::WEIGHTED { 0.0 } else { top * top },
        }
    }

    /// The key of the largest magnitude that can be selected.
    fn top_key(self) -> u64 {
        if W::FITS_SINGLE {
            return W::narrow(f64::from(self.norms.top(self.side))).key();
        }
        let (weights, side) = (self.weights.weights, self.side);
        W::narrow(self.backend.run(TopPass { weights, side })).key()
    }
}

/// A power of two by which the importances are multiplied so that hinges are about 1.
fn mass_scale(guess: ThresholdGuess) -> f32 {
    if guess.tau > 0.0 && guess.mass > 0.0 && guess.mass.is_finite() {
        let product = exponent(guess.tau) + exponent(guess.mass);
        f32::narrow(scale_by_power(1.0, (-product).clamp(-120, 120)))
    } else {
        1.0
    }
}
