//! A matrix in a format: how many blocks there are, and where its scales lie.
//!
//! ```text
//! most formats    [block, with its f16] [block, with its f16] ...
//! I2_S            [block] [block] ... [f32] [28 zero bytes]
//! ```
//!
//! Scales of both kinds are read as `f64`, which holds them exactly. Cost: constant for all that is asked about one place.

use core::ops::Range;

use half::f16;

use super::layout::{BlockLayout, MAX_TRITS};
use super::{Format, scale};
use crate::error::{Error, ShapeError, check_len};
use crate::weight::FloatBits as _;

/// The bytes after the blocks of a tensor with one scale: the `f32`, and zeros.
const TRAILER: usize = 32;

/// The size of a matrix in a format.
#[derive(Clone, Copy)]
pub(crate) struct Matrix {
    layout: &'static BlockLayout,
    /// In all rows together.
    blocks: usize,
}

impl Matrix {
    /// A matrix of rows which are whole numbers of blocks.
    pub(crate) const fn new(format: Format, rows: usize, columns: usize) -> Result<Self, Error> {
        let layout = format.layout();
        if !columns.is_multiple_of(layout.trits) {
            let (len, group) = (columns, layout.trits);
            return Err(Error::Shape(ShapeError::Ragged { len, group }));
        }
        match rows.checked_mul(columns) {
            Some(trits) => Ok(Self {
                layout,
                blocks: trits / layout.trits,
            }),
            None => Err(Error::Shape(ShapeError::Overflow)),
        }
    }

    /// The matrix of so many trits in rows of `columns`.
    pub(super) fn of_len(format: Format, columns: usize, trits: usize) -> Result<Self, Error> {
        let rows = trits.checked_div(columns).unwrap_or(0);
        let matrix = Self::new(format, rows, columns)?;
        check_len(matrix.trits(), trits)?;
        Ok(matrix)
    }

    pub(crate) const fn layout(&self) -> &'static BlockLayout {
        self.layout
    }

    /// The number of trits.
    pub(crate) const fn trits(&self) -> usize {
        self.blocks * self.layout.trits
    }

    /// The number of bytes.
    pub(crate) const fn bytes(&self) -> usize {
        match self.layout.scale {
            Some(_) => self.block_bytes(),
            None => self.block_bytes() + TRAILER,
        }
    }

    /// The number of scales.
    pub(crate) const fn scales(&self) -> usize {
        match self.layout.scale {
            Some(_) => self.blocks,
            None => 1,
        }
    }

    /// The number of trits that share a scale; at least 1.
    pub(crate) const fn trits_per_scale(&self) -> usize {
        match (self.layout.scale, self.trits()) {
            (Some(_), _) => self.layout.trits,
            (None, 0) => 1,
            (None, trits) => trits,
        }
    }

    /// The bytes of all blocks.
    pub(crate) const fn block_bytes(&self) -> usize {
        self.blocks * self.layout.bytes
    }

    /// The scale of this number, as it lies in the bytes; 0 for one that does not exist.
    pub(crate) fn scale(&self, bytes: &[u8], index: usize) -> f64 {
        let place = bytes.get(self.scale_offset(index)..).unwrap_or_default();
        match (self.layout.scale, place) {
            (Some(_), &[a, b, ..]) => f16::from_le_bytes([a, b]).widen(),
            (None, &[a, b, c, d, ..]) => f32::from_le_bytes([a, b, c, d]).widen(),
            _ => 0.0,
        }
    }

    /// Writes a scale that fits.
    pub(super) fn put_scale(&self, bytes: &mut [u8], index: usize, scale: f64) {
        let place = bytes.get_mut(self.scale_offset(index)..);
        match (self.layout.scale, place.unwrap_or_default()) {
            (Some(_), [a, b, ..]) => [*a, *b] = f16::narrow(scale).to_le_bytes(),
            (None, [a, b, c, d, padding @ ..]) => {
                [*a, *b, *c, *d] = f32::narrow(scale).to_le_bytes();
                padding.fill(0);
            }
            _ => {}
        }
    }

    const fn scale_offset(&self, index: usize) -> usize {
        match self.layout.scale {
            Some(offset) => index * self.layout.bytes + offset,
            None => self.block_bytes(),
        }
    }

    /// Checks that the format can hold a scale as it is.
    pub(super) fn check_scale(&self, index: usize, scale: f64) -> Result<(), Error> {
        match self.layout.scale {
            Some(_) => scale::exact::<f16>(index, scale).map(drop),
            None => scale::exact::<f32>(index, scale).map(drop),
        }
    }

    /// Checks that bytes are such a matrix: their length, then their trits, then their scales.
    pub(super) fn validate(&self, bytes: &[u8]) -> Result<(), Error> {
        check_len(self.bytes(), bytes.len())?;
        self.layout.validate(self.blocks_of(bytes))?;
        (0..self.scales()).try_for_each(|index| scale::check(index, self.scale(bytes, index)))
    }

    /// The blocks, without what follows them.
    pub(super) fn blocks_of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(..self.block_bytes()).unwrap_or_default()
    }

    /// Whether any trit of a range is not zero, in bytes that are valid. The range does not cross a multiple of [`MAX_TRITS`], which
    /// is a block border in every format.
    pub(super) fn has_nonzeros(&self, bytes: &[u8], range: Range<usize>) -> bool {
        let (mut trits, start) = ([0; MAX_TRITS], range.start % MAX_TRITS);
        self.read(bytes, range.start - start, &mut trits);
        trits.iter().skip(start).take(range.len()).any(|&t| t != 0)
    }

    /// Reads the trits from a block border on, until the slice ends, of bytes that are valid.
    pub(super) fn read(&self, bytes: &[u8], start: usize, trits: &mut [i8]) {
        let from = start / self.layout.trits * self.layout.bytes;
        let blocks = self.blocks_of(bytes).get(from..).unwrap_or_default();
        self.layout.decode(blocks, trits);
    }
}
