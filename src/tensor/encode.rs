//! A [`TernaryTensor`] in the bytes of other programs' formats, and back.
//!
//! The trits are copied as they are, whatever the grouping. Only the non-zero ones of each block of the format must have one scale:
//!
//! ```text
//! for each block, each run of one group in it, and each sign that occurs in the run:
//!     round the scale to the scale type of the format
//!     it must be the one found before in the block
//! ```
//!
//! Cost: a pass over the packed trits, and one over each run until both signs are found; memory for the bytes and one scale for each
//! block.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use half::f16;

use super::{Grouping, Shape, TernaryTensor};
use crate::error::{reserve, try_vec};
use crate::format::Format;
use crate::scale::ScaleBuf;
use crate::{Code, Error, Operand, ScaleType};

impl TernaryTensor {
    /// Encodes the tensor in another program's format, as a matrix whose rows run along the last axis. Scales are rounded to the
    /// nearest value of the format's scale type.
    ///
    /// # Errors
    ///
    /// - [`Error::Empty`] for a tensor without elements;
    /// - [`Error::Unstorable`] for more than one plane, a bias or a rotation: a format holds none of them;
    /// - [`Error::Shape`] if the last axis is not a multiple of the format's [`block_len`](Format::block_len);
    /// - [`Error::Unstorable`] with the first group whose signs have different scales in one block, with the first group whose scale
    ///   would be rounded to infinity, or to zero from another value, or with the first block that has weights of several groups
    ///   with different scales. Scales that no non-zero trit uses do not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::format::Format;
    /// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
    /// use ternarize::{Error, Scales, ShapeError, Ternarizer};
    ///
    /// let weights = [[0.5_f32, -0.5, 0.0, 0.5]; 32].concat();
    /// let view = TensorView::new(&weights, &[2, 64])?;
    /// let one = Ternarizer::new().scales(Scales::One);
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &one)?;
    /// let bytes = tensor.encode(Format::Q2_0)?;
    /// assert_eq!((bytes.len(), &bytes[..3]), (36, &[0x00, 0x38, 0b10_01_00_10][..]));
    /// let ragged = ShapeError::Ragged { len: 64, group: 256 };
    /// assert_eq!(tensor.encode(Format::Tq2_0), Err(Error::Shape(ragged)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn encode(&self, format: Format) -> Result<Vec<u8>, Error> {
        let (rows, columns) = matrix(self.shape())?;
        let mut bytes = try_vec(format.encoded_len(rows, columns)?, 0)?;
        self.encode_into(format, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`encode`](Self::encode), into a slice.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode), and [`Error::LengthMismatch`] if `bytes` is not as long as the encoded tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Scales, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// use ternarize::format::Format;
    ///
    /// let view = TensorView::new(&[0.5_f32; 64], &[1, 64])?;
    /// let one = Ternarizer::new().scales(Scales::One);
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &one)?;
    /// let mut bytes = [0; 18];
    /// tensor.encode_into(Format::Q2_0, &mut bytes)?;
    /// assert_eq!(bytes[..3], [0x00, 0x38, 0b10_10_10_10]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn encode_into(&self, format: Format, bytes: &mut [u8]) -> Result<(), Error> {
        let (rows, columns) = matrix(self.shape())?;
        self.check_plain()?;
        // The number of scales is known to fit memory only if the format has so many.
        format.scales_len(rows, columns)?;
        let block_len = format.group().unwrap_or(rows * columns);
        let scales = self.block_scales(block_len, format.scale_type(), false)?;
        // They are numbers of the format's type, which `f32` holds.
        format.encode_packed_into(columns, self.trits(), &scales, bytes)
    }

    /// The scale of each block of `block_len` weights, rounded to a type; if they must be exact, one that is rounded is an error.
    fn block_scales(
        &self,
        block_len: usize,
        scale_type: ScaleType,
        exact: bool,
    ) -> Result<Vec<f64>, Error> {
        let len = self.trits().len();
        let mut scales = Vec::new();
        reserve(&mut scales, len.div_ceil(block_len.max(1)))?;
        for (block, start) in (0..len).step_by(block_len.max(1)).enumerate() {
            let range = start..len.min(start + block_len);
            scales.push(self.block_scale((scale_type, exact), block, range)?);
        }
        Ok(scales)
    }

    /// As [`block_scales`](Self::block_scales), for scales that are numbers of the type already.
    #[cfg(feature = "safetensors")]
    pub(crate) fn block_scales_exactly(
        &self,
        block_len: usize,
        scale_type: ScaleType,
    ) -> Result<ScaleBuf, Error> {
        self.check_plain()?;
        let scales = self.block_scales(block_len, scale_type, true)?;
        ScaleBuf::rounded(scale_type, &scales)
    }

    /// Other programs' formats hold one plane, no bias and no rotation.
    fn check_plain(&self) -> Result<(), Error> {
        let held = [
            (Operand::Plane, self.planes.len() == 1),
            (Operand::Bias, self.bias.is_empty()),
            (Operand::Rotation, self.rotation.is_none()),
        ];
        let other = held.iter().find(|(_, held)| !held);
        other.map_or(Ok(()), |&(what, _)| Err(Error::unstorable(what, 0)))
    }

    /// The one scale of the non-zero trits of a block. If there are none, that of the first group, or 0 if that does not fit.
    fn block_scale(
        &self,
        (scale_type, exact): (ScaleType, bool),
        block: usize,
        range: Range<usize>,
    ) -> Result<f64, Error> {
        let (mut found, mut unused) = (None, None);
        for (run, group) in self.groups().runs(range)? {
            let [lambda_p, lambda_n] = self.scales_of(0, group);
            unused = unused.or_else(|| Some(stored(scale_type, group, lambda_p).unwrap_or(0.0)));
            let trits = self.trits().slice(run)?;
            for (sign, lambda) in [(1, lambda_p), (-1, lambda_n)] {
                if !trits.iter().any(|trit| trit == sign) {
                    continue;
                }
                let scale = stored(scale_type, group, lambda)?;
                if exact && scale.to_bits() != lambda.to_bits() {
                    return Err(Error::unstorable(Operand::Scale, group));
                }
                let (known, owner) = *found.get_or_insert((scale, group));
                if known.to_bits() != scale.to_bits() {
                    let faults = [(Operand::BlockScales, block), (Operand::SignScales, group)];
                    let (what, index) = faults[usize::from(owner == group)];
                    return Err(Error::unstorable(what, index));
                }
            }
        }
        Ok(found.map(|(scale, _)| scale).or(unused).unwrap_or(0.0))
    }

    /// Decodes the bytes of another program's format. The tensor has its trits in the 2-bit code, its scales in the format's scale
    /// type (`f16`, or `f32` for [`I2S`](Format::I2S)), and the format's own groups: blocks of [`group`](Format::group) weights,
    /// or the whole tensor.
    ///
    /// The bytes do not tell by which rule the trits were chosen.
    ///
    /// # Errors
    ///
    /// - [`Error::Empty`] for a shape without elements;
    /// - [`Error::Shape`] if the last axis is not a multiple of the format's [`block_len`](Format::block_len);
    /// - [`Error::LengthMismatch`] if there are more or fewer bytes than such a matrix takes;
    /// - [`Error::InvalidCode`] for the first byte with a 2-bit value of 3, which is not a trit;
    /// - [`Error::InvalidValue`] for the first scale that is negative, NaN or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use half::f16;
    /// use ternarize::format::Format;
    /// use ternarize::tensor::{Shape, TernaryTensor};
    ///
    /// let mut bytes = [0b10_01_00_10; 36];
    /// for block in bytes.chunks_mut(18) {
    ///     block[..2].copy_from_slice(&f16::ONE.to_le_bytes());
    /// }
    /// let shape = Shape::new(&[2, 64])?;
    /// let tensor = TernaryTensor::decode(Format::Q2_0, shape, &bytes)?;
    /// assert_eq!(tensor.grouping().to_string(), "block:64");
    /// assert_eq!(tensor.dequantize::<f32>()[..4], [1.0, -1.0, 0.0, 1.0]);
    /// assert_eq!(tensor.encode(Format::Q2_0)?, bytes);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn decode(format: Format, shape: Shape, bytes: &[u8]) -> Result<Self, Error> {
        let (rows, columns) = matrix(&shape)?;
        let code = Code::TwoBit;
        let (trits, scales) = if format.group().is_some() {
            let (trits, scales) = format.decode_packed(rows, columns, bytes, code)?;
            let bits = scales.iter().map(|scale: &f16| scale.to_bits());
            (trits, ScaleBuf::F16(bits.collect()))
        } else {
            let (trits, scales) = format.decode_packed(rows, columns, bytes, code)?;
            (trits, ScaleBuf::F32(scales))
        };
        let grouping = format.group().map_or(Grouping::Tensor, Grouping::Block);
        Self::assemble(shape, grouping, vec![trits], scales, None)
    }
}

/// The scale of a group, rounded to a type.
fn stored(scale_type: ScaleType, group: usize, scale: f64) -> Result<f64, Error> {
    let rounded = scale_type.round(scale);
    scale_type.check(group, &[scale], &[rounded])?;
    Ok(rounded)
}

/// The rows and columns of a tensor's matrix; a tensor of rank 0 is one of each.
fn matrix(shape: &Shape) -> Result<(usize, usize), Error> {
    let columns = shape.axes().last().copied().unwrap_or(1);
    match shape.len().checked_div(columns) {
        Some(rows) if rows > 0 => Ok((rows, columns)),
        _ => Err(Error::Empty),
    }
}
