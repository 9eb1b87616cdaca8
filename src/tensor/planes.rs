//! [`PlanesTensor`]: a tensor as a sum of ternary tensors.
//!
//! Each plane is a [`TernaryTensor`] of the same shape and grouping. The scales of all planes of a group are found together: see
//! [`Planes`].
//!
//! ```text
//! w'[i] = sum over the planes k of  lambda[k][g] * t[k][i]       g is the group of i
//! W' x  = sum over the planes k of  plane[k] x                   the product of the first plane, then the others added in order
//! ```
//!
//! Every [`ScaleType`] is a subset of `f32`, so the planes hold `f32` scales for every weight type, and no scale is rounded twice.
//! [`stored_bytes`](PlanesTensor::stored_bytes) counts the bytes of the scale type. With the feature `rayon` groups are ternarized
//! in parallel; the result does not depend on the number of threads.

use alloc::vec;
use alloc::vec::Vec;

use super::floats::{AnyView, Floats, each, each_view, nearest_finite};
use super::{Grouping, Groups, Shape, TensorView, TernaryTensor};
use crate::ScaleType;
use crate::error::check_len;
use crate::optimum::weight::{PRIVATE, TypedSlice, TypedSliceMut};
use crate::quantize::planes::Planes;
use crate::threads;
use crate::weight::FloatBits;
use crate::{Code, Error, PackedTritsBuf, Rule, Weight};

/// Weights in a batch, about. Chosen: smaller than for one plane, because a search of several planes takes longer.
const BATCH: usize = 1 << 12;

/// A sum of ternary tensors of the same shape and grouping.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::planes::Planes;
/// use ternarize::tensor::{Grouping, PlanesTensor, TensorView};
///
/// let weights = [1.25_f32, -0.75, 1.0, 0.25, 8.0, 0.0, -8.0, 8.0];
/// let view = TensorView::new(&weights, &[2, 4])?;
/// let rows = Grouping::axis(0)?;
/// let tensor = PlanesTensor::ternarize(&view, rows, &Planes::new(2))?;
/// assert_eq!(tensor.planes()[0].lambda_p(), [1.0, 8.0]);
/// assert_eq!(tensor.planes()[1].lambda_p(), [0.25, 0.0]);
/// assert_eq!(tensor.dequantize::<f32>(), weights);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PlanesTensor {
    /// At least one.
    planes: Vec<TernaryTensor>,
    groups: Groups,
    scale_type: ScaleType,
}

