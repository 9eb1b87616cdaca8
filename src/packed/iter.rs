//! Packed trits one by one.
//!
//! The iterator is the view itself, cut shorter from either end. Cost: constant a step, no memory.

use core::iter::FusedIterator;

use super::PackedTrits;

/// The trits of a [`PackedTrits`] in order, each an `i8` in {-1, 0, +1}.
///
/// # Examples
///
/// ```
/// use ternarize::{Code, PackedTrits};
///
/// let trits = PackedTrits::new(Code::TwoBit, &[0b01_00_10_01], 3)?;
/// let mut iter = trits.iter();
/// assert_eq!((iter.next(), iter.next_back(), iter.len()), (Some(0), Some(-1), 1));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless they are consumed"]
pub struct Iter<'a> {
    trits: PackedTrits<'a>,
    front: usize,
    back: usize,
}

impl<'a> Iter<'a> {
    pub(super) const fn new(trits: PackedTrits<'a>) -> Self {
        Self {
            trits,
            front: 0,
            back: trits.len(),
        }
    }
}

impl Iterator for Iter<'_> {
    type Item = i8;

    fn next(&mut self) -> Option<i8> {
        self.nth(0)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.back - self.front;
        (len, Some(len))
    }

    fn nth(&mut self, n: usize) -> Option<i8> {
        let at = self.front.saturating_add(n);
        if at >= self.back {
            self.front = self.back;
            return None;
        }
        self.front = at + 1;
        self.trits.get(at)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<i8> {
        if self.front == self.back {
            return None;
        }
        self.back -= 1;
        self.trits.get(self.back)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl FusedIterator for Iter<'_> {}

impl<'a> IntoIterator for PackedTrits<'a> {
    type Item = i8;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        Iter::new(self)
    }
}

impl<'a> IntoIterator for &PackedTrits<'a> {
    type Item = i8;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        Iter::new(*self)
    }
}
