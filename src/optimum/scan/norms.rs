//! The pass before all others: what does not depend on a threshold, and whether every number is finite.
//!
//! ```text
//! energy = sum h w^2,   mass = sum h,   tops = largest |w| of each sign,   top mass = largest h        (tops: of weights with h > 0)
//! ```
//!
//! Nothing may be written before it is known that all numbers are finite, because an error leaves the trits unchanged. The energy is
//! finite just if all weights are, for the square of an `f32` is far from the largest `f64`. Of the masses the largest bits decide:
//! those of an infinity, of a NaN and, with the sign as highest bit, of any negative number are larger than those of the others.
//!
//! The energy has the order of [`crate::exact::float_sums`]. Cost: one read, about 27 instructions of AVX2 for 16 weights, twice as
//! many with importances.

use super::mass::{Mass, MassedWeights, WeightChunk};
use super::{AHEAD, largest_bits, sum_of_lanes};
use crate::exact::float_sums::{BLOCK, OrderedSums, cut, total};
use crate::optimum::side::Side;
use crate::simd::{Divisible, Job, Vector};
use crate::weight::FloatBits;

/// Reads all weights and their masses.
#[derive(Clone, Copy)]
pub(crate) struct NormPass<'a, W, H>(pub(crate) MassedWeights<'a, W, H>);

/// What it finds. Numbers of a type that does not fit `f32` are rounded to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norms {
    /// The largest magnitude that can be selected, of positive and of negative weights.
    tops: [f32; 2],
    /// The mass with the largest bits.
    pub(crate) top_mass: f32,
    /// `sum h w^2`.
    pub(crate) energy: f64,
    /// `sum h` of all weights, and of zeros behind them.
    pub(crate) mass: f64,
}

impl Norms {
    /// Whether all weights and masses are finite, and no mass is negative.
    pub(crate) fn are_valid(&self) -> bool {
        self.energy.is_finite() && self.top_mass.to_bits() < f32::INFINITY.to_bits()
    }

    /// The largest magnitude that can be selected.
    pub(crate) fn top(&self, side: Side) -> f32 {
        let [positive, negative] = self.tops;
        match side {
            Side::Both => larger(positive, negative),
            Side::Positive => positive,
            Side::Negative => negative,
        }
    }
}

/// The one with the larger bits.
fn larger(a: f32, b: f32) -> f32 {
    f32::from_bits(a.to_bits().max(b.to_bits()))
}

impl<W: FloatBits, H: Mass> Job for NormPass<'_, W, H> {
    type Output = Norms;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Norms {
        /// The bit of the sign: numbers with it have the largest bits.
        const SIGN: u32 = 1 << 31;
        let zero = vector.splat(0.0);
        let (mut largest, mut largest_signed, mut largest_mass) = (zero, zero, zero);
        let mut mass = [vector.zeros(); 2];
        let (mut sum, mut last) = (OrderedSums::<1>::new(), 0.0);
        for (weights, masses, whole) in self.0.blocks::<BLOCK>(&mut None) {
            vector.prefetch(weights, AHEAD);
            let mut lanes = vector.zeros();
            for (weights, masses) in (MassedWeights { weights, masses }).arrays() {
                let chunk = WeightChunk::load::<W, H>(vector, Side::Both, weights, masses);
                let mut w = chunk.singles;
                if H::WEIGHTED {
                    w = vector.select(vector.greater(chunk.masses, zero), w);
                }
                largest = vector.max(w, largest);
                largest_signed = vector.max_bits(w, largest_signed);
                if !H::WEIGHTED {
                    lanes = vector.add_square(lanes, chunk.wide[0]);
                    lanes = vector.add_square(lanes, chunk.wide[1]);
                    continue;
                }
                largest_mass = vector.max_bits(chunk.masses, largest_mass);
                // Also weights of mass 0: they may not be finite.
                let (w, h) = (vector.widen(chunk.singles), vector.widen(chunk.masses));
                for half in 0..2 {
                    // Rounded twice, on every backend: this is no exact product.
                    let square = vector.multiply_doubles(w[half], w[half]);
                    lanes = vector.add_doubles(lanes, vector.multiply_doubles(h[half], square));
                    mass[half] = vector.add_doubles(mass[half], h[half]);
                }
            }
            let total = total(&vector.doubles(lanes));
            if whole {
                sum.carry([total]);
            } else {
                last = total;
            }
        }
        let [energy] = sum.total([last]);
        let signed = largest_bits(vector, largest_signed);
        let tops = [largest_bits(vector, largest), signed.saturating_sub(SIGN)];
        let mut norms = Norms {
            tops: tops.map(f32::from_bits),
            top_mass: 1.0,
            energy,
            mass: self.0.weights.len().next_multiple_of(BLOCK) as f64,
        };
        if H::WEIGHTED {
            norms.top_mass = f32::from_bits(largest_bits(vector, largest_mass));
            norms.mass = sum_of_lanes(vector, mass);
        }
        norms
    }
}

