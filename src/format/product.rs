//! Products with the bytes of other programs, as they lie in a file: nothing is unpacked, nothing is copied.
//!
//! The activations are laid out to meet the codes of a format ([`product`](crate::matmul)); blocks with less than 64 bytes of
//! codes are put together to tiles on the way. Each block's scale is widened once a row, and times the scale of the activations
//! that meet it multiplies the sums of the block: `tile` and `lane` in the definition of [`product`](crate::matmul) are those of
//! the format's bytes.
//!
//! Cost: as there. Formats in blocks of 256 are fastest; the smaller blocks cost a copy of their codes.

use super::Format;
use super::layout::BlockLayout;
use super::matrix::Matrix;
use crate::Error;
use crate::matmul::int8::{
    Activations, Contiguous, Drivable, Exact, LANE_PAIRS, Laid, Multiplier, Places, Run, Scaled,
    Scaling, Source, results, tile_at,
};
use crate::simd::{TILE, Tiles, Vector};
use crate::weight::Format as _;
use alloc::vec::Vec;

/// A matrix in the bytes of a format: checked once, and multiplied where it lies.
///
/// # Examples
///
/// ```
/// use half::f16;
/// use ternarize::Format;
/// use ternarize::format::FormatMatrix;
/// use ternarize::product::{Activations, Multiplier, ScalePer};
///
/// let trits: Vec<i8> = (0..512).map(|i| [1, 0, -1][i % 3]).collect();
/// let scales = [f16::from_f32(0.5), f16::from_f32(2.0)];
/// let mut bytes = vec![0; Format::Tq2_0.encoded_len(2, 256)?];
/// Format::Tq2_0.encode_into(256, &trits, &scales, &mut bytes)?;
///
/// let matrix = FormatMatrix::new(Format::Tq2_0, 2, 256, &bytes)?;
/// let x = Activations::quantize(&[1.0; 256], ScalePer::Block)?;
/// let mut y = [0.0; 2];
/// matrix.matvec_i8(&Multiplier::new(), &x, &mut y)?;
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

/// The product for a layout whose bytes have so many digits, and of which so many blocks make a tile with so many scales.
#[rustfmt::skip] // It would move the list further to the right each time.
macro_rules! in_blocks {
    ($matrix:expr, $layout:ident, $digits:literal, $pieces:literal, $singles:expr) => {
        |how, xs, ys| {
            $matrix.in_blocks::<
                $digits,
                { BlockLayout::$layout.bytes },
                { BlockLayout::$layout.codes },
                { BlockLayout::$layout.code_bytes() },
                { BlockLayout::$layout.scale_at() },
                $pieces,
                { $singles },
            >(how, xs, ys)
        }
    };
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
    pub fn matvec_i8(&self, how: &Multiplier, x: &Activations, y: &mut [f32]) -> Result<(), Error> {
        self.matmul_i8(how, core::slice::from_ref(x), y)
    }

    /// Multiplies with several vectors; `y` is as long as all results, one after the other.
    ///
    /// # Errors
    ///
    /// As [`matvec_i8`](Self::matvec_i8).
    pub fn matmul_i8(
        &self,
        how: &Multiplier,
        xs: &[Activations],
        y: &mut [f32],
    ) -> Result<(), Error> {
        let mut ys = results(self.rows, self.columns, xs, y)?;
        if ys.is_empty() {
            return Ok(());
        }
        let (how, ys) = (*how, &mut ys[..]);
        match self.format {
            Format::Tq1_0 => in_blocks!(self, TQ1_0, 5, 1, 1)(how, xs, ys),
            Format::Tq2_0 => in_blocks!(self, TQ2_0, 4, 1, 1)(how, xs, ys),
            Format::Q2_0 => in_blocks!(self, Q2_0, 4, 4, LANE_PAIRS)(how, xs, ys),
            Format::Pq2_0 => in_blocks!(self, PQ2_0, 4, 2, LANE_PAIRS)(how, xs, ys),
            Format::Ptq1_0 => in_blocks!(self, PTQ1_0, 5, 2, LANE_PAIRS)(how, xs, ys),
            Format::I2S => self.with_one_scale(how, xs, ys)?,
        }
        Ok(())
    }

    /// The vectors, for tiles of so many blocks.
    fn lay_out<const P: usize>(&self, pieces: usize, xs: &[Activations]) -> Vec<Laid<P>> {
        let layout = self.format.layout();
        let piece = |piece| {
            layout.runs().map(move |run| Run {
                element: run.element + piece * layout.trits,
                byte: run.byte + piece * (TILE / pieces),
                ..run
            })
        };
        let places = Places::new(layout.trits * pieces, (0..pieces).flat_map(piece));
        xs.iter().map(|x| Laid::new(x, &places, &[true])).collect()
    }

    fn in_blocks<
        const P: usize,
        const BLOCK: usize,
        const CODES: usize,
        const USED: usize,
        const SCALE: usize,
        const PIECES: usize,
        const SINGLES: usize,
    >(
        &self,
        how: Multiplier,
        xs: &[Activations],
        ys: &mut [&mut [f32]],
    ) where
        for<'b> Scaled<Blocks<'b, BLOCK, CODES, USED, PIECES>, InBlocks<'b, BLOCK, SCALE, PIECES, SINGLES>>:
            Drivable<P>,
    {
        let layout = self.format.layout();
        let row_bytes = self.columns / layout.trits * layout.bytes;
        let product = Scaled {
            source: Blocks::<BLOCK, CODES, USED, PIECES> {
                bytes: self.bytes,
                row_bytes,
            },
            scaling: InBlocks::<BLOCK, SCALE, PIECES, SINGLES> {
                bytes: self.bytes,
                row_bytes,
            },
        };
        let xs = self.lay_out::<P>(PIECES, xs);
        product.multiply(how, 0..self.rows, &xs, ys);
    }

    /// One scale for all rows; with several scales of the activations, for each tile.
    fn with_one_scale(
        &self,
        how: Multiplier,
        xs: &[Activations],
        ys: &mut [&mut [f32]],
    ) -> Result<(), Error> {
        let matrix = Matrix::new(self.format, self.rows, self.columns)?;
        let lambda = [f32::narrow(matrix.scale(self.bytes, 0))];
        let source = Contiguous::<4, true> {
            bytes: matrix.blocks_of(self.bytes),
            columns: self.columns,
        };
        let several = xs.iter().any(|x| x.only_scale().is_none());
        let xs = self.lay_out::<4>(2, xs);
        if several {
            let scaling = One(lambda[0]);
            Scaled { source, scaling }.multiply(how, 0..self.rows, &xs, ys);
        } else {
            let exact = Exact::<_, false> {
                source,
                lambda_p: &lambda,
                lambda_n: &[],
                step: 0,
            };
            exact.multiply(how, 0..self.rows, &xs, ys);
        }
        Ok(())
    }
}

