//! A ternary matrix that the compiler packs, so that it is part of the image and lies in flash.
//!
//! ```text
//! TRITS       16 x 256 trits, known to the compiler only
//! TWO_BIT     four trits a byte: 1,024 bytes, a row begins where a byte begins
//! BASE3       five trits a byte: 820 bytes, most rows begin within a byte
//! ```
//!
//! `encode` and `must` check everything while compiling. On the board nothing is unpacked, copied or checked again: a row
//! is a slice of the view, and a product reads the bytes where they are.

use ternarize::{Code, Error, PackedTrits};

use crate::data::{self, LEN};

/// Rows of the matrix.
pub const ROWS: usize = 16;

const TRITS: [i8; ROWS * LEN] = data::trits();

/// Bytes of the matrix in the 2-bit code.
pub static TWO_BIT_BYTES: [u8; (ROWS * LEN).div_ceil(4)] = Code::TwoBit.encode(&TRITS);
/// Bytes of the matrix in the base-3 code.
pub static BASE3_BYTES: [u8; (ROWS * LEN).div_ceil(5)] = Code::Base3.encode(&TRITS);

static TWO_BIT: PackedTrits<'_> = PackedTrits::must(Code::TwoBit, &TWO_BIT_BYTES, ROWS * LEN);
static BASE3: PackedTrits<'_> = PackedTrits::must(Code::Base3, &BASE3_BYTES, ROWS * LEN);

/// The matrix in the code asked for.
#[must_use]
pub fn packed(code: Code) -> PackedTrits<'static> {
    match code {
        Code::Base3 => BASE3,
        _ => TWO_BIT,
    }
}

/// The product of a packed matrix with activations, exact.
///
/// # Errors
///
/// [`Error::OutOfBounds`] if the matrix has fewer rows than `products` has places.
pub fn multiply_i8(
    matrix: PackedTrits<'_>,
    x: &[i8; LEN],
    products: &mut [i64; ROWS],
) -> Result<(), Error> {
    for (r, product) in products.iter_mut().enumerate() {
        *product = matrix.slice(r * LEN..(r + 1) * LEN)?.dot_i8(x)?;
    }
    Ok(())
}

/// The same with floats: the additions have one order, so the bits are the same on every machine.
///
/// # Errors
///
/// [`Error::OutOfBounds`] if the matrix has fewer rows than `products` has places.
pub fn multiply(
    matrix: PackedTrits<'_>,
    x: &[f32; LEN],
    products: &mut [f32; ROWS],
) -> Result<(), Error> {
    for (r, product) in products.iter_mut().enumerate() {
        *product = matrix.slice(r * LEN..(r + 1) * LEN)?.dot(x)?;
    }
    Ok(())
}
