//! An image with [`ternarize_into`]: the paper, in one call.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use ternarize::ternarize_into;

#[entry]
fn main() -> ! {
    let mut trits = [0; 256];
    loop {
        let fit = ternarize_into(black_box(&[0.0_f32; 256]), &mut trits);
        let _ = (black_box(fit), black_box(&trits));
    }
}

/// Without a word: printing would cost more than all that is measured here.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