impl BlockLayout {
    /// Where the scale of a block lies that has one.
    const fn scale_at(&self) -> usize {
        match self.scale {
            Some(at) => at,
            None => panic!("evaluated by the compiler, for layouts with a scale"),
        }
    }

    /// Elements that lie side by side, as far apart as they come.
    fn runs(&self) -> impl Iterator<Item = Run> {
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
                Run {
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

/// Rows of blocks of `BLOCK` bytes, of which `USED` from `CODES` on are codes; `PIECES` of them make a tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks<
    'a,
    const BLOCK: usize,
    const CODES: usize,
    const USED: usize,
    const PIECES: usize,
> {
    bytes: &'a [u8],
    row_bytes: usize,
}

impl<const BLOCK: usize, const CODES: usize, const USED: usize, const PIECES: usize> Source
    for Blocks<'_, BLOCK, CODES, USED, PIECES>
{
    const STRIDE: usize = BLOCK * PIECES;
    // One block is read where it lies, with what follows: what is no code meets zeros.
    const SPAN: usize = if PIECES == 1 {
        CODES + TILE
    } else {
        BLOCK * PIECES
    };
    const ALIGNED: bool = true;
    const NUMBERS: bool = false;

    #[inline(always)]
    fn version(&self, _: usize) -> usize {
        0
    }

    #[inline(always)]
    fn bytes(&self, row: usize) -> &[u8] {
        self.bytes.get(row * self.row_bytes..).unwrap_or_default()
    }

    #[inline(always)]
    fn tile<'t>(bytes: &'t [u8], start: usize, spare: &'t mut [u8; TILE]) -> &'t [u8; TILE] {
        if PIECES == 1 {
            return tile_at(bytes, start + CODES);
        }
        let blocks = bytes
            .get(start..)
            .unwrap_or_default()
            .as_chunks::<BLOCK>()
            .0;
        for (piece, block) in spare.chunks_exact_mut(TILE / PIECES).zip(blocks) {
            let codes = block.get(CODES..).unwrap_or_default().first_chunk::<USED>();
            if let (Some(piece), Some(codes)) = (piece.first_chunk_mut(), codes) {
                *piece = *codes;
            }
        }
        spare
    }

    #[inline(always)]
    fn distance(&self, rows: usize) -> usize {
        rows * self.row_bytes
    }
}

/// The scales that lie in the blocks, as halves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InBlocks<
    'a,
    const BLOCK: usize,
    const SCALE: usize,
    const PIECES: usize,
    const SINGLES: usize,
> {
    bytes: &'a [u8],
    row_bytes: usize,
}

impl<const BLOCK: usize, const SCALE: usize, const PIECES: usize, const SINGLES: usize> Scaling
    for InBlocks<'_, BLOCK, SCALE, PIECES, SINGLES>
{
    const SINGLES: usize = SINGLES;
    const TWO: bool = false;

    #[inline(always)]
    fn write<T: Tiles>(&self, unit: T, row: usize, plus: &mut [f32], _: &mut [f32]) {
        let range = row * self.row_bytes..(row + 1) * self.row_bytes;
        let bytes = self.bytes.get(range).unwrap_or_default();
        let blocks = bytes.as_chunks::<BLOCK>().0;
        let each = SINGLES / PIECES;
        for (blocks, slots) in blocks.chunks(16).zip(plus.chunks_mut(16 * each)) {
            let mut bits = [0; 16];
            for (bits, block) in bits.iter_mut().zip(blocks) {
                *bits = u16::from_le_bytes([block[SCALE], block[SCALE + 1]]);
            }
            let scales = unit.vector().array(unit.halves(&bits));
            for (slots, scale) in slots.chunks_mut(each).zip(scales) {
                slots.fill(scale);
            }
        }
    }
}

/// The same scale for all tiles.
#[derive(Clone, Copy, Debug)]
struct One(f32);

impl Scaling for One {
    const SINGLES: usize = 1;
    const TWO: bool = false;

    #[inline(always)]
    fn write<T: Tiles>(&self, _: T, _: usize, plus: &mut [f32], _: &mut [f32]) {
        plus.fill(self.0);
    }
}
