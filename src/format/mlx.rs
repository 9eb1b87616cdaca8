//! MLX's affine quantization with two bits: codes, and for each group of a row a scale and a bias.
//!
//! A layer is three tensors: `weight`, `U32 [rows, columns / 16]`, and `scales` and `biases`, `[rows, columns / group]` in the
//! weights' own type. Four levels at equal distances are three of a ternary weight and one that is never used:
//!
//! ```text
//! code        = t + 1 in bits 2 (k % 16) and up of word k / 16 of the row          k = the column
//! weight      = scale code + bias,   bias = -scale                                 = scale t, without rounding in any type
//! ```
//!
//! In a file the words are little-endian. Their bytes are then just those of [`two_bit`], four columns a byte.
//! Beware of `mlx.core.quantize` with two bits: it spreads four levels over the range of the weights, so that of -0.5, 0 and 0.5 one
//! comes back as another number. These three tensors keep them.
//!
//! Cost: 2 bits a weight, and two numbers a group; one pass to check and one to write.
//!
//! Source: MLX 0.32.4, `mlx.core.quantize` and `mlx.core.dequantize`.

use super::scale;
use crate::code::{Code, two_bit};
use crate::error::check_len;
use crate::error::{Error, Operand, ShapeError};
use crate::weight::Weight;

/// How many weights of a row share a scale.
///
/// # Examples
///
/// ```
/// use ternarize::format::mlx::Group;
///
/// assert_eq!(Group::of_len(64), Some(Group::G64));
/// assert_eq!(Group::of_len(100), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Group {
    /// 32 weights: 3 bits a weight with 16-bit scales.
    G32,
    /// 64 weights, MLX's default: 2.5 bits a weight with 16-bit scales.
    #[default]
    G64,
    /// 128 weights: 2.25 bits a weight with 16-bit scales.
    G128,
}

impl Group {
    /// The number of weights.
    ///
    /// ```
    /// # use ternarize::format::mlx::Group;
    /// assert_eq!(Group::G32.len(), 32);
    /// ```
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no group is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::G32 => 32,
            Self::G64 => 64,
            Self::G128 => 128,
        }
    }

    /// The group of so many weights, or `None` if MLX has no such group.
    ///
    /// ```
    /// # use ternarize::format::mlx::Group;
    /// assert_eq!(Group::of_len(128), Some(Group::G128));
    /// ```
    #[must_use]
    pub const fn of_len(len: usize) -> Option<Self> {
        match len {
            32 => Some(Self::G32),
            64 => Some(Self::G64),
            128 => Some(Self::G128),
            _ => None,
        }
    }
}

/// Writes the codes and biases of a matrix of `columns` columns. The trits come row by row; the scales, group by group, are MLX's
/// `scales` as they are.
///
/// The scales are of the weights' type, which is `f16`, `bf16` or `f32` to MLX.
///
/// # Errors
///
/// [`Error::Shape`] if the columns are no multiple of the group; [`Error::LengthMismatch`] if the trits do not fill their rows,
/// `codes` is not a quarter as long, or scales and biases are not one for each group; [`Error::InvalidCode`] for a value other than
/// -1, 0, +1; [`Error::InvalidValue`] for a scale that is negative, NaN or infinite. Then nothing has been written.
///
/// # Examples
///
/// ```
/// use half::bf16;
/// use ternarize::format::mlx::{self, Group};
///
/// let trits = [[1, 0, -1, 1]; 8].concat();
/// let (mut codes, mut biases) = ([0; 8], [bf16::ZERO]);
/// mlx::encode_into(Group::G32, 32, &trits, &[bf16::ONE], &mut codes, &mut biases)?;
/// assert_eq!((codes, biases), ([0b10_00_01_10; 8], [bf16::NEG_ONE]));
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn encode_into<W: Weight>(
    group: Group,
    columns: usize,
    trits: &[i8],
    scales: &[W],
    codes: &mut [u8],
    biases: &mut [W],
) -> Result<(), Error> {
    let groups = groups_of(group, columns, trits.len())?;
    check_len(groups, scales.len())?;
    check_len(groups, biases.len())?;
    check_scales(scales)?;
    two_bit::encode_into(trits, codes)?;
    for (bias, scale) in biases.iter_mut().zip(scales) {
        *bias = -*scale;
    }
    Ok(())
}

/// Reads the trits of a matrix of `columns` columns, row by row; their number says how many rows there are. The scales are those
/// given.
///
/// # Errors
///
/// [`Error::Shape`] if the columns are no multiple of the group; [`Error::LengthMismatch`] if the trits do not fill their rows,
/// `codes` is not a quarter as long, or scales and biases are not one for each group; [`Error::InvalidValue`] for a scale that is
/// negative, NaN or infinite; [`Error::InvalidValue`] for a bias other than the negated scale, so that the group's levels are not
/// ternary; [`Error::InvalidCode`] for the first byte with a value of 3. Then nothing has been written.
///
/// # Examples
///
/// What `mlx.core.quantize` itself makes of ternary weights is no ternary matrix:
///
/// ```
/// use ternarize::{Operand};
/// use ternarize::Error;
/// use ternarize::format::mlx::{self, Group};
///
/// let mut trits = [0; 32];
/// mlx::decode_into(Group::G32, 32, &[0b00_01_10_01; 8], &[0.5_f32], &[-0.5], &mut trits)?;
/// assert_eq!(trits[..4], [0, 1, 0, -1]);
/// let error = mlx::decode_into(Group::G32, 32, &[0; 8], &[0.25_f32], &[-0.5], &mut trits);
/// assert_eq!(error, Err(Error::InvalidValue { what: Operand::Bias, index: 0 }));
/// # Ok::<(), Error>(())
/// ```
pub fn decode_into<W: Weight>(
    group: Group,
    columns: usize,
    codes: &[u8],
    scales: &[W],
    biases: &[W],
    trits: &mut [i8],
) -> Result<(), Error> {
    let groups = groups_of(group, columns, trits.len())?;
    check_len(groups, scales.len())?;
    check_len(groups, biases.len())?;
    check_scales(scales)?;
    let mut pairs = scales.iter().zip(biases);
    if let Some(index) = pairs.position(|(scale, bias)| *bias != -*scale) {
        return Err(Error::InvalidValue {
            what: Operand::Bias,
            index,
        });
    }
    Code::TwoBit.decode_into(codes, trits)
}

/// The groups of so many trits in rows of `columns`.
fn groups_of(group: Group, columns: usize, trits: usize) -> Result<usize, Error> {
    if !columns.is_multiple_of(group.len()) {
        let (len, group) = (columns, group.len());
        return Err(Error::Shape(ShapeError::Ragged { len, group }));
    }
    let rows = trits.checked_div(columns).unwrap_or(0);
    check_len(rows * columns, trits)?;
    Ok(trits / group.len())
}

fn check_scales<W: Weight>(scales: &[W]) -> Result<(), Error> {
    let mut scales = scales.iter().enumerate();
    scales.try_for_each(|(index, scale)| scale::check(index, scale.widen()))
}
