//! WebAssembly with vectors of 128 bits: nothing is to be detected, as a module that has them runs nowhere else.

use super::Job;
use super::portable::Arrays;
use super::tiles::TileJob;
use super::tiles::simd128::Simd128;

/// What a module may have beyond the portable backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Machine {
    Simd128,
}

impl Machine {
    pub(super) fn available() -> impl Iterator<Item = Self> {
        core::iter::once(Self::Simd128)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Simd128 => "simd128",
        }
    }

    /// The compiler makes use of the vectors by itself.
    #[expect(clippy::unused_self, reason = "so it is on other processors")]
    #[inline]
    pub(super) fn run<J: Job>(self, job: J) -> J::Output {
        job.run(Arrays)
    }

    #[inline]
    pub(super) fn run_tiles<J: TileJob>(self, _: bool, job: J) -> J::Output {
        match self {
            Self::Simd128 => job.run(Simd128),
        }
    }
}
