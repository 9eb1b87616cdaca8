//! From a tensor of weights to a [`TernaryTensor`]: every group is ternarized on its own.
//!
//! ```text
//! for each batch of groups:                           in parallel with the feature `rayon`
//!     gather the weights of each group                a slice if they lie in one piece, else a copy
//!     search the best trits and scales                many short groups at once, or one group after the other
//!     pack the trits                                  at once if the groups lie in row-major order, else at the end
//! ```
//!
//! The batches do not depend on the number of threads, and neither does the result. Cost: the searches; one byte for each weight
//! where groups are scattered, two while their trits are moved to row-major order; and for each batch a copy of its largest
//! scattered group, or of all its short ones.

use alloc::vec;
use alloc::vec::Vec;
use core::any::Any;
use core::ops::Range;

use super::floats::{AnyView, each, each_view, scale_buf};
#[cfg(feature = "safetensors")]
use super::{ErrorMetrics, floats::Floats};
use super::{GroupedView, Grouping, Groups, TensorView, TernaryTensor};
use crate::error::try_vec;
use crate::optimum::check::check_importance;
use crate::optimum::weight::TypedSlice;
use crate::optimum::{short, solution};
use crate::packed::pack;
use crate::simd::Backend;
use crate::threads;
use crate::weight::FloatBits;
use crate::{Code, Error, Fit, Operand, PackedTritsBuf, Scales, Ternarizer, Weight};

/// Weights in a batch, about. Chosen: a search of so many takes tens of microseconds, long beside the hand-over to a thread.
const BATCH: usize = 1 << 15;

impl TernaryTensor {
    /// Ternarizes a tensor group by group. Returns it in the 2-bit code, with the [`Fit`] of each group.
    ///
    /// The scales have the type of the weights. Importances, if any, are one for each weight of the tensor, in row-major order.
    ///
    /// # Errors
    ///
    /// - [`Error::Empty`] for a tensor without elements;
    /// - [`Error::InvalidValue`] with the row-major index of a weight that is not finite, or of an invalid importance;
    /// - [`Error::Shape`] as [`Grouping::count`];
    /// - [`Error::TooMany`] if there is no memory for the trits, as for a broadcast view of 2^60 elements;
    /// - else as [`Ternarizer::ternarize_into`], for the first group that cannot be ternarized.
    ///
    /// # Examples
    ///
    /// The paper's slices of an H x C x W tensor along C:
    ///
    /// ```
    /// use ternarize::Ternarizer;
    /// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
    ///
    /// let weights = [1.0_f32, 1.0, 0.5, -0.5, 1.0, 1.0, -0.5, 0.5];
    /// let view = TensorView::new(&weights, &[2, 2, 2])?;
    /// let along_c = Grouping::axis(1)?;
    /// let (tensor, fits) = TernaryTensor::ternarize(&view, along_c, &Ternarizer::new())?;
    /// assert_eq!(fits.iter().map(|fit| fit.lambda).collect::<Vec<_>>(), [1.0, 0.5]);
    /// assert_eq!(tensor.dequantize::<f32>(), weights);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize<W: Weight>(
        view: &TensorView<'_, W>,
        grouping: Grouping,
        options: &Ternarizer<'_>,
    ) -> Result<(Self, Vec<Fit<W>>), Error> {
        let mut fits = Vec::new();
        let tensor = ternarize_any(view.any(), grouping, options, &mut fits)?;
        Ok((tensor, fits))
    }
}

/// What model files need.
#[cfg(feature = "safetensors")]
impl TernaryTensor {
    /// Ternarizes weights of any type in row-major order, and compares the tensor with them.
    pub(crate) fn ternarize_floats(
        weights: &Floats,
        axes: &[usize],
        grouping: Grouping,
        options: &Ternarizer<'_>,
    ) -> Result<(Self, ErrorMetrics), Error> {
        let view = weights.view(axes)?;
        let tensor = ternarize_any(view, grouping, options, &mut ())?;
        let metrics = tensor.metrics(view)?;
        Ok((tensor, metrics))
    }
}

/// Ternarizes a tensor of any weight type `W`, and stores the fits in a `Vec<Fit<W>>`.
fn ternarize_any(
    view: AnyView<'_>,
    grouping: Grouping,
    options: &Ternarizer<'_>,
    fits: &mut dyn Any,
) -> Result<TernaryTensor, Error> {
    each_view!(view, view => {
        let (trits, found) = search(&view, grouping, options)?;
        let lambda_p: Vec<_> = found.iter().map(|fit| fit.lambda_p).collect();
        let lambda_n: Vec<_> = found.iter().map(|fit| fit.lambda_n).collect();
        if let Some(fits) = fits.downcast_mut() {
            *fits = found;
        }
        let lambda_n = (!one_scale(options)).then(|| scale_buf(&lambda_n));
        let (shape, lambda_p) = (*view.shape(), scale_buf(&lambda_p));
        let tensor = TernaryTensor::assemble(shape, grouping, vec![trits], lambda_p, lambda_n)?;
        let rule = Some(options.rule);
        Ok(TernaryTensor { rule, ..tensor })
    })
}

