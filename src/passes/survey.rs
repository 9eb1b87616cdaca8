//! The first pass: what every figure of the search begins with, and the gain near a few thresholds.
//!
//! With `B(tau) = sum (|w| - tau)+`, the most that a ternary vector of scale `2 tau` can gain is `4 tau B(tau)` (see
//! [`crate::search`]). Here `B` comes from sums of `max(|w|, tau)`, two operations for each weight and threshold:
//!
//! ```text
//! for each weight:  top = max(top, |w|),  energy += w^2,  H_j += max(|w|, tau_j)        for each threshold tau_j
//! B(tau_j) = H_j - N tau_j
//! ```
//!
//! `H_j` is added in `f32`, in runs of 64, so it is known up to [`Survey::ERROR`]. The energy has the order of
//! [`crate::ordered`]. Cost: one read, and about `8 + 2 T` vector operations for 16 weights.

use super::{LANES, Side, padded, singles};
use crate::backend::{Vector, VectorJob};
use crate::ordered::{BLOCK, OrderedSum, total};
use crate::weight::Format;

/// What to find out about a slice.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a, W, const T: usize> {
    pub(crate) weights: &'a [W],
    pub(crate) side: Side,
    pub(crate) thresholds: [f32; T],
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Survey<const T: usize> {
    /// Bits of the largest magnitude, as a single, of all weights: more than those of the largest number if one is not finite.
    pub(crate) largest: u32,
    /// The same of the weights that take part.
    pub(crate) top: u32,
    /// `sum w^2` of all weights, as singles.
    pub(crate) energy: f64,
    /// `sum max(|w|, tau)` over `len` weights.
    pub(crate) hinges: [f64; T],
    /// The number of weights, and of zeros after them.
    pub(crate) len: usize,
}

/// Blocks whose sums are added in `f32`: 64 terms a lane.
const RUN: usize = 16;

impl<const T: usize> Survey<T> {
    /// The largest relative error of a hinge sum: 63 additions and the rounding to a single, each at most 2^-24, and some more
    /// for the additions of the runs.
    pub(crate) const ERROR: f64 = 66.0 / (1 << 24) as f64;
}

/// Sums over the weights so far.
struct Tally<V: Vector, const T: usize> {
    largest: V::Singles,
    top: V::Singles,
    energy: OrderedSum,
    hinges: [V::Doubles; T],
}

impl<W: Format, const T: usize> VectorJob for Question<'_, W, T> {
    type Output = Survey<T>;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Survey<T> {
        let mut tally = Tally {
            largest: vector.splat(0.0),
            top: vector.splat(0.0),
            energy: OrderedSum::new(),
            hinges: [vector.zeros(); T],
        };
        let (blocks, rest) = self.weights.as_chunks::<BLOCK>();
        for run in blocks.chunks(RUN) {
            tally.add(vector, self, run, OrderedSum::carry);
        }
        let mut energy = 0.0;
        if !rest.is_empty() {
            let last = padded(rest);
            tally.add(vector, self, &[last], |_, last| energy = last);
        }
        let largest = |x| {
            vector
                .array(x)
                .into_iter()
                .map(f32::to_bits)
                .fold(0, u32::max)
        };
        Survey {
            largest: largest(tally.largest),
            top: largest(tally.top),
            energy: tally.energy.total(energy),
            hinges: tally
                .hinges
                .map(|sum| vector.doubles(sum).into_iter().sum()),
            len: self.weights.len().next_multiple_of(BLOCK),
        }
    }
}

impl<V: Vector, const T: usize> Tally<V, T> {
    /// Adds a run of blocks, and hands on the energy of each.
    #[inline(always)]
    fn add<W: Format>(
        &mut self,
        vector: V,
        question: Question<'_, W, T>,
        run: &[[W; BLOCK]],
        mut carry: impl FnMut(&mut OrderedSum, f64),
    ) {
        let thresholds = question.thresholds.map(|threshold| vector.splat(threshold));
        let mut hinges = [vector.splat(0.0); T];
        for block in run {
            let mut energy = vector.zeros();
            for chunk in block.as_chunks::<LANES>().0 {
                let singles = vector.load(&singles(chunk));
                let x = question.side.magnitudes(vector, singles);
                self.top = vector.max_bits(self.top, x);
                if question.side != Side::Both {
                    self.largest = vector.max_bits(self.largest, vector.abs(singles));
                }
                let [low, high] = vector.widen(singles);
                energy = vector.add_square(vector.add_square(energy, low), high);
                for j in 0..T {
                    hinges[j] = vector.add(hinges[j], vector.max(x, thresholds[j]));
                }
            }
            carry(&mut self.energy, total(&vector.doubles(energy)));
        }
        if question.side == Side::Both {
            self.largest = self.top;
        }
        for (sum, lanes) in self.hinges.iter_mut().zip(hinges) {
            let [low, high] = vector.widen(lanes);
            *sum = vector.add_doubles(*sum, vector.add_doubles(low, high));
        }
    }
}

#[cfg(test)]
mod timing {
    extern crate std;
    use super::*;
    use crate::Backend;
    use std::{hint::black_box, println, time::Instant, vec::Vec};

    fn time<const T: usize>(backend: Backend, weights: &[f32], thresholds: [f32; T]) {
        let n = weights.len();
        let mut best = f64::MAX;
        for _ in 0..9 {
            let reps = (1 << 24) / n;
            let start = Instant::now();
            for _ in 0..reps {
                black_box(backend.run_vectors(Question {
                    weights: black_box(weights),
                    side: Side::Both,
                    thresholds,
                }));
            }
            best = best.min(start.elapsed().as_secs_f64() * 1e9 / (reps * n) as f64);
        }
        println!("{} {n} T={T}: {best:.3}", backend.name());
    }

    #[test]
    #[ignore]
    fn survey_time() {
        for n in [4096, 1 << 20] {
            let mut s = 1u64;
            let w: Vec<f32> = (0..n)
                .map(|_| {
                    let mut x = 0f32;
                    for _ in 0..8 {
                        s = s
                            .wrapping_mul(6364136223846793005)
                            .wrapping_add(1442695040888963407);
                        x += (s >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
                    }
                    x
                })
                .collect();
            for backend in Backend::available() {
                time(backend, &w, []);
                time(backend, &w, [0.4]);
                time(backend, &w, [0.1, 0.4, 0.5, 0.6]);
                time(backend, &w, [0.1, 0.4, 0.5, 0.6, 0.7, 0.9, 1.2]);
            }
        }
    }
}
