//! The first pass: the gain near a few thresholds, and the weights of a window around a guess, with the sums above it.
//!
//! With `B(tau) = sum h (|w| - tau)+` the most that a ternary vector of scale `2 tau` can gain is `4 tau B(tau)`. As without
//! importances, `B` comes from sums of hinges, two operations for 16 weights and a threshold:
//!
//! ```text
//! for each weight:  energy += h w^2,  H += h,  H_j += h max(|w|, tau_j)         for each threshold tau_j
//!                   if |w| > high:  S += h |w|,  m += h      else if |w| > low:  append it and its importance to the window
//! B(tau_j) = H_j - tau_j H
//! ```
//!
//! `H_j` is added in `f32`, in runs of 64, with the importances times a power of two so that neither end of the range is near.
//! All else is added in doubles, and the energy in the order of [`crate::exact::float_sums`]. Cost: one read, and about
//! `40 + 2 T` vector operations for 16 weights.

use super::pairs::Pairs;
use super::{Above, Chunk, ROUNDING, Side, Weighted, lanes, padded};
use crate::exact::float_sums::{BLOCK, OrderedSum, total};
use crate::optimum::scan::largest_bits;
use crate::simd::{Job, Vector};
use crate::weight::Format;

/// What to find out.
pub(crate) struct Scan<'a, 's, W, const T: usize> {
    pub(crate) weighted: Weighted<'a, W>,
    pub(crate) side: Side,
    pub(crate) thresholds: [f32; T],
    /// What the importances are multiplied by for the hinges: a power of two.
    pub(crate) scale: f32,
    /// Gathered is what has a magnitude in `(low, high]`.
    pub(crate) ends: [f32; 2],
    pub(crate) window: Pairs<'s>,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Survey<const T: usize> {
    /// Bits of the largest importance; more than those of the largest number if a zero has a sign.
    pub(crate) largest_importance: u32,
    /// Bits of the largest magnitude that can be selected.
    pub(crate) top: u32,
    /// `sum h w^2` of all weights.
    pub(crate) energy: f64,
    /// `sum h` of all weights, with the relative error of `above`.
    pub(crate) mass: f64,
    /// `sum h max(|w|, tau)` of all weights.
    pub(crate) hinges: [f64; T],
    /// The sums above the window.
    pub(crate) above: Above,
    /// How many weights lie in the window, also those for which it has no room.
    pub(crate) inside: usize,
}

/// Blocks whose hinges are added in `f32`: 64 terms a lane.
const RUN: usize = 16;

impl<const T: usize> Survey<T> {
    /// The largest relative error of a hinge sum: the rounding of a product and of 64 additions, each at most 2^-24, and some more
    /// for the additions of the runs.
    pub(crate) const ERROR: f64 = 70.0 / (1 << 24) as f64;
}

impl<W: Format, const T: usize> Job for Scan<'_, '_, W, T> {
    type Output = Survey<T>;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Survey<T> {
        let zeros = [vector.zeros(); 2];
        let mut tally = Tally::<V, T> {
            side: self.side,
            thresholds: self.thresholds,
            scale: vector.splat(self.scale),
            ends: self.ends.map(|end| vector.splat(end)),
            window: self.window,
            inside: 0,
            largest: [vector.splat(0.0); 2],
            energy: OrderedSum::new(),
            run: Run {
                hinges: [vector.splat(0.0); T],
                sums: [zeros; 3],
            },
            hinges: [vector.zeros(); T],
            sums: [zeros; 3],
        };
        let Weighted {
            weights,
            importance,
        } = self.weighted;
        let (blocks, rest) = weights.as_chunks::<BLOCK>();
        let (masses, rest_masses) = importance.as_chunks::<BLOCK>();
        for (blocks, masses) in blocks.chunks(RUN).zip(masses.chunks(RUN)) {
            for (block, mass) in blocks.iter().zip(masses) {
                let energy = tally.add_block(vector, block, mass);
                tally.energy.carry(energy);
            }
            tally.end_run(vector);
        }
        let mut energy = 0.0;
        if !rest.is_empty() {
            energy = tally.add_block::<W>(vector, &padded(rest), &padded(rest_masses));
            tally.end_run(vector);
        }
        tally.finish(vector, energy, blocks.len() / RUN + 2)
    }
}

