//! [`Runs`]: the groups of a tensor in row-major order.
//!
//! In row-major order the groups form a pattern that repeats. The tensor is divided into *rows* of `row` elements, and each row
//! into *runs* of `run` consecutive elements of one group. The last run of a row may be shorter:
//!
//! ```text
//!   4x3 under block:2      row = 3, run = 2          4x3 under axis:0    row = 12, run = 3
//!   [a a|b] [c c|d] [e e|f] [g g|h]                  [a a a|b b b|c c c|d d d]
//! ```
//!
//! A product over packed trits needs exactly this: where the scale changes, and to which group.
//!
//! Cost: an addition for each run, and a few divisions for each row, or none if every row has the same groups. A range costs
//! nothing for the elements before it.

use core::{iter::FusedIterator, ops::Range};

use super::Groups;

/// How the groups follow each other in row-major order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RunPattern {
    pub(super) row: usize,
    pub(super) run: usize,
    /// The axes outside of a row from `first` to `outer` decide which groups a row has. Those before `first` repeat the same
    /// groups.
    pub(super) first: usize,
    pub(super) outer: usize,
    /// Whether every group is a single run, and not one run in each of several rows.
    single: bool,
}

impl RunPattern {
    /// The longest runs and rows of a non-empty tensor with these extents and tiles.
    pub(super) fn new(axes: &[usize], tiles: &[usize]) -> Self {
        let (mut row, mut run) = (1, 1);
        let mut outer = axes.len();
        // Take in axes from the innermost outwards, as long as an axis only lengthens the run (all inside is one group) or only
        // repeats the runs (each coordinate has groups of its own, and no run is cut short by the end of a row). So runs are
        // maximal: a row of more than one run begins and ends in different groups.
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
        let first = outside.position(|(extent, tile)| extent != tile);
        Self {
            row,
            run,
            first: first.unwrap_or(outer),
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
        self.single.then_some(())?;
        let (row, place) = (group / self.runs(), group % self.runs());
        let in_row = place * self.run;
        let start = row * self.row + in_row;
        Some(start..start + self.run.min(self.row - in_row))
    }
}

/// The maximal runs of one group in a range of flat indices, each with its group: made by [`Groups::runs`].
#[derive(Clone, Debug)]
pub(super) struct Runs<'g> {
    groups: &'g Groups,
    next: usize,
    end: usize,
    /// The end of the row of `next`; at or before `next` until that row is looked up.
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
        let pattern = self.groups.pattern();
        // Only the first row can be entered elsewhere than at its start.
        let in_row = if self.next == self.row_end {
            0
        } else {
            self.next % pattern.row
        };
        // Rows that all have the same groups begin with group 0.
        self.group = if in_row == 0 && pattern.first == pattern.outer {
            0
        } else {
            self.groups.group_of(self.next)?
        };
        self.row_end = self.next - in_row + pattern.row;
        let left_in_run = pattern.run - in_row % pattern.run;
        self.run_end = self.next + left_in_run.min(pattern.row - in_row);
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
        // Within a row the groups are numbered one after the other.
        self.next = self.run_end;
        self.run_end += self.groups.pattern().run.min(self.row_end - self.run_end);
        self.group += 1;
        Some(run)
    }
}

impl FusedIterator for Runs<'_> {}
