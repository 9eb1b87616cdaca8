//! [`PlanesTensor`]: a tensor as a sum of ternary tensors.
//!
//! Each plane is a [`TernaryTensor`] of the same shape and groups, so whatever packs, writes or multiplies one ternary tensor does
//! so with several. The scales of all planes of a group are found together: see [`crate::quantize::planes`].
//!
//! ```text
//! w'[i] = sum_k lambda_k[g] t_k[i]      with g the group of i
//! W' x  = sum_k (plane k) x             the first plane's product, then the others added, plane after plane
//! ```
//!
//! Every [`ScaleType`] is part of `f32`, so the planes hold `f32` scales whatever the weights were, and none is rounded twice;
//! [`stored_bytes`](PlanesTensor::stored_bytes) counts what the scale type takes. Groups are found in parallel with the feature
//! `rayon`, with the same bits for any number of threads.

use crate::error::Operand;
use alloc::vec;
use alloc::vec::Vec;

use super::agreement::Agreement;
use super::{GroupedView, Grouping, Groups, Shape, TensorView, TernaryTensor};
use crate::quantize::planes::{Planes, Residual};
use crate::quantize::scale_type::ScaleType;
use crate::threads;
use crate::weight::Format;
use crate::{Code, Error, PackedTritsBuf, Rule, Weight};

/// Weights in a batch, about: enough to be worth a thread's while.
const BATCH: usize = 1 << 12;

/// A sum of ternary tensors.
///
/// # Examples
///
/// ```
/// use ternarize::planes::Residual;
/// use ternarize::tensor::{Grouping, PlanesTensor, TensorView};
///
/// let weights = [1.25_f32, -0.75, 1.0, 0.25, 8.0, 0.0, -8.0, 8.0];
/// let view = TensorView::new(&weights, &[2, 4])?;
/// let rows = Grouping::axis(0)?;
/// let tensor = PlanesTensor::ternarize(&view, rows, &Residual::new(2))?;
/// assert_eq!(tensor.planes()[0].lambda_p(), [1.0, 8.0]);
/// assert_eq!(tensor.planes()[1].lambda_p(), [0.25, 0.0]);
/// assert_eq!(tensor.reconstruct::<f32>(), weights);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PlanesTensor {
    /// At least one, all of the same groups.
    planes: Vec<TernaryTensor<f32>>,
    groups: Groups,
    scale_type: ScaleType,
}

