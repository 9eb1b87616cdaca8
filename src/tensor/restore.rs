//! The weights that a [`TernaryTensor`] stands for.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::TernaryTensor;
use super::floats::{each, nearest_finite};
use crate::optimum::fit::value;
use crate::optimum::weight::{PRIVATE, TypedSliceMut};
use crate::simd::{Backend, Job, Vector};
use crate::weight::FloatBits;
use crate::{Error, Weight, error::check_len};

impl TernaryTensor {
    /// Writes the restored weights in row-major order. The planes are added in `f64`, in their order, and the sum is rounded once, to
    /// the nearest finite value of the type. The weights of a tensor that is stored for rotated inputs are those for such inputs.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `weights` is not as long as the tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// let mut weights = [0.0_f64; 4];
    /// tensor.dequantize_into(&mut weights)?;
    /// assert_eq!(weights, [1.0, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn dequantize_into<T: Weight>(&self, weights: &mut [T]) -> Result<(), Error> {
        self.restore(T::typed_mut(weights, PRIVATE))
    }

    fn restore(&self, weights: TypedSliceMut<'_>) -> Result<(), Error> {
        each!(TypedSliceMut, weights, weights => self.restore_as(weights))
    }

    fn restore_as<T: FloatBits>(&self, weights: &mut [T]) -> Result<(), Error> {
        check_len(self.shape().len(), weights.len())?;
        // One plane: both levels of a run are rounded, then chosen from.
        let mut planes = self.planes();
        if let (Some(trits), 1) = (planes.next(), self.planes().len()) {
            for (run, group) in self.groups.runs(0..weights.len())? {
                let [lambda_p, lambda_n] = self.scales_of(0, group).map(nearest_finite::<T>);
                let trits = trits.slice(run.clone())?;
                for (weight, trit) in weights.iter_mut().skip(run.start).zip(trits.iter()) {
                    *weight = value(trit, lambda_p, lambda_n);
                }
            }
            return Ok(());
        }
        // Several: a run at a time, so that no copy of the whole tensor is needed.
        let mut sums = Vec::new();
        for (run, group) in self.groups.runs(0..weights.len())? {
            sums.clear();
            sums.resize(run.len(), 0.0);
            for (plane, trits) in self.planes().enumerate() {
                let [lambda_p, lambda_n] = self.scales_of(plane, group);
                for (sum, trit) in sums.iter_mut().zip(trits.slice(run.clone())?.iter()) {
                    *sum += value(trit, lambda_p, lambda_n);
                }
            }
            for (weight, &sum) in weights.iter_mut().skip(run.start).zip(&sums) {
                *weight = nearest_finite(sum);
            }
        }
        Ok(())
    }

    /// The restored weights in row-major order: see [`dequantize_into`](Self::dequantize_into).
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.dequantize::<f32>(), [1.0, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn dequantize<T: Weight>(&self) -> Vec<T> {
        let mut weights = vec![T::zero(); self.shape().len()];
        let written = self.dequantize_into(&mut weights);
        debug_assert!(written.is_ok(), "a vector of the tensor's length");
        weights
    }

    /// The restored weights, for inputs that are not rotated: in the type of the scales if it is that of weights and holds them all, else
    /// in `f32`.
    #[cfg(feature = "safetensors")]
    pub(crate) fn dequantize_floats(&self) -> super::Floats {
        use super::Floats;
        use crate::ScaleType;
        if let (Some((width, seed)), Ok(columns)) = (self.rotation, self.columns()) {
            let mut weights = self.dequantize();
            let done = crate::matmul::rotate_back(&mut weights, columns, width, seed);
            debug_assert!(done.is_ok(), "the width was checked");
            return Floats::F32(weights);
        }
        match (self.scale_type(), self.planes().len()) {
            (ScaleType::F64, _) => Floats::F64(self.dequantize()),
            (ScaleType::F16, 1) => Floats::F16(self.dequantize()),
            (ScaleType::Bf16, 1) => Floats::Bf16(self.dequantize()),
            _ => Floats::F32(self.dequantize()),
        }
    }

    /// Writes the restored weights of a part of a group, in increasing order of their indices, each rounded by a function. `trits` is memory
    /// that is used again.
    pub(super) fn restore_part(
        &self,
        group: usize,
        part: Range<usize>,
        (values, trits): (&mut Vec<f64>, &mut Vec<i8>),
        rounded: impl Fn(f64) -> f64,
    ) {
        values.resize(part.len(), 0.0);
        trits.resize(part.len(), 0);
        let range = self.groups.range(group..group + 1);
        let range = range.map(|range| range.start + part.start..range.start + part.end);
        let one_plane = self.planes().len() == 1;
        for (plane, packed) in self.planes().enumerate() {
            let mut scales = self.scales_of(plane, group);
            if one_plane {
                scales = scales.map(&rounded);
            }
            if let Some(packed) = range.clone().and_then(|range| packed.slice(range).ok()) {
                let unpacked = packed.unpack_into(trits);
                debug_assert!(unpacked.is_ok(), "as long as the part");
            } else {
                let indices = self.groups.indices(group).skip(part.start);
                for (trit, index) in trits.iter_mut().zip(indices) {
                    *trit = packed.get(index).unwrap_or(0);
                }
            }
            Backend::detect().run(AddLevels {
                trits,
                scales,
                first: plane == 0,
                sums: values,
            });
        }
        // The levels of one plane are rounded already.
        if !one_plane {
            for value in values {
                *value = rounded(*value);
            }
        }
    }
}

/// Adds the values that trits stand for; the first ones take the place of what was there.
struct AddLevels<'a> {
    trits: &'a [i8],
    scales: [f64; 2],
    first: bool,
    sums: &'a mut [f64],
}

impl Job for AddLevels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        let [lambda_p, lambda_n] = self.scales;
        for (sum, &trit) in self.sums.iter_mut().zip(self.trits) {
            let trit = f64::from(trit);
            let level = trit.max(0.0) * lambda_p + trit.min(0.0) * lambda_n;
            *sum = if self.first { level } else { *sum + level };
        }
    }
}
