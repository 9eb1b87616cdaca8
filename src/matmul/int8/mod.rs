//! Matrices of packed trits times vectors of 8-bit activations.
//!
//! Activations are rounded to 8 bits once ([`Activations`]). From there on a product is a sum of small integers, in which no order
//! of additions matters. So the activations may be arranged for the weights: for each 64 bytes of codes (a *tile*) in as many
//! *planes* as a byte has digits, activation and digit at the same place. That costs one pass over the vector, not over the matrix,
//! and makes the inner loop the same for every layout of trits in bytes.
//!
//! ```text
//! codes    byte 0    byte 1   ...  byte 63            digit p of byte m  meets  x[p][m]
//! plane 0  x[0][0]   x[0][1]  ...  x[0][63]           lane j of 16 sums the bytes 4j .. 4j + 4 of all planes
//! plane 1  x[1][0]   ...
//! ```
//!
//! [`matrix`] selects the loop for a matrix in a code of this crate, `format` does so for other programs' bytes. [`arrange`] arranges
//! the vectors, [`driver`] divides rows and vectors into panels, [`codes`] and [`scales`] prepare them, [`kernel`] is the loop over
//! rows, and [`strip`] the one over tiles. What is computed is defined in [`matmul`](crate::matmul).
//!
//! Cost: a byte of codes is read once; a tile takes about twice as many instructions as it has planes.

mod arrange;
mod codes;
mod driver;
mod kernel;
mod matrix;
mod scales;
mod strip;

#[cfg(feature = "half")]
pub(crate) use {
    arrange::{Arranged, BlockOrder, ElementRun},
    codes::{RowCodes, Tiling},
    driver::{TiledMatrix, TiledPlane},
    scales::{BlockScales, LANE_PAIRS, MatrixScales, SliceScales},
};

use alloc::vec::Vec;

use super::Activations;
use crate::error::{Error, ShapeError, check_len};

/// Checks all lengths, and returns the results of each vector. If there is nothing to add, the results are set to 0 and none is
/// returned.
pub(crate) fn results<'y>(
    rows: usize,
    columns: usize,
    xs: &[Activations<'_>],
    y: &'y mut [f32],
) -> Result<Vec<&'y mut [f32]>, Error> {
    let results = rows
        .checked_mul(xs.len())
        .ok_or(Error::Shape(ShapeError::Overflow))?;
    let lengths = xs.iter().map(|x| (columns, x.len()));
    for (expected, actual) in lengths.chain([(results, y.len())]) {
        check_len(expected, actual)?;
    }
    if columns == 0 || rows == 0 {
        y.fill(0.0);
        return Ok(Vec::new());
    }
    Ok(y.chunks_exact_mut(rows).collect())
}
