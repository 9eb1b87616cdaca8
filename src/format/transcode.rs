//! From one format to another.
//!
//! Trits go through a buffer of one block, the longer one of the two formats', whose length is a multiple of the other's. Scales go
//! over as they are: never through a product with a trit, so nothing is rounded. One that no non-zero trit uses may become 0.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use super::Format;
use super::layout::MAX_TRITS;
use super::matrix::Matrix;
use crate::error::{Error, Operand, check_len};

impl Format {
    /// Writes a matrix of this format in another one.
    ///
    /// Cost: one pass to check and one to write, and a buffer of 256 bytes on the stack.
    ///
    /// # Errors
    ///
    /// - Those of [`validate`](Self::validate) for the bytes in this format;
    /// - [`Error::Shape`] if the rows are not whole blocks of the other format, [`Error::LengthMismatch`] if `out` is not as long as
    ///   its [`encoded_len`](Self::encoded_len);
    /// - [`Error::Unstorable`] for the first block of the other format whose non-zero weights have several scales here;
    /// - [`Error::Unstorable`] for an `f32` scale of [`I2S`](Self::I2S) which an `f16` would round, if a non-zero weight has it.
    ///
    /// Then nothing has been written.
    ///
    /// # Examples
    ///
    /// Blocks that become longer need equal scales:
    ///
    /// ```
    /// use ternarize::{Operand, Error, format::Format};
    ///
    /// let (mut bytes, mut longer) = ([0; 36], [0; 34]);
    /// Format::Q2_0.encode_into(128, &[1; 128], &[0.5_f32, 0.5], &mut bytes)?;
    /// Format::Q2_0.transcode_into(1, 128, &bytes, Format::Pq2_0, &mut longer)?;
    /// assert_eq!(longer[..3], [0x00, 0x38, 0b10_10_10_10]);
    ///
    /// Format::Q2_0.encode_into(128, &[1; 128], &[0.5_f32, 0.25], &mut bytes)?;
    /// let error = Format::Q2_0.transcode_into(1, 128, &bytes, Format::Pq2_0, &mut longer);
    /// assert_eq!(error, Err(Error::Unstorable { what: Operand::BlockScales, index: 0 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn transcode_into(
        self,
        rows: usize,
        columns: usize,
        bytes: &[u8],
        to: Self,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let source = Matrix::new(self, rows, columns)?;
        let target = Matrix::new(to, rows, columns)?;
        check_len(target.bytes(), out.len())?;
        source.validate(bytes)?;
        for index in 0..target.scales() {
            merged_scale(&source, bytes, &target, index)?;
        }
        let step = source.layout().trits.max(target.layout().trits);
        write_blocks(&target, step, out, |start, trits| {
            source.read(bytes, start, trits);
        });
        for index in 0..target.scales() {
            target.put_scale(out, index, merged_scale(&source, bytes, &target, index)?);
        }
        Ok(())
    }

    /// [`transcode_into`](Self::transcode_into) a vector.
    ///
    /// # Errors
    ///
    /// Those of `transcode_into`, save for the length of the output.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::format::Format;
    ///
    /// let mut bytes = [0; 66];
    /// Format::Tq2_0.encode_into(256, &[-1; 256], &[1.0_f32], &mut bytes)?;
    /// let smaller = Format::Tq2_0.transcode(1, 256, &bytes, Format::Tq1_0)?;
    /// assert_eq!(smaller.len(), 54);
    /// assert_eq!(Format::Tq1_0.transcode(1, 256, &smaller, Format::Tq2_0)?, bytes);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn transcode(
        self,
        rows: usize,
        columns: usize,
        bytes: &[u8],
        to: Self,
    ) -> Result<Vec<u8>, Error> {
        // Bytes of the right length: so much memory as is asked for below is about that of the input.
        check_len(self.encoded_len(rows, columns)?, bytes.len())?;
        let mut out = alloc::vec![0; to.encoded_len(rows, columns)?];
        self.transcode_into(rows, columns, bytes, to, &mut out)?;
        Ok(out)
    }
}

/// Writes the codes of all blocks, `step` trits at a time: `read` gives those from an index on, of which there are as many as the
/// matrix has.
pub(super) fn write_blocks(
    matrix: &Matrix,
    step: usize,
    bytes: &mut [u8],
    mut read: impl FnMut(usize, &mut [i8]),
) {
    let (mut buffer, layout) = ([0; MAX_TRITS], matrix.layout());
    let trits = buffer.get_mut(..step).unwrap_or_default();
    let blocks = bytes.get_mut(..matrix.block_bytes()).unwrap_or_default();
    let steps = blocks.chunks_exact_mut(step / layout.trits * layout.bytes);
    for (number, blocks) in steps.enumerate() {
        read(number * step, trits);
        layout.encode(trits, blocks);
    }
}

/// The scale that all weights under one scale of the target have in the source. If there are several, or the target cannot hold it,
/// the one of the non-zero weights; 0 if there are none.
fn merged_scale(
    source: &Matrix,
    bytes: &[u8],
    target: &Matrix,
    index: usize,
) -> Result<f64, Error> {
    let start = index * target.trits_per_scale();
    let end = target.trits().min(start + target.trits_per_scale());
    let from = source.trits_per_scale();
    let mut numbers = start / from..end.div_ceil(from);
    let first = source.scale(bytes, numbers.start);
    let others = |number| source.scale(bytes, number).to_bits() != first.to_bits();
    if !numbers.clone().any(others) && target.check_scale(numbers.start, first).is_ok() {
        return Ok(if numbers.is_empty() { 0.0 } else { first });
    }
    let mut only = None;
    numbers.try_for_each(|number| {
        let scale = source.scale(bytes, number);
        let own = number * from..(number + 1) * from;
        if !source.has_nonzeros(bytes, own.start.max(start)..own.end.min(end)) {
            return Ok(());
        }
        target.check_scale(number, scale)?;
        let known = *only.get_or_insert(scale);
        let (what, equal) = (Operand::BlockScales, known.to_bits() == scale.to_bits());
        equal.then_some(()).ok_or(Error::unstorable(what, index))
    })?;
    Ok(only.unwrap_or(0.0))
}
