//! [`DenseTensor`]: a tensor of numbers of any type, kept as the little-endian bytes of a file.
//!
//! Tensors that are not ternarized, such as biases and tensors of integers, are written with the bytes that were read. Only the
//! weight types `F16`, `BF16`, `F32` and `F64` can be read as values.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Encoding, ModelError, TensorInfo};
use crate::Weight;
use crate::error::check_len;
use crate::optimum::weight::PRIVATE;
use crate::tensor::{Floats, Shape, typed_bytes};

/// A tensor of any number type, in row-major order.
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
    /// The name of the number type.
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl DenseTensor {
    /// Makes a tensor of values in row-major order.
    ///
    /// # Errors
    ///
    /// [`ModelError::Shape`] if the shape is invalid, or has another number of elements.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::model::DenseTensor;
    /// assert!(DenseTensor::new(&[3], &[1.0_f32]).is_err());
    /// ```
    pub fn new<W: Weight>(shape: &[usize], values: &[W]) -> Result<Self, ModelError> {
        check_len(Shape::new(shape)?.len(), values.len())?;
        Ok(Self::of(shape, typed_bytes(W::typed(values, PRIVATE))))
    }

    /// Makes a tensor of any number type of little-endian bytes in row-major order.
    ///
    /// # Errors
    ///
    /// [`ModelError::Unfit`] if the size of the number type is not known; [`ModelError::Shape`] if the shape has another number of bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::model::DenseTensor;
    ///
    /// let tensor = DenseTensor::from_bytes("U16", &[2], vec![1, 0, 2, 0])?;
    /// assert_eq!((tensor.dtype(), tensor.shape()), ("U16", &[2][..]));
    /// assert!(DenseTensor::from_bytes("U16", &[3], vec![1, 0, 2, 0]).is_err());
    /// assert!(DenseTensor::from_bytes("U7", &[3], vec![1, 0, 2]).is_err());
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    pub fn from_bytes(dtype: &str, shape: &[usize], bytes: Vec<u8>) -> Result<Self, ModelError> {
        Shape::new(shape)?;
        let tensor = Self::of(shape, (dtype, bytes));
        let expected = usize::try_from(tensor.info(dtype)?.bytes()).unwrap_or(usize::MAX);
        check_len(expected, tensor.bytes.len())?;
        Ok(tensor)
    }

    /// A number type and bytes that are known to fill the shape.
    pub(super) fn of(shape: &[usize], (dtype, bytes): (&str, Vec<u8>)) -> Self {
        Self {
            dtype: dtype.into(),
            shape: shape.into(),
            bytes,
        }
    }

    /// The name of the number type as files spell it: `F32`, `I64` and so on, or a type of ggml as `Q4_K`.
    ///
    /// ```
    /// # use ternarize::model::DenseTensor;
    /// assert_eq!(DenseTensor::new(&[1], &[1.0_f64])?.dtype(), "F64");
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn dtype(&self) -> &str {
        &self.dtype
    }

    /// The extents of the tensor, outermost axis first.
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

    /// The little-endian bytes of the values in row-major order.
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

    /// The values in row-major order, or `None` if they are of another type.
    ///
    /// ```
    /// # use ternarize::model::DenseTensor;
    /// let tensor = DenseTensor::new(&[1], &[1.0_f32])?;
    /// assert_eq!(tensor.values::<f32>(), Some(vec![1.0]));
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn values<W: Weight>(&self) -> Option<Vec<W>> {
        self.floats()?.into_vec()
    }

    /// What a header says of the tensor.
    pub(super) fn info(&self, name: &str) -> Result<TensorInfo, ModelError> {
        TensorInfo::new(name, &self.shape, Encoding::Dense(self.dtype.clone()))
    }

    /// The values, or `None` if they are not of a weight type.
    pub(super) fn floats(&self) -> Option<Floats> {
        Floats::from_le_bytes(&self.dtype, &self.bytes)
    }
}
