//! Which way to store each tensor, so that all keep to a budget of bytes.
//!
//! A small layer at the end of a network suffers more from one plane of trits than the large ones in the middle, and costs little:
//! bytes are best spent where each of them lowers the error most. [`allocate`] makes the choice from costs and errors, whatever
//! they are of.

mod allocate;

pub use allocate::{Allocation, Choice, allocate};
