//! What the board and the PC compute alike: the data, the jobs, and one [`report`] of the results, to the last bit.
//!
//! ```text
//! data.rs    pseudo-random numbers, from integers        jobs.rs     what is ternarized, and how
//! matrix.rs  a packed matrix, made by the compiler       report.rs   does the jobs, prints the bits
//! ```
//!
//! There is no `std` here, no heap and nothing of any board. `main.rs` prints the report through a debugger's channel
//! from a Cortex-M4F, `host/` prints it on the PC. As both call the same function, two equal outputs mean equal bits.

#![no_std]

pub mod data;
pub mod jobs;
pub mod matrix;
mod report;

pub use report::report;
