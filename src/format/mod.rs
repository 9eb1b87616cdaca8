//! Other programs' bytes: the ternary formats that inference engines and model files use.
//!
//! A ternary matrix is trits and scales, and every program lays them out in its own way. A [`Format`] is such a way, byte for
//! byte; between any two of them, and from and to the codes of this crate ([`Code`](crate::Code)), trits and scales are carried over as they are.
//! Nothing here quantizes: who has trits and storable scales loses not a bit, while the quantizers of those programs would choose
//! new scales, and from them new trits.
//!
//! | format | made for | weights a block | bytes | bits a weight | scale | elements of a byte |
//! |---|---|---|---|---|---|---|
//! | [`Tq1_0`](Format::Tq1_0)   | ggml       | 256 | 54 | 1.6875 | `f16`, last  | 32, 16 or 4 apart |
//! | [`Tq2_0`](Format::Tq2_0)   | ggml       | 256 | 66 | 2.0625 | `f16`, last  | 32 apart, low bits first |
//! | [`Q2_0`](Format::Q2_0)     | ggml       | 64  | 18 | 2.25   | `f16`, first | next to each other, low bits first |
//! | [`Pq2_0`](Format::Pq2_0)   | `PrismML`  | 128 | 34 | 2.125  | `f16`, first | next to each other, low bits first |
//! | [`Ptq1_0`](Format::Ptq1_0) | `PrismML`  | 128 | 28 | 1.75   | `f16`, last  | 16, 8 or 2 apart |
//! | [`I2S`](Format::I2S)       | bitnet.cpp | 128 | 32 | 2      | one `f32` after all blocks | 32 apart, high bits first |
//! | [Hugging Face](encode_huggingface_into) | transformers | - | -  | 2      | in a tensor of its own | a quarter of the rows apart |
//! | [MLX](encode_mlx_into)     | MLX        | 32, 64, 128 | 8, 16, 32 | 2 | in two tensors of their own | next to each other |
//!
//! # How to read a block
//!
//! The *digit* of a trit is `t + 1`: 0, 1, 2. Formats of two bits keep a digit in a field of a byte. The others keep five, the
//! first element most significant, as the number `v = 81 d0 + 27 d1 + 9 d2 + 3 d3 + d4`; the byte is `v` in units of 1 / 243 of the
//! whole, `ceil(256 v / 243)`, so that multiplications by 3 take the digits out from the top:
//!
//! ```text
//! two bits    digit n of byte b  =  (b >> 2 n) & 3
//! base 3      digit n of byte b  =  ((b 3^n mod 256) 3) >> 8
//! weight      = (digit - 1) scale
//! ```
//!
//! Which element is digit `n` of byte `b` is what the formats differ in most, and no round trip through one's own packer would
//! notice a mistake: see [`Format::place`]. The last column of the table tells how far apart the elements of one byte are.
//!
//! # What is refused
//!
//! - The 2-bit value 3 is `+2 scale` to ggml, and nothing in other programs. It is no trit: [`Error::InvalidCode`]. All 256 bytes of
//!   base 3 have digits; 13 of them are never written, and read as ggml reads them.
//! - Rows are cut into whole blocks: [`Error::Shape`] where the columns are no multiple. The way out is a format of shorter blocks.
//! - Scales are magnitudes: [`Error::InvalidValue`] for those negative or not finite. They are stored exactly or not at all,
//!   [`Error::Unstorable`]; [`storable`] rounds beforehand.
//! - Two formats may have blocks of different length. A scale is repeated where they get shorter; where they get longer, the scales
//!   of the blocks that become one must be equal, or it is [`Error::Unstorable`]. Scales of blocks of zeros do not count.
//!
//! On an error nothing has been written. Cost: one pass over the bytes to check and one to write; no memory, save what is returned.
//!
//! Sources: ggml's `ggml-common.h` and `ggml-quants.c`; `PrismML`'s llama.cpp; bitnet.cpp's `ggml-bitnet-mad.cpp`; transformers'
//! `integrations/bitnet.py`; MLX's `quantize` and `dequantize`.
//!
//! # Examples
//!
//! ```
//! use half::f16;
//! use ternarize::format::{Format, storable};
//!
//! let trits = [[1, 0, -1, 0]; 64].concat();
//! let scale = storable(0.1_f32)?;
//! let mut bytes = [0; 66];
//! Format::Tq2_0.encode_into(256, &trits, &[scale], &mut bytes)?;
//! assert_eq!((bytes[0], bytes[1], &bytes[64..]), (0b10_10_10_10, 0b01_01_01_01, &[0x66, 0x2e][..]));
//!
//! let mut shorter = [0; 4 * 18];
//! Format::Tq2_0.transcode_into(1, 256, &bytes, Format::Q2_0, &mut shorter)?;
//! assert_eq!(shorter[..4], [0x66, 0x2e, 0b01_00_01_10, 0b01_00_01_10]);
//! # Ok::<(), ternarize::Error>(())
//! ```

