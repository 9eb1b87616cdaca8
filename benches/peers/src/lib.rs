//! `ternarize` beside its peers: what the programs of this crate share.
//!
//! [`data`] makes the weights, [`peers`] and [`sorting`] ternarize them by other means, [`crates`] multiplies with them, [`measure`]
//! times both in turn, with the instructions of a [`backend`], [`table`] says what came of it, and [`report`] keeps it. The data and the sorting peer are those of the library's own benchmark.

#[path = "../../common/data.rs"]
pub mod data;
#[path = "../../common/sorting.rs"]
pub mod sorting;

pub mod backend;
pub mod crates;
pub mod machine;
pub mod measure;
pub mod peers;
pub mod report;
pub mod table;
pub mod verdict;

#[cfg(feature = "ggml")]
pub mod ggml;
