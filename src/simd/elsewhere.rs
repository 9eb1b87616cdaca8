//! Targets with the portable backend only.

use super::Job;
use super::tiles::TileJob;

/// What a processor may have beyond the portable backend: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Machine {}

impl Machine {
    pub(super) fn available() -> impl DoubleEndedIterator<Item = Self> {
        core::iter::empty()
    }

    pub(super) const fn name(self) -> &'static str {
        match self {}
    }

    pub(super) fn run<J: Job>(self, _: J) -> J::Output {
        match self {}
    }

    pub(super) fn run_tiles<J: TileJob>(self, _: J) -> J::Output {
        match self {}
    }
}
