//! A ternary layer that the compiler packs, so that it is part of the image and lies in flash.
//!
//! ```text
//! TRITS       16 x 256 trits, known to the compiler only
//! TWO_BIT     four trits a byte: 1,024 bytes, with a scale for each 32 weights
//! BASE3       five trits a byte: 820 bytes, most rows begin within a byte, with a scale for each row
//! ```
//!
//! Both have scales of 16 bits and a bias. `encode`, `must` and the matrices check everything while compiling. On the board nothing is
//! unpacked, copied or checked again: a product reads the bytes where they are.

use ternarize::matmul::TernaryMatrix;
use ternarize::{Code, Error, PackedTrits, ScaleSlice};

use crate::data::{self, LEN};

/// Rows of the matrix.
pub const ROWS: usize = 16;
/// Weights that share a scale in the 2-bit matrix.
const BLOCK: usize = 32;

const TRITS: [i8; ROWS * LEN] = data::trits();

/// Bytes of the matrix in the 2-bit code.
pub static TWO_BIT_BYTES: [u8; (ROWS * LEN).div_ceil(4)] = Code::TwoBit.encode(&TRITS);
/// Bytes of the matrix in the base-3 code.
pub static BASE3_BYTES: [u8; (ROWS * LEN).div_ceil(5)] = Code::Base3.encode(&TRITS);

/// Scales from 1/64 to 1/32, as the bits of `f16` numbers.
static SCALES: [u16; ROWS * LEN / BLOCK] = data::half_scales();
/// What is added to the outputs.
static BIAS: [f32; ROWS] = [0.125; ROWS];

static TWO_BIT: TernaryMatrix<'_> = layer(
    BLOCK,
    PackedTrits::must(Code::TwoBit, &TWO_BIT_BYTES, ROWS * LEN),
    &SCALES,
);
static BASE3: TernaryMatrix<'_> = layer(
    LEN,
    PackedTrits::must(Code::Base3, &BASE3_BYTES, ROWS * LEN),
    SCALES.split_at(ROWS).0,
);

/// A layer of one plane, or no image: an error stops the compiler.
const fn layer(
    block: usize,
    trits: PackedTrits<'static>,
    scales: &'static [u16],
) -> TernaryMatrix<'static> {
    let scales = ScaleSlice::F16(scales);
    let made = match TernaryMatrix::with_blocks([ROWS, LEN], block, &[trits], scales) {
        Ok(matrix) => matrix.with_bias(&BIAS),
        Err(error) => Err(error),
    };
    match made {
        Ok(matrix) => matrix,
        Err(Error::LengthMismatch { .. }) => panic!("another number of trits, scales or biases"),
        Err(_) => panic!("a scale or a bias that is no number"),
    }
}

/// The matrix in the code asked for.
#[must_use]
pub fn layer_in(code: Code) -> &'static TernaryMatrix<'static> {
    match code {
        Code::Base3 => &BASE3,
        _ => &TWO_BIT,
    }
}
