//! An image with nothing but the start of the core. What the other images have beyond this is the price of their call.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;

#[entry]
fn main() -> ! {
    loop {
        black_box(());
    }
}

/// Without a word: printing would cost more than all that is measured here.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
