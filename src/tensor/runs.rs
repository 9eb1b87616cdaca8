//! The groups of a tensor in row-major order: rows of runs.
//!
//! In row-major order the groups are a pattern that repeats: *rows* of `row` elements, each cut in
//! *runs* of `run` consecutive elements of one group (the last may be shorter):
//!
//! ```text
//!   4x3 under block:2      row = 3, run = 2          4x3 under axis:0    row = 12, run = 3
//!   [a a|b] [c c|d] [e e|f] [g g|h]                  [a a a|b b b|c c c|d d d]
//! ```
//!
//! A product over a row of weights needs just this: where the scale changes, and to which.
//!
//! Cost: a run takes an addition, a row a few divisions, and none at all if every row has the same
//! groups. A range costs nothing for what lies before it.

use core::{iter::FusedIterator, ops::Range};

use super::Groups;

/// How the groups follow each other in row-major order: see the picture above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) row: usize,
    pub(super) run: usize,
    /// Of the axes outside of a row, those from `first` to `outer` decide which groups the row has;
    /// the ones outside of them repeat the same groups.
    pub(super) first: usize,
    pub(super) outer: usize,
    /// Whether every group is a single run, rather than a run in several rows.
    single: bool,
}

impl Pattern {
    /// The pattern of an empty tensor, in which no row or run is ever looked up.
    pub(super) const EMPTY: Self = Self {
        row: 1,
        run: 1,
        first: 0,
        outer: 0,
        single: true,
    };

    /// The longest runs and rows of a non-empty grid.
    ///
    /// Goes outward as long as an axis only lengthens the run (its inside is in one group) or only
    /// repeats the runs (its every coordinate begins new groups, and no run is cut short by the end
    /// of a row). Runs are maximal: a row of more than one run begins and ends in different groups.
    pub(super) fn new(axes: &[usize], tiles: &[usize]) -> Self {
        let (mut row, mut run) = (1, 1);
        let mut outer = axes.len();
        for (&extent, &tile) in axes.iter().zip(tiles).rev() {
            if run == row {
                run *= tile;
            } else if tile > 1 || !row.is_multiple_of(run) {
                break;
            }
            row *= extent;
            outer -= 1;
        }
        let mut outside = axes.iter().zip(tiles).take(outer);
        Self {
            row,
            run,
            first: outside
                .position(|(extent, tile)| extent != tile)
                .unwrap_or(outer),
            outer,
            single: tiles.iter().take(outer).all(|&tile| tile == 1),
        }
    }

    /// The number of runs in a row.
    pub(super) const fn runs(&self) -> usize {
        self.row.div_ceil(self.run)
    }

    /// The range of a group that exists, if the groups are single runs.
    pub(super) fn range_of(&self, group: usize) -> Option<Range<usize>> {
        if !self.single {
            return None;
        }
        let (row, place) = (group / self.runs(), group % self.runs());
        let in_row = place * self.run;
        let start = row * self.row + in_row;
        Some(start..start + self.run.min(self.row - in_row))
    }
}

/// The maximal runs of one group in a range of the row-major order, each with its group: made by
/// [`Groups::runs`].
///
/// # Examples
///
/// ```
/// # use ternarize::tensor::{Grouping, Shape};
/// let groups = Grouping::axis(0)?.resolve(&Shape::new(&[3, 4])?)?;
/// assert_eq!(groups.runs(0..6)?.last(), Some((4..6, 1)));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Runs<'g> {
    groups: &'g Groups,
    next: usize,
    end: usize,
    /// The end of the row that `next` is in; at or before `next` until that row is looked up.
    row_end: usize,
    run_end: usize,
    group: usize,
}

impl<'g> Runs<'g> {
    /// The runs of a range that ends within the tensor.
    pub(super) fn new(groups: &'g Groups, range: Range<usize>) -> Self {
        Self {
            groups,
            next: range.start,
            end: range.end,
            row_end: 0,
            run_end: 0,
            group: 0,
        }
    }

    /// Looks up the row and the group at `next`.
    fn enter_row(&mut self) -> Option<()> {
        let Pattern {
            row,
            run,
            first,
            outer,
            ..
        } = *self.groups.pattern();
        // Only the first row may be entered in its midst.
        let in_row = if self.next == self.row_end {
            0
        } else {
            self.next % row
        };
        self.group = if in_row == 0 && first == outer {
            0
        } else {
            self.groups.group_of(self.next)?
        };
        self.row_end = self.next - in_row + row;
        self.run_end = self.next + (run - in_row % run).min(row - in_row);
        Some(())
    }
}

impl Iterator for Runs<'_> {
    type Item = (Range<usize>, usize);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        if self.next >= self.row_end {
            self.enter_row()?;
        }
        let run = (self.next..self.run_end.min(self.end), self.group);
        self.next = self.run_end;
        // Within a row the groups are numbered one by one.
        self.run_end += self.groups.pattern().run.min(self.row_end - self.run_end);
        self.group += 1;
        Some(run)
    }
}

impl FusedIterator for Runs<'_> {}
