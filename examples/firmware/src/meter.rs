//! Counts the instructions of a job with the core's own timer, `SysTick`.
//!
//! An emulator has no cycles to measure. QEMU's `-icount` lets its clock advance by a fixed time with each instruction, so
//! that the timer counts instructions, the same number in every run. How many ticks that makes is found by running a loop
//! of known length. On a real board the timer counts cycles, and the same program reports those, in units of this loop's.

use cortex_m::asm;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

/// 24 bits: the longest job takes about 20 million instructions.
const TICKS: u32 = 0x00ff_ffff;
/// Turns of the loop of known length, and its instructions: a subtraction and a branch a turn.
const TURNS: u32 = 50_000;
const INSTRUCTIONS: u32 = 2 * TURNS;

pub(crate) struct Meter {
    timer: SYST,
    /// Ticks of a job that does nothing.
    idle: u32,
    /// Ticks of [`INSTRUCTIONS`].
    scale: u32,
}

impl Meter {
    pub(crate) fn new(mut timer: SYST) -> Self {
        timer.set_reload(TICKS);
        timer.set_clock_source(SystClkSource::Core);
        let mut meter = Self {
            timer,
            idle: 0,
            scale: 1,
        };
        meter.idle = meter.ticks(&mut || asm::delay(0));
        meter.scale = meter.ticks(&mut || asm::delay(TURNS)) - meter.idle;
        meter
    }

    /// The instructions of a job, to a few.
    pub(crate) fn instructions(&mut self, job: &mut dyn FnMut()) -> u64 {
        let ticks = self.ticks(job).saturating_sub(self.idle);
        let (ticks, scale) = (u64::from(ticks), u64::from(self.scale));
        (ticks * u64::from(INSTRUCTIONS) + scale / 2) / scale
    }

    #[inline(never)]
    fn ticks(&mut self, job: &mut dyn FnMut()) -> u32 {
        // Writing the counter makes it start over from the reload value.
        self.timer.clear_current();
        self.timer.enable_counter();
        let start = SYST::get_current();
        job();
        let end = SYST::get_current();
        // Asked for before anything else reads the register, which clears it.
        let is_too_long = self.timer.has_wrapped();
        self.timer.disable_counter();
        assert!(!is_too_long, "the job is too long to be timed");
        start - end
    }
}