impl PlanesTensor {
    /// Makes the planes of a tensor group by group, in the 2-bit code.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] for a tensor without elements; [`Error::InvalidValue`] with the row-major index; [`Error::Shape`] and
    /// [`Error::Shape`] as [`Grouping::resolve`]; [`Error::TooMany`], [`Error::Conflict`] and [`Error::TooMany`] as
    /// [`Residual::ternarize`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// let view = TensorView::new(&[0.5_f32, -0.2, 0.1, 0.9], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(3))?;
    /// assert_eq!(tensor.planes().len(), 3);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize<W: Weight>(
        view: &TensorView<'_, W>,
        grouping: Grouping,
        how: &Residual,
    ) -> Result<Self, Error> {
        let weights = view.grouped(grouping)?;
        let groups = *weights.groups();
        if view.shape().is_empty() {
            return Err(Error::Empty);
        }
        if let Some(index) = view.iter().position(|weight| !weight.is_finite()) {
            return Err(Error::InvalidValue {
                what: Operand::Weight,
                index,
            });
        }
        let found = all_groups(&weights, how)?;
        let plane = |k| assemble(&groups, &found, k);
        Ok(Self {
            planes: (0..how.planes).map(plane).collect::<Result<_, _>>()?,
            groups,
            scale_type: how.scale_type,
        })
    }

    /// The planes. In each group the first one has the largest scale, but for [`PlaneMethod::Greedy`] and where nothing better
    /// was found: those planes are in the order in which they were found.
    ///
    /// [`PlaneMethod::Greedy`]: crate::quantize::planes::PlaneMethod::Greedy
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 0.5], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(1))?;
    /// assert!(tensor.planes()[0].trits().iter().eq([1, -1, 0, 1]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn planes(&self) -> &[TernaryTensor<f32>] {
        &self.planes
    }

    /// The lengths of the axes.
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 0.5], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(1))?;
    /// assert_eq!(tensor.shape().axes(), [2, 2]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        self.groups.shape()
    }

    /// Which weights share scales.
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 0.5], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Block(2), &Residual::new(1))?;
    /// assert_eq!(tensor.grouping(), Grouping::Block(2));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn grouping(&self) -> Grouping {
        self.groups.grouping()
    }

    /// The type whose values the scales are.
    ///
    /// ```
    /// # use ternarize::{planes::Residual, scale_type::ScaleType};
    /// # use ternarize::tensor::{Grouping, PlanesTensor, TensorView};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 0.5], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(1))?;
    /// assert_eq!(tensor.scale_type(), ScaleType::F32);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn scale_type(&self) -> ScaleType {
        self.scale_type
    }

    /// The same tensor with its trits in another code.
    ///
    /// ```
    /// # use ternarize::{Code, planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[0.5_f32; 20], &[20])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(2))?;
    /// assert_eq!(tensor.stored_bytes(), 2 * (5 + 4));
    /// assert_eq!(tensor.transcode(Code::Base3).stored_bytes(), 2 * (4 + 4));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn transcode(self, code: Code) -> Self {
        let planes = self.planes.into_iter().map(|plane| plane.transcode(code));
        Self {
            planes: planes.collect(),
            ..self
        }
    }

    /// Bytes of the packed trits and the scales of all planes, each scale as large as its [type](Self::scale_type).
    ///
    /// ```
    /// # use ternarize::{planes::Residual, scale_type::ScaleType};
    /// # use ternarize::tensor::{Grouping, PlanesTensor, TensorView};
    /// let view = TensorView::new(&[0.5_f32; 64], &[64])?;
    /// let shifts = Residual::new(2).scale_type(ScaleType::PowerOfTwo);
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Block(32), &shifts)?;
    /// assert_eq!(tensor.stored_bytes(), 2 * (64 / 4 + 2 * 1));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        let trits = self
            .planes
            .iter()
            .map(|plane| plane.trits().as_bytes().len());
        let scales = self.planes.len() * self.groups.len() * self.scale_type.bytes();
        trits.sum::<usize>() + scales
    }

    /// Stored bits for each weight.
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// let view = TensorView::new(&[0.5_f32; 64], &[64])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(2))?;
    /// assert_eq!(tensor.bits_per_weight(), 2.0 * (2.0 + 0.5));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn bits_per_weight(&self) -> f64 {
        self.stored_bytes() as f64 * 8.0 / self.shape().len() as f64
    }

    /// Writes the restored weights in row-major order: the planes added in `f64`, the first one first, and rounded once.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `weights` is not as long as the tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[1.5_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(2))?;
    /// let mut weights = [0.0_f64; 4];
    /// tensor.reconstruct_into(&mut weights)?;
    /// assert_eq!(weights, [1.5, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn reconstruct_into<T: Weight>(&self, weights: &mut [T]) -> Result<(), Error> {
        let expected = self.shape().len();
        if weights.len() != expected {
            return Err(Error::LengthMismatch {
                expected,
                actual: weights.len(),
            });
        }
        let mut sums = vec![0.0; expected];
        for plane in &self.planes {
            for (run, group) in self.groups.runs(0..expected)? {
                let scale = f64::from(plane.scales_of(group).0);
                let trits = plane.trits().slice(run.clone())?;
                for (sum, trit) in sums.iter_mut().skip(run.start).zip(trits.iter()) {
                    *sum += scale * f64::from(trit);
                }
            }
        }
        for (weight, sum) in weights.iter_mut().zip(sums) {
            *weight = <T as Format>::narrow(sum)
                .min(T::max_value())
                .max(T::min_value());
        }
        Ok(())
    }

    /// The restored weights in row-major order.
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[1.5_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(2))?;
    /// assert_eq!(tensor.reconstruct::<f32>(), [1.5, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn reconstruct<T: Weight>(&self) -> Vec<T> {
        let mut weights = vec![T::zero(); self.shape().len()];
        let written = self.reconstruct_into(&mut weights);
        debug_assert!(written.is_ok(), "a vector of the tensor's length");
        weights
    }

    /// How close the restored weights, rounded to the type of the original, come to it.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if the shapes hold different numbers of weights, [`Error::Shape`] if they differ
    /// otherwise, and [`Error::InvalidValue`] with the row-major index of a weight that is NaN or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// let view = TensorView::new(&[3.0_f32, 4.0], &[2])?;
    /// let error = |planes| {
    ///     let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(planes))?;
    ///     Ok::<_, ternarize::Error>(tensor.agreement(&view)?.relative_error)
    /// };
    /// assert_eq!((error(1)?, error(2)?), (0.02, 0.0));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn agreement<W: Weight>(&self, original: &TensorView<'_, W>) -> Result<Agreement, Error> {
        let restored = self.reconstruct::<W>();
        let restored = TensorView::new(&restored, self.shape().axes())?;
        Agreement::between(original, &restored, self.grouping())
    }

    /// Multiplies with a vector: see [`TernaryTensor::matvec`].
    ///
    /// The product of the first plane, to which those of the others are added, each rounded to `f32`, in their order. With
    /// `S = sum_k |lambda_k t_k[i] x_i|` over all planes and weights of a row, and `n` weights in it, the error is at most about
    /// `(n + 2 + K) 2^-24 S`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes; [`Error::LengthMismatch`] if `x` or `y` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// let view = TensorView::new(&[1.5_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(2))?;
    /// let mut y = [0.0; 2];
    /// tensor.matvec(&[2.0, 4.0], &mut y)?;
    /// assert_eq!(y, [1.0, 4.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matvec(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.matmul(x, 1, y)
    }

    /// Multiplies with many vectors, the columns of a matrix: see [`TernaryTensor::matmul`]. Each product has the bits that
    /// [`matvec`](Self::matvec) gives.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes; [`Error::LengthMismatch`] if `x` or `y` has another length than
    /// `columns` vectors or products have. Then nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{planes::Residual, tensor::{Grouping, PlanesTensor, TensorView}};
    /// let view = TensorView::new(&[1.5_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Residual::new(2))?;
    /// let mut y = [0.0; 4];
    /// tensor.matmul(&[2.0, 4.0, /* next column */ 0.0, 2.0], 2, &mut y)?;
    /// assert_eq!(y, [1.0, 4.0, /* next column */ -1.0, 2.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matmul(&self, x: &[f32], columns: usize, y: &mut [f32]) -> Result<(), Error> {
        let Some((first, others)) = self.planes.split_first() else {
            return Ok(());
        };
        first.matmul(x, columns, y)?;
        if others.is_empty() {
            return Ok(());
        }
        let mut product = vec![0.0; y.len()];
        for plane in others {
            plane.matmul(x, columns, &mut product)?;
            for (y, product) in y.iter_mut().zip(&product) {
                *y += product;
            }
        }
        Ok(())
    }
}

