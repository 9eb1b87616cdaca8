//! The products of packed trits with activations: `sum t_i x_i`, on plain slices.
//!
//! A trit times a number is the number, nothing, or its negative, so a ternary product needs no multiplication: it is a
//! sum of selected activations. [`portable`] is the *definition* of these sums. Any other implementation, for whatever
//! instruction set, has to return the same bits: [`dot`] and [`dot_signed`] do, on every [`Backend`](crate::Backend).
//!
//! # The order of a floating-point sum
//!
//! Addition of floats is not associative, so "the same bits" needs one order of additions. It is chosen such that eight
//! lanes of a vector unit, or twice four, add in it naturally:
//!
//! ```text
//! lane[0..8] = +0.0
//! for i in 0..n:                        i counts from the start of the vector given, wherever its trits begin in a byte
//!     t_i = +1:  lane[i % 8] += x_i
//!     t_i = -1:  lane[i % 8] -= x_i
//!     t_i =  0:  nothing                also when x_i is infinite or NaN
//! sum = ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]))
//! ```
//!
//! A lane begins at +0.0 and, rounding to nearest, no addition makes it -0.0. Hence "nothing" may also be done by adding a
//! zero of either sign, which is what a branch-free kernel does, and an empty sum is +0.0.
//!
//! # Two scales
//!
//! A vector with the value `lambda_p` at its +1 trits and `-lambda_n` at its -1 trits has the product
//! `lambda_p * plus - lambda_n * minus`, where `plus` and `minus` sum the activations under the +1 and under the -1 trits
//! apart, each in the order above. For integers `plus - minus` is the plain sum. For floats it may differ from it in the
//! last places, as it rounds at other points.
//!
//! Cost: one pass over the bytes and the activations, a selection and an addition (two for the sums apart) an element; no
//! memory beyond the lanes and the decoding table of the code.

mod floats;
mod packed;
pub(crate) mod portable;
#[cfg(test)]
mod tests;
mod walk;

#[cfg(feature = "alloc")]
pub(crate) use floats::{Apart, Row, Sums, Together, sums};
pub(crate) use floats::{dot, dot_signed};

/// The number of partial sums of a floating-point sum.
const LANES: usize = 8;
