//! Passes over weights that do not fit `f32`, in `f64`.
//!
//! The exact sums above a threshold: a term has 53 bits, and the largest may be many times the smallest, so one `f64` does not hold them.
//! Each term is cut in two at a power of two. For the unit `u`, the last place of the threshold:
//!
//! ```text
//! first = (x + 1.5 2^(52 + 40) u) - 1.5 2^(52 + 40) u        the nearest multiple of 2^40 u: the addition rounds there
//! rest  = x - first                                           exact, at most 2^39 u
//! ```
//!
//! A lane adds 2^10 terms of each, so it stays below 2^53 times their units if `x` is below `2^(53 - 10 + 40 - 1) u`.

use super::buffer::{GatherBuffer, gather_one_by_one};
use super::mass::{MassedWeights, UnitMass};
use super::survey::Gathered;
use crate::exact::grid::{Grid, GridSums};
use crate::optimum::scan::above::{SignedSums, SupportSums};
use crate::optimum::side::Side;
use crate::simd::{Backend, Job, Vector};
use crate::weight::{FloatBits, exponent, scale_by_power};

const LANES: usize = 8;
/// Weights whose sums the lanes can hold: 2^10 terms a lane.
const RUN: usize = LANES << 10;
/// Where terms are cut.
const CUT: i32 = 40;

/// Finds the largest magnitude that can be selected.
#[derive(Clone, Copy)]
pub(crate) struct TopPass<'a, W> {
    pub(crate) weights: &'a [W],
    pub(crate) side: Side,
}

/// Gathers the weights in a window, and adds up those above it.
pub(crate) struct GatherPass<'a, 's, W: FloatBits> {
    pub(crate) weights: &'a [W],
    pub(crate) side: Side,
    /// The window holds the magnitudes in `(low, high]`.
    pub(crate) ends: [f32; 2],
    /// The largest magnitude that can be selected.
    pub(crate) top: f64,
    pub(crate) grid: Grid,
    pub(crate) buffer: GatherBuffer<'s, W>,
}

/// The larger of a weight times each is its magnitude, or 0 if its sign has no part.
const fn factors(side: Side) -> [f64; 2] {
    match side {
        Side::Both => [1.0, -1.0],
        Side::Positive => [1.0, 0.0],
        Side::Negative => [-1.0, 0.0],
    }
}

#[inline(always)]
fn doubles<W: FloatBits>(chunk: &[W; LANES]) -> [f64; LANES] {
    let mut doubles = [0.0; LANES];
    for l in 0..LANES {
        doubles[l] = chunk[l].widen();
    }
    doubles
}

/// Eight weights, and their magnitudes.
#[inline(always)]
fn load<V: Vector, W: FloatBits>(
    vector: V,
    chunk: &[W; LANES],
    factors: [V::Doubles; 2],
) -> [V::Doubles; 2] {
    let w = vector.load_doubles(&doubles(chunk));
    let a = vector.multiply_doubles(w, factors[0]);
    let b = vector.multiply_doubles(w, factors[1]);
    [w, vector.max_doubles(a, b)]
}

impl<W: FloatBits> Job for TopPass<'_, W> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> f64 {
        let [a, b] = factors(self.side);
        let factors = [vector.splat_double(a), vector.splat_double(b)];
        let mut largest = vector.zeros();
        for (chunk, ..) in MassedWeights::unit(self.weights).blocks(&mut None) {
            largest = vector.max_doubles(largest, load(vector, chunk, factors)[1]);
        }
        let mut top = 0.0;
        for lane in vector.doubles(largest) {
            top = if lane > top { lane } else { top };
        }
        top
    }
}

impl<W: FloatBits> Job for GatherPass<'_, '_, W> {
    type Output = Gathered<UnitMass>;

