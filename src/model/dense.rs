//! [`DenseTensor`]: an ordinary tensor of a file, kept as its little-endian bytes.

use alloc::string::String;
use alloc::vec::Vec;

use safetensors::Dtype;

use super::ModelError;
use crate::tensor::Shape;
use crate::{Error, Weight};

/// A weight type that files hold: `f16`, `bf16`, `f32` and `f64`. Sealed, as [`Weight`] is.
///
/// # Examples
///
/// ```
/// use ternarize::model::Element;
/// assert_eq!(f32::DTYPE, "F32");
/// assert_eq!(half::bf16::DTYPE, "BF16");
/// ```
pub trait Element: Weight {
    /// The name of the type in a file.
    const DTYPE: &'static str;

    /// The value of these little-endian bytes, if they are as many as the type has.
    fn from_le(bytes: &[u8]) -> Option<Self>;

    /// Appends the value's little-endian bytes.
    fn append_le(self, bytes: &mut Vec<u8>);
}

macro_rules! element {
    ($($type:ty: $dtype:literal),*) => {$(
        impl Element for $type {
            const DTYPE: &'static str = $dtype;

            fn from_le(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }

            fn append_le(self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }
        }
    )*};
}
element!(half::f16: "F16", half::bf16: "BF16", f32: "F32", f64: "F64");

/// A tensor of any type of number.
///
/// # Examples
///
/// ```
/// use ternarize::model::DenseTensor;
///
/// let tensor = DenseTensor::new(&[2, 1], &[1.5_f32, -2.0])?;
/// assert_eq!((tensor.dtype(), tensor.shape()), ("F32", &[2, 1][..]));
/// assert_eq!(tensor.values::<f32>(), Some(vec![1.5, -2.0]));
/// assert_eq!(tensor.values::<f64>(), None);
/// # Ok::<(), ternarize::model::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DenseTensor {
    pub(super) dtype: Dtype,
    /// The type's name, for it has no `const` one.
    pub(super) dtype_name: String,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl DenseTensor {
    /// A tensor of these values in row-major order.
    ///
    /// # Errors
    ///
    /// [`ModelError::Shape`] if the values do not fill the shape, or the shape is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::model::DenseTensor;
    /// assert!(DenseTensor::new(&[3], &[1.0_f32]).is_err());
    /// ```
    pub fn new<W: Element>(shape: &[usize], values: &[W]) -> Result<Self, ModelError> {
        let (expected, actual) = (Shape::new(shape)?.len(), values.len());
        if actual != expected {
            return Err(Error::LengthMismatch { expected, actual }.into());
        }
        Ok(Self::of(shape, values))
    }

    /// The same, for values that are known to fill the shape.
    pub(super) fn of<W: Element>(shape: &[usize], values: &[W]) -> Self {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        for &value in values {
            value.append_le(&mut bytes);
        }
        Self {
            dtype: dtype_of(W::DTYPE),
            dtype_name: W::DTYPE.into(),
            shape: shape.into(),
            bytes,
        }
    }

    /// The type's name as files spell it: `F32`, `I64`, ...
    ///
    /// ```
    /// # use ternarize::model::DenseTensor;
    /// assert_eq!(DenseTensor::new(&[1], &[1.0_f64])?.dtype(), "F64");
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn dtype(&self) -> &str {
        &self.dtype_name
    }

    /// The lengths of the axes.
    ///
    /// ```
    /// # use ternarize::model::DenseTensor;
    /// assert_eq!(DenseTensor::new(&[1, 1], &[1.0_f64])?.shape(), [1, 1]);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The little-endian bytes in row-major order.
    ///
    /// ```
    /// # use ternarize::model::DenseTensor;
    /// assert_eq!(DenseTensor::new(&[1], &[1.0_f32])?.as_bytes(), [0, 0, 0x80, 0x3f]);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The values in row-major order, if they are of this type.
    ///
    /// ```
    /// # use ternarize::model::DenseTensor;
    /// let tensor = DenseTensor::new(&[1], &[1.0_f32])?;
    /// assert_eq!(tensor.values::<f32>(), Some(vec![1.0]));
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn values<W: Element>(&self) -> Option<Vec<W>> {
        if self.dtype_name != W::DTYPE {
            return None;
        }
        self.bytes.chunks(size_of::<W>()).map(W::from_le).collect()
    }
}

/// The file format's own name of a weight type.
pub(super) fn dtype_of(name: &str) -> Dtype {
    match name {
        "F16" => Dtype::F16,
        "BF16" => Dtype::BF16,
        "F64" => Dtype::F64,
        _ => Dtype::F32,
    }
}
