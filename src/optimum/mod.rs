//! The best ternary vector of a slice of weights: the method of the paper *TNT* (arXiv 1912.09236), in exact arithmetic.
//!
//! A support is the set of weights whose trit is not 0. Its score `S^2 / m` (`S` the sum of its magnitudes, `m` their number, or the
//! sum of importances) is what the squared error falls by. The optimum is the support of the largest score; it holds all weights above
//! a threshold. So a rule decides a threshold, a search finds it, and scales and trits follow.
//!
//! # From weights to trits
//!
//! ```text
//! options     ternarize, Ternarizer::ternarize_into           the public functions, generic and thin
//! weight      <f32 as Sealed>::ternarize_into                 from here on compiled in this crate
//! solution    ternarize_into -> route::route, check::check    one decision how to search
//!             streamed, direct::ternarize                     or weighted::streamed, exact::{optimum, controlled, baseline}
//! search      stream::optimum -> begin -> all, finish, offer  or bracket, count, sort
//! solution    one_threshold, measure                          scales, thresholds, then trits and error metrics
//! ```
//!
//! # Modules, each above those before it
//!
//! - [`side`], [`objective`]: the score of a support, and the exact sums it is made from;
//! - [`rule`], [`fit`]: the rules; the result;
//! - [`scan`]: loops over long slices, for every instruction set;
//! - [`search`]: the theorem, and the ways to the optimum;
//! - [`options`], [`check`], [`route`]: the options, what can be wrong with them, and which search serves them;
//! - [`solution`]: every rule to scales, trits and a [`Fit`](fit::Fit);
//! - [`short`]: many short vectors at once;
//! - [`certificate`]: proofs of optimality, and their checker; [`curve`](mod@curve): the cosine for every number of non-zeros;
//! - [`weight`]: the public trait of the types of weights, and the functions that are compiled once for each of them.

#[cfg(feature = "alloc")]
pub(crate) mod certificate;
pub(crate) mod check;
pub(crate) mod curve;
pub(crate) mod fit;
pub(crate) mod objective;
pub(crate) mod options;
pub(crate) mod route;
pub(crate) mod rule;
pub(crate) mod scan;
pub(crate) mod search;
#[cfg(feature = "alloc")]
pub(crate) mod short;
pub(crate) mod side;
pub(crate) mod solution;
pub(crate) mod weight;
