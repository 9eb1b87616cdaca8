//! [`GroupedView`]: the weights of each group of a view, as slices for the searches.
//!
//! A group that lies in one piece is a slice of the data and costs nothing. A scattered group, such as a column of a matrix, is
//! copied into a buffer of the caller's.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Elements, Groups, TensorView};
use crate::error::{Error, reserve};

/// A [`TensorView`] together with the groups of its elements, made by [`TensorView::grouped`].
///
/// The elements of a group are in row-major order of the view's shape, wherever they lie in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupedView<'a, T> {
    view: TensorView<'a, T>,
    /// The groups of the view's shape, so that every walk ends inside the data.
    groups: Groups,
    /// The whole view, if it lies in row-major order in memory.
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

    pub(super) const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The elements of a group.
    pub(super) fn elements(&self, group: usize) -> Elements<'a, T> {
        self.view.elements_of(&self.groups, group)
    }

    /// The elements of some groups, one group after the other: a slice of the data if they lie there like that, else a copy in
    /// `scratch`, whose content is replaced.
    ///
    /// Errors: [`Error::TooMany`] if there is no memory for the copy.
    pub(super) fn gather<'s>(
        &self,
        groups: Range<usize>,
        scratch: &'s mut Vec<T>,
    ) -> Result<&'s [T], Error>
    where
        'a: 's,
    {
        // Groups in one piece of a row-major view are found by a division.
        let range = self.groups.range(groups.clone());
        if let Some(slice) = range.and_then(|range| self.row_major?.get(range)) {
            return Ok(slice);
        }
        // A group may be in one piece of another layout, too. Else it is copied.
        scratch.clear();
        let single = groups.len() == 1;
        for group in groups {
            let elements = self.elements(group);
            if let (true, Some(slice)) = (single, elements.as_slice()) {
                return Ok(slice);
            }
            reserve(scratch, elements.len())?;
            elements.for_each(|element| scratch.push(element));
        }
        Ok(scratch)
    }
}
