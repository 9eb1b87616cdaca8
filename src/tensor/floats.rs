//! Weights and scales whose type is known at run time: [`AnyView`] borrows a tensor of them, and [`Floats`] owns a list.
//!
//! The public functions of this module are generic over [`Weight`]. They turn their arguments into these types at once, and call
//! functions that are compiled in this crate. So a user's crate compiles almost nothing.

#[cfg(feature = "safetensors")]
use alloc::vec::Vec;

#[cfg(feature = "safetensors")]
use super::Shape;
use super::TensorView;
use super::strided::StridedLayout;
#[cfg(feature = "safetensors")]
use crate::error::check_len;
use crate::optimum::weight::{PRIVATE, TypedSlice};
use crate::scale::ScaleBuf;
#[cfg(feature = "safetensors")]
use crate::scale::read_all;
use crate::weight::{FloatBits, first_not_finite};
use crate::{Error, Operand, Weight};
#[cfg(feature = "safetensors")]
use half::{bf16, f16};

/// A [`TensorView`] of any weight type.
#[derive(Clone, Copy)]
pub(super) struct AnyView<'a> {
    pub(super) data: TypedSlice<'a>,
    pub(super) layout: StridedLayout,
}

/// Weights of any weight type.
#[cfg(feature = "safetensors")]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Floats {
    F32(Vec<f32>),
    F64(Vec<f64>),
    F16(Vec<f16>),
    Bf16(Vec<bf16>),
}

/// Evaluates an expression for the content of an enum with one variant for each weight type.
macro_rules! each {
    ($enum:ident, $value:expr, $content:ident => $result:expr) => {
        match $value {
            $enum::F32($content) => $result,
            $enum::F64($content) => $result,
            #[cfg(feature = "half")]
            $enum::F16($content) => $result,
            #[cfg(feature = "half")]
            $enum::Bf16($content) => $result,
        }
    };
}
pub(super) use each;

/// Evaluates an expression for the [`TensorView`] that an [`AnyView`] is.
macro_rules! each_view {
    ($any:expr, $view:ident => $result:expr) => {
        each!(TypedSlice, $any.data, data => {
            let $view = TensorView { data, layout: $any.layout };
            $result
        })
    };
}
pub(super) use each_view;

/// Maps the content of an enum with one variant for each weight type to that of another.
#[cfg(feature = "safetensors")]
macro_rules! map {
    ($from:ident, $value:expr, $content:ident => $to:ident($result:expr)) => {
        match $value {
            $from::F32($content) => $to::F32($result),
            $from::F64($content) => $to::F64($result),
            $from::F16($content) => $to::F16($result),
            $from::Bf16($content) => $to::Bf16($result),
        }
    };
}

impl<'a, W: Weight> TensorView<'a, W> {
    /// The view with its type as a value.
    pub(super) fn any(&self) -> AnyView<'a> {
        let (data, layout) = (W::typed(self.data, PRIVATE), self.layout);
        AnyView { data, layout }
    }
}

impl<W: FloatBits> TensorView<'_, W> {
    /// Errors: [`Error::InvalidValue`] with the row-major index of the first weight that is NaN or infinite.
    pub(super) fn check_finite(&self) -> Result<(), Error> {
        // A broadcast view may repeat a few weights without end.
        let layout = self.layout.distinct();
        let distinct = Self { layout, ..*self };
        let found = match distinct.as_row_major_slice() {
            Some(weights) => first_not_finite(weights),
            None => distinct.iter().position(|weight| !weight.is_finite()),
        };
        let Some(index) = found else { return Ok(()) };
        let first = distinct.shape().coordinates(index).unwrap_or_default();
        let index = StridedLayout::row_major(*self.shape()).position(&first);
        Err(Error::invalid(Operand::Weight, index))
    }
}

/// Scales that have the type of the weights.
pub(super) fn scale_buf<W: Weight>(scales: &[W]) -> ScaleBuf {
    match W::typed(scales, PRIVATE) {
        TypedSlice::F64(scales) => ScaleBuf::F64(scales.to_vec()),
        TypedSlice::F32(scales) => ScaleBuf::F32(scales.to_vec()),
        #[cfg(feature = "half")]
        TypedSlice::F16(scales) => ScaleBuf::F16(scales.iter().map(|s| s.to_bits()).collect()),
        #[cfg(feature = "half")]
        TypedSlice::Bf16(scales) => ScaleBuf::Bf16(scales.iter().map(|s| s.to_bits()).collect()),
    }
}

