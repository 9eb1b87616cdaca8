//! The firmware: prints the report, then what the jobs cost on this core.
//!
//! All output goes through semihosting, a channel to the debugger, here the emulator; so does the exit code. Lines about
//! the board itself begin with `device:`, all others must be those of the PC.

#![no_std]
#![no_main]

mod memory;
mod meter;

use core::fmt::{self, Write};
use core::hint::black_box;
use core::panic::PanicInfo;

use cortex_m::Peripherals;
use cortex_m_rt::{ExceptionFrame, entry, exception};
use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};
use cortex_m_semihosting::{hio, hprintln};
use ternarize::Code;
use ternarize::matmul::{Activations, quantize_into};

use firmware::{data, jobs, matrix, report};
use meter::Meter;

#[entry]
fn main() -> ! {
    let mut out = hio::hstdout().expect("a debugger listens");
    // The deepest point of the whole report, printing included.
    let depth = memory::depth(&mut || report(&mut out).expect("all jobs succeed"));
    let peripherals = Peripherals::take().expect("nobody took them before");
    let board = Board {
        meter: Meter::new(peripherals.SYST),
        out,
    };
    board
        .describe(depth.whole)
        .expect("the debugger still listens");
    exit(EXIT_SUCCESS);
    unreachable!("the debugger ends the program");
}

/// What measures, and where to write it.
struct Board<W> {
    meter: Meter,
    out: W,
}

impl<W: Write> Board<W> {
    /// Where the matrix lies, and what each job costs; `stack` is what the whole report took.
    fn describe(mut self, stack: usize) -> fmt::Result {
        self.place("2-bit matrix", &matrix::TWO_BIT_BYTES)?;
        self.place("base-3 matrix", &matrix::BASE3_BYTES)?;
        let (weights, importance) = (data::weights(), data::importance());
        let mut trits = [0; data::LEN];
        for (name, options) in jobs::all(&importance) {
            self.measure(name, &mut || {
                let fit = options.ternarize_into(black_box(&weights), &mut trits);
                assert!(black_box(fit).is_ok());
            })?;
        }
        self.products()?;
        writeln!(
            self.out,
            "device: {stack} bytes of stack at most in the report, printing included"
        )
    }

    /// Prints where bytes lie; anywhere but in flash is an error.
    fn place(&mut self, name: &str, bytes: &[u8]) -> fmt::Result {
        assert!(memory::in_flash(bytes), "the {name} is not in flash");
        let (start, len) = (bytes.as_ptr(), bytes.len());
        writeln!(
            self.out,
            "device: {name}: {len} bytes in flash at {start:p}"
        )
    }

    /// The matrix times bytes and times floats, in both codes.
    fn products(&mut self) -> fmt::Result {
        let x = data::activations();
        let (mut values, mut y) = ([0; data::LEN], [0.0; matrix::ROWS]);
        let scales = [quantize_into(&x, &mut values).expect("numbers")];
        let rounded = Activations::from_slices(&values, &scales).expect("one scale");
        for (code, i8_name, f32_name) in [
            (
                Code::TwoBit,
                "16 x 256 trits, 2-bit, by i8",
                "16 x 256 trits, 2-bit, by f32",
            ),
            (
                Code::Base3,
                "16 x 256 trits, base-3, by i8",
                "16 x 256 trits, base-3, by f32",
            ),
        ] {
            let layer = black_box(matrix::layer_in(code));
            self.measure(i8_name, &mut || {
                let done = layer.matvec_i8(black_box(&rounded), &mut y);
                assert!(black_box(done).is_ok());
            })?;
            self.measure(f32_name, &mut || {
                let done = layer.matvec(black_box(&x), &mut y);
                assert!(black_box(done).is_ok());
            })?;
        }
        Ok(())
    }

    /// Runs a job twice: for its instructions, and for its stack.
    fn measure(&mut self, name: &str, job: &mut dyn FnMut()) -> fmt::Result {
        let instructions = self.meter.instructions(job);
        let stack = memory::depth(job).job;
        writeln!(
            self.out,
            "device: {name}: {instructions} instructions, {stack} bytes of stack"
        )
    }
}

/// Says what went wrong, and ends with an exit code that says so, too.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("device: {}", info);
    fail()
}

/// Illegal accesses end here, such as those of a stack that has run into the end of the RAM.
#[exception]
#[allow(
    unsafe_code,
    reason = "cortex-m-rt wants handlers of exceptions declared so; this one promises nothing"
)]
unsafe fn HardFault(_frame: &ExceptionFrame) -> ! {
    hprintln!("device: hard fault");
    fail()
}

fn fail() -> ! {
    loop {
        exit(EXIT_FAILURE);
    }
}
