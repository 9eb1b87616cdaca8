//! [`Activations`]: a vector rounded to 8 bits, with one scale or one for each block.
//!
//! ```text
//! d = max |x| / 127,   q = x (127 / max |x|), rounded to the nearest whole number, ties to even;   x ~ d q
//! ```
//!
//! If `d` is not a normal number, it is rounded up to the next subnormal one, and `q = x / d`. The numbers are symmetric, -127 to 127:
//! -128 has no negative in 8 bits. Cost: two passes over the vector, in vectors of the
//! machine.

use alloc::vec;
use alloc::vec::Vec;

use crate::Backend;
use crate::error::{Error, Operand};
use crate::matmul::round::quantize_on;

/// Which activations share a scale.
///
/// # Examples
///
/// ```
/// use ternarize::matmul::{Activations, ScalePer};
///
/// let x = Activations::quantize(&[1.0; 600], ScalePer::Block)?;
/// assert_eq!(x.scales().len(), 3);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScalePer {
    /// The whole vector: the fastest, and as good where no activation stands out.
    #[default]
    Vector,
    /// Each block of [`Activations::BLOCK`] activations; the last may be shorter.
    Block,
}

/// A vector of activations in 8 bits, with its scales.
///
/// # Examples
///
/// ```
/// use ternarize::matmul::{Activations, ScalePer};
///
/// let x = Activations::quantize(&[0.5, -1.27, 0.004], ScalePer::Vector)?;
/// assert_eq!(x.values(), [50, -127, 0]);
/// assert!((x.scales()[0] - 0.01).abs() < 1e-8);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Activations {
    values: Vec<i8>,
    /// One, or one for each block.
    scales: Vec<f32>,
    per: ScalePer,
}

impl Activations {
    /// The activations of a block that has a scale of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(ternarize::matmul::Activations::BLOCK, 256);
    /// ```
    pub const BLOCK: usize = 256;

    /// Rounds a vector to 8 bits.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] for the first NaN or infinity.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Error, Operand, matmul::{Activations, ScalePer}};
    ///
    /// let error = Activations::quantize(&[0.0, f32::NAN], ScalePer::Vector).unwrap_err();
    /// assert_eq!(error, Error::InvalidValue { what: Operand::Activation, index: 1 });
    /// ```
    pub fn quantize(x: &[f32], per: ScalePer) -> Result<Self, Error> {
        let mut values = vec![0; x.len()];
        let block = match per {
            ScalePer::Vector => x.len().max(1),
            ScalePer::Block => Self::BLOCK,
        };
        let mut scales = Vec::with_capacity(x.len().div_ceil(block));
        let backend = Backend::detect();
        for (at, (x, values)) in x.chunks(block).zip(values.chunks_mut(block)).enumerate() {
            let scale = quantize_on(backend, x, values);
            scales.push(scale.map_err(|index| Error::InvalidValue {
                what: Operand::Activation,
                index: at * block + index,
            })?);
        }
        Ok(Self {
            values,
            scales,
            per,
        })
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
        let wrong = values.iter().position(|&value| value == i8::MIN);
        let wrong = wrong.or((!scale.is_finite()).then_some(values.len()));
        if let Some(index) = wrong {
            return Err(Error::InvalidValue {
                what: Operand::Activation,
                index,
            });
        }
        let scales = if values.is_empty() {
            vec![]
        } else {
            vec![scale]
        };
        Ok(Self {
            values,
            scales,
            per: ScalePer::Vector,
        })
    }

    /// The whole numbers.
    #[must_use]
    pub fn values(&self) -> &[i8] {
        &self.values
    }

    /// The value of a 1: of the whole vector, or block by block.
    #[must_use]
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Which of them share a scale.
    #[must_use]
    pub const fn scale_per(&self) -> ScalePer {
        self.per
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
        match (self.per, &self.scales[..]) {
            (_, []) => Some(0.0),
            (_, &[scale]) => Some(scale),
            _ => None,
        }
    }

    /// The scale of the block that begins at a multiple of [`BLOCK`](Self::BLOCK).
    pub(crate) fn scale_of_block(&self, block: usize) -> f32 {
        let at = match self.per {
            ScalePer::Vector => 0,
            ScalePer::Block => block,
        };
        self.scales.get(at).copied().unwrap_or_default()
    }
}
