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
//! Cost: a byte of codes is read once; a tile takes about as many instructions as it has planes, twice. [`Arithmetic::Add`]
//! does without any multiplication of activations.

mod activations;
mod drive;
mod exact;
mod kernel;
mod lay_out;
mod scaled;
mod scales;
mod source;

pub(crate) use drive::Drivable;
pub(crate) use exact::Exact;
pub(crate) use lay_out::{Laid, Places, Run};
pub(crate) use scaled::Scaled;
#[cfg(feature = "half")]
pub(crate) use scales::Scaling;
pub(crate) use scales::{Groups, LANE_PAIRS, Lambda};
pub(crate) use source::Contiguous;
#[cfg(feature = "half")]
pub(crate) use source::{Source, tile_at};

pub use activations::{ACTIVATION_BLOCK, Activations, ScalePer};

use crate::error::ShapeError;
use alloc::vec::Vec;

use crate::error::check_len;
use crate::{Backend, Error};

/// How digits meet activations.
///
/// # Examples
///
/// ```
/// use ternarize::product::{Arithmetic, Multiplier};
///
/// let how = Multiplier::new().arithmetic(Arithmetic::Add);
/// assert_eq!(how, Multiplier::default().arithmetic(Arithmetic::Add));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// By whatever is fastest. Where a processor has no instructions for the multiplication of bytes this is [`Add`](Self::Add).
    #[default]
    Fastest,
    /// By additions, subtractions, masks and table look-ups alone.
    Add,
}

/// The knobs of a product. None of them changes a bit of the result.
///
/// # Examples
///
/// ```
/// use ternarize::{Backend, product::Multiplier};
///
/// let fastest = Multiplier::new();
/// let plain = Multiplier::new().backend(Backend::PORTABLE);
/// assert_eq!(fastest, Multiplier::new().backend(Backend::detect()));
/// # let _ = plain;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Multiplier {
    pub(crate) backend: Backend,
    pub(crate) arithmetic: Arithmetic,
}

impl Multiplier {
    /// The fastest.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With these instructions.
    #[must_use]
    pub const fn backend(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    /// With this arithmetic.
    #[must_use]
    pub const fn arithmetic(self, arithmetic: Arithmetic) -> Self {
        Self { arithmetic, ..self }
    }
}

/// The results of each vector, once all lengths are as they should be. Where there is nothing to add up all are set to 0, and none
/// is left to compute.
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
