//! The first pass: bounds of the score near a few thresholds, and the weights of a window with the sums above it.
//!
//! With `B(tau) = sum h (|w| - tau)+`, the most that a ternary vector of scale `2 tau` can gain is `4 tau B(tau)` (see
//! [`crate::optimum::search`]). `B` comes from sums of `max(|w|, tau)`, two operations for 16 weights and a threshold:
//!
//! ```text
//! for each weight:  top = max(top, |w|),  energy += h w^2,  H += h,  H_j += h max(|w|, tau_j)     for each threshold tau_j
//!                   if |w| > high:  add it to the sums above       else if |w| > low:  gather it
//! B(tau_j) = H_j - tau_j H
//! ```
//!
//! The `H_j` are added in `f32`, in runs of 64, so they are known up to [`Survey::hinge_error`]; importances are first multiplied by a
//! power of two, so that no sum is near the ends of the range. The energy has the order of [`crate::exact::float_sums`].
//!
//! Cost: one read. For 16 weights about `20 + 2 T` vector operations, `8 + 2 T` without a window, `40 + 2 T` with importances.

use super::above::{EXACT_RUN, LaneSums, ROUNDING, SupportSums};
use super::buffer::GatherBuffer;
use super::mass::{Mass, MassedWeights, WeightChunk};
use super::{AHEAD, LANES, largest_bits, sum_of_lanes};
use crate::exact::float_sums::{BLOCK, OrderedSums, cut, total};
use crate::optimum::side::Side;
use crate::simd::{Divisible, Job, Vector};
use crate::weight::FloatBits;

/// Blocks whose hinges are added in `f32`: 64 terms a lane. Chosen: more make the rounding error larger, fewer make more work in `f64`.
const RUN: usize = 16;

/// Reads a slice. With `SURVEYS` it finds out all that [`Survey`] holds; with `GATHERS`, the weights of a window and the sums above it.
pub(crate) struct ScanPass<
    'a,
    's,
    W: FloatBits,
    H: Mass,
    const T: usize,
    const SURVEYS: bool,
    const GATHERS: bool,
> {
    pub(crate) input: MassedWeights<'a, W, H>,
    pub(crate) side: Side,
    pub(crate) thresholds: [f32; T],
    /// A power of two by which the importances are multiplied for the hinges.
    pub(crate) mass_scale: f32,
    /// The window holds the magnitudes in `(low, high]`.
    pub(crate) ends: [f32; 2],
    /// Exact sums are in units of two to this power.
    pub(crate) unit: i32,
    pub(crate) buffer: GatherBuffer<'s, W>,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Survey<H: Mass, const T: usize> {
    /// Bits of the largest magnitude that can be selected, as `f32`.
    pub(crate) top: u32,
    /// The largest mass.
    pub(crate) top_mass: f32,
    /// `sum h w^2` of all weights, as `f32`.
    pub(crate) energy: f64,
    /// `sum h` of all weights, and of zeros after them.
    pub(crate) mass: f64,
    /// `sum h max(|w|, tau)` over the same.
    pub(crate) hinges: [f64; T],
    /// The largest relative error of a hinge sum.
    pub(crate) hinge_error: f64,
    pub(crate) gathered: Gathered<H>,
}

/// What was gathered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gathered<H: Mass> {
    /// Weights in the window, also those for which there was no place.
    pub(crate) inside: usize,
    /// The sums of the weights above it; right if they [are exact](super::above::is_exact).
    pub(crate) above: H::Sums,
}

impl<H: Mass, const T: usize> Survey<H, T> {
    /// The survey of a slice that was cut where [`cut`] says.
    fn and(mut self, second: Self, gathered: Gathered<H>) -> Self {
        self.top = self.top.max(second.top);
        self.top_mass = self.top_mass.max(second.top_mass);
        self.energy += second.energy;
        self.mass += second.mass;
        for (hinge, other) in self.hinges.iter_mut().zip(second.hinges) {
            *hinge += other;
        }
        self.hinge_error = self.hinge_error.max(second.hinge_error) + 2.0 * ROUNDING;
        self.gathered = gathered;
        self
    }
}

