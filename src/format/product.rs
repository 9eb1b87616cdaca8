//! Products with the bytes of other programs, as they lie in a file: nothing is unpacked, nothing is copied.
//!
//! The activations are laid out to meet the codes of a format ([`product`](crate::matmul)); blocks with less than 64 bytes of
//! codes are put together to tiles on the way. Each block's scale, times the scale of the activations that meet it, multiplies the
//! sums of the block: `tile` and `lane` in the definition of [`product`](crate::matmul) are those of the format's bytes. Where a
//! block is a tile, its scale is read beside its codes.
//!
//! Cost: as there. Formats in blocks of 256 are fastest; the smaller blocks cost a copy of their codes.

use super::Format;
use super::layout::{BlockLayout, DigitCode, MAX_TRITS};
use super::matrix::Matrix;
use crate::ScaleSlice;
use crate::error::Error;
use crate::matmul::Activations;
use crate::matmul::arrange::{Arranged, ElementRun, Order};
use crate::matmul::int8::{
    ArrangedVector, BlockScales, LANE_PAIRS, MatrixScales, RowCodes, SliceScales, TiledMatrix,
    TiledPlane, Tiling, by_scales, check_lengths,
};
use crate::simd::{Backend, TILE};
use crate::weight::FloatBits as _;
use alloc::vec::Vec;
use core::cell::LazyCell;

/// A matrix in the bytes of a format: checked once, and multiplied where it lies.
///
/// # Examples
///
/// ```
/// use half::f16;
/// use ternarize::Format;
/// use ternarize::format::FormatMatrix;
/// use ternarize::matmul::Activations;
///
/// let trits: Vec<i8> = (0..512).map(|i| [1, 0, -1][i % 3]).collect();
/// let scales = [f16::from_f32(0.5), f16::from_f32(2.0)];
/// let mut bytes = vec![0; Format::Tq2_0.encoded_len(2, 256)?];
/// Format::Tq2_0.encode_into(256, &trits, &scales, &mut bytes)?;
///
/// let matrix = FormatMatrix::new(Format::Tq2_0, 2, 256, &bytes)?;
/// let x = Activations::quantize_blocks(&[1.0; 256])?;
/// let mut y = [0.0; 2];
/// matrix.matvec_i8(&x, &mut y)?;
/// assert_eq!(y, [0.5, 0.0]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FormatMatrix<'a> {
    format: Format,
    rows: usize,
    columns: usize,
    bytes: &'a [u8],
}

impl<'a> FormatMatrix<'a> {
    /// Checks that `bytes` are a matrix of this size.
    ///
    /// Cost: one pass.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if a row is not a whole number of blocks, [`Error::LengthMismatch`] for another number of bytes,
    /// [`Error::InvalidCode`] for a byte that is not of trits, [`Error::InvalidValue`] for a scale that is no magnitude.
    pub fn new(
        format: Format,
        rows: usize,
        columns: usize,
        bytes: &'a [u8],
    ) -> Result<Self, Error> {
        Matrix::new(format, rows, columns)?.validate(bytes)?;
        Ok(Self {
            format,
            rows,
            columns,
            bytes,
        })
    }

