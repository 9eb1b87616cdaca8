//! The threshold: finding the best support among `3^N`.
//!
//! With `b_1 >= b_2 >= ...` the sorted magnitudes, the best support of each size `M` is a prefix, so only the `N` scores
//! `S_M^2 / M` compete (TNT, arXiv 1912.09236, section 3). Two facts make even the sorting unnecessary.
//!
//! **1. The optimum is a threshold set.** Let the optimum have mass `m`, sum `S` and scale `lambda = S / m`, so its score
//! is `lambda^2 m`. Taking out a selected weight of magnitude `x` and importance `h`, or putting in one that was left
//! out, cannot gain:
//!
//! ```text
//! (S - hx)^2 / (m - h) <= lambda^2 m    <=>    x >= lambda/2 + h x^2 / (2 S)  >  lambda/2
//! (S + hx)^2 / (m + h) <= lambda^2 m    <=>    x <= lambda/2 - h x^2 / (2 S)  <  lambda/2   (or x = 0)
//! ```
//!
//! (The first divides by `m - h`: where that is 0 the support is one weight, and `x = lambda > lambda/2` anyway.) So the
//! support is exactly `{|w| > lambda/2}`, no magnitude equals `lambda/2`, and equal magnitudes are in or out
//! together.
//!
//! **2. Every optimum is a fixed point of a monotone map.** `g(tau) = (mean of the |w| above tau) / 2` never decreases, for
//! raising `tau` only takes the smallest weights out of the mean. By fact 1 every optimum satisfies
//! `g(lambda/2) = lambda/2`. So if `tau` is at or below every optimum's threshold, so is `g(tau)`: iterating upward from
//! below, and downward from above, brackets **every** optimum between two thresholds. Here `g` is the exact ratio of exact
//! sums, rounded down to a weight; as no weight lies between the two, that is the same threshold.
//!
//! **3. Chords exclude.** The most that a ternary vector of scale `2 tau` gains over zeros is `F(tau) = 4 tau B(tau)` with
//! `B(tau) = sum h (|w| - tau)+`, for each weight above `tau` gains `h (4 tau |w| - 4 tau^2)` and each other one can gain nothing. The
//! optimum's score is its `F(lambda/2)`. As a sum of convex functions `B` is convex: between two thresholds `p < q` it lies below its
//! chord `a - b tau`, so nothing there scores more than the parabola's
//!
//! ```text
//! max 4 tau (a - b tau) = a^2 / b,      b = (B(p) - B(q)) / (q - p),   a = B(p) + b p
//! ```
//!
//! and where the parabola stays below a score that is known, no optimum is. (With `(M, S)` at both thresholds and the tangents of
//! the concave `S(M)` this is their kink's `S^2 / M`, the bound of branch and bound over numbers of non-zeros.)
//!
//! The searches ([`route`](mod@super::route) chooses): [`stream`] is the fast one, by passes over long slices. [`bracket`] works in integers,
//! without heap or scratch memory. [`count`] selects for a given number of non-zeros or a target cosine, also in place. [`window`] ends
//! these two by sorting the few weights that are left. [`sort`] is the reference, the paper's algorithm word for word; the others are
//! tested against it.

mod bracket;
mod count;
#[cfg(feature = "alloc")]
mod sort;
pub(crate) mod stream;
mod window;

use core::cmp::Ordering;

use crate::exact::score::clearly;
use crate::optimum::objective::{Objective, RoundedTally, Support, Tally};

/// How the optimum is searched. All searches give the same bits.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use ternarize::{Search, Ternarizer};
///
/// let weights = [0.9_f32, -0.8, 0.1, 0.7, -0.05];
/// let (trits, fit) = Ternarizer::new().ternarize(&weights)?;
/// assert_eq!(trits, [1, -1, 0, 1, 0]);
/// assert_eq!(Ternarizer::new().search(Search::Sort).ternarize(&weights)?, (trits, fit));
/// # }
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Search {
    /// The fastest search for the options, the weights and the processor. It uses no heap, and no memory except the trits that are
    /// written last.
    ///
    /// On 64-bit processors most vectors take two passes over the weights, with the instructions of the [`Backend`](crate::Backend).
    /// Worst case without importances: on inputs built so that nearly all candidates have the same score, the search takes about twice as
    /// long as a sort.
    ///
    /// Four cases use exact integers instead, in 10 to 20 passes: a given number of non-zeros or target cosine, `f64` with importances,
    /// smaller processors, and importances where nearly all candidates have the same score. They may need `N / 32` passes in their
    /// worst case; [`Search::Sort`] avoids that.
    #[default]
    Auto,
    /// The reference: sort the weights, then try every prefix. Takes `O(N log N)` time and 16 bytes of heap per weight.
    #[cfg(feature = "alloc")]
    Sort,
}

