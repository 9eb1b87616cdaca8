//! Where things lie: which addresses are flash, and how deep the stack has been.
//!
//! The stack grows down towards the static variables. To see how far, all that is free below it is painted with a pattern;
//! after the job, the lowest word that has lost its paint is as deep as the stack has been.
//!
//! ```text
//! 0x2000_0000   statics        12 bytes, of the board's crates
//!               free           painted: a5a5a5a5 a5a5a5a5 a5a5a5a5
//!               scrubbed       . . . . . . . . . . . . . . . . . .   the job was here: its depth
//! stack pointer
//!               in use         the frames of main and of whoever measures
//! 0x2001_0000
//! ```

#![expect(
    unsafe_code,
    reason = "memory that no Rust value owns can only be reached by its address"
)]

use core::ops::Range;
use core::ptr;

use cortex_m::register::msp;

unsafe extern "C" {
    // Addresses that memory.x and cortex-m-rt's linker script define. Only where these are matters, not what is there.
    safe static _flash_start: u8;
    safe static _flash_end: u8;
    safe static _stack_start: u8;
    safe static _stack_end: u8;
}

const PAINT: u32 = 0xa5a5_a5a5;
const WORD: usize = size_of::<u32>();
/// What is left unpainted below the stack pointer.
const MARGIN: usize = 128;

/// Whether all these bytes are in flash.
pub(crate) fn in_flash(bytes: &[u8]) -> bool {
    let flash = (&raw const _flash_start).addr()..(&raw const _flash_end).addr();
    let Range { start, end } = bytes.as_ptr_range();
    flash.contains(&start.addr()) && end.addr() <= flash.end
}

/// How far the stack went, in bytes.
pub(crate) struct Depth {
    /// Below the caller, for the job alone; at least [`MARGIN`].
    pub(crate) job: usize,
    /// From the top of the RAM, all callers included.
    pub(crate) whole: usize,
}

/// Paints the free stack, runs the job, and looks how deep it went.
#[inline(never)]
pub(crate) fn depth(job: &mut dyn FnMut()) -> Depth {
    let top = msp::read() as usize;
    let free = ((&raw const _stack_end).addr()..top - MARGIN).step_by(WORD);
    for place in free.clone() {
        // SAFETY: `place` is a multiple of 4, in RAM, and below the stack pointer, where nothing lives: the margin is
        // room enough for what this loop might call, and no interrupt is enabled that would push a frame.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(place).write_volatile(PAINT) };
    }
    job();
    let is_scrubbed = |&place: &usize| {
        // SAFETY: as above; the word was written by the loop above or by the job.
        let word = unsafe { ptr::with_exposed_provenance::<u32>(place).read_volatile() };
        word != PAINT
    };
    let lowest = free.clone().find(is_scrubbed).unwrap_or(top - MARGIN);
    Depth {
        job: top - lowest,
        whole: (&raw const _stack_start).addr() - lowest,
    }
}