    /// The format of the bytes.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// The number of rows, which is that of results.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns, which is that of activations.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.columns
    }

    /// Multiplies with a vector of 8-bit activations.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `x` or `y` has another length.
    pub fn matvec_i8(&self, x: &Activations<'_>, y: &mut [f32]) -> Result<(), Error> {
        self.matmul_i8(core::slice::from_ref(x), y)
    }

    /// Multiplies with several vectors; `y` is as long as all results, one after the other.
    ///
    /// # Errors
    ///
    /// As [`matvec_i8`](Self::matvec_i8).
    pub fn matmul_i8(&self, xs: &[Activations<'_>], y: &mut [f32]) -> Result<(), Error> {
        self.matmul_i8_on(Backend::detect(), xs, y)
    }

    /// [`matmul_i8`](Self::matmul_i8) with the instructions of a backend: the same bits with each.
    ///
    /// # Errors
    ///
    /// As [`matvec_i8`](Self::matvec_i8).
    pub fn matmul_i8_on(
        &self,
        backend: Backend,
        xs: &[Activations<'_>],
        y: &mut [f32],
    ) -> Result<(), Error> {
        check_lengths(self.rows, self.columns, xs, y)?;
        if self.columns == 0 {
            y.fill(0.0);
            return Ok(());
        }
        // A format without scales in its blocks has one for all rows.
        let shape = Matrix::new(self.format, self.rows, self.columns)?;
        let lambda = [f32::narrow(shape.scale(self.bytes, 0))];
        let ys = y.chunks_exact_mut(self.rows.max(1));
        by_scales(xs, ys, |one_scale, xs, ys| {
            let codes = self.codes();
            let scales = self.scales(ScaleSlice::F32(&lambda), one_scale);
            let planes = &[TiledPlane { codes, scales }];
            let (matrix, rows) = (TiledMatrix { backend, planes }, 0..self.rows);
            match self.format.layout().digits {
                DigitCode::TwoBit => matrix.multiply(rows, &self.arrange::<4>(backend, xs), ys),
                DigitCode::Base3 => matrix.multiply(rows, &self.arrange::<5>(backend, xs), ys),
            }
            Ok(())
        })
    }

    /// Where the codes of a row are.
    fn codes(&self) -> RowCodes<'_> {
        let layout = self.format.layout();
        let tiling = match (layout.scale, layout.pieces()) {
            (None, _) => Tiling::InPlace { stride: TILE },
            // One block is read where it is, with what follows it: that meets no activation.
            (_, 1) => Tiling::InPlace {
                stride: layout.bytes,
            },
            (_, pieces) => Tiling::Pieces {
                block: layout.bytes,
                offset: layout.codes,
                used: layout.code_bytes(),
                pieces,
            },
        };
        RowCodes {
            bytes: self.bytes,
            row_bytes: self.row_bytes(),
            row_digits: 0,
            tiling,
        }
    }

    /// The bytes of a row.
    fn row_bytes(&self) -> usize {
        let layout = self.format.layout();
        self.columns / layout.trits * layout.bytes
    }

    /// The scales: those in the blocks, or the one of the whole matrix.
    fn scales<'s>(&'s self, lambda_p: ScaleSlice<'s>, one_scale: bool) -> MatrixScales<'s> {
        let layout = self.format.layout();
        let Some(offset) = layout.scale else {
            let slices = SliceScales {
                lambda_p,
                lambda_n: None,
                first: 0,
                step: 0,
            };
            let scales = BlockScales::Slices {
                slices,
                per_row: 1,
                shared: self.columns,
            };
            return if one_scale {
                MatrixScales::Rows(slices)
            } else {
                let lanes = false;
                MatrixScales::Blocks { lanes, scales }
            };
        };
        let (pieces, lanes) = (layout.pieces(), layout.pieces() > 1);
        let scales = BlockScales::Halves {
            bytes: self.bytes,
            row_bytes: self.row_bytes(),
            block: layout.bytes,
            offset,
            shared: if lanes { LANE_PAIRS / pieces } else { 1 },
        };
        MatrixScales::Blocks { lanes, scales }
    }

    /// The vectors, in the order of the format's digits.
    fn arrange<'x, const P: usize>(
        &self,
        backend: Backend,
        xs: &'x [Activations<'_>],
    ) -> Vec<ArrangedVector<'x, P>> {
        // Not needed where the vectors have kept it.
        let (format, order) = (
            self.format as u8,
            LazyCell::new(|| self.format.layout().order()),
        );
        let arrange = |x: &'x Activations<'_>| {
            let values = || Arranged::for_blocks(backend, x.values(), format, &order);
            ArrangedVector::new(x, x.kept.get(Order::Blocks(format), values))
        };
        xs.iter().map(arrange).collect()
    }
}

impl BlockLayout {
    /// How many blocks make a tile.
    const fn pieces(&self) -> usize {
        MAX_TRITS / self.trits
    }

    /// Which element of a tile meets which digit.
    fn order(&self) -> Vec<ElementRun> {
        let pieces = self.pieces();
        let piece = |piece| {
            self.runs().map(move |run| ElementRun {
                element: run.element + piece * self.trits,
                byte: run.byte + piece * (TILE / pieces),
                ..run
            })
        };
        (0..pieces).flat_map(piece).collect()
    }

    /// Runs of equally spaced elements that are adjacent in the block.
    fn runs(&self) -> impl Iterator<Item = ElementRun> {
        let (mut element, mut byte) = (0, 0);
        self.stages.iter().flat_map(move |stage| {
            let (first, start) = (element, byte);
            element += stage.width * stage.digits * stage.rounds;
            byte += stage.width * stage.rounds;
            // Bytes of consecutive elements are one round each: together they make runs, too.
            let (rounds, len, step) = match stage.width {
                1 => (1, stage.rounds, stage.digits),
                width => (stage.rounds, width, 1),
            };
            (0..rounds * stage.digits).map(move |at| {
                let (round, plane) = (at / stage.digits, at % stage.digits);
                ElementRun {
                    element: first + (round * stage.digits + plane) * stage.width,
                    step,
                    digit: self.field(plane) as usize,
                    byte: start + round * stage.width,
                    len,
                }
            })
        })
    }
}
