//! From a tensor of weights to a [`TernaryTensor`]: each group ternarized on its own.
//!
//! ```text
//! for each group g:  gather its weights (in place if they lie in one piece), ternarize, put the trits where the weights were
//! ```
//!
//! With the feature `rayon`, batches of groups run in parallel; the batches do not depend on the number of threads, nor does
//! anything else. Cost: the searches, one byte per weight of trits (two where groups are scattered), and a copy of the
//! largest scattered group per batch, or of a batch of short ones.

use crate::error::Operand;
use alloc::vec::Vec;
use core::ops::Range;

use super::{GroupedView, Grouping, Groups, TensorView, TernaryTensor};
use crate::optimum::options::check_importance;
use crate::optimum::short;
use crate::packed::pack_two_bit;
use crate::threads;
use crate::{Code, Error, Fit, PackedTritsBuf, Scales, Ternarizer, Weight};

/// Weights in a batch, about: enough to be worth a thread's while.
const BATCH: usize = 1 << 15;

impl<W: Weight> TernaryTensor<W> {
    /// Ternarizes a tensor group by group. Returns it in the 2-bit code, with the [`Fit`] of each group.
    ///
    /// Importances, if any, are one for each weight of the tensor, in row-major order.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] for a tensor without elements; [`Error::InvalidValue`] and [`Error::InvalidValue`] with the row-major
    /// index; [`Error::Shape`] and [`Error::Shape`] as [`Grouping::resolve`]; whatever else
    /// [`Ternarizer::ternarize_into`] has to say of the first group at fault.
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
    /// assert_eq!(tensor.reconstruct::<f32>(), weights);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize(
        view: &TensorView<'_, W>,
        grouping: Grouping,
        how: &Ternarizer<'_>,
    ) -> Result<(Self, Vec<Fit<W>>), Error> {
        let weights = view.grouped(grouping)?;
        let shape = *view.shape();
        if shape.is_empty() {
            return Err(Error::Empty);
        }
        // Each group's search sees a weight that is not finite; but which is the first of the tensor, and is it the only fault?
        let first_fault = |error| match view.iter().position(|weight| !weight.is_finite()) {
            Some(index) => Error::InvalidValue {
                what: Operand::Weight,
                index,
            },
            None => error,
        };
        let importance = how.knobs.importance;
        let importance = importance.map(|importance| checked_importance(importance, &weights));
        let importance = importance.transpose().map_err(first_fault)?;
        let source = Source {
            weights,
            importance,
            how,
        };
        let (trits, fits) = source.packed().map_err(first_fault)?;
        let lambda_p = fits.iter().map(|fit| fit.lambda_p).collect();
        let lambda_n = (!one_scale(how)).then(|| fits.iter().map(|fit| fit.lambda_n).collect());
        let tensor = Self::from_parts(shape, grouping, how.knobs.rule, trits, lambda_p, lambda_n)?;
        Ok((tensor, fits))
    }
}

/// Whether both signs always get the same scale, so that one is enough to store.
fn one_scale(how: &Ternarizer<'_>) -> bool {
    how.knobs.scales == Scales::One || how.knobs.rule.prescribes_scale()
}

/// The importances in the groups of the weights.
fn checked_importance<'a, W: Copy>(
    importance: &'a [f32],
    weights: &GroupedView<'_, W>,
) -> Result<GroupedView<'a, f32>, Error> {
    let groups = weights.groups();
    check_importance(importance, groups.shape().len())?;
    TensorView::new(importance, groups.shape().axes())?.grouped(groups.grouping())
}

/// What the groups are made from.
struct Source<'a, W> {
    weights: GroupedView<'a, W>,
    importance: Option<GroupedView<'a, f32>>,
    how: &'a Ternarizer<'a>,
}