#[cfg(feature = "safetensors")]
impl Floats {
    pub(crate) fn copy_of<W: Weight>(values: &[W]) -> Self {
        Self::copy(W::typed(values, PRIVATE))
    }

    fn copy(values: TypedSlice<'_>) -> Self {
        map!(TypedSlice, values, values => Floats(values.to_vec()))
    }

    pub(crate) fn len(&self) -> usize {
        each!(Floats, self, values => values.len())
    }

    fn as_slice(&self) -> TypedSlice<'_> {
        map!(Floats, self, values => TypedSlice(values))
    }
}

/// The name of the type as model files spell it, and the little-endian bytes of the values.
#[cfg(feature = "safetensors")]
pub(crate) fn typed_bytes(values: TypedSlice<'_>) -> (&'static str, Vec<u8>) {
    fn bytes<W: FloatBits, const N: usize>(values: &[W], bytes: fn(&W) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(bytes).collect()
    }
    match values {
        TypedSlice::F32(values) => ("F32", bytes(values, |value| value.to_le_bytes())),
        TypedSlice::F64(values) => ("F64", bytes(values, |value| value.to_le_bytes())),
        TypedSlice::F16(values) => ("F16", bytes(values, |value| value.to_le_bytes())),
        TypedSlice::Bf16(values) => ("BF16", bytes(values, |value| value.to_le_bytes())),
    }
}

/// The nearest finite weight.
pub(super) fn nearest_finite<W: FloatBits>(x: f64) -> W {
    W::narrow(x).min(W::max_value()).max(W::min_value())
}

/// Conversions for model files.
#[cfg(feature = "safetensors")]
impl Floats {
    /// The values as a tensor in row-major order.
    pub(super) fn view(&self, axes: &[usize]) -> Result<AnyView<'_>, Error> {
        let shape = Shape::new(axes)?;
        check_len(shape.len(), self.len())?;
        let (data, layout) = (self.as_slice(), StridedLayout::row_major(shape));
        Ok(AnyView { data, layout })
    }

    /// The values in this type if it holds all of them: `f64` does, and `f32` holds those of 16 bits.
    pub(crate) fn widened<W: Weight>(self) -> Option<Vec<W>> {
        let holds = match W::typed(&[], PRIVATE) {
            TypedSlice::F64(_) => !matches!(self, Self::F64(_)),
            TypedSlice::F32(_) => matches!(self, Self::F16(_) | Self::Bf16(_)),
            _ => false,
        };
        if !holds {
            return self.into_vec();
        }
        each!(Floats, self, values => {
            let wide = values.into_iter().map(|value| W::from_value(value.widen(), PRIVATE));
            Some(wide.collect())
        })
    }

    /// The values, if they are of this type.
    pub(crate) fn into_vec<W: Weight>(self) -> Option<Vec<W>> {
        each!(Floats, self, values => {
            let mut values = Some(values);
            let same_type = (&mut values as &mut dyn core::any::Any).downcast_mut::<Option<Vec<W>>>();
            same_type.and_then(Option::take)
        })
    }

    /// The name of the type, and the little-endian bytes of the values.
    pub(crate) fn to_le_bytes(&self) -> (&'static str, Vec<u8>) {
        typed_bytes(self.as_slice())
    }

    /// The values of little-endian bytes, or `None` if the type is not a weight type, or the last value is incomplete.
    pub(crate) fn from_le_bytes(dtype: &str, bytes: &[u8]) -> Option<Self> {
        Some(match dtype {
            "F32" => Self::F32(read_all(bytes, f32::from_le_bytes)?),
            "F64" => Self::F64(read_all(bytes, f64::from_le_bytes)?),
            "F16" => Self::F16(read_all(bytes, f16::from_le_bytes)?),
            "BF16" => Self::Bf16(read_all(bytes, bf16::from_le_bytes)?),
            _ => return None,
        })
    }
}
