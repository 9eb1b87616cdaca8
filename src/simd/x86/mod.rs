//! x86-64: detection of the instruction sets, and functions compiled for them.
//!
//! Detection reads `cpuid` and, as the operating system must save the wide registers, `xgetbv`: both work without `std`. The
//! answer is cached in one byte.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapters 14 and 15 (detection of AVX2 and
//! AVX-512).

#![expect(
    unsafe_code,
    reason = "functions for an instruction set are entered, and intrinsics called, by a token that proves that the processor has it"
)]
#![allow(
    clippy::wildcard_imports,
    reason = "intrinsics are a language of their own"
)]

use core::arch::x86_64::{
    __cpuid, __cpuid_count, __m128, _MM_HINT_T0, _mm_max_ps, _mm_min_ps, _mm_prefetch, _xgetbv,
};
use core::mem::transmute;
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// An expression of intrinsics, for a token that proves that the processor has them.
macro_rules! with_token {
    ($token:expr, $expression:expr) => {{
        super::prove($token);
        // SAFETY: the token exists, so detection saw these features; loads and stores are of whole arrays.
        unsafe { $expression }
    }};
}

mod avx2;
mod avx512;
mod tiles_avx2;
mod tiles_avx512;
mod tiles_vnni;

use super::tiles::TileJob;
use super::{Job, Loop};

machine!(|token, job| token.run(job), token.run_tiles(job); Avx2 "avx2", Avx512 "avx512", Avx512Vnni "avx512-vnni");

/// A type of which a value exists only if detection saw its instruction set.
trait Token: Copy {}

impl Token for Avx2 {}
impl Token for Avx512 {}
impl Token for Avx512Vnni {}

/// Compiles only if there is a token.
#[inline(always)]
const fn prove<T: Token>(_: T) {}

/// Proof that the processor has AVX2, FMA, BMI1, BMI2, F16C, LZCNT and POPCNT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Avx2(());

/// Proof that the processor has all that [`Avx2`] stands for and AVX-512 F, BW, CD, DQ and VL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Avx512(());

/// Proof that the processor has all that [`Avx512`] stands for and AVX-512 VBMI and VNNI, and GFNI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Avx512Vnni(());

/// Methods of a token that enter a function compiled for its instruction set, into which a job is inlined.
macro_rules! enter {
    ($token:ty, $features:literal: $($run:ident($job:path)),+) => {$(
        #[inline]
        pub(super) fn $run<J: $job>(self, job: J) -> J::Output {
            #[target_feature(enable = $features)]
            fn inside<J: $job>(token: $token, job: J) -> J::Output {
                job.run(token)
            }
            // SAFETY: the token exists, so detection saw these features.
            unsafe { inside(self, job) }
        }
    )+};
}

impl Avx2 {
    enter!(Avx2, "avx2,fma,bmi1,bmi2,f16c,lzcnt,popcnt": run(Job), run_loop(Loop<Avx2>), run_tiles(TileJob));

    pub(super) fn detect() -> Option<Self> {
        (level() >= LEVEL_AVX2).then_some(Self(()))
    }
}

impl Avx512 {
    enter!(
        Avx512,
        "avx2,fma,bmi1,bmi2,f16c,lzcnt,popcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl":
        run(Job), run_loop(Loop<Avx512>), run_tiles(TileJob)
    );

    pub(super) fn detect() -> Option<Self> {
        (level() >= LEVEL_AVX512).then_some(Self(()))
    }
}

impl Avx512Vnni {
    enter!(
        Avx512Vnni,
        "avx2,fma,bmi1,bmi2,f16c,lzcnt,popcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vbmi,avx512vnni,gfni":
        run_tiles(TileJob)
    );

    pub(super) fn detect() -> Option<Self> {
        (level() >= LEVEL_AVX512_VNNI).then_some(Self(()))
    }

    /// The loops over floats use nothing beyond the instruction set that this one includes.
    #[inline]
    pub(super) fn run<J: Job>(self, job: J) -> J::Output {
        self.base().run(job)
    }

    /// The token of the instruction set that this one includes.
    #[expect(clippy::unused_self, reason = "the token is the proof")]
    #[inline(always)]
    pub(super) const fn base(self) -> Avx512 {
        Avx512(())
    }
}

