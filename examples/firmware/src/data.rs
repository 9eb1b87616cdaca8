//! Pseudo-random numbers that are the same on every machine, because they are made from integers.
//!
//! A linear congruential generator gives uniform 16-bit numbers. Twelve of them added are roughly normal, and their sum is
//! below 2^24, so it becomes an `f32` without rounding.
//!
//! Source: Press et al., Numerical Recipes, section 7.1 (the "quick and dirty" generator).

/// Elements of a vector, and columns of the matrix.
pub const LEN: usize = 256;

/// A generator of uniform integers in `0..65_536`.
struct Uniform(u32);

impl Uniform {
    const fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // The high bits; the low ones of such a generator repeat soon.
        self.0 >> 16
    }

    /// Roughly normal, with mean 0 and a standard deviation of 65,536, between -393,216 and 393,204.
    fn normal(&mut self) -> i32 {
        let sum: u32 = (0..12).map(|_| self.next()).sum();
        sum.cast_signed() - 12 * 32_768
    }
}

/// Weights as a trained layer has them: roughly normal, with a standard deviation of 1/32.
#[must_use]
pub fn weights() -> [f32; LEN] {
    const UNIT: f32 = 1.0 / exact(1 << 21);
    let mut uniform = Uniform(1);
    core::array::from_fn(|_| exact(uniform.normal()) * UNIT)
}

/// How much an error at each weight matters: between 1/256 and 16, evenly over the powers of two.
#[must_use]
pub fn importance() -> [f32; LEN] {
    let mut uniform = Uniform(2);
    core::array::from_fn(|_| {
        let (mantissa, exponent) = (16 + uniform.next() % 16, uniform.next() % 12);
        exact((mantissa << exponent).cast_signed()) / 4096.0
    })
}

/// Activations as bytes, over their whole range.
#[must_use]
pub fn activations_i8() -> [i8; LEN] {
    let mut uniform = Uniform(3);
    core::array::from_fn(|_| {
        let [low, ..] = (uniform.next() >> 8).to_le_bytes();
        low.cast_signed()
    })
}

/// Activations as floats, roughly normal. The division by 3 fills their mantissas, so that sums of them round.
#[must_use]
pub fn activations() -> [f32; LEN] {
    const UNIT: f32 = 1.0 / exact(1 << 16);
    let mut uniform = Uniform(4);
    core::array::from_fn(|_| exact(uniform.normal()) * UNIT / 3.0)
}

/// Trits, each of the three about as often, for the compiler to pack.
#[must_use]
pub const fn trits<const N: usize>() -> [i8; N] {
    let mut uniform = Uniform(5);
    let mut trits = [0; N];
    let mut i = 0;
    while i < N {
        trits[i] = match uniform.next() % 3 {
            0 => -1,
            1 => 0,
            _ => 1,
        };
        i += 1;
    }
    trits
}

/// Scales between 1/64 and 1/32 as the bits of `f16` numbers, whose upper six bits are the sign and the exponent.
#[must_use]
pub const fn half_scales<const N: usize>() -> [u16; N] {
    let mut uniform = Uniform(6);
    let mut scales = [0; N];
    let mut i = 0;
    while i < N {
        let [low, high, ..] = (uniform.next() & 0x3ff).to_le_bytes();
        scales[i] = 0x2400 | u16::from_le_bytes([low, high]);
        i += 1;
    }
    scales
}

/// An integer below 2^24 in magnitude as a float, which holds it exactly.
#[expect(
    clippy::cast_precision_loss,
    reason = "an f32 holds every integer below 2^24, and these are"
)]
const fn exact(integer: i32) -> f32 {
    debug_assert!(integer.unsigned_abs() < 1 << 24);
    integer as f32
}