impl<W: FloatBits, H: Mass, const T: usize, const SURVEYS: bool, const GATHERS: bool> Job
    for ScanPass<'_, '_, W, H, T, SURVEYS, GATHERS>
{
    type Output = Survey<H, T>;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Survey<H, T> {
        let mut scanner = Scanner::<V, W, H, T, SURVEYS, GATHERS> {
            side: self.side,
            thresholds: self.thresholds,
            mass_scale: vector.splat(self.mass_scale),
            ends: [vector.splat(self.ends[0]), vector.splat(self.ends[1])],
            buffer: self.buffer,
            block: 0,
            largest: [vector.splat(0.0); 2],
            mass: [vector.zeros(); 2],
            above: H::Above::new(vector),
        };
        let (mut energy, mut last) = (OrderedSums::<1>::new(), 0.0);
        let mut hinges = [vector.zeros(); T];
        let mut above = H::Sums::default();
        for long_run in self.input.runs(EXACT_RUN) {
            for run in long_run.runs(RUN * BLOCK) {
                let mut run_hinges = [vector.splat(0.0); T];
                for (weights, masses, whole) in run.blocks::<BLOCK>(&mut None) {
                    let total = scanner.block(vector, weights, masses, &mut run_hinges);
                    if !whole {
                        last = total;
                    } else if SURVEYS {
                        energy.carry([total]);
                    }
                }
                for (sum, lanes) in hinges.iter_mut().zip(run_hinges) {
                    let [low, high] = vector.widen(lanes);
                    *sum = vector.add_doubles(*sum, vector.add_doubles(low, high));
                }
            }
            if GATHERS {
                let (lanes, chunks) = (&scanner.above, EXACT_RUN / LANES);
                above = above.and(lanes.total(vector, self.side, self.unit, chunks));
                scanner.above = H::Above::new(vector);
            }
        }
        let [energy] = energy.total([last]);
        let mut hinge_sums = [0.0; T];
        let terms = self.input.weights.len().next_multiple_of(BLOCK);
        let mass_scale = f64::from(self.mass_scale);
        let scale = if H::WEIGHTED { mass_scale } else { 1.0 };
        for (sum, lanes) in hinge_sums.iter_mut().zip(hinges) {
            *sum = total(&vector.doubles(lanes)) / scale;
        }
        let (mut top_mass, mut mass) = (1.0, terms as f64);
        if H::WEIGHTED {
            top_mass = f32::from_bits(largest_bits(vector, scanner.largest[1]));
            mass = sum_of_lanes(vector, scanner.mass);
        }
        Survey {
            top: largest_bits(vector, scanner.largest[0]),
            top_mass,
            energy,
            mass,
            hinges: hinge_sums,
            // Masses are added one after the other in a lane, hinges run by run.
            hinge_error: H::HINGE_ERROR + (terms / LANES) as f64 * ROUNDING,
            gathered: Gathered {
                inside: scanner.buffer.len,
                above,
            },
        }
    }
}

/// The state of the loop.
struct Scanner<
    's,
    V: Vector,
    W: FloatBits,
    H: Mass,
    const T: usize,
    const SURVEYS: bool,
    const GATHERS: bool,
> {
    side: Side,
    thresholds: [f32; T],
    mass_scale: V::Singles,
    ends: [V::Singles; 2],
    buffer: GatherBuffer<'s, W>,
    /// Blocks so far.
    block: usize,
    /// The largest magnitudes that can be selected, and the largest masses.
    largest: [V::Singles; 2],
    mass: [V::Doubles; 2],
    above: H::Above<V>,
}

