//! The scan: bounds of the score near a few thresholds, and the weights of a window with the sums above it.
//!
//! With `B(tau) = sum h (|w| - tau)+`, the most that a ternary vector of scale `2 tau` can gain is `4 tau B(tau)` (see
//! [`crate::optimum::search`]). `B` comes from sums of `max(|w|, tau)`, two operations for 16 weights and a threshold:
//!
//! ```text
//! for each weight:  H_j += h max(|w|, tau_j)     for each threshold tau_j
//!                   if |w| > high:  add it to the sums above       else if |w| > low:  gather it
//! B(tau_j) = H_j - tau_j sum h
//! ```
//!
//! The `H_j` are added in `f32`, in runs of 64, so they are known up to [`Survey::hinge_error`]; importances are first multiplied by a
//! power of two, so that no sum is near the ends of the range.
//!
//! Cost: one read. For 16 weights about `5 T` instructions of AVX2 for the thresholds and 80 for the window.

use super::above::{EXACT_RUN, LaneSums, ROUNDING, SupportSums};
use super::buffer::GatherBuffer;
use super::mass::{Mass, MassedWeights, WeightChunk};
use super::{AHEAD, LANES};
use crate::exact::float_sums::{BLOCK, cut, total};
use crate::optimum::side::Side;
use crate::simd::{Divisible, Job, Loop, Vector};
use crate::weight::FloatBits;

/// Blocks whose hinges are added in `f32`: 64 terms a lane. Chosen: more make the rounding error larger, fewer make more work in `f64`.
const RUN: usize = 16;

/// Thresholds whose hinges are added in one loop. Chosen: with AVX2 their sums take half of the registers.
const AT_ONCE: usize = 4;

/// Reads a slice: the hinges of `T` thresholds, a multiple of [`AT_ONCE`], and with `GATHERS` the weights of a window and the sums above it.
pub(crate) struct ScanPass<'a, 's, W: FloatBits, H: Mass, const T: usize, const GATHERS: bool> {
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
    /// `sum h max(|w|, tau)` over all weights, and over zeros behind them.
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

impl<W: FloatBits, H: Mass, const T: usize, const GATHERS: bool> Job
    for ScanPass<'_, '_, W, H, T, GATHERS>
{
    type Output = Survey<H, T>;

    #[inline(always)]
    fn run<V: Vector>(mut self, vector: V) -> Survey<H, T> {
        let (mut hinges, mut above) = ([vector.zeros(); T], H::Sums::default());
        let mut blocks = 0;
        for long_run in self.input.runs(EXACT_RUN) {
            let mut long_above = H::Above::new(vector);
            for run in long_run.runs(RUN * BLOCK) {
                let mut run_hinges = [vector.splat(0.0); T];
                for part in run.padded_parts::<BLOCK>(&mut None) {
                    self.prefetch(vector, part, &mut blocks);
                    self.add(vector, part, &mut run_hinges, &mut long_above);
                }
                for (sum, lanes) in hinges.iter_mut().zip(run_hinges) {
                    let [low, high] = vector.widen(lanes);
                    *sum = vector.add_doubles(*sum, vector.add_doubles(low, high));
                }
            }
            if GATHERS {
                let chunks = EXACT_RUN / LANES;
                above = above.and(long_above.total(vector, self.side, self.unit, chunks));
            }
        }
        let mut hinge_sums = [0.0; T];
        let mass_scale = f64::from(self.mass_scale);
        let scale = if H::WEIGHTED { mass_scale } else { 1.0 };
        for (sum, lanes) in hinge_sums.iter_mut().zip(hinges) {
            *sum = total(&vector.doubles(lanes)) / scale;
        }
        let chunks = self.input.weights.len().div_ceil(LANES);
        Survey {
            hinges: hinge_sums,
            // Masses are added one after the other in a lane, hinges run by run.
            hinge_error: H::HINGE_ERROR + chunks as f64 * ROUNDING,
            gathered: Gathered {
                inside: self.buffer.len,
                above,
            },
        }
    }
}

impl<W: FloatBits, H: Mass, const T: usize, const GATHERS: bool>
    ScanPass<'_, '_, W, H, T, GATHERS>
{
    /// Prefetches what will be needed after some blocks, of which so many came before.
    #[inline(always)]
    fn prefetch<V: Vector>(&self, vector: V, part: MassedWeights<'_, W, H>, blocks: &mut usize) {
        for (weights, _) in part.arrays::<BLOCK>() {
            vector.prefetch(weights, AHEAD);
            if T > 0 && !H::WEIGHTED {
                self.buffer.prefetch(vector, *blocks);
                *blocks += 1;
            }
        }
    }

    /// Adds some blocks in a loop for each purpose: the sums of all do not fit the registers, and these weights are in the cache.
    #[inline(always)]
    fn add<V: Vector>(
        &mut self,
        vector: V,
        part: MassedWeights<'_, W, H>,
        hinges: &mut [V::Singles; T],
        above: &mut H::Above<V>,
    ) {
        const { assert!(T.is_multiple_of(AT_ONCE)) };
        let (side, mass_scale, ends) = (self.side, self.mass_scale, self.ends);
        let thresholds = self.thresholds.as_chunks().0;
        for (sums, &thresholds) in hinges.as_chunks_mut().0.iter_mut().zip(thresholds) {
            vector.apart(HingeLoop {
                part,
                side,
                mass_scale,
                thresholds,
                sums,
            });
        }
        if GATHERS {
            let (len, mut buffer) = (self.buffer.len, self.buffer.lend());
            buffer.len = len;
            self.buffer.len = vector.apart(GatherLoop {
                part,
                side,
                ends,
                above,
                buffer,
            });
        }
    }
}

/// Adds weights to the hinges of some thresholds.
struct HingeLoop<'p, V: Vector, W, H> {
    part: MassedWeights<'p, W, H>,
    side: Side,
    mass_scale: f32,
    thresholds: [f32; AT_ONCE],
    sums: &'p mut [V::Singles; AT_ONCE],
}

