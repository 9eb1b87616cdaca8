//! A view and its groups: where weights are handed to a ternarizer.
//!
//! A group that lies in one piece is a slice of the data, for free. One that is scattered (the
//! columns of a matrix, any group of a transposed view) is walked in place, or gathered into a
//! buffer that the caller keeps from group to group.

use crate::error::Operand;
use alloc::vec::Vec;

use super::{Groups, TensorView, Values};
use crate::Error;

/// A [`TensorView`] whose elements are in groups: made by [`TensorView::grouped`].
///
/// Within a group the elements are in increasing row-major order of the view's shape, wherever they
/// lie in the data. A group that does not exist has no elements.
///
/// # Examples
///
/// ```
/// use ternarize::tensor::{Grouping, TensorView};
///
/// let columns = TensorView::new(&[0.5, -0.1, 0.3, 0.7], &[2, 2])?.grouped(Grouping::axis(1)?)?;
/// let mut scratch = Vec::new();
/// let mut sums = Vec::new();
/// for group in 0..columns.groups().len() {
///     let weights: &[f64] = columns.gather(group, &mut scratch)?;
///     sums.push(weights.iter().sum::<f64>());
/// }
/// assert_eq!(sums, [0.8, 0.6]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GroupedView<'a, T> {
    view: TensorView<'a, T>,
    /// Of the view's shape: that is what makes every walk end inside the data.
    groups: Groups,
    /// All of the view, if it lies in row-major order: then most groups are found by a division.
    row_major: Option<&'a [T]>,
}

impl<'a, T: Copy> GroupedView<'a, T> {
    pub(super) fn new(view: TensorView<'a, T>, groups: Groups) -> Self {
        Self {
            row_major: view.as_row_major_slice(),
            view,
            groups,
        }
    }

    /// The tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, TensorView};
    /// let grouped = TensorView::new(&[1, 2], &[2])?.grouped(Grouping::Tensor)?;
    /// assert_eq!(grouped.view().get(1), Some(2));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn view(&self) -> &TensorView<'a, T> {
        &self.view
    }

    /// The partition of its elements.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, TensorView};
    /// let grouped = TensorView::new(&[1, 2], &[2])?.grouped(Grouping::Block(1))?;
    /// assert_eq!(grouped.groups().len(), 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The elements of a group, read in place.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, TensorView};
    /// let columns = TensorView::new(&[1, 2, 3, 4], &[2, 2])?.grouped(Grouping::axis(1)?)?;
    /// assert_eq!(columns.group(1).max(), Some(4));
    /// assert_eq!(columns.group(2).max(), None);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn group(&self, group: usize) -> Values<'a, T> {
        match self.run_of(group) {
            Some(run) => Values::over(run),
            None => self.view.values_of(&self.groups, group),
        }
    }

    /// The elements of some groups, one after the other, if they lie like that.
    pub(super) fn slice_of(&self, groups: core::ops::Range<usize>) -> Option<&'a [T]> {
        self.row_major?.get(self.groups.run(groups)?)
    }

    /// The elements of a group that is a single run of a row-major view.
    fn run_of(&self, group: usize) -> Option<&'a [T]> {
        self.row_major?.get(self.groups.contiguous(group)?)
    }

    /// The elements of a group as a slice of the data, if they lie in one piece and in order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, TensorView};
    /// let view = TensorView::new(&[1, 2, 3, 4], &[2, 2])?;
    /// assert_eq!(view.grouped(Grouping::axis(0)?)?.group_slice(1), Some(&[3, 4][..]));
    /// assert_eq!(view.grouped(Grouping::axis(1)?)?.group_slice(1), None);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn group_slice(&self, group: usize) -> Option<&'a [T]> {
        if group >= self.groups.len() {
            return None;
        }
        self.run_of(group)
            .or_else(|| self.view.values_of(&self.groups, group).as_slice())
    }

    /// The elements of a group as a slice: of the data if they lie in one piece, else of `scratch`,
    /// whose content they replace.
    ///
    /// Allocates only while `scratch` is smaller than the largest group that is scattered.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] if there is no memory for the group.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, TensorView};
    /// let columns = TensorView::new(&[1, 2, 3, 4], &[2, 2])?.grouped(Grouping::axis(1)?)?;
    /// assert_eq!(columns.gather(1, &mut Vec::new())?, [2, 4]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn gather<'s>(&self, group: usize, scratch: &'s mut Vec<T>) -> Result<&'s [T], Error>
    where
        'a: 's,
    {
        if let Some(run) = self.run_of(group) {
            return Ok(run);
        }
        let values = self.view.values_of(&self.groups, group);
        if let Some(slice) = values.as_slice() {
            return Ok(slice);
        }
        scratch.clear();
        scratch
            .try_reserve(values.len())
            .map_err(|_| Error::TooMany {
                what: Operand::Element,
                given: values.len(),
                max: scratch.capacity(),
            })?;
        values.for_each(|value| scratch.push(value));
        Ok(scratch)
    }
}
