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
//! In a file the words are little-endian. Their bytes are then those of [`Code::TwoBit`], four columns a byte.
//! Of 64 zeros `mlx.core.quantize` makes codes of 0 with the scale -1e-7 and the bias 0. Such a group is read as zeros.
//! Beware of `mlx.core.quantize` with two bits: it spreads four levels over the range of the weights, so that of -0.5, 0 and 0.5 one
//! comes back as another number. These three tensors keep them.
//!
//! Cost: 2 bits a weight, and two numbers a group; one pass to check and one to write.
//!
//! Source: MLX 0.32.4, `mlx.core.quantize` and `mlx.core.dequantize`.

use super::scale;
use crate::code::Code;
use crate::error::{Error, Operand, ShapeError, check_len};
use crate::optimum::weight::{PRIVATE, Weight};

/// The group lengths that MLX has: 32, 64 (its default) and 128 weights, which take 3, 2.5 and 2.25 bits each with 16-bit scales.
pub(crate) const GROUPS: [usize; 3] = [32, 64, 128];

/// Writes the codes and biases of a matrix of `columns` columns for MLX, with `group` weights under a scale: 32, 64 or 128. The trits come row by row; the scales, group by group, are MLX's
/// `scales` as they are.
///
/// The scales are of the weights' type, which is `f16`, `bf16` or `f32` to MLX.
///
/// # Errors
///
/// [`Error::Shape`] if the group is not 32, 64 or 128, or the columns are no multiple of it; [`Error::LengthMismatch`] if the trits do not fill their rows,
/// `codes` is not a quarter as long, or scales and biases are not one for each group; [`Error::InvalidCode`] for a value other than
/// -1, 0, +1; [`Error::InvalidValue`] for a scale that is negative, NaN or infinite. Then nothing has been written.
///
/// # Examples
///
/// ```
/// use half::bf16;
/// use ternarize::format;
///
/// let trits = [[1, 0, -1, 1]; 8].concat();
/// let (mut codes, mut biases) = ([0; 8], [bf16::ZERO]);
/// format::encode_mlx_into(32, 32, &trits, &[bf16::ONE], &mut codes, &mut biases)?;
/// assert_eq!((codes, biases), ([0b10_00_01_10; 8], [bf16::NEG_ONE]));
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn encode_mlx_into<W: Weight>(
    group: usize,
    columns: usize,
    trits: &[i8],
    scales: &[W],
    codes: &mut [u8],
    biases: &mut [W],
) -> Result<(), Error> {
    let groups = groups_of(group, columns, trits.len())?;
    check_len(groups, scales.len())?;
    check_len(groups, biases.len())?;
    let mut numbered = scales.iter().enumerate();
    numbered.try_for_each(|(index, scale)| scale::check(index, scale.to_value(PRIVATE)))?;
    Code::TwoBit.encode_into(trits, codes)?;
    for (bias, scale) in biases.iter_mut().zip(scales) {
        *bias = -*scale;
    }
    Ok(())
}

/// Reads the trits of a matrix of MLX with `columns` columns and `group` weights under a scale, row by row; their number says how many
/// rows there are. The scales are those given. That of a group whose codes and bias are 0 may be any finite number: its trits are 0.
///
/// # Errors
///
/// [`Error::Shape`] if the group is not 32, 64 or 128, or the columns are no multiple of it; [`Error::LengthMismatch`] if the trits do not fill their rows,
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
/// use ternarize::format;
///
/// let mut trits = [0; 32];
/// format::decode_mlx_into(32, 32, &[0b00_01_10_01; 8], &[0.5_f32], &[-0.5], &mut trits)?;
/// assert_eq!(trits[..4], [0, 1, 0, -1]);
/// let error = format::decode_mlx_into(32, 32, &[0; 8], &[0.25_f32], &[-0.5], &mut trits);
/// assert_eq!(error, Err(Error::InvalidValue { what: Operand::Bias, index: 0 }));
/// # Ok::<(), Error>(())
/// ```
pub fn decode_mlx_into<W: Weight>(
    group: usize,
    columns: usize,
    codes: &[u8],
    scales: &[W],
    biases: &[W],
    trits: &mut [i8],
) -> Result<(), Error> {
    let groups = groups_of(group, columns, trits.len())?;
    check_len(groups, scales.len())?;
    check_len(groups, biases.len())?;
    check_len(trits.len() / 4, codes.len())?;
    let levels = || scales.iter().copied().zip(biases.iter().copied());
    for (index, (levels, codes)) in levels().zip(codes.chunks(group / 4)).enumerate() {
        if is_zeros(levels, codes) {
            continue;
        }
        let (scale, bias) = levels;
        scale::check(index, scale.to_value(PRIVATE))?;
        if bias != -scale {
            return Err(Error::invalid(Operand::Bias, index));
        }
    }
    Code::TwoBit.decode_into(codes, trits)?;
    let groups = codes.chunks(group / 4).zip(trits.chunks_mut(group));
    for (levels, (codes, trits)) in levels().zip(groups) {
        if is_zeros(levels, codes) {
            trits.fill(0);
        }
    }
    Ok(())
}

/// Whether a group is zeros as MLX has them: with a scale of any sign, and all weights at the bias.
fn is_zeros<W: Weight>((scale, bias): (W, W), codes: &[u8]) -> bool {
    bias.is_zero() && scale.is_finite() && !scale.is_zero() && codes.iter().all(|&byte| byte == 0)
}

/// The groups of so many trits in rows of `columns`.
fn groups_of(group: usize, columns: usize, trits: usize) -> Result<usize, Error> {
    if !GROUPS.contains(&group) || !columns.is_multiple_of(group) {
        let len = columns;
        return Err(Error::Shape(ShapeError::Ragged { len, group }));
    }
    let rows = trits.checked_div(columns).unwrap_or(0);
    check_len(rows * columns, trits)?;
    Ok(trits / group)
}