impl<V: Vector, W: FloatBits, H: Mass> Loop<V> for HingeLoop<'_, V, W, H> {
    type Output = ();

    #[inline(always)]
    fn run(self, vector: V) {
        let mass_scale = vector.splat(self.mass_scale);
        // In registers: sums in memory would wait for each other.
        let mut sums = *self.sums;
        for (weights, masses) in self.part.arrays() {
            let chunk = WeightChunk::load::<W, H>(vector, self.side, weights, masses);
            let scaled = vector.multiply(chunk.masses, mass_scale);
            for (sum, threshold) in sums.iter_mut().zip(self.thresholds) {
                let larger = vector.max(chunk.x, vector.splat(threshold));
                *sum = if H::WEIGHTED {
                    vector.add_about(*sum, scaled, larger)
                } else {
                    vector.add(*sum, larger)
                };
            }
        }
        *self.sums = sums;
    }
}

/// Adds what is above the window, and gathers what is in it.
struct GatherLoop<'p, V: Vector, W: FloatBits, H: Mass> {
    part: MassedWeights<'p, W, H>,
    side: Side,
    ends: [f32; 2],
    above: &'p mut H::Above<V>,
    buffer: GatherBuffer<'p, W>,
}

impl<V: Vector, W: FloatBits, H: Mass> Loop<V> for GatherLoop<'_, V, W, H> {
    /// How many are gathered then.
    type Output = usize;

    #[inline(always)]
    fn run(self, vector: V) -> usize {
        let ends = [vector.splat(self.ends[0]), vector.splat(self.ends[1])];
        let (mut above, mut buffer) = (*self.above, self.buffer);
        for (weights, masses) in self.part.arrays() {
            let chunk = WeightChunk::load::<W, H>(vector, self.side, weights, masses);
            let inside = above.add(vector, &chunk, ends);
            buffer.append::<V, H>(vector, inside, &chunk);
        }
        *self.above = above;
        buffer.len
    }
}

impl<W: FloatBits, H: Mass, const T: usize, const GATHERS: bool> Divisible
    for ScanPass<'_, '_, W, H, T, GATHERS>
{
    fn divide(&mut self) -> Option<[impl Divisible<Output = Self::Output>; 2]> {
        let len = self.input.weights.len();
        let at = cut(len)?;
        let [first, second] = self.input.split_at(at);
        let [places, more] = self.buffer.split(at, len);
        let part = |input, buffer| ScanPass {
            input,
            buffer,
            ..*self
        };
        Some([part(first, places), part(second, more)])
    }

    fn unite(&mut self, [first, second]: [Survey<H, T>; 2]) -> Option<Survey<H, T>> {
        let len = self.input.weights.len();
        let inside = [first.gathered.inside, second.gathered.inside];
        let mut hinges = first.hinges;
        for (hinge, other) in hinges.iter_mut().zip(second.hinges) {
            *hinge += other;
        }
        Some(Survey {
            hinges,
            hinge_error: first.hinge_error.max(second.hinge_error) + 2.0 * ROUNDING,
            gathered: Gathered {
                inside: self.buffer.unite(inside, cut(len)?, len)?,
                above: first.gathered.above.and(second.gathered.above),
            },
        })
    }
}
