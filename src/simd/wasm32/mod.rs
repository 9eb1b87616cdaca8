//! WebAssembly with vectors of 128 bits. There is no detection: a module that uses them runs only where they exist.

mod tiles;

use super::Job;
use super::portable::Arrays;
use super::tiles::TileJob;
use tiles::Simd128;

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

    /// The compiler uses the vectors by itself.
    #[expect(clippy::unused_self, reason = "so it is on other processors")]
    #[inline]
    pub(super) fn run<J: Job>(self, job: J) -> J::Output {
        job.run(Arrays)
    }

    #[inline]
    pub(super) fn run_tiles<J: TileJob>(self, job: J) -> J::Output {
        match self {
            Self::Simd128 => job.run(Simd128),
        }
    }
}
