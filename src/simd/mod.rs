//! [`Backend`]: the instruction sets that the loops may use. Every loop is written once; a backend compiles it for its
//! instruction set.
//!
//! A loop is a [`Job`], or a [`TileJob`] for products with 8-bit activations. [`Backend::run`] runs it inside a function that is
//! compiled for an instruction set. The job is inlined there, so the compiler turns the same lines into the vectors of that set:
//!
//! ```text
//! portable      what the target always has: SSE2 on x86-64, NEON on 64-bit Arm, plain code elsewhere
//! avx2          256-bit vectors             (with FMA, BMI, F16C: x86-64-v3)
//! avx512        512-bit vectors and masks   (x86-64-v4)
//! avx512-vnni   the same, and for products VNNI, VBMI and GFNI
//! neon          on 64-bit Arm: as portable, and for products written for NEON
//! neon-dotprod  the same, and for products the instruction sdot (Armv8.2)
//! simd128       in WebAssembly that is compiled with it: as portable, and for products written for it
//! ```
//!
//! All `unsafe` code of the crate is below this module. A backend other than the portable one holds a token that only detection
//! can make. An operation that needs an instruction set is a method of its token, so safe code cannot run instructions that the
//! processor lacks. Detection happens once; on x86-64 it works without `std`. Results do not depend on the backend.
//!
//! A job of several loops can give one a function of its own ([`Vector::apart`]): in one function their sums may not all get registers,
//! and the compiler keeps those of the innermost loop in memory.
//!
//! A function that is not inlined into the loop of its backend is compiled for the baseline processor: correct, but slow. The
//! script `.ci/inlined` finds such functions.

/// What a processor may have beyond the portable backend: how a token runs a job, and a job over tiles; then the tokens by which detection
/// proves what it has, the slowest first, with their names.
macro_rules! machine {
    (|$proof:ident, $job:ident| $run:expr, $run_tiles:expr; $($token:ident $name:literal),*) => {
        /// What a processor may have beyond the portable backend.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(super) enum Machine {
            $($token($token)),*
        }

        impl Machine {
            /// What this processor has, the fastest last.
            pub(super) fn available() -> impl DoubleEndedIterator<Item = Self> {
                core::iter::empty()$(.chain($token::detect().map(Self::$token)))*
            }

            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$token(_) => $name),*
                }
            }

            #[inline]
            pub(super) fn run<J: Job>(self, $job: J) -> J::Output {
                match self {
                    $(Self::$token($proof) => $run),*
                }
            }

            #[inline]
            pub(super) fn run_tiles<J: TileJob>(self, $job: J) -> J::Output {
                match self {
                    $(Self::$token($proof) => $run_tiles),*
                }
            }
        }
    };
}

// Each target has the `Machine` of the first module, or that of its own architecture.
#[cfg_attr(
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "wasm32"
    ),
    allow(
        dead_code,
        reason = "most of these targets have a machine of their own"
    )
)]
mod elsewhere;

#[cfg(all(
    target_arch = "aarch64",
    target_feature = "neon",
    target_endian = "little"
))]
mod aarch64;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;
#[cfg(target_arch = "x86_64")]
mod x86;

mod portable;
#[cfg_attr(
    not(feature = "alloc"),
    allow(dead_code, reason = "tiles are used only where there is a heap")
)]
mod tiles;
#[cfg_attr(
    not(feature = "alloc"),
    allow(dead_code, reason = "only tensors have many short vectors")
)]
mod vector;

#[allow(
    unused_imports,
    clippy::wildcard_imports,
    reason = "an import by name takes precedence"
)]
use elsewhere::*;

#[cfg(all(
    target_arch = "aarch64",
    target_feature = "neon",
    target_endian = "little"
))]
use aarch64::Machine;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use wasm32::Machine;
#[cfg(target_arch = "x86_64")]
use x86::Machine;

use portable::Arrays;
pub(crate) use tiles::TileJob;
#[cfg(feature = "alloc")]
pub(crate) use tiles::{
    ActivationTile, Digits, EqualSlices, MOST_TILES, TILE, TileCodes, TileRows, TileSpan, TileUnit,
    Tiles, VectorTiles,
};
pub(crate) use vector::{Loop, Vector};

use crate::threads;

/// A loop over data, compiled for each instruction set.
pub(crate) trait Job {
    /// What it computes.
    type Output;

    /// Does it: with the operations of a [`Vector`], where plain loops would not become vectors. Implementations are
    /// `#[inline(always)]`, and so is all that they call in the loop.
    fn run<V: Vector>(self, vector: V) -> Self::Output;
}