impl<W: Weight> Source<'_, W> {
    fn groups(&self) -> &Groups {
        self.weights.groups()
    }

    /// The trits packed in row-major order, and the fit of each group.
    fn packed(&self) -> Result<(PackedTritsBuf, Vec<Fit<W>>), Error> {
        let (groups, batch) = (self.groups(), self.groups_per_batch());
        let bytes_per_batch = self
            .equal_len()
            .map(|len| Code::TwoBit.packed_len(batch * len));
        match bytes_per_batch {
            // Each batch begins with a byte of its own, so its trits need not leave the cache unpacked.
            Some(bytes)
                if self.is_in_row_major_order() && batch * groups.group_len(0) == 4 * bytes =>
            {
                self.pack_batches(batch, bytes)
            }
            _ => {
                let (trits, fits) = self.all()?;
                Ok((PackedTritsBuf::from_trits(Code::TwoBit, &trits)?, fits))
            }
        }
    }

    /// Ternarizes and packs batches, so many groups and so many bytes each but for the last.
    fn pack_batches(
        &self,
        groups_per_batch: usize,
        bytes_per_batch: usize,
    ) -> Result<(PackedTritsBuf, Vec<Fit<W>>), Error> {
        let (count, len) = (self.groups().len(), self.groups().shape().len());
        let mut packed = alloc::vec![0; Code::TwoBit.packed_len(len)];
        let ranges = (0..count)
            .step_by(groups_per_batch)
            .map(|first| first..count.min(first + groups_per_batch));
        let batches = ranges.zip(packed.chunks_mut(bytes_per_batch));
        let fits = threads::collect(count, batches, |(groups, bytes), fits| {
            fits.reserve(groups.len());
            let mut trits = alloc::vec![0; groups.len() * self.groups().group_len(0)];
            self.batch(groups, &mut trits, fits)?;
            if pack_two_bit(self.how.knobs.backend(), &trits, bytes) {
                Ok(())
            } else {
                Code::TwoBit.encode_into(&trits, bytes)
            }
        })?;
        Ok((
            PackedTritsBuf::from_encoded(Code::TwoBit, packed, len),
            fits,
        ))
    }

    /// How many groups make a batch.
    fn groups_per_batch(&self) -> usize {
        (BATCH / self.groups().group_len(0).max(1)).max(1)
    }

    /// Whether the groups, one after the other, are the tensor in its row-major order.
    fn is_in_row_major_order(&self) -> bool {
        self.groups().run(0..self.groups().len()).is_some()
    }

    /// The trits in row-major order, and the fit of each group.
    fn all(&self) -> Result<(Vec<i8>, Vec<Fit<W>>), Error> {
        let mut trits = alloc::vec![0; self.groups().shape().len()];
        let batches = self.batches(&mut trits);
        let fits = threads::collect(self.groups().len(), batches, |(groups, trits), fits| {
            fits.reserve(groups.len());
            self.batch(groups, trits, fits)
        })?;
        Ok((self.in_row_major_order(trits), fits))
    }

    /// The groups in batches, each with the places of its trits, which come group after group.
    fn batches<'t>(
        &self,
        mut trits: &'t mut [i8],
    ) -> impl Iterator<Item = (Range<usize>, &'t mut [i8])> {
        let (count, per_batch) = (self.groups().len(), self.groups_per_batch());
        (0..count).step_by(per_batch).map(move |first| {
            let groups = first..count.min(first + per_batch);
            let len = match self.equal_len() {
                Some(len) => groups.len() * len,
                None => groups
                    .clone()
                    .map(|group| self.groups().group_len(group))
                    .sum(),
            };
            let (own, rest) = core::mem::take(&mut trits).split_at_mut(len);
            trits = rest;
            (groups, own)
        })
    }

    /// The length of every group, if it is the same.
    fn equal_len(&self) -> Option<usize> {
        // No group is longer than the first.
        let len = self.groups().group_len(0);
        (self.groups().len() * len == self.groups().shape().len()).then_some(len)
    }

    /// Ternarizes some groups.
    fn batch(
        &self,
        groups: Range<usize>,
        mut trits: &mut [i8],
        fits: &mut Vec<Fit<W>>,
    ) -> Result<(), Error> {
        if self.importance.is_none()
            && let Some(len) = self.equal_len()
            && short::suits::<W>(&self.how.knobs, len)
        {
            return self.short(groups, len, trits, fits);
        }
        let (mut weights, mut importance) = (Vec::new(), Vec::new());
        for group in groups {
            let weights = self.weights.gather(group, &mut weights)?;
            let how = match &self.importance {
                Some(all) => self.how.importance(all.gather(group, &mut importance)?),
                None => *self.how,
            };
            let (own, rest) = trits.split_at_mut(weights.len());
            trits = rest;
            fits.push(how.ternarize_into(weights, own)?);
        }
        Ok(())
    }

    /// Ternarizes some short groups of the same length.
    fn short(
        &self,
        groups: Range<usize>,
        len: usize,
        trits: &mut [i8],
        fits: &mut Vec<Fit<W>>,
    ) -> Result<(), Error> {
        if let Some(weights) = self.weights.slice_of(groups.clone()) {
            return short::ternarize(&self.how.knobs, len, weights, trits, fits);
        }
        let mut weights = Vec::with_capacity(trits.len());
        for group in groups {
            self.weights
                .group(group)
                .for_each(|weight| weights.push(weight));
        }
        short::ternarize(&self.how.knobs, len, &weights, trits, fits)
    }

    /// From the order of the groups to that of the weights.
    fn in_row_major_order(&self, trits: Vec<i8>) -> Vec<i8> {
        let groups = self.groups();
        if self.is_in_row_major_order() {
            return trits;
        }
        let mut moved = alloc::vec![0; trits.len()];
        let indices = (0..groups.len()).flat_map(|group| groups.indices(group));
        for (index, trit) in indices.zip(trits) {
            if let Some(place) = moved.get_mut(index) {
                *place = trit;
            }
        }
        moved
    }
}