/// The packed trits of a tensor, and the fit of each group.
fn search<W: FloatBits>(
    view: &TensorView<'_, W>,
    grouping: Grouping,
    options: &Ternarizer<'_>,
) -> Result<(PackedTritsBuf, Vec<Fit<W>>), Error> {
    let weights = view.grouped(grouping)?;
    if view.shape().is_empty() {
        return Err(Error::Empty);
    }
    let searched = || {
        let importance = options.importance;
        let importance = importance.map(|values| checked_importance(values, weights.groups()));
        let groups = GroupSearch {
            weights,
            importance: importance.transpose()?,
            options,
        };
        groups.search()
    };
    // The search of a group reports a weight of its own that is not finite. The first one of the tensor goes before any error, but
    // a view that memory cannot hold may take forever to read.
    searched().map_err(|error| match error {
        Error::TooMany {
            what: Operand::Element,
            ..
        } => error,
        _ => view.check_finite().err().unwrap_or(error),
    })
}

/// Whether both signs always get the same scale, so that one is enough to store.
fn one_scale(options: &Ternarizer<'_>) -> bool {
    options.scales == Scales::One || options.rule.prescribes_scale()
}

/// The importances in the groups of the weights.
fn checked_importance<'a>(
    importance: &'a [f32],
    groups: &Groups,
) -> Result<GroupedView<'a, f32>, Error> {
    check_importance(importance, groups.shape().len())?;
    TensorView::new(importance, groups.shape().axes())?.grouped(groups.grouping())
}

/// Has `work` write the trits of all groups and append a result for each, batch by batch. Returns the trits packed in row-major order, and
/// the results.
pub(super) fn in_batches<T: Send>(
    groups: &Groups,
    backend: Backend,
    work: impl Fn(Range<usize>, &mut [i8], &mut Vec<T>) -> Result<(), Error> + Send + Sync,
) -> Result<(PackedTritsBuf, Vec<T>), Error> {
    let len = groups.shape().len();
    // If each batch begins with a byte of its own, its trits are packed while they are in the cache.
    let group_len = groups.equal_len().unwrap_or(0);
    let batch_len = group_len * groups.groups_per_batch(BATCH);
    if batch_len > 0 && batch_len.is_multiple_of(4) && groups.are_in_order() {
        let mut packed = try_vec(Code::TwoBit.packed_len(len), 0)?;
        let batches = groups.batches(BATCH);
        let batches = batches.zip(packed.chunks_mut(batch_len / 4));
        let found = threads::collect(groups.len(), batches, |(groups, bytes), found| {
            let mut trits = try_vec(groups.len() * group_len, 0)?;
            work(groups, &mut trits, found)?;
            pack(Code::TwoBit, backend, &trits, bytes)
        })?;
        let packed = PackedTritsBuf::from_encoded(Code::TwoBit, packed, len);
        return Ok((packed, found));
    }
    // Else the trits of all groups are written one group after the other, then moved.
    let mut trits = try_vec(len, 0)?;
    let mut rest = &mut trits[..];
    let batches = groups.batches(BATCH).map(|batch| {
        let own = match groups.equal_len() {
            Some(len) => batch.len() * len,
            None => batch.clone().map(|group| groups.group_len(group)).sum(),
        };
        let (own, others) = core::mem::take(&mut rest).split_at_mut(own);
        rest = others;
        (batch, own)
    });
    let found = threads::collect(groups.len(), batches, |(groups, trits), found| {
        work(groups, trits, found)
    })?;
    let trits = groups.to_row_major(trits);
    Ok((PackedTritsBuf::from_trits(Code::TwoBit, &trits)?, found))
}

/// The groups to be ternarized.
struct GroupSearch<'a, W> {
    weights: GroupedView<'a, W>,
    importance: Option<GroupedView<'a, f32>>,
    options: &'a Ternarizer<'a>,
}

impl<W: FloatBits> GroupSearch<'_, W> {
    /// The trits packed in row-major order, and the fit of each group.
    fn search(&self) -> Result<(PackedTritsBuf, Vec<Fit<W>>), Error> {
        let backend = self.options.instructions();
        in_batches(self.weights.groups(), backend, |groups, trits, fits| {
            self.batch(groups, trits, fits)
        })
    }

    /// Ternarizes some groups.
    fn batch(
        &self,
        groups: Range<usize>,
        mut trits: &mut [i8],
        fits: &mut Vec<Fit<W>>,
    ) -> Result<(), Error> {
        fits.reserve(groups.len());
        let (mut weights, mut importance) = (Vec::new(), Vec::new());
        // Short groups of the same length are searched many at once.
        if self.importance.is_none()
            && let Some(len) = self.weights.groups().equal_len()
            && short::suits::<W>(self.options, len)
        {
            let weights = self.weights.gather(groups, &mut weights)?;
            return short::ternarize(self.options, len, weights, trits, fits);
        }
        for group in groups {
            let group = group..group + 1;
            let weights = self.weights.gather(group.clone(), &mut weights)?;
            let options = match &self.importance {
                Some(all) => self.options.importance(all.gather(group, &mut importance)?),
                None => *self.options,
            };
            let (own, rest) = trits.split_at_mut(weights.len());
            trits = rest;
            fits.push(solution::ternarize_into(&options, weights, own)?);
        }
        Ok(())
    }
}
