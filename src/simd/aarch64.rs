//! 64-bit Arm: what the processor has.
//!
//! NEON (the Arm name is Advanced SIMD) belongs to every target that this is compiled for, so nothing has to be entered with
//! care; but its operations are functions of a target feature, and code that is to be inlined anywhere must call them as unsafe.
//!
//! `sdot` came later (Armv8.2), and the oldest Rust that this crate supports has no function for it: it is written in assembly.
//! User programs cannot ask a processor for it; its operating system tells, through `std`. Without `std` it is used if the crate
//! is compiled for processors that have it.
//!
//! Source: Arm Architecture Reference Manual for A-profile architecture, C7.2, SDOT (vector).

#![expect(
    unsafe_code,
    reason = "the one place where instructions are written in assembly; the token proves that the processor has them"
)]

#[cfg(feature = "half")]
use core::arch::aarch64::{float32x4_t, uint16x4_t};
use core::arch::aarch64::{int8x16_t, int32x4_t};
use core::arch::asm;

use super::Job;
use super::portable::Arrays;
use super::tiles::TileJob;
use super::tiles::adding::Adding;

/// An expression of intrinsics, where a token is at hand.
macro_rules! with_token {
    ($expression:expr) => {
        // SAFETY: this is compiled only for targets that have NEON; loads and stores are of whole arrays.
        unsafe { $expression }
    };
}

/// What a processor may have beyond the portable backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Machine {
    Neon(Neon),
    NeonDotprod(NeonDotprod),
}

impl Machine {
    /// What this processor has, the fastest last.
    pub(super) fn available() -> impl Iterator<Item = Self> {
        let kinds = [
            Neon::detect().map(Self::Neon),
            NeonDotprod::detect().map(Self::NeonDotprod),
        ];
        kinds.into_iter().flatten()
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Neon(_) => "neon",
            Self::NeonDotprod(_) => "neon-dotprod",
        }
    }

    /// The compiler makes use of NEON by itself.
    #[expect(clippy::unused_self, reason = "so it is on other processors")]
    #[inline]
    pub(super) fn run<J: Job>(self, job: J) -> J::Output {
        job.run(Arrays)
    }

    #[inline]
    pub(super) fn run_tiles<J: TileJob>(self, additions_only: bool, job: J) -> J::Output {
        match (self, additions_only) {
            (Self::Neon(token), false) => job.run(token),
            (Self::NeonDotprod(token), false) => job.run(token),
            (Self::Neon(token), true) => job.run(Adding(token)),
            (Self::NeonDotprod(token), true) => job.run(Adding(token.base())),
        }
    }
}

/// Proof that the processor has NEON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Neon(());

impl Neon {
    /// Not under Miri, which interprets only some of the instructions.
    pub(super) fn detect() -> Option<Self> {
        (!cfg!(miri)).then_some(Self(()))
    }
}

/// The same bytes. The compiler, which would make a multiplication of additions, does not see that.
#[inline(always)]
pub(super) fn hidden(mut bytes: int8x16_t) -> int8x16_t {
    // SAFETY: this is a comment to the assembler.
    unsafe {
        asm!(
            "// {bytes:v}",
            bytes = inout(vreg) bytes,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    bytes
}

/// The singles of four halves, given as bits.
#[cfg(feature = "half")]
#[inline(always)]
pub(super) fn widen_halves(bits: uint16x4_t) -> float32x4_t {
    let singles;
    // SAFETY: the instruction belongs to NEON, which all targets have that this is compiled for; it writes that register.
    unsafe {
        asm!(
            "fcvtl {singles:v}.4s, {bits:v}.4h",
            singles = lateout(vreg) singles,
            bits = in(vreg) bits,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    singles
}

/// Proof that the processor has NEON and the instruction `sdot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NeonDotprod(Neon);

impl NeonDotprod {
    pub(super) fn detect() -> Option<Self> {
        #[cfg(feature = "std")]
        let there = std::arch::is_aarch64_feature_detected!("dotprod");
        #[cfg(not(feature = "std"))]
        let there = cfg!(target_feature = "dotprod");
        Neon::detect().filter(|_| there).map(Self)
    }

    /// What else this proves.
    #[inline(always)]
    pub(super) const fn base(self) -> Neon {
        self.0
    }

    /// Four bytes to a lane: `sums` and `a` times `b`.
    #[expect(clippy::unused_self, reason = "the token is the proof")]
    #[inline(always)]
    pub(super) fn sdot(self, sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
        let mut sums = sums;
        // SAFETY: the token exists, so the processor has the instruction, which writes that register and does nothing else.
        // The directive lets the assembler accept it in functions of any target feature.
        unsafe {
            asm!(
                ".arch_extension dotprod",
                "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
                sums = inout(vreg) sums,
                a = in(vreg) a,
                b = in(vreg) b,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        sums
    }
}

#[cfg(all(test, feature = "std", target_os = "linux", not(miri)))]
mod tests {
    use super::*;

    /// `AT_HWCAP` of the kernel's auxiliary vector, and in it the bit `HWCAP_ASIMDDP`.
    #[test]
    fn what_is_detected_is_what_the_kernel_says() {
        let vector = std::fs::read("/proc/self/auxv").unwrap();
        let (words, _) = vector.as_chunks::<8>();
        let (pairs, _) = words.as_chunks::<2>();
        let mut pairs = pairs.iter().map(|pair| pair.map(u64::from_le_bytes));
        let capabilities = pairs.find_map(|[kind, value]| (kind == 16).then_some(value));
        let dotprod = capabilities.unwrap() >> 20 & 1 == 1;
        assert_eq!(NeonDotprod::detect().is_some(), dotprod);
        assert!(Neon::detect().is_some());
    }
}