impl<W: FloatBits, H: Mass> Divisible for NormPass<'_, W, H> {
    fn divide(&mut self) -> Option<[impl Divisible<Output = Self::Output>; 2]> {
        let parts = self.0.split_at(cut(self.0.weights.len())?);
        Some(parts.map(Self))
    }

    fn unite(&mut self, [first, second]: [Norms; 2]) -> Option<Norms> {
        let top = |i: usize| larger(first.tops[i], second.tops[i]);
        Some(Norms {
            tops: [top(0), top(1)],
            top_mass: larger(first.top_mass, second.top_mass),
            energy: first.energy + second.energy,
            mass: first.mass + second.mass,
        })
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;
    use crate::Backend;
    use alloc::{format, string::String};

    const SIDES: [Side; 3] = [Side::Positive, Side::Negative, Side::Both];

    /// As text, in which one NaN is like another, but for its sign.
    fn text(norms: [Norms; 2]) -> String {
        format!("{norms:?}").replace('-', "")
    }

    /// The norms without and with masses, which all backends agree on.
    fn norms(weights: &[f32], masses: &[f32]) -> [Norms; 2] {
        let unit = NormPass(MassedWeights::unit(weights));
        let weighted = NormPass(MassedWeights { weights, masses });
        let found = [Backend::PORTABLE.run(unit), Backend::PORTABLE.run(weighted)];
        for backend in Backend::available() {
            let all = [
                [backend.run(unit), backend.run(weighted)],
                [backend.run_divided(unit), backend.run_divided(weighted)],
            ];
            for others in all {
                assert_eq!(text(others), text(found), "{}", backend.name());
            }
        }
        found
    }

    #[test]
    fn a_number_that_is_not_finite_is_seen() {
        for len in [1, 15, 64, 65, 1500] {
            let mut weights: [f32; 1500] = core::array::from_fn(|i| i as f32 - 700.0);
            let mut masses: [f32; 1500] = core::array::from_fn(|i| (i % 3) as f32);
            let (weights, masses) = (&mut weights[..len], &mut masses[..len]);
            let found = norms(weights, masses);
            for (found, least) in found.iter().zip([0.0, 1.0]) {
                assert!(found.are_valid());
                let able = weights.iter().zip(&*masses).filter(|&(_, h)| *h >= least);
                let top = |sign| able.clone().fold(0.0, |top: f32, (w, _)| top.max(w * sign));
                let [p, n] = [top(1.0), top(-1.0)];
                let expected = [p, n, p.max(n)].map(f32::to_bits);
                assert_eq!(SIDES.map(|side| found.top(side).to_bits()), expected);
            }
            for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for place in [0, len / 2, len - 1] {
                    let good = core::mem::replace(&mut weights[place], bad);
                    let found = norms(weights, masses);
                    assert!(
                        found.iter().all(|found| !found.are_valid()),
                        "{bad} at {place}"
                    );
                    weights[place] = good;
                    for bad in [bad, -1.0] {
                        let good = core::mem::replace(&mut masses[place], bad);
                        let [_, found] = norms(weights, masses);
                        assert!(!found.are_valid(), "{bad} at {place}");
                        masses[place] = good;
                    }
                }
            }
        }
    }
}
