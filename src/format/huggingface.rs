//! The packed weights of Hugging Face's BitNet layers: four trits a byte, a quarter of the rows apart.
//!
//! The tensor `weight` of such a layer is `U8 [rows / 4, columns]`. Each byte holds four trits of one column, `t + 1` in two bits,
//! the lowest from the first quarter of the rows:
//!
//! ```text
//! byte (r, c), bits 2 i and 2 i + 1   =   t(r + i rows / 4, c) + 1          i in 0..4
//! ```
//!
//! So in row-major order the four quarters of the trits lie above each other, and columns matter only to tell the rows. Rows that
//! are no multiple of 4 are refused: the packer of transformers rounds their number up, its layer down, and the two do not fit.
//!
//! # The two meanings of `weight_scale`
//!
//! The scale is a tensor of its own, `weight_scale`, of one element; and whether to divide or to multiply by it is written
//! elsewhere, in the model's `config.json` under `quantization_config`:
//!
//! | `linear_class` | | a weight is |
//! |---|---|---|
//! | `"bitlinear"`, or missing | the scale is `1 / mean` of the magnitudes | `t / weight_scale` |
//! | `"autobitlinear"`, with `"quantization_mode": "offline"` | the scale is `mean` | `t * weight_scale` |
//!
//! Nothing in the tensors tells them apart, and the wrong one gives a model that loads and babbles. The other scales of this
//! crate are those to multiply by.
//!
//! Cost: two bits a weight; one pass to check and one to write.
//!
//! Source: transformers 5.23.0, `integrations/bitnet.py`.

use crate::code::{Code, check_trits, two_bit};
use crate::error::{Error, ShapeError, check_len};

/// The quarters of the rows, and the trits of a byte.
const QUARTERS: usize = two_bit::TRITS_PER_BYTE;

/// The number of bytes of a matrix in Hugging Face's layout.
///
/// # Errors
///
/// [`Error::Shape`] if the rows are no multiple of 4, [`Error::Shape`] if the number of weights does not fit a `usize`.
///
/// # Examples
///
/// ```
/// use ternarize::{ShapeError, Error, format};
///
/// assert_eq!(format::huggingface_len(8, 3), Ok(6));
/// assert_eq!(format::huggingface_len(6, 3), Err(Error::Shape(ShapeError::Ragged { len: 6, group: 4 })));
/// ```
pub const fn huggingface_len(rows: usize, columns: usize) -> Result<usize, Error> {
    if !rows.is_multiple_of(QUARTERS) {
        let (len, group) = (rows, QUARTERS);
        return Err(Error::Shape(ShapeError::Ragged { len, group }));
    }
    match rows.checked_mul(columns) {
        Some(trits) => Ok(trits / QUARTERS),
        None => Err(Error::Shape(ShapeError::Overflow)),
    }
}

/// Writes a matrix of `columns` columns, given row by row, in Hugging Face's layout.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the trits do not fill their rows or `bytes` is not a quarter as long, [`Error::Shape`] if the rows
/// are no multiple of 4, [`Error::InvalidCode`] for a value other than -1, 0, +1. Then nothing has been written.
///
/// # Examples
///
/// ```
/// use ternarize::format;
///
/// let trits = [1, 0, -1, 0, 0, 0, 1, -1]; // four rows of two
/// let mut bytes = [0; 2];
/// format::encode_huggingface_into(2, &trits, &mut bytes)?;
/// assert_eq!(bytes, [0b10_01_00_10, 0b00_01_01_01]);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn encode_huggingface_into(
    columns: usize,
    trits: &[i8],
    bytes: &mut [u8],
) -> Result<(), Error> {
    let len = len_of(columns, trits.len())?;
    check_len(len, bytes.len())?;
    check_trits(trits)?;
    bytes.fill(0);
    for (quarter, trits) in trits.chunks(len.max(1)).enumerate() {
        for (byte, trit) in bytes.iter_mut().zip(trits) {
            *byte |= trit.wrapping_add(1).cast_unsigned() << (2 * quarter);
        }
    }
    Ok(())
}

/// Reads a matrix of `columns` columns in Hugging Face's layout, row by row; the number of trits says how many rows there are.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if the trits do not fill their rows or `bytes` is not a quarter as long, [`Error::Shape`] if the rows
/// are no multiple of 4, [`Error::InvalidCode`] for the first byte with a value of 3, which is no trit. Then nothing has been
/// written.
///
/// # Examples
///
/// ```
/// use ternarize::format;
///
/// let mut trits = [0; 8];
/// format::decode_huggingface_into(2, &[0b10_01_00_10, 0b00_01_01_01], &mut trits)?;
/// assert_eq!(trits, [1, 0, -1, 0, 0, 0, 1, -1]);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn decode_huggingface_into(
    columns: usize,
    bytes: &[u8],
    trits: &mut [i8],
) -> Result<(), Error> {
    let len = len_of(columns, trits.len())?;
    check_len(len, bytes.len())?;
    Code::TwoBit.validate(bytes, trits.len())?;
    for (quarter, trits) in trits.chunks_mut(len.max(1)).enumerate() {
        for (trit, byte) in trits.iter_mut().zip(bytes) {
            *trit = (byte >> (2 * quarter) & 3).cast_signed() - 1;
        }
    }
    Ok(())
}

/// The bytes of so many trits in rows of `columns`.
fn len_of(columns: usize, trits: usize) -> Result<usize, Error> {
    let rows = trits.checked_div(columns).unwrap_or(0);
    check_len(rows * columns, trits)?;
    huggingface_len(rows, columns)
}
