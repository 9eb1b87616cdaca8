//! An image with the product of packed trits in flash with bytes.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use firmware::data;
use ternarize::{Code, PackedTrits};

static BYTES: [u8; 64] = Code::TwoBit.encode(&data::trits::<{ data::LEN }>());
static ROW: PackedTrits<'_> = PackedTrits::must(Code::TwoBit, &BYTES, data::LEN);

#[entry]
fn main() -> ! {
    // Made at run time: as a constant it would count as flash.
    let x = black_box([0_i8; data::LEN]);
    loop {
        let _ = black_box(ROW.dot_i8(black_box(&x)));
    }
}

/// Without a word: printing would cost more than all that is measured here.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