/// The planes of all groups, in their order.
fn all_groups<W: Weight>(
    weights: &GroupedView<'_, W>,
    how: &Residual,
) -> Result<Vec<Planes>, Error> {
    let groups = weights.groups();
    let per_batch = (BATCH / groups.group_len(0).max(1)).max(1);
    let batches = (0..groups.len()).step_by(per_batch);
    let batches = batches.map(|first| first..groups.len().min(first + per_batch));
    threads::collect(groups.len(), batches, |groups, found| {
        let mut scratch = Vec::new();
        for group in groups {
            found.push(how.ternarize(weights.gather(group, &mut scratch)?)?);
        }
        Ok(())
    })
}

/// Plane `k` of all groups as a tensor.
fn assemble(groups: &Groups, found: &[Planes], k: usize) -> Result<TernaryTensor<f32>, Error> {
    let mut trits = vec![0; groups.shape().len()];
    let mut scales = Vec::with_capacity(found.len());
    for (group, planes) in found.iter().enumerate() {
        for (index, &trit) in groups.indices(group).zip(planes.trits(k)) {
            if let Some(place) = trits.get_mut(index) {
                *place = trit;
            }
        }
        let scale = planes.scales().get(k).copied().unwrap_or(0.0);
        scales.push(<f32 as Format>::narrow(scale));
    }
    let trits = PackedTritsBuf::from_trits(Code::TwoBit, &trits)?;
    TernaryTensor::from_parts(
        *groups.shape(),
        groups.grouping(),
        Rule::Tnt,
        trits,
        scales,
        None,
    )
}
