//! [`route`]: the one decision how a vector is searched.
//!
//! Every route to an optimum gives the same bits; they differ in time and memory. A route is chosen from the options, the type and the
//! number of the weights, and the processor:
//!
//! | options | weights | processor | route |
//! |---|---|---|---|
//! | a baseline rule | all | all | [`Prescribed`](Route::Prescribed): the threshold follows from the mean or the maximum |
//! | a number of non-zeros or a target cosine | all | all | [`Controlled`](Route::Controlled), in integers |
//! | [`Search::Sort`] | all | all | [`Integers`](Route::Integers): sort, then try every prefix |
//! | [`Search::Auto`], many vectors | up to 256 `f32`, `f16`, `bf16` each, no importances | all | [`Lanes`](Route::Lanes): sixteen vectors side by side |
//! | [`Search::Auto`], one vector | up to 128 `f32`, `f16`, `bf16`, no importances | 64 bits | [`Direct`](Route::Direct): sorted, scored in `f64` |
//! | [`Search::Auto`] | no importances | 64 bits | [`Streamed`](Route::Streamed) |
//! | [`Search::Auto`] | from 48 `f32`, `f16`, `bf16`, with importances | 64 bits | [`Streamed`](Route::Streamed) |
//! | [`Search::Auto`] | the others | all | [`Integers`](Route::Integers): bracket the optimum, sort the last 32 weights |
//!
//! Some routes can find that numbers are too extreme for them, or candidates too much alike. A vector of [`Lanes`](Route::Lanes) is then
//! searched alone, and the others use [`Integers`](Route::Integers), which never fails.

use super::options::Ternarizer;
use super::rule::Rule;
use super::search::Search;
use crate::weight::FloatBits;

/// Whether long vectors are streamed. Small processors have no vector units, and no flash to spare for it.
pub(crate) const STREAMS: bool = cfg!(target_pointer_width = "64");

/// The longest vectors that are sorted in lanes. Chosen: 256 weights are the longest block of the formats in use; the memory for
/// sixteen of them is 32 kB, which stays in the first-level cache.
pub(crate) const LONGEST_IN_LANES: usize = 256;

/// The longest single vectors that are sorted at once. Chosen: of so few weights a sample is most of them.
pub(crate) const LONGEST_DIRECT: usize = 128;

/// With importances, vectors shorter than this are searched in integers. Chosen: three vectors of 16 weights are too few for a sample
/// and a window.
const SHORTEST_WEIGHTED: usize = 48;

/// How a vector is searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Route {
    /// The rule prescribes the threshold.
    Prescribed,
    /// A number of non-zeros or a target cosine, in integers.
    Controlled,
    /// The optimum, in integers.
    Integers,
    /// The optimum of a short vector, sorted.
    Direct,
    /// The optimum, by passes over the weights.
    Streamed,
    /// The optimum, sixteen vectors at once.
    Lanes,
}

/// Decides how vectors of `len` weights are searched, one vector or `many` of the same length. For options that are not
/// valid any route will do: none is taken.
pub(crate) fn route<W: FloatBits>(options: &Ternarizer<'_>, len: usize, many: bool) -> Route {
    let weighted = options.importance.is_some();
    let free =
        options.target_cosine.is_none() && options.min_nonzeros <= 1 && options.max_nonzeros >= len;
    match options.rule {
        Rule::Twn | Rule::AbsMean | Rule::AbsMax => return Route::Prescribed,
        Rule::Tnt | Rule::TwoScale if !free => return Route::Controlled,
        Rule::Tnt | Rule::TwoScale => {}
    }
    if options.search != Search::Auto {
        return Route::Integers;
    }
    if many && W::FITS_SINGLE && !weighted && (1..=LONGEST_IN_LANES).contains(&len) {
        return Route::Lanes;
    }
    match (weighted, W::FITS_SINGLE) {
        (false, true) if STREAMS && len <= LONGEST_DIRECT => Route::Direct,
        (false, _) if STREAMS => Route::Streamed,
        (true, true) if STREAMS && len >= SHORTEST_WEIGHTED => Route::Streamed,
        _ => Route::Integers,
    }
}
