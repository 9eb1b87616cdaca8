//! Where there is only the portable backend.

use super::Job;
use super::tiles::TileJob;

/// What there may be beyond the portable backend: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Machine {}

impl Machine {
    pub(super) fn available() -> impl Iterator<Item = Self> {
        core::iter::empty()
    }

    pub(super) const fn name(self) -> &'static str {
        match self {}
    }

    pub(super) fn run<J: Job>(self, _: J) -> J::Output {
        match self {}
    }

    pub(super) fn run_tiles<J: TileJob>(self, _: bool, _: J) -> J::Output {
        match self {}
    }
}