impl PlanesTensor {
    /// Ternarizes a tensor group by group into several planes, in the 2-bit code.
    ///
    /// # Errors
    ///
    /// - [`Error::Empty`] for a tensor without elements;
    /// - [`Error::InvalidValue`] with the row-major index of a weight that is not finite;
    /// - [`Error::Shape`] as [`Grouping::count`];
    /// - [`Error::TooMany`] and [`Error::Conflict`] as [`Planes::ternarize`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// let view = TensorView::new(&[0.5_f32, -0.2, 0.1, 0.9], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(3))?;
    /// assert_eq!(tensor.planes().len(), 3);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize<W: Weight>(
        view: &TensorView<'_, W>,
        grouping: Grouping,
        options: &Planes,
    ) -> Result<Self, Error> {
        ternarize_any(view.any(), grouping, options)
    }

    /// The planes.
    ///
    /// In each group the first plane has the largest scale. Planes of [`PlaneMethod::Greedy`], also where another method found none
    /// better, are in the order in which they were found instead.
    ///
    /// [`PlaneMethod::Greedy`]: crate::quantize::planes::PlaneMethod::Greedy
    ///
    /// ```
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 0.5], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(1))?;
    /// assert!(tensor.planes()[0].trits().iter().eq([1, -1, 0, 1]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn planes(&self) -> &[TernaryTensor] {
        &self.planes
    }

    /// The extents of the tensor.
    ///
    /// ```
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 0.5], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(1))?;
    /// assert_eq!(tensor.shape().axes(), [2, 2]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        self.groups.shape()
    }

    /// Which weights share their scales.
    ///
    /// ```
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 0.5], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Block(2), &Planes::new(1))?;
    /// assert_eq!(tensor.grouping(), Grouping::Block(2));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn grouping(&self) -> Grouping {
        self.groups.grouping()
    }

    pub(super) const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The type of the scales.
    ///
    /// ```
    /// # use ternarize::{ScaleType, quantize::planes::Planes};
    /// # use ternarize::tensor::{Grouping, PlanesTensor, TensorView};
    /// # let view = TensorView::new(&[0.5_f32, -0.5, 0.0, 0.5], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(1))?;
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
    /// # use ternarize::{Code, quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[0.5_f32; 20], &[20])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(2))?;
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
    /// # use ternarize::{ScaleType, quantize::planes::Planes};
    /// # use ternarize::tensor::{Grouping, PlanesTensor, TensorView};
    /// let view = TensorView::new(&[0.5_f32; 64], &[64])?;
    /// let shifts = Planes::new(2).scale_type(ScaleType::PowerOfTwo);
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
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// let view = TensorView::new(&[0.5_f32; 64], &[64])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(2))?;
    /// assert_eq!(tensor.bits_per_weight(), 2.0 * (2.0 + 0.5));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn bits_per_weight(&self) -> f64 {
        self.stored_bytes() as f64 * 8.0 / self.shape().len() as f64
    }

    /// Writes the restored weights in row-major order. The planes are added in `f64`, in their order, and the sum is rounded once,
    /// to at most the largest finite magnitude.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `weights` is not as long as the tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[1.5_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(2))?;
    /// let mut weights = [0.0_f64; 4];
    /// tensor.dequantize_into(&mut weights)?;
    /// assert_eq!(weights, [1.5, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn dequantize_into<T: Weight>(&self, weights: &mut [T]) -> Result<(), Error> {
        self.restore(T::typed_mut(weights, PRIVATE))
    }

    fn restore(&self, weights: TypedSliceMut<'_>) -> Result<(), Error> {
        // Add up the planes in `f64`, one after the other.
        let mut sums = vec![0.0; self.shape().len()];
        for plane in &self.planes {
            for (run, group) in self.groups.runs(0..sums.len())? {
                let (scale, _) = plane.scales_of(group);
                let trits = plane.trits().slice(run.clone())?;
                for (sum, trit) in sums.iter_mut().skip(run.start).zip(trits.iter()) {
                    *sum += scale * f64::from(trit);
                }
            }
        }
        // Round each sum once.
        each!(TypedSliceMut, weights, weights => {
            check_len(sums.len(), weights.len())?;
            for (weight, sum) in weights.iter_mut().zip(sums) {
                *weight = nearest_finite(sum);
            }
            Ok(())
        })
    }

    /// Appends the restored weights of a group, in increasing order of their indices.
    pub(super) fn restore_group(&self, group: usize, values: &mut Vec<f64>) {
        values.resize(self.groups.group_len(group), 0.0);
        let mut plane_values = Vec::with_capacity(values.len());
        for plane in &self.planes {
            plane_values.clear();
            plane.restore_group(group, &mut plane_values);
            for (sum, value) in values.iter_mut().zip(&plane_values) {
                *sum += value;
            }
        }
    }

    /// The restored weights in row-major order.
    ///
    /// ```
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// # let view = TensorView::new(&[1.5_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(2))?;
    /// assert_eq!(tensor.dequantize::<f32>(), [1.5, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn dequantize<T: Weight>(&self) -> Vec<T> {
        let mut weights = vec![T::zero(); self.shape().len()];
        let written = self.dequantize_into(&mut weights);
        debug_assert!(written.is_ok(), "a vector of the tensor's length");
        weights
    }

    /// Multiplies with a vector: see [`TernaryTensor::matvec`].
    ///
    /// Computes the product of the first plane, then adds those of the others in their order, each rounded to `f32`. For `K` planes
    /// and `n` weights in a row the error is at most about `(n + 2 + K) 2^-24 S`, where `S` is the sum of `|lambda_k t_k[i] x_i|`
    /// over all planes and all weights of the row.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes; [`Error::LengthMismatch`] if `x` or `y` has another length.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// let view = TensorView::new(&[1.5_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(2))?;
    /// let mut y = [0.0; 2];
    /// tensor.matvec(&[2.0, 4.0], &mut y)?;
    /// assert_eq!(y, [1.0, 4.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn matvec(&self, x: &[f32], y: &mut [f32]) -> Result<(), Error> {
        self.matmul(x, 1, y)
    }

    /// Multiplies with several vectors, the columns of a matrix: see [`TernaryTensor::matmul`]. Each product has the same bits as
    /// that of [`matvec`](Self::matvec).
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the tensor has no axes, and [`Error::LengthMismatch`] if `x` or `y` is not as long as `columns`
    /// vectors or products. Then nothing has been written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, PlanesTensor, TensorView}};
    /// let view = TensorView::new(&[1.5_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let tensor = PlanesTensor::ternarize(&view, Grouping::Tensor, &Planes::new(2))?;
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

pub(super) fn ternarize_any(
    view: AnyView<'_>,
    grouping: Grouping,
    options: &Planes,
) -> Result<PlanesTensor, Error> {
    // Find the planes of all groups, then assemble plane after plane.
    let groups = grouping.resolve(&view.layout.shape)?;
    if groups.shape().is_empty() {
        return Err(Error::Empty);
    }
    let found = each_view!(view, view => {
        view.check_finite()?;
        all_groups(&view, &groups, options)?
    });
    let planes = (0..options.count).map(|k| plane(&groups, &found, k));
    Ok(PlanesTensor {
        planes: planes.collect::<Result<_, _>>()?,
        groups,
        scale_type: options.scale_type,
    })
}

/// The planes of all groups, in their order.
fn all_groups<W: Weight>(
    view: &TensorView<'_, W>,
    groups: &Groups,
    options: &Planes,
) -> Result<Vec<RowFit>, Error> {
    let weights = view.grouped(groups.grouping())?;
    threads::collect(groups.len(), groups.batches(BATCH), |groups, found| {
        let mut scratch = Vec::new();
        for group in groups {
            let weights = weights.gather(group..group + 1, &mut scratch)?;
            found.push(options.ternarize(weights)?);
        }
        Ok(())
    })
}

/// Plane `k` of all groups as a tensor.
fn plane(groups: &Groups, found: &[RowFit], k: usize) -> Result<TernaryTensor, Error> {
    let trits = found.iter().flat_map(|planes| planes.plane(k)).copied();
    let trits = groups.to_row_major(trits.collect());
    let trits = PackedTritsBuf::from_trits(Code::TwoBit, &trits)?;
    let scale = |fit: &RowFit| fit.scales.get(k).copied().unwrap_or(0.0);
    let scales = found.iter().map(|planes| f32::narrow(scale(planes)));
    let scales = Floats::F32(scales.collect());
    let (shape, grouping) = (*groups.shape(), groups.grouping());
    TernaryTensor::from_floats(shape, grouping, Rule::Tnt, trits, scales, None)
}
