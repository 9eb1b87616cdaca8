//! Tensors of an ONNX file.

use anyhow::Result;

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// `FLOAT`
    F32,
    /// `FLOAT16`
    F16,
    /// `BFLOAT16`
    Bf16,
    /// `DOUBLE`
    F64,
    /// `INT32`
    I32,
    /// `INT64`
    I64,
    /// Any other type of the standard, by its number: 2 is `UINT8`, 9 is `BOOL`.
    Other(i32),
}

/// A constant.
#[derive(Clone, Debug)]
pub struct Tensor<'a> {
    /// The extents.
    pub dims: Vec<usize>,
    /// The type.
    pub data_type: DataType,
    x: core::marker::PhantomData<&'a ()>,
}

impl Tensor<'_> {
    /// The values, rounded to f32 if they are f64.
    ///
    /// # Errors
    ///
    /// If they are no floats or cannot be read.
    pub fn floats(&self) -> Result<Vec<f32>> {
        todo!()
    }

    /// The values of floats and integers, rounded to f64 if they are large integers.
    ///
    /// # Errors
    ///
    /// If they are no numbers or cannot be read.
    pub fn doubles(&self) -> Result<Vec<f64>> {
        todo!()
    }

    /// The values of integers.
    ///
    /// # Errors
    ///
    /// If they are no integers or cannot be read.
    pub fn integers(&self) -> Result<Vec<i64>> {
        todo!()
    }
}
