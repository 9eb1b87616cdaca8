//! Products of packed trits with activations.
//!
//! A trit times a number is the number, nothing, or its negative. So a ternary product needs no multiplication: it is a sum of
//! selected activations.
//!
//! | weights | activations | method |
//! |---|---|---|
//! | a vector of trits | `f32`, `i8` | [`PackedTrits::dot`](crate::PackedTrits::dot), `dot_signed`, `dot_i8`, `dot_signed_i8` |
//! | a matrix | `f32` | [`TernaryMatrix::matvec`], `matmul`; the same of `TernaryTensor` |
//! | a matrix | [`Activations`]: 8 bits with scales | [`TernaryMatrix::matvec_i8`], `matmul_i8`; the same of `TernaryTensor`, `FormatMatrix` |
//!
//! Each `matmul` has a variant with the suffix `_on` that takes a [`Backend`](crate::Backend). All backends return the same bits.
//!
//! # The order of a floating-point sum
//!
//! Addition of floats is not associative, so equal bits need one order of additions. This one suits a vector unit with eight
//! lanes, or with two times four:
//!
//! ```text
//! lane[0..8] = +0.0
//! for i in 0..n:                        i counts from the start of the vector, wherever its trits begin in a byte
//!     t_i = +1:  lane[i % 8] += x_i
//!     t_i = -1:  lane[i % 8] -= x_i
//!     t_i =  0:  nothing                also when x_i is infinite or NaN
//! sum = ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]))
//! ```
//!
//! A lane begins at +0.0 and, rounding to nearest, no addition makes it -0.0. Hence a branch-free loop may add a zero of either
//! sign for "nothing", and an empty sum is +0.0.
//!
//! # Two scales
//!
//! A vector with the value `lambda_p` at its +1 trits and `-lambda_n` at its -1 trits has the product
//! `lambda_p * plus - lambda_n * minus`. `plus` is the sum of the activations under the +1 trits, `minus` that under the -1 trits,
//! each in the order above. For integers `plus - minus` is the plain sum. For floats it may differ from it in the last places, as
//! it rounds at other points.
//!
//! # Blocks, planes and a bias
//!
//! A row of a matrix may have a scale for each block of its weights, several planes, and a bias. Each block of each plane adds its
//! product, as above, to the result, where `i` counts from the start of the block:
//!
//! ```text
//! y = +0.0
//! for each plane, for each block of the row:   y += lambda sum                two scales:  y += lambda_p plus - lambda_n minus
//! y += bias                                    if there is one
//! ```
//!
//! Scales are rounded to `f32` first, if they are `f64`.
//!
//! # 8-bit activations
//!
//! Here a plane is summed up before it is added. Of the vectors of one product each has the bits that it has alone.
//!
//! ```text
//! y = the first plane's product;   for each other plane:  y += its product;   y += bias, if there is one
//! ```
//!
//! With one scale for a row of weights and one for the vector, the sum `S = sum t x` is exact for all lengths, and the product of a
//! plane is
//!
//! ```text
//! f32(S) (lambda d)                                  two scales:  f32(S+) (lambda_p d) - f32(S-) (lambda_n d)
//! ```
//!
//! where each operation rounds once. With more scales, in the 2-bit code, rows of a multiple of 4 weights are summed up in tiles, if
//! their blocks are multiples of 32 weights (the last may be shorter) or the whole row. A *tile* (64 bytes of codes) has sixteen lanes:
//! lane `j` is the sum over its bytes `4j .. 4j + 4`, called `S[i][j]` in tile `i`. There are sixteen f32 sums, to which the tiles are added
//! one after the other:
//!
//! ```text
//! a[0..16] = +0.0
//! blocks of whole tiles, or a whole row: a tile has one scale, and eight of its sums are added to the first half of a, those of the next tile to the last
//! for each tile i, for each j < 8:     a[8 (i % 2) + j] += f32(S[i][j] + S[i][j + 8]) (lambda[i] d[i])
//! other blocks: each pair of lanes has its scale
//! for each tile i, for each lane j:    a[j] += f32(S[i][j]) (lambda[i][j] d[i])
//!
//! two scales, the same for both signs: ... += f32(S+ ...) (lambda_p d);   ... += f32(S- ...) (-lambda_n d)
//! the sum of a[0..16], folded in halves:  a[j] += a[j + 8],  a[j] += a[j + 4],  a[j] += a[j + 2],  a[0] + a[1]
//! ```
//!
//! Equal bits presume that no `lambda d` is infinite.
//!
//! All other rows are summed up in *runs*: a run ends with each block of the weights and, if the vector has several scales, with
//! each block of the vector. The sum begins with +0.0, and each run adds its product, as that of a plane with one scale.
//!
//! The error is at most `(m + K + 6) 2^-24` times the sum of the magnitudes of all terms and the bias, for `K` planes and `m`
//! additions in a chain: 0 with one scale each, at most `2 n / 256 + 6` in tiles, the number of runs else, if `m` is below 4,000.

mod activations;
#[cfg(feature = "alloc")]
pub(crate) mod arrange;
pub(crate) mod dot;
mod float;
#[cfg(feature = "alloc")]
pub(crate) mod int8;
mod integer;
mod matrix;
mod places;
mod round;

pub use activations::Activations;
pub use matrix::TernaryMatrix;
pub use round::quantize_into;

pub use crate::rotation::{rotate, rotate_back};