/// The numbers of non-zeros among which to choose: `1 <= min <= max <=` the number of weights that can be selected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    pub(crate) min: usize,
    pub(crate) max: usize,
}

impl Range {
    /// Any number.
    const ANY: Self = Self {
        min: 1,
        max: usize::MAX,
    };

    fn contains(self, count: usize) -> bool {
        self.min <= count && count <= self.max
    }
}

/// A cosine to be reached, and `sum h w^2` of all weights in the units of the objective.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) cosine: f64,
    pub(crate) energy: f64,
}

impl Target {
    /// Whether a support reaches the cosine within a relative 2^-48, which is more than the rounding errors of both.
    fn reached_by(self, rounded: RoundedTally) -> bool {
        const MARGIN: f64 = 1.0 - 1.0 / (1_u64 << 48) as f64;
        rounded.cosine(self.energy) >= self.cosine * MARGIN
    }
}

/// The best support of all; the empty one if nothing can be selected.
pub(crate) fn optimum<O: Objective>(objective: &O, search: Search) -> Support<O::Tally> {
    let found = match search {
        Search::Auto => bracket::optimum(objective),
        #[cfg(feature = "alloc")]
        Search::Sort => sort::best(objective, Range::ANY),
    };
    found.unwrap_or_else(|| nothing(objective))
}

/// The best support with a number of weights in the range. Only for weights of equal importance.
pub(crate) fn between<O: Objective>(
    objective: &O,
    range: Range,
    search: Search,
) -> Support<O::Tally> {
    let found = match search {
        Search::Auto => count::between(objective, range),
        #[cfg(feature = "alloc")]
        Search::Sort => sort::best(objective, range),
    };
    found.unwrap_or_else(|| nothing(objective))
}

/// The smallest support in the range that reaches a cosine, if any does. Only for weights of equal importance.
pub(crate) fn sparsest<O: Objective>(
    objective: &O,
    range: Range,
    target: Target,
    search: Search,
) -> Option<Support<O::Tally>> {
    match search {
        Search::Auto => count::sparsest(objective, range, target),
        #[cfg(feature = "alloc")]
        Search::Sort => sort::sparsest(objective, range, target),
    }
}

/// The empty support.
pub(crate) fn nothing<O: Objective>(objective: &O) -> Support<O::Tally> {
    Support::new(objective.top(), 0, objective.empty())
}

/// The best support seen so far; of equals the smallest.
struct BestSupport<'a, O: Objective> {
    objective: &'a O,
    range: Range,
    found: Option<Support<O::Tally>>,
    /// Its score in `f64`.
    score: f64,
}

impl<'a, O: Objective> BestSupport<'a, O> {
    fn new(objective: &'a O, range: Range) -> Self {
        Self {
            objective,
            range,
            found: None,
            score: 0.0,
        }
    }

    /// Takes a support if its size is allowed and it beats what there is.
    fn offer(&mut self, found: Support<O::Tally>) {
        let count = found.tally.count();
        if count == 0 || !self.range.contains(count) {
            return;
        }
        let score = self.objective.rounded(&found.tally).score();
        let better = self.found.as_ref().is_none_or(|best| {
            let order = clearly(score, self.score)
                .unwrap_or_else(|| self.objective.compare_exactly(&found.tally, &best.tally));
            order.then(best.tally.count().cmp(&count)) == Ordering::Greater
        });
        if better {
            (self.found, self.score) = (Some(found), score);
        }
    }

    /// Whether a bound says that nothing there beats what there is.
    fn rules_out(&self, bound: f64) -> bool {
        // Wider than the rounding of the bound and of the score.
        const MARGIN: f64 = 1.0 + 1e-12;
        self.found.is_some() && bound * MARGIN < self.score
    }
}
