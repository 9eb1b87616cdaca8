//! Where things lie: which addresses are flash, and how deep the stack has been.
//!
//! The stack grows down towards the static variables. To see how far, all that is free below it is painted with a pattern;
//! after the job, the lowest word that has lost its paint is as deep as the stack has been.
//!
//! ```text
//! 0x2000_0000   statics        this image has none
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

/// Whether all these bytes are in flash.
pub(crate) fn in_flash(bytes: &[u8]) -> bool {
    let flash = (&raw const _flash_start).addr()..(&raw const _flash_end).addr();
    let Range { start, end } = bytes.as_ptr_range();
    flash.contains(&start.addr()) && end.addr() <= flash.end
}

/// The bytes of stack in use above a place.
pub(crate) fn in_use_above(place: usize) -> usize {
    (&raw const _stack_start).addr() - place
}

/// Paints the stack below the caller, runs the job, and returns how deep it went: the lowest address it wrote to.
#[inline(never)]
pub(crate) fn deepest(job: &mut dyn FnMut()) -> usize {
    let lowest = (&raw const _stack_end).addr();
    let top = stack_pointer();
    for place in (lowest..top).step_by(WORD) {
        // SAFETY: `place` is a multiple of 4, in RAM, below the stack pointer, where nothing lives: this function has
        // its frame already, the loop calls nothing, and no interrupt is enabled that would push a frame.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(place).write_volatile(PAINT) };
    }
    job();
    let mut words = (lowest..top).step_by(WORD);
    // SAFETY: as above; the words were written by the loop above or by the job.
    let is_scrubbed =
        |&place: &usize| unsafe { ptr::with_exposed_provenance::<u32>(place).read_volatile() } != PAINT;
    words.find(is_scrubbed).unwrap_or(top)
}

fn stack_pointer() -> usize {
    msp::read() as usize
}