/// The sums of a run: of hinges, and `[h, h |w| above, h above]`.
#[derive(Clone, Copy)]
struct Run<V: Vector, const T: usize> {
    hinges: [V::Singles; T],
    sums: [[V::Doubles; 2]; 3],
}

/// All sums so far.
struct Tally<'s, V: Vector, const T: usize> {
    side: Side,
    thresholds: [f32; T],
    scale: V::Singles,
    ends: [V::Singles; 2],
    window: Pairs<'s>,
    inside: usize,
    /// Of the magnitudes that can be selected, and of the importances.
    largest: [V::Singles; 2],
    energy: OrderedSum,
    run: Run<V, T>,
    hinges: [V::Doubles; T],
    sums: [[V::Doubles; 2]; 3],
}

impl<V: Vector, const T: usize> Tally<'_, V, T> {
    /// Adds a block, and returns its energy.
    #[inline(always)]
    fn add_block<W: Format>(
        &mut self,
        vector: V,
        weights: &[W; BLOCK],
        importance: &[f32; BLOCK],
    ) -> f64 {
        // In registers: sums in memory would wait for each other.
        let (mut energy, mut run, mut largest) = (vector.zeros(), self.run, self.largest);
        let (weights, importance) = (weights.as_chunks().0, importance.as_chunks().0);
        for (weights, importance) in weights.iter().zip(importance) {
            let chunk = Chunk::new(vector, self.side, weights, importance);
            let h = vector.widen(chunk.importance);
            let x = vector.widen(chunk.x);
            let w = if self.side == Side::Both {
                // What cannot be selected has importance 0.
                x
            } else {
                vector.widen(chunk.singles)
            };
            for half in 0..2 {
                // Rounded twice, on every backend: this is no exact product.
                let square = vector.multiply_doubles(w[half], w[half]);
                energy = vector.add_doubles(energy, vector.multiply_doubles(h[half], square));
                run.sums[0][half] = vector.add_doubles(run.sums[0][half], h[half]);
            }
            largest = [
                vector.max_bits(largest[0], chunk.x),
                vector.max_bits(largest[1], chunk.importance),
            ];
            let scaled = vector.multiply(chunk.importance, self.scale);
            for j in 0..T {
                let hinge = vector.max(chunk.x, vector.splat(self.thresholds[j]));
                run.hinges[j] = vector.add_about(run.hinges[j], scaled, hinge);
            }
            let above = vector.greater(chunk.x, self.ends[1]);
            let h = vector.widen(vector.select(above, chunk.importance));
            for half in 0..2 {
                run.sums[1][half] = vector.add_product(run.sums[1][half], h[half], x[half]);
                run.sums[2][half] = vector.add_doubles(run.sums[2][half], h[half]);
            }
            let inside = vector.and_not(vector.greater(chunk.x, self.ends[0]), above);
            let both = [chunk.x, chunk.importance];
            self.inside += self.window.put(vector, self.inside, inside, both);
        }
        (self.run, self.largest) = (run, largest);
        total(&vector.doubles(energy))
    }

    #[inline(always)]
    fn end_run(&mut self, vector: V) {
        for j in 0..T {
            let [low, high] = vector.widen(self.run.hinges[j]);
            self.hinges[j] = vector.add_doubles(self.hinges[j], vector.add_doubles(low, high));
            self.run.hinges[j] = vector.splat(0.0);
        }
        for j in 0..3 {
            for half in 0..2 {
                self.sums[j][half] = vector.add_doubles(self.sums[j][half], self.run.sums[j][half]);
                self.run.sums[j][half] = vector.zeros();
            }
        }
    }

    #[inline(always)]
    fn finish(self, vector: V, energy: f64, runs: usize) -> Survey<T> {
        let mut hinges = [0.0; T];
        let scale = f64::from(vector.array(self.scale)[0]);
        for (hinge, lanes) in hinges.iter_mut().zip(self.hinges) {
            *hinge = total(&vector.doubles(lanes)) / scale;
        }
        // 64 additions in a run, one for each run, and four for the lanes.
        let error = (BLOCK + runs + 8) as f64 * ROUNDING;
        Survey {
            top: largest_bits(vector, self.largest[0]),
            largest_importance: largest_bits(vector, self.largest[1]),
            energy: self.energy.total(energy),
            mass: lanes(vector, self.sums[0]),
            hinges,
            above: Above {
                sum: lanes(vector, self.sums[1]),
                mass: lanes(vector, self.sums[2]),
                error,
            },
            inside: self.inside,
        }
    }
}
