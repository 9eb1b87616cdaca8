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
//! [`matrix`] selects the loop for a matrix in a code of this crate, `format` does so for other programs' bytes.
//! [`arrange`](super::arrange) has the order of the activations, [`driver`] divides rows and vectors into panels, [`codes`] and
//! [`scales`] prepare them, [`kernel`] is the loop over rows, and [`strip`] the one over tiles. Rows of up to half a tile, or of up to a
//! tile if there are few, have a loop of their own, [`short`]. What is computed is defined in [`matmul`](crate::matmul).
//!
//! Cost: a byte of codes is read once; a tile takes about twice as many instructions as it has planes.

mod codes;
mod driver;
mod kernel;
mod matrix;
mod scales;
mod short;
mod strip;

#[cfg(feature = "half")]
pub(crate) use {
    codes::{RowCodes, Tiling},
    driver::{ArrangedVector, TiledMatrix, TiledPlane},
    scales::{BlockScales, LANE_PAIRS, MatrixScales, SliceScales},
};

use alloc::vec::Vec;

use super::Activations;
use crate::error::{Error, ShapeError, check_len};

/// Checks the lengths of all vectors and of all results together.
pub(crate) fn check_lengths(
    rows: usize,
    columns: usize,
    xs: &[Activations<'_>],
    y: &[f32],
) -> Result<(), Error> {
    let results = rows
        .checked_mul(xs.len())
        .ok_or(Error::Shape(ShapeError::Overflow))?;
    xs.iter().try_for_each(|x| check_len(columns, x.len()))?;
    check_len(results, y.len())
}

/// Calls `multiply` for vectors that all have one scale, or all several, and for their results: these are added up in different ways,
/// whatever stands beside them.
pub(crate) fn by_scales<'x, 'y>(
    xs: &'x [Activations<'x>],
    y: impl Iterator<Item = &'y mut [f32]>,
    mut multiply: impl FnMut(bool, &'x [Activations<'x>], &mut [&'y mut [f32]]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut ys: Vec<_> = y.collect();
    // Without rows there are no results.
    if ys.is_empty() {
        return Ok(());
    }
    let mut ys = &mut ys[..];
    let one_scale = |x: &Activations<'_>| x.only_scale().is_some();
    for xs in xs.chunk_by(|x, next| one_scale(x) == one_scale(next)) {
        let (own, others) = ys.split_at_mut(xs.len());
        ys = others;
        multiply(xs.iter().all(one_scale), xs, own)?;
    }
    Ok(())
}
