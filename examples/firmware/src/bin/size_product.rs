//! An image with the product of packed trits in flash with bytes.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use ternarize::{Code, PackedTrits, code::two_bit};

static BYTES: [u8; 64] = two_bit::encode(&[1; 256]);
static ROW: PackedTrits<'_> = PackedTrits::must(Code::TwoBit, &BYTES, 256);

#[entry]
fn main() -> ! {
    loop {
        let _ = black_box(black_box(&ROW).dot_i8(black_box(&[0; 256])));
    }
}

/// Without a word: printing would cost more than all that is measured here.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