/// Prefetches as many cache lines as a value has, so many bytes beyond it.
#[inline(always)]
fn prefetch<T: ?Sized>(value: &T, bytes: usize) {
    let first: *const i8 = core::ptr::from_ref(value).cast();
    let first = first.wrapping_add(bytes);
    for line in 0..size_of_val(value).div_ceil(64) {
        // SAFETY: every x86-64 processor has the instruction, and it reads nothing: any address will do.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(64 * line)) };
    }
}

/// The larger and the smaller of four magnitudes. Of arrays the compiler would make numbers, and put those together to other
/// vectors than they were in.
#[inline(always)]
pub(super) fn order(a: [f32; 4], b: [f32; 4]) -> [[f32; 4]; 2] {
    // SAFETY: both are twice four singles, and any bits will do.
    let [a, b] = unsafe { transmute::<[[f32; 4]; 2], [__m128; 2]>([a, b]) };
    // SAFETY: every x86-64 processor has SSE.
    let larger = unsafe { _mm_max_ps(a, b) };
    // SAFETY: as above.
    let smaller = unsafe { _mm_min_ps(a, b) };
    // SAFETY: as above.
    unsafe { transmute([larger, smaller]) }
}

const LEVEL_UNKNOWN: u8 = 0;
const LEVEL_BASE: u8 = 1;
const LEVEL_AVX2: u8 = 2;
const LEVEL_AVX512: u8 = 3;
const LEVEL_AVX512_VNNI: u8 = 4;

/// The highest level that the processor has. The first call detects it.
fn level() -> u8 {
    static LEVEL: AtomicU8 = AtomicU8::new(LEVEL_UNKNOWN);
    let known = LEVEL.load(Relaxed);
    if known != LEVEL_UNKNOWN {
        return known;
    }
    // If two threads detect it at once, they get the same answer.
    let asked = if cfg!(miri) { LEVEL_BASE } else { ask() };
    LEVEL.store(asked, Relaxed);
    asked
}

/// Whether all these bits are set.
fn all(register: u32, bits: &[u32]) -> bool {
    bits.iter().all(|bit| register >> bit & 1 == 1)
}

#[allow(
    unused_unsafe,
    reason = "asking the processor became safe after the oldest Rust that this crate supports"
)]
fn ask() -> u8 {
    // SAFETY: every x86-64 processor has the instruction cpuid.
    let leaf = |number| unsafe { __cpuid(number) };
    // SAFETY: as above.
    let extended = unsafe { __cpuid_count(7, 0) };
    let (most, most_extended) = (leaf(0).eax, leaf(0x8000_0000).eax);
    let basic = leaf(1);
    // FMA, POPCNT, OSXSAVE, AVX, F16C.
    if most < 7 || most_extended < 0x8000_0001 || !all(basic.ecx, &[12, 23, 27, 28, 29]) {
        return LEVEL_BASE;
    }
    // SAFETY: OSXSAVE is set, so the system has enabled the instruction xgetbv.
    let saved = unsafe { saved_registers() };
    // LZCNT; BMI1, AVX2, BMI2; the registers xmm and ymm.
    let avx2 =
        all(leaf(0x8000_0001).ecx, &[5]) && all(extended.ebx, &[3, 5, 8]) && saved & 0x6 == 0x6;
    // F, DQ, CD, BW, VL; the mask registers and zmm.
    let avx512 = all(extended.ebx, &[16, 17, 28, 30, 31]) && saved & 0xe6 == 0xe6;
    // VBMI, GFNI, VNNI.
    let vnni = all(extended.ecx, &[1, 8, 11]);
    match (avx2, avx512, vnni) {
        (true, true, true) => LEVEL_AVX512_VNNI,
        (true, true, false) => LEVEL_AVX512,
        (true, false, _) => LEVEL_AVX2,
        _ => LEVEL_BASE,
    }
}

/// Which registers the operating system saves.
#[target_feature(enable = "xsave")]
fn saved_registers() -> u64 {
    // SAFETY: this function runs only where xsave is enabled.
    unsafe { _xgetbv(0) }
}