    #[inline(always)]
    fn run<V: Vector>(mut self, vector: V) -> Self::Output {
        let [low, high] = self.ends.map(f64::from);
        let (unit, grid_unit) = self.units();
        let ends = [vector.splat_double(low), vector.splat_double(high)];
        let [a, b] = factors(self.side);
        let factors = [vector.splat_double(a), vector.splat_double(b)];
        let large = vector.splat_double(scale_by_power(1.5, 52 + CUT + unit));
        let mut above = SignedSums::default();
        for run in self.weights.chunks(RUN) {
            let mut sums = CutSums::<V> {
                large,
                all: [vector.zeros(); 3],
                positive: [vector.zeros(); 3],
            };
            for part in MassedWeights::unit(run).padded_parts::<LANES>(&mut None) {
                for (chunk, _) in part.arrays() {
                    let inside = sums.add(vector, load(vector, chunk, factors), ends);
                    self.push(chunk, inside);
                }
            }
            above = above.and(SignedSums {
                all: whole(vector, sums.all, unit, grid_unit),
                positive: whole(vector, sums.positive, unit, grid_unit),
            });
        }
        Gathered {
            inside: self.buffer.len,
            above,
        }
    }
}

impl<W: FloatBits> GatherPass<'_, '_, W> {
    /// Runs it, if its sums are exact; else takes one weight after the other.
    pub(crate) fn run_on(self, backend: Backend) -> Gathered<UnitMass> {
        if self.is_exact() {
            return backend.run(self);
        }
        let (weights, side, ends) = (self.weights, self.side, self.ends);
        gather_one_by_one(weights, side, ends, self.buffer, self.grid)
    }

    /// Whether the sums above the window are exact, if there can be any.
    fn is_exact(&self) -> bool {
        let (unit, grid_unit) = self.units();
        let places = exponent(self.top) - unit;
        self.ends[1] > 0.0 && (52..53 - 10 + CUT - 1).contains(&places) && unit >= grid_unit
    }

    /// The last place of the threshold, and the unit of the grid, as powers of two.
    fn units(&self) -> (i32, i32) {
        let unit = exponent(f64::from(self.ends[1])) - 52;
        (unit, self.grid.unit::<W>())
    }

    /// Appends the weights that are marked; few are.
    #[inline(always)]
    fn push(&mut self, chunk: &[W; LANES], inside: [f64; LANES]) {
        for l in 0..LANES {
            if inside[l] > 0.0 {
                self.buffer.push(chunk[l].to_slot(), 1.0);
            }
        }
    }
}

/// The sums of the first parts and of the rests of terms, and the number of these, lane by lane.
struct CutSums<V: Vector> {
    large: V::Doubles,
    all: [V::Doubles; 3],
    positive: [V::Doubles; 3],
}

impl<V: Vector> CutSums<V> {
    /// Adds the weights above `high`; returns 1 for each of the others that is above `low`.
    #[inline(always)]
    fn add(
        &mut self,
        vector: V,
        [w, x]: [V::Doubles; 2],
        [low, high]: [V::Doubles; 2],
    ) -> [f64; LANES] {
        let (zero, one) = (vector.zeros(), vector.splat_double(1.0));
        let kept = vector.if_greater((x, high), x, zero);
        let first = vector.subtract_doubles(vector.add_doubles(kept, self.large), self.large);
        let rest = vector.subtract_doubles(kept, first);
        let count = vector.if_greater((x, high), one, zero);
        let terms = [first, rest, count];
        for k in 0..3 {
            self.all[k] = vector.add_doubles(self.all[k], terms[k]);
            let positive = vector.if_greater((w, zero), terms[k], zero);
            self.positive[k] = vector.add_doubles(self.positive[k], positive);
        }
        let above_low = vector.if_greater((x, low), one, zero);
        vector.doubles(vector.subtract_doubles(above_low, count))
    }
}

/// The sums of all lanes, on a grid with a unit that divides that of the sums.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers of less than 53 bits; the rests do not make the sum negative"
)]
fn whole<V: Vector>(vector: V, parts: [V::Doubles; 3], unit: i32, grid_unit: i32) -> GridSums {
    let (mut sum, mut count) = (0_i128, 0);
    let (first, rest) = (vector.doubles(parts[0]), vector.doubles(parts[1]));
    for l in 0..LANES {
        sum += i128::from(scale_by_power(first[l], -(unit + CUT)) as i64) << CUT;
        sum += i128::from(scale_by_power(rest[l], -unit) as i64);
        count += vector.doubles(parts[2])[l] as usize;
    }
    GridSums {
        count,
        sum: sum.cast_unsigned() << (unit - grid_unit),
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests;
