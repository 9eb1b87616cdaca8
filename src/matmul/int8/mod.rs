//! Products of packed ternary matrices with vectors of 8-bit activations: exact whole numbers, times scales.
//!
//! Activations are rounded to 8 bits once ([`Activations`]), and from there on a product is a sum of small whole numbers, in
//! which no order of additions matters. So the activations may be laid out to please the weights: for each 64 bytes of codes (a
//! *tile*) in as many *planes* as a byte has digits, activation and digit at the same place. That costs a pass over the vector,
//! not over the matrix, and makes the inner loop the same for every layout of trits in bytes.
//!
//! ```text
//! codes    byte 0    byte 1   ...  byte 63            digit p of byte m  meets  x[p][m]
//! plane 0  x[0][0]   x[0][1]  ...  x[0][63]           lane j of 16 sums the bytes 4j .. 4j + 4 of all planes
//! plane 1  x[1][0]   ...
//! ```
//!
//! # What is computed
//!
//! With one scale for a row of weights and one for the vector, the sum `S = sum t x` is exact for all lengths, and
//!
//! ```text
//! y = f32(S) (lambda d)                                          two scales:  f32(S+) (lambda_p d) - f32(S-) (lambda_n d)
//! ```
//!
//! where each operation rounds once. With more scales each tile adds its sixteen lanes to sixteen running sums of singles, tile by
//! tile, and the lanes are added up in the end:
//!
//! ```text
//! for each tile i, for each lane j:   a[j] += f32(S[i][j]) (lambda[i][j] d[i])
//!                       two scales:   a[j] += f32(S+[i][j]) (lambda_p[i][j] d[i]);   a[j] += f32(S-[i][j]) (-lambda_n[i][j] d[i])
//! y = the sum of a[0..16], folded in halves:  a[j] += a[j + 8],  a[j] += a[j + 4],  a[j] += a[j + 2],  a[0] + a[1]
//! ```
//!
//! That is the definition; every instruction set and every number of threads gives its bits.
//!
//! Cost: a byte of codes is read once; a tile takes about twice as many instructions as it has planes.

mod activations;
mod arrange;
mod codes;
mod driver;
mod kernel;
mod matrix;
mod scales;

pub(crate) use matrix::{PackedRows, ScaleLayout};
#[cfg(feature = "half")]
pub(crate) use {
    arrange::{Arranged, ElementRun, TileOrder},
    codes::{RowCodes, Tiling},
    driver::{MatrixScales, TiledMatrix},
    scales::{BlockScales, LANE_PAIRS},
};

pub use activations::{Activations, ScalePer};

use crate::error::ShapeError;
use alloc::vec::Vec;

use crate::Error;
use crate::error::check_len;

/// Checks all lengths, and returns the results of each vector. If there is nothing to add, the results are set to 0 and none is
/// returned.
pub(crate) fn results<'y>(
    rows: usize,
    columns: usize,
    xs: &[Activations],
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
