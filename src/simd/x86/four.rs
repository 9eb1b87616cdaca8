//! Four singles in a register that every x86-64 processor has. Of arrays at known places the compiler would make numbers, and put
//! those together to other vectors than they were in.

#![expect(unsafe_code, reason = "a vector is made of an array, and back")]

use core::arch::x86_64::{__m128, _mm_max_ps, _mm_min_ps};
use core::mem::transmute;

pub(crate) type Four = __m128;

#[inline(always)]
pub(crate) fn load(&array: &[f32; 4]) -> Four {
    // SAFETY: both are four singles, and any bits will do.
    unsafe { transmute(array) }
}

#[inline(always)]
pub(crate) fn array(x: Four) -> [f32; 4] {
    // SAFETY: as above.
    unsafe { transmute(x) }
}

#[inline(always)]
pub(crate) fn max(a: Four, b: Four) -> Four {
    // SAFETY: every x86-64 processor has SSE.
    unsafe { _mm_max_ps(a, b) }
}

#[inline(always)]
pub(crate) fn min(a: Four, b: Four) -> Four {
    // SAFETY: as above.
    unsafe { _mm_min_ps(a, b) }
}
