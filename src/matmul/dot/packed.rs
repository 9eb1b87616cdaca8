//! The products of packed trits with activations: the public functions of this module.
//!
//! Each checks one length and calls a loop. Cost: one pass over the bytes and the activations, no memory.

use super::{Apart, Row, Together, portable};
use crate::error::{Error, check_len};
use crate::packed::PackedTrits;
use crate::simd::Backend;

impl<'a> PackedTrits<'a> {
    /// The product `sum t_i x_i`, in units of `x`: the activations under the +1 trits less those under the -1 trits.
    ///
    /// The additions have [one defined order](crate::matmul#the-order-of-a-floating-point-sum), which does not depend on
    /// the code, the machine or the place in the bytes. An activation under a 0 is never looked at, even if it is NaN.
    ///
    /// Cost: a selection and an addition an element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `x` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_01], 3)?;
    /// assert_eq!(trits.dot(&[7.0, 0.5, 2.0])?, -1.5);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn dot(&self, x: &[f32]) -> Result<f32, Error> {
        check_len(self.len(), x.len())?;
        let (bytes, offset) = (self.as_bytes(), self.offset());
        super::dot::<Together>(Backend::detect(), self.code(), bytes, offset, x)
    }

    /// The product `sum t_i x_i` of integers, exact, in units of `x`.
    ///
    /// Cost: a selection and an addition an element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `x` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_01], 3)?;
    /// assert_eq!(trits.dot_i8(&[7, 127, -128])?, 255);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn dot_i8(&self, x: &[i8]) -> Result<i64, Error> {
        check_len(self.len(), x.len())?;
        portable::dot_i8(self.code(), self.as_bytes(), self.offset(), x)
    }

    /// The sums of `x` under the +1 trits and under the -1 trits, `(plus, minus)`, in units of `x`.
    ///
    /// With two scales the product is `lambda_p * plus - lambda_n * minus`. The difference of the two need not have the
    /// bits of [`dot`](Self::dot), which rounds at other points.
    ///
    /// Cost: two selections and two additions an element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `x` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let (lambda_p, lambda_n) = (0.5, 0.25);
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_01], 3)?;
    /// let (plus, minus) = trits.dot_signed(&[7.0, 0.5, 2.0])?;
    /// assert_eq!(lambda_p * plus - lambda_n * minus, -0.25);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn dot_signed(&self, x: &[f32]) -> Result<(f32, f32), Error> {
        check_len(self.len(), x.len())?;
        let (bytes, offset) = (self.as_bytes(), self.offset());
        super::dot::<Apart>(Backend::detect(), self.code(), bytes, offset, x)
    }

    /// The sums of integers under the +1 trits and under the -1 trits, `(plus, minus)`, exact, in units of `x`.
    ///
    /// Cost: two selections and two additions an element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `x` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Code, PackedTrits};
    ///
    /// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_01], 3)?;
    /// assert_eq!(trits.dot_signed_i8(&[7, 127, -128])?, (127, -128));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn dot_signed_i8(&self, x: &[i8]) -> Result<(i64, i64), Error> {
        check_len(self.len(), x.len())?;
        portable::dot_signed_i8(self.code(), self.as_bytes(), self.offset(), x)
    }

    /// The trits from an index on, for a kernel.
    pub(crate) fn row(&self, start: usize) -> Row<'a> {
        Row::new(self.code(), self.as_bytes(), self.offset() + start)
    }
}
