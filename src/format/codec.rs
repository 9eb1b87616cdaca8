//! Trits and scales into a format, and out of it.

use super::Format;
use super::matrix::Matrix;
use super::scale;
use crate::code::check_trits;
use crate::error::{Error, check_len};
use crate::optimum::weight::{PRIVATE, Weight};

impl Format {
    /// Writes a matrix of `columns` columns, given row by row, and its scales, given block by block.
    ///
    /// Cost: one pass to check and one to write.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`] if the columns are no multiple of [`block_len`](Self::block_len);
    /// - [`Error::LengthMismatch`] if the trits do not fill their rows, or the scales and the bytes are not as many as
    ///   [`scales_len`](Self::scales_len) and [`encoded_len`](Self::encoded_len) say;
    /// - [`Error::InvalidCode`] for a value other than -1, 0, +1;
    /// - [`Error::InvalidValue`] for a scale that is negative, NaN or infinite, [`Error::Unstorable`] for one that the format's
    ///   `f16`, or the `f32` of [`I2S`](Self::I2S), would round.
    ///
    /// Then nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::format::Format;
    ///
    /// let mut bytes = [0; 18];
    /// let trits = [[1, 1, 0, -1]; 16].concat();
    /// Format::Q2_0.encode_into(64, &trits, &[0.25_f32], &mut bytes)?;
    /// assert_eq!(bytes[..4], [0x00, 0x34, 0b00_01_10_10, 0b00_01_10_10]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn encode_into<W: Weight>(
        self,
        columns: usize,
        trits: &[i8],
        scales: &[W],
        bytes: &mut [u8],
    ) -> Result<(), Error> {
        let matrix = Matrix::of_len(self, columns, trits.len())?;
        check_len(matrix.bytes(), bytes.len())?;
        check_trits(trits)?;
        check_scales(&matrix, scales)?;
        matrix.layout().encode(trits, bytes);
        put_scales(&matrix, scales, bytes);
        Ok(())
    }

    /// Checks that bytes are a matrix in this format.
    ///
    /// Cost: one pass, eight bytes a step; for the formats in base 3 over the scales alone.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`] and [`Error::Shape`] as [`encoded_len`](Self::encoded_len), [`Error::LengthMismatch`] if there are
    ///   not so many bytes;
    /// - [`Error::InvalidCode`] for the first byte with a 2-bit value of 3;
    /// - [`Error::InvalidValue`] for the first scale that is negative, NaN or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Operand, Error, format::Format};
    ///
    /// let mut bytes = [0; 36];
    /// assert_eq!(Format::Q2_0.validate(2, 64, &bytes), Ok(()));
    /// bytes[20] = 0b00_11_00_00;
    /// let error = Format::Q2_0.validate(2, 64, &bytes).unwrap_err();
    /// assert_eq!(error, Error::InvalidCode { what: Operand::Byte, index: 20, value: 0b00_11_00_00 });
    /// # Ok::<(), Error>(())
    /// ```
    pub fn validate(self, rows: usize, columns: usize, bytes: &[u8]) -> Result<(), Error> {
        Matrix::new(self, rows, columns)?.validate(bytes)
    }

    /// Reads a matrix of `columns` columns: its trits row by row, whose number says how many rows there are, and its scales block by
    /// block.
    ///
    /// An `f16` holds the scales of all formats but [`I2S`](Self::I2S), an `f32` those of all.
    ///
    /// Cost: one pass to check and one to write.
    ///
    /// # Errors
    ///
    /// - Those of [`validate`](Self::validate);
    /// - [`Error::LengthMismatch`] if the trits do not fill their rows, or the scales are not as many as
    ///   [`scales_len`](Self::scales_len) says;
    /// - [`Error::Unstorable`] for a scale which the type asked for would round.
    ///
    /// Then nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// use half::f16;
    /// use ternarize::format::Format;
    ///
    /// let (mut trits, mut scales) = ([0; 64], [f16::ZERO]);
    /// let mut bytes = [0b10_01_00_01; 18];
    /// bytes[..2].copy_from_slice(&f16::ONE.to_le_bytes());
    /// Format::Q2_0.decode_into(64, &bytes, &mut trits, &mut scales)?;
    /// assert_eq!((&trits[..4], scales), (&[0, -1, 0, 1][..], [f16::ONE]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn decode_into<W: Weight>(
        self,
        columns: usize,
        bytes: &[u8],
        trits: &mut [i8],
        scales: &mut [W],
    ) -> Result<(), Error> {
        let matrix = Matrix::of_len(self, columns, trits.len())?;
        matrix.validate(bytes)?;
        check_len(matrix.scales(), scales.len())?;
        let stored = |index| scale::exact::<W>(index, matrix.scale(bytes, index));
        (0..scales.len()).try_for_each(|index| stored(index).map(drop))?;
        for (index, place) in scales.iter_mut().enumerate() {
            *place = stored(index)?;
        }
        matrix.read(bytes, 0, trits);
        Ok(())
    }
}

/// Checks that there are as many scales as the matrix has, and that it can hold them.
pub(super) fn check_scales<W: Weight>(matrix: &Matrix, scales: &[W]) -> Result<(), Error> {
    check_len(matrix.scales(), scales.len())?;
    let mut scales = scales.iter().enumerate();
    scales.try_for_each(|(index, scale)| matrix.check_scale(index, scale.to_value(PRIVATE)))
}

/// Writes scales that have been checked.
pub(super) fn put_scales<W: Weight>(matrix: &Matrix, scales: &[W], bytes: &mut [u8]) {
    for (index, scale) in scales.iter().enumerate() {
        matrix.put_scale(bytes, index, scale.to_value(PRIVATE));
    }
}
