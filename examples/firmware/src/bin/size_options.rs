//! An image with every exact way to ternarize: wide integers for importances and counts, two supports, the baselines.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m_rt::entry;
use firmware::data;
use ternarize::Ternarizer;

#[entry]
fn main() -> ! {
    let mut trits = [0; data::LEN];
    // Made at run time: as a constant it would count as flash.
    let weights = black_box([0.0_f32; data::LEN]);
    loop {
        let options = black_box(Ternarizer::new());
        let fit = options.ternarize_into(black_box(&weights), &mut trits);
        let _ = (black_box(fit), black_box(&trits));
    }
}

/// Without a word: printing would cost more than all that is measured here.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