impl<V: Vector, W: FloatBits, H: Mass, const T: usize, const SURVEYS: bool, const GATHERS: bool>
    Scanner<'_, V, W, H, T, SURVEYS, GATHERS>
{
    /// Adds a block; returns its energy.
    #[inline(always)]
    fn block(
        &mut self,
        vector: V,
        weights: &[W; BLOCK],
        masses: &[H; BLOCK],
        hinges: &mut [V::Singles; T],
    ) -> f64 {
        if SURVEYS {
            vector.prefetch(weights, AHEAD);
        }
        if SURVEYS && GATHERS && !H::WEIGHTED {
            self.buffer.prefetch(vector, self.block);
            self.block += 1;
        }
        let mut energy = vector.zeros();
        // In registers: sums in memory would wait for each other.
        let (mut above, mut largest, mut mass) = (self.above, self.largest, self.mass);
        let (weights, masses) = (weights.as_chunks().0, masses.as_chunks().0);
        for (weights, masses) in weights.iter().zip(masses) {
            let chunk = WeightChunk::load::<W, H>(vector, self.side, weights, masses);
            if SURVEYS {
                largest[0] = vector.max_bits(largest[0], chunk.x);
            }
            if SURVEYS && H::WEIGHTED {
                largest[1] = vector.max_bits(largest[1], chunk.masses);
                let h = vector.widen(chunk.masses);
                let w = if self.side == Side::Both {
                    // What cannot be selected has importance 0.
                    chunk.wide
                } else {
                    vector.widen(chunk.singles)
                };
                for half in 0..2 {
                    // Rounded twice, on every backend: this is no exact product.
                    let square = vector.multiply_doubles(w[half], w[half]);
                    energy = vector.add_doubles(energy, vector.multiply_doubles(h[half], square));
                    mass[half] = vector.add_doubles(mass[half], h[half]);
                }
                let scaled = vector.multiply(chunk.masses, self.mass_scale);
                for (hinge, threshold) in hinges.iter_mut().zip(self.thresholds) {
                    let larger = vector.max(chunk.x, vector.splat(threshold));
                    *hinge = vector.add_about(*hinge, scaled, larger);
                }
            } else if SURVEYS {
                energy = vector.add_square(vector.add_square(energy, chunk.wide[0]), chunk.wide[1]);
                for (hinge, threshold) in hinges.iter_mut().zip(self.thresholds) {
                    *hinge = vector.add(*hinge, vector.max(chunk.x, vector.splat(threshold)));
                }
            }
            if GATHERS {
                let inside = above.add(vector, &chunk, self.ends);
                self.buffer.append::<V, H>(vector, inside, &chunk);
            }
        }
        (self.above, self.largest, self.mass) = (above, largest, mass);
        total(&vector.doubles(energy))
    }
}

impl<W: FloatBits, H: Mass, const T: usize, const SURVEYS: bool, const GATHERS: bool> Divisible
    for ScanPass<'_, '_, W, H, T, SURVEYS, GATHERS>
{
    type Part<'p>
        = ScanPass<'p, 'p, W, H, T, SURVEYS, GATHERS>
    where
        Self: 'p;

    fn divide(&mut self) -> Option<[ScanPass<'_, '_, W, H, T, SURVEYS, GATHERS>; 2]> {
        let len = self.input.weights.len();
        let at = cut(len)?;
        let [first, second] = self.input.split_at(at);
        let [first_places, second_places] = self.buffer.split(at, len);
        let (side, thresholds, ends) = (self.side, self.thresholds, self.ends);
        let (mass_scale, unit) = (self.mass_scale, self.unit);
        let part = |input, buffer| ScanPass {
            input,
            side,
            thresholds,
            mass_scale,
            ends,
            unit,
            buffer,
        };
        Some([part(first, first_places), part(second, second_places)])
    }

    fn unite(&mut self, [first, second]: [Survey<H, T>; 2]) -> Option<Survey<H, T>> {
        let len = self.input.weights.len();
        let inside = [first.gathered.inside, second.gathered.inside];
        let gathered = Gathered {
            inside: self.buffer.unite(inside, cut(len)?, len)?,
            above: first.gathered.above.and(second.gathered.above),
        };
        Some(first.and(second, gathered))
    }
}
