//! How to store each tensor so that all together fit a budget of bytes.
//!
//! A small layer at the end of a network suffers more from having only one plane of trits than the large layers in the middle, and a
//! second plane for it costs little. So bytes are best spent where each of them lowers the error most. [`allocate`] makes the choice
//! from sizes and errors, whatever they belong to.

mod allocate;

pub use allocate::{Allocation, allocate};
