//! [`AnyTernary`]: a ternary tensor whose type is known only when a file is read.

use alloc::vec::Vec;

use super::{DenseTensor, Element};
use crate::tensor::{Grouping, Shape, TernaryTensor};
use crate::{Code, Error, PackedTrits, Rule, Scales, Weight};

/// A [`TernaryTensor`] of any weight type.
///
/// # Examples
///
/// ```
/// use ternarize::Ternarizer;
/// use ternarize::model::AnyTernary;
/// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
///
/// let view = TensorView::new(&[1.0_f32, 0.0, -1.0], &[3])?;
/// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
/// let any = AnyTernary::from(tensor);
/// assert_eq!(any.dtype(), "F32");
/// assert_eq!(any.reconstruct::<f64>(), [1.0, 0.0, -1.0]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AnyTernary {
    /// Scales in `f16`.
    F16(TernaryTensor<half::f16>),
    /// Scales in `bf16`.
    BF16(TernaryTensor<half::bf16>),
    /// Scales in `f32`.
    F32(TernaryTensor<f32>),
    /// Scales in `f64`.
    F64(TernaryTensor<f64>),
}

/// Runs an expression on the tensor, whatever its type.
macro_rules! with {
    ($any:expr, $tensor:ident => $value:expr) => {
        match $any {
            AnyTernary::F16($tensor) => $value,
            AnyTernary::BF16($tensor) => $value,
            AnyTernary::F32($tensor) => $value,
            AnyTernary::F64($tensor) => $value,
        }
    };
}

impl AnyTernary {
    /// The name of the weights' type: `F16`, `BF16`, `F32` or `F64`.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).dtype(), "F64");
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn dtype(&self) -> &'static str {
        const fn name<W: Element>(_: &TernaryTensor<W>) -> &'static str {
            W::DTYPE
        }
        with!(self, tensor => name(tensor))
    }

    /// The lengths of the axes: see [`TernaryTensor::shape`].
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).shape().axes(), [3]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        with!(self, tensor => tensor.shape())
    }

    /// Which weights share scales: see [`TernaryTensor::grouping`].
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).grouping(), Grouping::Tensor);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn grouping(&self) -> Grouping {
        with!(self, tensor => tensor.grouping())
    }

    /// The rule the trits were chosen by: see [`TernaryTensor::rule`].
    ///
    /// ```
    /// # use ternarize::{Rule, Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).rule(), Rule::Tnt);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn rule(&self) -> Rule {
        with!(self, tensor => tensor.rule())
    }

    /// Whether a group has one scale or two: see [`TernaryTensor::scales`].
    ///
    /// ```
    /// # use ternarize::{Scales, Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).scales(), Scales::Two);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn scales(&self) -> Scales {
        with!(self, tensor => tensor.scales())
    }

    /// The trits in row-major order: see [`TernaryTensor::trits`].
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert!(AnyTernary::from(tensor).trits().iter().eq([1, 0, -1]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn trits(&self) -> PackedTrits<'_> {
        with!(self, tensor => tensor.trits())
    }

    /// The same tensor with its trits in another code: see [`TernaryTensor::transcode`].
    ///
    /// ```
    /// # use ternarize::{Code, Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).transcode(Code::Base3).trits().code(), Code::Base3);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn transcode(self, code: Code) -> Self {
        with!(self, tensor => tensor.transcode(code).into())
    }

    /// Bytes of packed trits and scales: see [`TernaryTensor::stored_bytes`].
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).stored_bytes(), 1 + 2 * 8);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        with!(self, tensor => tensor.stored_bytes())
    }

    /// Stored bits for each weight: see [`TernaryTensor::bits_per_weight`].
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0, 1.0], &[4])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).bits_per_weight(), 2.0 + 2.0 * 64.0 / 4.0);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn bits_per_weight(&self) -> f64 {
        with!(self, tensor => tensor.bits_per_weight())
    }

    /// The share of trits that are 0: see [`TernaryTensor::sparsity`].
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0, 1.0], &[4])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).sparsity(), 0.25);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn sparsity(&self) -> f64 {
        with!(self, tensor => tensor.sparsity())
    }

    /// The restored weights: see [`TernaryTensor::reconstruct`].
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(AnyTernary::from(tensor).reconstruct::<f32>(), [1.0, 0.0, -1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn reconstruct<T: Weight>(&self) -> Vec<T> {
        with!(self, tensor => tensor.reconstruct())
    }

    /// The product with a vector: see [`TernaryTensor::matvec`].
    ///
    /// # Errors
    ///
    /// As [`TernaryTensor::matvec`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, model::AnyTernary, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, 0.0, -1.0], &[1, 3])?;
    /// # let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// let mut y = [0.0];
    /// AnyTernary::from(tensor).matvec(&[4.0, 2.0, 1.0], &mut y)?;
    /// assert_eq!(y, [3.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matvec(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        with!(self, tensor => tensor.matvec(x, y))
    }

    /// The scales as bytes: `lambda_p`, and `lambda_n` if the signs have scales of their own.
    pub(super) fn scale_tensors(&self) -> (DenseTensor, Option<DenseTensor>) {
        fn dense<W: Element>(scales: &[W]) -> DenseTensor {
            DenseTensor::of(&[scales.len()], scales)
        }
        with!(self, tensor => {
            let two = tensor.scales() == Scales::Two;
            (dense(tensor.lambda_p()), two.then(|| dense(tensor.lambda_n())))
        })
    }

    /// The restored weights in their original type.
    pub(super) fn to_dense(&self) -> DenseTensor {
        fn dense<W: Element>(tensor: &TernaryTensor<W>) -> DenseTensor {
            DenseTensor::of(tensor.shape().axes(), &tensor.reconstruct::<W>())
        }
        with!(self, tensor => dense(tensor))
    }
}

macro_rules! from {
    ($($type:ty: $variant:ident),*) => {$(
        impl From<TernaryTensor<$type>> for AnyTernary {
            fn from(tensor: TernaryTensor<$type>) -> Self {
                Self::$variant(tensor)
            }
        }
    )*};
}
from!(half::f16: F16, half::bf16: BF16, f32: F32, f64: F64);