mod codec;
mod huggingface;
pub(crate) mod layout;
mod matrix;
mod mlx;
mod packed;
#[cfg(feature = "alloc")]
mod product;
pub(crate) mod scale;
mod transcode;

pub use huggingface::{decode_huggingface_into, encode_huggingface_into, huggingface_len};
#[cfg(feature = "safetensors")]
pub(crate) use mlx::GROUPS as MLX_GROUPS;
pub use mlx::{decode_mlx_into, encode_mlx_into};
#[cfg(feature = "alloc")]
pub use product::FormatMatrix;
pub use scale::storable;

use crate::ScaleType;
use crate::error::Error;
use layout::BlockLayout;
use matrix::Matrix;

/// A way in which some program keeps a ternary matrix, trits and scales together.
///
/// # Examples
///
/// ```
/// use ternarize::format::Format;
///
/// assert_eq!(Format::Tq1_0.encoded_len(2, 512), Ok(4 * 54));
/// assert_eq!(Format::I2S.encoded_len(2, 512), Ok(2 * 512 / 4 + 32));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// ggml's `TQ1_0`: 256 trits in base 3.
    Tq1_0,
    /// ggml's `TQ2_0`: 256 trits of two bits.
    Tq2_0,
    /// ggml's `Q2_0`: 64 trits of two bits.
    Q2_0,
    /// `PrismML`'s `PQ2_0`: 128 trits of two bits. Old files have it under the id of `Q2_0`, to be told apart by its size alone.
    Pq2_0,
    /// `PrismML`'s `PTQ1_0`: 128 trits in base 3.
    Ptq1_0,
    /// bitnet.cpp's `I2_S`, with one scale for the whole matrix. This is the layout that its converters and x86 builds write; its
    /// builds for Arm wrote another of the same size and id, with blocks of 64 trits, which nothing in a file tells apart.
    I2S,
}

impl Format {
    /// All formats.
    ///
    /// ```
    /// # use ternarize::format::Format;
    /// assert!(Format::ALL.iter().all(|format| format.block_len() <= 256));
    /// ```
    pub const ALL: [Self; 6] = [
        Self::Tq1_0,
        Self::Tq2_0,
        Self::Q2_0,
        Self::Pq2_0,
        Self::Ptq1_0,
        Self::I2S,
    ];

