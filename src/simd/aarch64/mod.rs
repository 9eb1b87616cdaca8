//! 64-bit Arm: detection of the instruction sets.
//!
//! NEON (the Arm name is Advanced SIMD) belongs to every target that this is compiled for, so no function has to be compiled for
//! it separately. But its operations are functions of a target feature: code that is inlined anywhere must call them as unsafe.
//!
//! `sdot` came later (Armv8.2), and the oldest Rust that this crate supports has no function for it: it is written in assembly.
//! A user program cannot ask the processor for it; the operating system reports it, through `std`. Without `std` it is used if
//! the crate is compiled for processors that have it.
//!
//! Source: Arm Architecture Reference Manual for A-profile architecture, C7.2, SDOT (vector).

#![expect(
    unsafe_code,
    reason = "the one place where instructions are written in assembly; the token proves that the processor has them"
)]

use core::arch::aarch64::{float32x4_t, uint16x4_t};
use core::arch::aarch64::{int8x16_t, int32x4_t};
use core::arch::asm;

/// An expression of intrinsics, for a token that proves that the processor has them.
macro_rules! with_token {
    ($token:expr, $expression:expr) => {{
        super::prove($token);
        // SAFETY: the token exists, so the processor has NEON, as each target of this module has; loads and stores are of whole arrays.
        unsafe { $expression }
    }};
}

mod tiles;

use super::Job;
use super::portable::Arrays;
use super::tiles::TileJob;

// In the other loops the compiler uses NEON by itself.
machine!(|token, job| { let _ = token; job.run(Arrays) }, job.run(token); Neon "neon", NeonDotprod "neon-dotprod");

/// A type of which a value exists only if detection saw its instruction set.
trait Token: Copy {}

impl Token for Neon {}
impl Token for NeonDotprod {}

/// Compiles only if there is a token.
#[inline(always)]
const fn prove<T: Token>(_: T) {}

/// Proof that the processor has NEON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Neon(());

impl Neon {
    /// Not under Miri, which interprets only some of the instructions.
    pub(super) fn detect() -> Option<Self> {
        (!cfg!(miri)).then_some(Self(()))
    }

    /// The f32 of four f16, given as bits.
    #[expect(clippy::unused_self, reason = "the token is the proof")]
    #[inline(always)]
    fn widen_four(self, bits: uint16x4_t) -> float32x4_t {
        let floats;
        // SAFETY: the token exists, so the processor has NEON, to which the instruction belongs; it writes that register.
        unsafe {
            asm!(
                "fcvtl {floats:v}.4s, {bits:v}.4h",
                floats = lateout(vreg) floats,
                bits = in(vreg) bits,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        floats
    }
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

    /// The token of the instruction set that this one includes.
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
