//! From our own codes to a format, and back.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use super::Format;
use super::codec::{check_scales, put_scales};
use super::matrix::Matrix;
use super::transcode::write_blocks;
#[cfg(feature = "alloc")]
use super::{layout::MAX_TRITS, scale};
use crate::error::{Error, check_len};
use crate::optimum::weight::Weight;
use crate::packed::PackedTrits;
#[cfg(feature = "alloc")]
use crate::{code::Code, packed::PackedTritsBuf};

impl Format {
    /// [`encode_into`](Self::encode_into) from packed trits, block by block, so that they are nowhere unpacked as a whole.
    ///
    /// Cost: one pass, and a buffer of 256 bytes on the stack.
    ///
    /// # Errors
    ///
    /// Those of `encode_into`. Then nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits, format::Format};
    ///
    /// static ROW: PackedTrits<'_> = PackedTrits::must(Code::TwoBit, &[0b10_01_01_00; 16], 64);
    ///
    /// let mut bytes = [0; 18];
    /// Format::Q2_0.encode_packed_into(64, ROW, &[1.0_f32], &mut bytes)?;
    /// assert_eq!(bytes[..3], [0x00, 0x3c, 0b10_01_01_00]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn encode_packed_into<W: Weight>(
        self,
        columns: usize,
        trits: PackedTrits<'_>,
        scales: &[W],
        bytes: &mut [u8],
    ) -> Result<(), Error> {
        let matrix = Matrix::of_len(self, columns, trits.len())?;
        check_len(matrix.bytes(), bytes.len())?;
        check_scales(&matrix, scales)?;
        write_blocks(&matrix, self.block_len(), bytes, |start, block| {
            let own = trits.slice(start..start + block.len());
            let read = own.and_then(|trits| trits.unpack_into(block));
            debug_assert!(read.is_ok(), "the trits are those of the matrix");
        });
        put_scales(&matrix, scales, bytes);
        Ok(())
    }

    /// [`encode_packed_into`](Self::encode_packed_into) a vector.
    ///
    /// # Errors
    ///
    /// Those of [`encode_into`](Self::encode_into), save for the length of the output.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTritsBuf, format::Format};
    ///
    /// let trits = PackedTritsBuf::from_trits(Code::Base3, &[0; 128])?;
    /// let bytes = Format::I2S.encode_packed(128, trits.as_packed(), &[0.1_f32])?;
    /// assert_eq!((bytes.len(), bytes[0], &bytes[32..36]), (64, 0x55, &0.1_f32.to_le_bytes()[..]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn encode_packed<W: Weight>(
        self,
        columns: usize,
        trits: PackedTrits<'_>,
        scales: &[W],
    ) -> Result<Vec<u8>, Error> {
        let matrix = Matrix::of_len(self, columns, trits.len())?;
        let mut bytes = alloc::vec![0; matrix.bytes()];
        self.encode_packed_into(columns, trits, scales, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads a matrix into packed trits and scales.
    ///
    /// An `f16` holds the scales of all formats but [`I2S`](Self::I2S), an `f32` those of all.
    ///
    /// Cost: one pass to check and one to write; allocates what it returns.
    ///
    /// # Errors
    ///
    /// Those of [`validate`](Self::validate), and [`Error::Unstorable`] for a scale which the type asked for would round.
    ///
    /// # Examples
    ///
    /// ```
    /// use half::f16;
    /// use ternarize::{Code, format::Format};
    ///
    /// let (trits, scales) = Format::Tq2_0.decode_packed::<f16>(1, 256, &[0x15; 66], Code::Base3)?;
    /// assert_eq!((trits.len(), trits.get(0), trits.get(96)), (256, Some(0), Some(-1)));
    /// assert_eq!(scales, [f16::from_bits(0x1515)]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn decode_packed<W: Weight>(
        self,
        rows: usize,
        columns: usize,
        bytes: &[u8],
        code: Code,
    ) -> Result<(PackedTritsBuf, Vec<W>), Error> {
        let matrix = Matrix::new(self, rows, columns)?;
        matrix.validate(bytes)?;
        let scales = (0..matrix.scales()).map(|at| scale::exact(at, matrix.scale(bytes, at)));
        let scales = scales.collect::<Result<_, _>>()?;
        let len = self.block_len();
        let blocks = (0..matrix.trits()).step_by(len).flat_map(|start| {
            let mut block = [0; MAX_TRITS];
            matrix.read(bytes, start, block.get_mut(..len).unwrap_or_default());
            block.into_iter().take(len)
        });
        Ok((PackedTritsBuf::pack(code, matrix.trits(), blocks), scales))
    }
}