    /// The name that its makers give it, in lower case: `"tq1_0"`, `"tq2_0"`, `"q2_0"`, `"pq2_0"`, `"ptq1_0"`, `"i2_s"`.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::format::Format;
    /// assert_eq!(Format::I2S.name(), "i2_s");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.properties().0
    }

    /// The format of this [`name`](Self::name), or `None` if no format has it.
    ///
    /// Cost: a few string comparisons.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::format::Format;
    /// assert_eq!(Format::from_name("tq2_0"), Some(Format::Tq2_0));
    /// assert_eq!(Format::from_name("TQ2_0"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The number of the type in GGUF files, or `None` for a format that has none.
    ///
    /// Only 34, 35 and 42 are ggml's own. Its forks count on: 142 and 143 are `PrismML`'s, 36 is bitnet.cpp's, and ggml itself once
    /// had another type there. So a number alone does not tell the format of a file by an unknown program.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::format::Format;
    /// assert_eq!(Format::Tq2_0.ggml_id(), Some(35));
    /// ```
    #[must_use]
    pub const fn ggml_id(self) -> Option<u32> {
        Some(self.properties().1)
    }

    /// The number of weights that share a scale, or `None` if all weights of the matrix do.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::format::Format;
    /// assert_eq!(Format::Q2_0.group(), Some(64));
    /// assert_eq!(Format::I2S.group(), None);
    /// ```
    #[must_use]
    pub const fn group(self) -> Option<usize> {
        match self.layout().scale {
            Some(_) => Some(self.block_len()),
            None => None,
        }
    }

    /// The type of the scales.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{ScaleType, format::Format};
    /// assert_eq!(Format::Q2_0.scale_type(), ScaleType::F16);
    /// assert_eq!(Format::I2S.scale_type(), ScaleType::F32);
    /// ```
    #[must_use]
    pub const fn scale_type(self) -> ScaleType {
        match self.layout().scale {
            Some(_) => ScaleType::F16,
            None => ScaleType::F32,
        }
    }

    /// The number of weights in a block: the columns of a matrix must be a multiple of it.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::format::Format;
    /// assert_eq!(Format::Q2_0.block_len(), 64);
    /// assert_eq!(Format::I2S.block_len(), 128);
    /// ```
    #[must_use]
    pub const fn block_len(self) -> usize {
        self.layout().trits
    }

    /// The number of bytes of a block, its scale included if it has one.
    ///
    /// Cost: constant.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::format::Format;
    /// assert_eq!(Format::Q2_0.block_bytes(), 2 + 64 / 4);
    /// assert_eq!(Format::I2S.block_bytes(), 128 / 4);
    /// ```
    #[must_use]
    pub const fn block_bytes(self) -> usize {
        self.layout().bytes
    }

    /// Where a block stores the trit of an element, or `None` from [`block_len`](Self::block_len) on: the byte of the block, and
    /// the digit of the byte. A digit is a field of two bits, 0 the lowest, or a digit in base 3, 0 the most significant.
    ///
    /// Cost: a few divisions.
    ///
    /// # Examples
    ///
    /// The third quarter of the first half of a block of `TQ2_0`, and the second digit of the last four bytes of `TQ1_0`:
    ///
    /// ```
    /// use ternarize::format::Format;
    ///
    /// assert_eq!(Format::Tq2_0.place(64 + 5), Some((5, 2)));
    /// assert_eq!(Format::Tq1_0.place(240 + 4), Some((48, 1)));
    /// assert_eq!(Format::I2S.place(0), Some((0, 3)));
    /// assert_eq!(Format::I2S.place(128), None);
    /// ```
    #[must_use]
    pub const fn place(self, element: usize) -> Option<(usize, u32)> {
        match self.layout().place(element) {
            Some((byte, digit)) => Some((self.layout().codes + byte, digit)),
            None => None,
        }
    }

    /// The number of scales of a matrix.
    ///
    /// Cost: some divisions.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the columns are no multiple of [`block_len`](Self::block_len), [`Error::Shape`] if the number
    /// of weights does not fit a `usize`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{ShapeError, Error, format::Format};
    /// assert_eq!(Format::Q2_0.scales_len(10, 128), Ok(20));
    /// assert_eq!(Format::I2S.scales_len(10, 128), Ok(1));
    /// assert_eq!(Format::Tq2_0.scales_len(10, 128), Err(Error::Shape(ShapeError::Ragged { len: 128, group: 256 })));
    /// ```
    pub const fn scales_len(self, rows: usize, columns: usize) -> Result<usize, Error> {
        match Matrix::new(self, rows, columns) {
            Ok(matrix) => Ok(matrix.scales()),
            Err(error) => Err(error),
        }
    }

    /// The number of bytes of a matrix.
    ///
    /// Cost: some divisions.
    ///
    /// # Errors
    ///
    /// Those of [`scales_len`](Self::scales_len).
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{ShapeError, Error, format::Format};
    /// assert_eq!(Format::Ptq1_0.encoded_len(3, 128), Ok(3 * 28));
    /// assert_eq!(Format::Ptq1_0.encoded_len(128, 3), Err(Error::Shape(ShapeError::Ragged { len: 3, group: 128 })));
    /// ```
    pub const fn encoded_len(self, rows: usize, columns: usize) -> Result<usize, Error> {
        match Matrix::new(self, rows, columns) {
            Ok(matrix) => Ok(matrix.bytes()),
            Err(error) => Err(error),
        }
    }

    /// How a block is laid out.
    pub(crate) const fn layout(self) -> &'static BlockLayout {
        self.properties().2
    }

    /// The name, the number in GGUF files, and how a block is laid out.
    const fn properties(self) -> (&'static str, u32, &'static BlockLayout) {
        match self {
            Self::Tq1_0 => ("tq1_0", 34, &BlockLayout::TQ1_0),
            Self::Tq2_0 => ("tq2_0", 35, &BlockLayout::TQ2_0),
            Self::Q2_0 => ("q2_0", 42, &BlockLayout::Q2_0),
            Self::Pq2_0 => ("pq2_0", 142, &BlockLayout::PQ2_0),
            Self::Ptq1_0 => ("ptq1_0", 143, &BlockLayout::PTQ1_0),
            Self::I2S => ("i2_s", 36, &BlockLayout::I2_S),
        }
    }
}
