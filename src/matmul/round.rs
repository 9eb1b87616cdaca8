//! Activations in 8 bits: a scale, and whole numbers from -127 to 127.
//!
//! ```text
//! d = max |x| / 127,   q = x (127 / max |x|), rounded to the nearest whole number, ties to even;   x ~ d q
//! ```
//!
//! Where the largest is so small that its reciprocal would overflow, all are lifted by a power of two first. If `d` is not a normal
//! number, it is rounded up to one of the few subnormal numbers, and `q = x / d`. So in any case no `q` is beyond 127, and `d q` is
//! within half of `d` of `x`, but for the rounding of a few operations. Cost: two passes.

use crate::error::{Error, Operand, check_len};
use crate::simd::{Backend, Job, Vector};

/// The largest magnitude: -128 has no negative in 8 bits.
const LARGEST: i8 = 127;

/// Below this, `127 / max` might overflow.
const SMALL: f32 = f32::from_bits((127 - 100) << 23);

/// What small ones are multiplied with: 2^100.
const LIFT: f32 = f32::from_bits((127 + 100) << 23);

/// Rounds `x` to 8 bits and returns the value of a 1.
///
/// # Errors
///
/// [`Error::LengthMismatch`] if `values` has another length, [`Error::InvalidValue`] for the first NaN or infinity. Then
/// nothing has been written.
///
/// # Examples
///
/// ```
/// use ternarize::matmul::quantize_into;
///
/// let mut values = [0; 3];
/// let scale = quantize_into(&[25.4, -12.6, 0.0], &mut values)?;
/// assert_eq!((scale, values), (0.2, [127, -63, 0]));
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn quantize_into(x: &[f32], values: &mut [i8]) -> Result<f32, Error> {
    check_len(x.len(), values.len())?;
    let scale = quantize_on(Backend::detect(), x, values);
    scale.map_err(|index| Error::invalid(Operand::Activation, index))
}

/// The same on a backend, for slices of equal length; the index of what is not finite.
pub(crate) fn quantize_on(backend: Backend, x: &[f32], values: &mut [i8]) -> Result<f32, usize> {
    let largest = f32::from_bits(backend.run(Largest(x)));
    if !largest.is_finite() {
        let wrong = x.iter().position(|x| !x.is_finite());
        return Err(wrong.unwrap_or_default());
    }
    let lift = if largest < SMALL { LIFT } else { 1.0 };
    let scale = largest / f32::from(LARGEST);
    let (scale, factor) = match largest * lift {
        0.0 => (0.0, 0.0),
        // Among subnormal numbers the quotient is rounded coarsely. One that is too small would need numbers beyond 127.
        _ if scale < f32::MIN_POSITIVE => {
            let below = scale * f32::from(LARGEST) < largest;
            let scale = f32::from_bits(scale.to_bits() + u32::from(below));
            (scale, 1.0 / (scale * lift))
        }
        largest => (scale, f32::from(LARGEST) / largest),
    };
    backend.run(Round {
        x,
        values,
        lift,
        factor,
    });
    Ok(scale)
}

/// The bits of the largest magnitude; of a NaN, if there is one.
struct Largest<'a>(&'a [f32]);

impl Job for Largest<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<V: Vector>(self, _: V) -> u32 {
        let mut largest = [0_u32; 64];
        let (chunks, rest) = self.0.as_chunks::<64>();
        for chunk in chunks {
            for (largest, x) in largest.iter_mut().zip(chunk) {
                *largest = (*largest).max(x.to_bits() & 0x7fff_ffff);
            }
        }
        let mut all = 0;
        for largest in largest {
            all = all.max(largest);
        }
        for x in rest {
            all = all.max(x.to_bits() & 0x7fff_ffff);
        }
        all
    }
}

struct Round<'a> {
    x: &'a [f32],
    values: &'a mut [i8],
    lift: f32,
    factor: f32,
}

impl Job for Round<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector>(self, _: V) {
        /// At 1.5 * 2^23 `f32` are whole numbers: adding rounds, and the last bits are the number in two's complement.
        const WHOLE: f32 = 12_582_912.0;

        for (value, x) in self.values.iter_mut().zip(self.x) {
            let whole = x * self.lift * self.factor + WHOLE;
            *value = whole.to_bits().to_le_bytes()[0].cast_signed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weight::FloatBits as _;

    /// In units of the smallest number: whole numbers, for which the step is a whole number, too.
    #[test]
    fn subnormal_activations_stay_within_half_a_step() {
        let few = (1..2_000).chain((1..60).map(|power| 3 << (power / 2) | power));
        for units in few.chain([0x7f_ffff, 0x80_0000, 0x80_0001, 126 << 23, 127 << 22]) {
            let largest = f64::from(units) * 2.0_f64.powi(-149);
            let x = [1.0, -1.0, 0.6, 0.5, -0.3, 0.01, 0.0].map(|part| f32::narrow(part * largest));
            let mut expected = None;
            for backend in Backend::available() {
                let mut values = [0; 7];
                let scale = quantize_on(backend, &x, &mut values).unwrap();
                assert_eq!(*expected.get_or_insert((scale, values)), (scale, values));
                assert!(f64::from(scale) >= f64::from(x[0]) / 127.0 * (1.0 - 1e-7));
                assert!(f64::from(scale) < f64::from(x[0]) / 127.0 + 2.0_f64.powi(-149));
                for (x, q) in x.into_iter().zip(values) {
                    let error = f64::from(x) - f64::from(q) * f64::from(scale);
                    assert!(
                        error.abs() <= f64::from(scale) * 0.500_01,
                        "{x} is {q} {scale}"
                    );
                }
            }
        }
        let mut values = [7; 2];
        let smallest = f32::from_bits(1);
        let scale = quantize_on(Backend::detect(), &[smallest, -smallest], &mut values);
        assert_eq!((scale, values), (Ok(smallest), [1, -1]));
        let scale = quantize_on(Backend::detect(), &[0.0; 2], &mut values);
        assert_eq!((scale, values), (Ok(0.0), [0; 2]));
    }
}