/// A job that can be done in two parts, side by side.
pub(crate) trait Divisible: Job<Output: Send> + Send {
    /// The same job on two parts of the data; `None` if they would be too short.
    fn divide(&mut self) -> Option<[impl Divisible<Output = Self::Output>; 2]>;

    /// What comes of both; `None` if that cannot be told, and the job has to be done as a whole.
    fn unite(&mut self, parts: [Self::Output; 2]) -> Option<Self::Output>;
}

/// The instruction set that the loops use. All give the same bits.
///
/// # Examples
///
/// ```
/// use ternarize::{Backend, Ternarizer};
///
/// let weights = [0.5_f32, -0.6, 0.1, 0.0];
/// let mut trits = [0; 4];
/// let fast = Ternarizer::new().ternarize_into(&weights, &mut trits)?;
/// let plain = Ternarizer::new().backend(Backend::PORTABLE).ternarize_into(&weights, &mut trits)?;
/// assert_eq!(fast, plain);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backend(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Portable,
    More(Machine),
}

impl Backend {
    /// The instructions that every processor of the target has.
    pub const PORTABLE: Self = Self(Kind::Portable);

    /// The fastest backend of this processor.
    ///
    /// ```
    /// use ternarize::Backend;
    /// assert!(Backend::available().any(|backend| backend == Backend::detect()));
    /// ```
    #[must_use]
    pub fn detect() -> Self {
        let fastest = Machine::available().next_back();
        Self(fastest.map_or(Kind::Portable, Kind::More))
    }

    /// All backends that this processor can run: the portable one first, the fastest last.
    ///
    /// ```
    /// assert_eq!(ternarize::Backend::available().next(), Some(ternarize::Backend::PORTABLE));
    /// ```
    pub fn available() -> impl Iterator<Item = Self> {
        let more = Machine::available().map(Kind::More);
        core::iter::once(Kind::Portable).chain(more).map(Self)
    }

    /// Its name: `portable`, `avx2`, `avx512`, `avx512-vnni`, `neon`, `neon-dotprod` or
    /// `simd128`.
    ///
    /// ```
    /// assert_eq!(ternarize::Backend::PORTABLE.name(), "portable");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            Kind::More(machine) => machine.name(),
        }
    }

    /// The backend of this name, if this processor can run it.
    ///
    /// ```
    /// use ternarize::Backend;
    /// assert_eq!(Backend::from_name("portable"), Some(Backend::PORTABLE));
    /// assert_eq!(Backend::from_name("abacus"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::available().find(|backend| backend.name() == name)
    }

    /// Runs a job with these instructions.
    #[inline]
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        match self.0 {
            Kind::Portable => job.run(Arrays),
            Kind::More(machine) => machine.run(job),
        }
    }

    /// Runs a job over tiles with these instructions.
    #[cfg_attr(
        not(feature = "alloc"),
        allow(dead_code, reason = "tiles are used only where there is a heap")
    )]
    #[inline]
    pub(crate) fn run_tiles<J: TileJob>(self, job: J) -> J::Output {
        match self.0 {
            Kind::Portable => tiles::portable::Portable.run(job),
            Kind::More(machine) => machine.run_tiles(job),
        }
    }
}

impl Backend {
    /// Runs a job; in parts, on several threads, if the job is long enough.
    pub(crate) fn run_divided<J: Divisible>(self, mut job: J) -> J::Output {
        // Threads are asked about last: asking may start them.
        let parts = job.divide().filter(|_| threads::pays());
        let parts = parts.map(|[first, second]| {
            threads::join(|| self.run_divided(first), || self.run_divided(second))
        });
        if let Some((first, second)) = parts
            && let Some(output) = job.unite([first, second])
        {
            return output;
        }
        self.run(job)
    }
}

impl Default for Backend {
    /// The fastest.
    fn default() -> Self {
        Self::detect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum<'a>(&'a [f32]);

    impl Job for Sum<'_> {
        type Output = f32;

        #[inline(always)]
        fn run<V: Vector>(self, _: V) -> f32 {
            self.0.iter().sum()
        }
    }

    #[test]
    fn every_backend_runs_the_same_job() {
        let terms: [f32; 100] = core::array::from_fn(|i| (i as f32).sqrt());
        let expected = Backend::PORTABLE.run(Sum(&terms));
        for backend in Backend::available() {
            assert_eq!(backend.run(Sum(&terms)).to_bits(), expected.to_bits());
            assert_eq!(Backend::from_name(backend.name()), Some(backend));
        }
    }
}
