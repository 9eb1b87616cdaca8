//! [`Activations`]: a vector rounded to 8 bits, with one scale or one for each block.
//!
//! ```text
//! d = max |x| / 127,   q = x (127 / max |x|), rounded to the nearest whole number, ties to even;   x ~ d q
//! ```
//!
//! If `d` is not a normal number, it is rounded up to the next subnormal one, and `q = x / d`. The numbers are symmetric, -127 to 127:
//! -128 has no negative in 8 bits. Cost: two passes over the vector, in vectors of the
//! machine.

#[cfg(feature = "alloc")]
use alloc::{borrow::Cow, vec, vec::Vec};

#[cfg(feature = "alloc")]
use super::{arrange::Kept, round::quantize_on};
#[cfg(feature = "alloc")]
use crate::Backend;
use crate::error::{Error, Operand, check_len};

/// Numbers that are owned or borrowed.
#[cfg(feature = "alloc")]
type Numbers<'a, T> = Cow<'a, [T]>;
#[cfg(not(feature = "alloc"))]
type Numbers<'a, T> = &'a [T];

/// A vector of activations in 8 bits, with its scales.
///
/// A product arranges the activations in the order of the codes. With the feature `std` what the first product arranged is kept: 1.2 to 1.5
/// bytes for each activation where rows begin with a byte, else up to 5 in the 2-bit code and 6 in base 3. Other matrices whose codes have
/// that order use it: the `q`, `k` and `v` of an attention layer share one vector. A clone begins without it.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use ternarize::matmul::Activations;
///
/// let x = Activations::quantize(&[0.5, -1.27, 0.004])?;
/// assert_eq!(x.values(), [50, -127, 0]);
/// assert!((x.scales()[0] - 0.01).abs() < 1e-8);
/// # }
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Activations<'a> {
    values: Numbers<'a, i8>,
    /// One, or one for each block; perhaps none if there are no values.
    scales: Numbers<'a, f32>,
    #[cfg(feature = "alloc")]
    pub(crate) kept: Kept,
}

#[cfg(feature = "alloc")]
impl Activations<'static> {
    /// Rounds a vector to 8 bits, with one scale: the fastest, and as good where no activation stands out.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] for the first NaN or infinity.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Error, Operand, matmul::Activations};
    ///
    /// let error = Activations::quantize(&[0.0, f32::NAN]).unwrap_err();
    /// assert_eq!(error, Error::InvalidValue { what: Operand::Activation, index: 1 });
    /// ```
    pub fn quantize(x: &[f32]) -> Result<Self, Error> {
        Self::quantize_chunks(x, x.len().max(1))
    }

    /// Rounds a vector to 8 bits, with a scale for each block of [`BLOCK`](Activations::BLOCK) activations; the last may be shorter.
    ///
    /// # Errors
    ///
    /// As [`quantize`](Self::quantize).
    ///
    /// # Examples
    ///
    /// ```
    /// let x = ternarize::matmul::Activations::quantize_blocks(&[1.0; 600])?;
    /// assert_eq!(x.scales().len(), 3);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn quantize_blocks(x: &[f32]) -> Result<Self, Error> {
        Self::quantize_chunks(x, Activations::BLOCK)
    }

    fn quantize_chunks(x: &[f32], block: usize) -> Result<Self, Error> {
        let mut values = vec![0; x.len()];
        let mut scales = Vec::with_capacity(x.len().div_ceil(block));
        let backend = Backend::detect();
        for (at, (x, values)) in x.chunks(block).zip(values.chunks_mut(block)).enumerate() {
            let invalid = |index| Error::invalid(Operand::Activation, at * block + index);
            scales.push(quantize_on(backend, x, values).map_err(invalid)?);
        }
        Ok(Self::new(values.into(), scales.into()))
    }

    /// Activations that are whole numbers already, each -127 to 127, in units of `scale`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] for the first -128, and for a scale that is NaN or infinite (with the length as index).
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::matmul::Activations;
    ///
    /// let x = Activations::from_values(vec![1, -127], 0.5)?;
    /// assert_eq!(x.scales(), [0.5]);
    /// assert!(Activations::from_values(vec![-128], 0.5).is_err());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn from_values(values: Vec<i8>, scale: f32) -> Result<Self, Error> {
        check(&values, &[scale])?;
        let scales = vec![scale; usize::from(!values.is_empty())];
        Ok(Self::new(values.into(), scales.into()))
    }
}

/// Checks that no value is -128, and that the scales are finite.
fn check(values: &[i8], scales: &[f32]) -> Result<(), Error> {
    let what = Operand::Activation;
    let wrong = values.iter().position(|&value| value == i8::MIN);
    let no_scale = || scales.iter().any(|scale| !scale.is_finite());
    match wrong.or_else(|| no_scale().then_some(values.len())) {
        Some(index) => Err(Error::invalid(what, index)),
        None => Ok(()),
    }
}

#[allow(
    clippy::useless_conversion,
    clippy::useless_asref,
    reason = "without a heap the numbers are slices already"
)]
impl<'a> Activations<'a> {
    /// The activations of a block that has a scale of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ternarize::matmul::Activations::BLOCK, 256);
    /// ```
    pub const BLOCK: usize = 256;

    fn new(values: Numbers<'a, i8>, scales: Numbers<'a, f32>) -> Self {
        Self {
            values,
            scales,
            #[cfg(feature = "alloc")]
            kept: Kept::default(),
        }
    }

    /// Borrowed whole numbers, each -127 to 127, in units of one scale or of one for each [`BLOCK`](Self::BLOCK) of them. Needs no
    /// heap.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] for another number of scales; [`Error::InvalidValue`] as [`from_values`](Self::from_values).
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::matmul::{Activations, quantize_into};
    ///
    /// let mut values = [0; 2];
    /// let scale = quantize_into(&[12.7, -1.0], &mut values)?;
    /// let scales = [scale];
    /// assert_eq!(Activations::from_slices(&values, &scales)?.values(), [127, -10]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn from_slices(values: &'a [i8], scales: &'a [f32]) -> Result<Self, Error> {
        let blocks = values.len().div_ceil(Self::BLOCK);
        if scales.len() != 1 {
            check_len(blocks, scales.len())?;
        }
        check(values, scales)?;
        Ok(Self::new(values.into(), scales.into()))
    }

    /// The whole numbers.
    #[must_use]
    pub fn values(&self) -> &[i8] {
        self.values.as_ref()
    }

    /// The value of a 1: of the whole vector, or of each block of [`BLOCK`](Activations::BLOCK).
    #[must_use]
    pub fn scales(&self) -> &[f32] {
        self.scales.as_ref()
    }

    /// The number of activations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The scale of the whole vector, if it has one; of none at all, zero.
    pub(crate) fn only_scale(&self) -> Option<f32> {
        match self.scales[..] {
            [] => Some(0.0),
            [scale] => Some(scale),
            _ => None,
        }
    }

    /// The scale of the block that begins at a multiple of [`BLOCK`](Activations::BLOCK).
    pub(crate) fn scale_of_block(&self, block: usize) -> f32 {
        let own = || self.scales.get(block).copied().unwrap_or_default();
        self.only_scale().unwrap_or_else(own)
    }
}
