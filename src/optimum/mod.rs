//! The best ternary vector of a slice of weights: the method of the paper.
//!
//! The layers, each above those before it: [`objective`] (the score of a support), [`scan`] (loops over long slices), [`search`]
//! (the ways to the optimum), [`rule`], [`fit`], [`options`], [`solution`] (every rule to one solution), [`short`] (many short
//! vectors at once), [`certificate`] (proofs and their checker), [`curve`](mod@curve).

#[cfg(feature = "alloc")]
pub(crate) mod certificate;
pub(crate) mod check;
mod compiled;
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
