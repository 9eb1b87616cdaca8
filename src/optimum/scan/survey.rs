//! The first pass: what every figure of the search begins with, and the gain near a few thresholds.
//!
//! With `B(tau) = sum (|w| - tau)+`, the most that a ternary vector of scale `2 tau` can gain is `4 tau B(tau)` (see
//! [`crate::optimum::search`]). Here `B` comes from sums of `max(|w|, tau)`, two operations for each weight and threshold:
//!
//! ```text
//! for each weight:  top = max(top, |w|),  energy += w^2,  H_j += max(|w|, tau_j)        for each threshold tau_j
//! B(tau_j) = H_j - N tau_j
//! ```
//!
//! `H_j` is added in `f32`, in runs of 64, so it is known up to [`Survey::ERROR`]. The energy has the order of
//! [`crate::exact::float_sums`]. Cost: one read, and about `8 + 2 T` vector operations for 16 weights.

use super::above::Chunk;
use super::{AHEAD, LANES, Side, largest_bits, padded, singles};
use crate::exact::float_sums::{BLOCK, OrderedSum, cut, total};
use crate::simd::{Divisible, Job, Vector};
use crate::weight::{Format, Weight};

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
    /// Bits of the largest magnitude, as a single, of the weights that take part.
    pub(crate) top: u32,
    /// `sum w^2` of all weights, as singles.
    pub(crate) energy: f64,
    /// `sum max(|w|, tau)` over `len` weights.
    pub(crate) hinges: [f64; T],
    /// The number of weights, and of zeros after them.
    pub(crate) len: usize,
}

impl<W: Format, const T: usize> Question<'_, W, T> {
    /// The same about two parts of the slice.
    pub(super) fn halves(self) -> Option<[Self; 2]> {
        let (first, second) = self.weights.split_at(cut(self.weights.len())?);
        Some([first, second].map(|weights| Self { weights, ..self }))
    }
}

impl<W: Format, const T: usize> Divisible for Question<'_, W, T> {
    type Part<'p>
        = Self
    where
        Self: 'p;

    fn divide(&mut self) -> Option<[Self; 2]> {
        self.halves()
    }

    fn unite(&mut self, [first, second]: [Survey<T>; 2]) -> Option<Survey<T>> {
        Some(first.and(second))
    }
}

/// Blocks whose sums are added in `f32`: 64 terms a lane.
const RUN: usize = 16;

impl<const T: usize> Survey<T> {
    /// The largest relative error of a hinge sum: 63 additions and the rounding to a single, each at most 2^-24, and some more
    /// for the additions of the runs.
    pub(crate) const ERROR: f64 = 66.0 / (1 << 24) as f64;

    /// The survey of a slice that was cut where [`cut`] says.
    pub(super) fn and(self, second: Self) -> Self {
        Self {
            top: self.top.max(second.top),
            energy: self.energy + second.energy,
            hinges: core::array::from_fn(|j| self.hinges[j] + second.hinges[j]),
            len: self.len + second.len,
        }
    }

    /// The key of the largest magnitude that takes part, of a type that fits singles.
    pub(crate) fn top_key<W: Weight>(&self) -> u64 {
        W::narrow(f64::from(f32::from_bits(self.top))).key()
    }
}

impl<W: Format, const T: usize> Job for Question<'_, W, T> {
    type Output = Survey<T>;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Survey<T> {
        Tally::new(vector).add_all(vector, self, &mut Nothing)
    }
}

/// What else is done with the weights while they are at hand. A trait and no closure, for a closure might not be inlined.
pub(super) trait Visitor<V: Vector> {
    /// To be `#[inline(always)]`, like all that a job calls.
    fn visit(&mut self, vector: V, chunk: &Chunk<V>);
    /// Says that a block begins.
    fn next_block(&mut self, vector: V);
}

/// Does nothing.
struct Nothing;

impl<V: Vector> Visitor<V> for Nothing {
    #[inline(always)]
    fn visit(&mut self, _: V, _: &Chunk<V>) {}

    #[inline(always)]
    fn next_block(&mut self, _: V) {}
}

/// Sums over the weights so far.
pub(super) struct Tally<V: Vector, const T: usize> {
    top: V::Singles,
    energy: OrderedSum,
    hinges: [V::Doubles; T],
}

impl<V: Vector, const T: usize> Tally<V, T> {
    #[inline(always)]
    pub(super) fn new(vector: V) -> Self {
        Self {
            top: vector.splat(0.0),
            energy: OrderedSum::new(),
            hinges: [vector.zeros(); T],
        }
    }

    /// Adds all weights and shows each chunk of them; returns what was found.
    #[inline(always)]
    pub(super) fn add_all<W: Format>(
        mut self,
        vector: V,
        question: Question<'_, W, T>,
        visitor: &mut impl Visitor<V>,
    ) -> Survey<T> {
        let (blocks, rest) = question.weights.as_chunks::<BLOCK>();
        for run in blocks.chunks(RUN) {
            self.add(vector, question, run, visitor);
        }
        self.finish(vector, question, rest, visitor)
    }

    /// Adds a run of blocks, and asks for what comes after it.
    #[inline(always)]
    fn add<W: Format>(
        &mut self,
        vector: V,
        question: Question<'_, W, T>,
        run: &[[W; BLOCK]],
        visitor: &mut impl Visitor<V>,
    ) {
        let mut hinges = [vector.splat(0.0); T];
        for block in run {
            vector.prefetch(block, AHEAD);
            visitor.next_block(vector);
            let total = self.add_block(vector, question, block, &mut hinges, visitor);
            self.energy.carry(total);
        }
        self.add_hinges(vector, hinges);
    }

    /// Adds the last weights, and returns what was found.
    #[inline(always)]
    fn finish<W: Format>(
        mut self,
        vector: V,
        question: Question<'_, W, T>,
        rest: &[W],
        visitor: &mut impl Visitor<V>,
    ) -> Survey<T> {
        let mut energy = 0.0;
        if !rest.is_empty() {
            let mut hinges = [vector.splat(0.0); T];
            energy = self.add_block(vector, question, &padded(rest), &mut hinges, visitor);
            self.add_hinges(vector, hinges);
        }
        let mut hinges = [0.0; T];
        for (hinge, lanes) in hinges.iter_mut().zip(self.hinges) {
            for lane in vector.doubles(lanes) {
                *hinge += lane;
            }
        }
        Survey {
            top: largest_bits(vector, self.top),
            energy: self.energy.total(energy),
            hinges,
            len: question.weights.len().next_multiple_of(BLOCK),
        }
    }

    /// Adds a block, and returns its energy.
    #[inline(always)]
    fn add_block<W: Format>(
        &mut self,
        vector: V,
        question: Question<'_, W, T>,
        block: &[W; BLOCK],
        hinges: &mut [V::Singles; T],
        visitor: &mut impl Visitor<V>,
    ) -> f64 {
        let mut energy = vector.zeros();
        for chunk in block.as_chunks::<LANES>().0 {
            let chunk = Chunk::new(vector, question.side, vector.load(&singles(chunk)));
            let Chunk { x, wide, .. } = chunk;
            self.top = vector.max_bits(self.top, x);
            energy = vector.add_square(vector.add_square(energy, wide[0]), wide[1]);
            for (hinge, threshold) in hinges.iter_mut().zip(question.thresholds) {
                *hinge = vector.add(*hinge, vector.max(x, vector.splat(threshold)));
            }
            visitor.visit(vector, &chunk);
        }
        total(&vector.doubles(energy))
    }

    #[inline(always)]
    fn add_hinges(&mut self, vector: V, hinges: [V::Singles; T]) {
        for (sum, lanes) in self.hinges.iter_mut().zip(hinges) {
            let [low, high] = vector.widen(lanes);
            *sum = vector.add_doubles(*sum, vector.add_doubles(low, high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Backend;
    use crate::exact::float_sums;

    /// Numbers of both signs without a pattern.
    fn weights() -> [f32; 1500] {
        core::array::from_fn(|i| {
            let random = u32::try_from(i).unwrap_or(0).wrapping_mul(2_654_435_761);
            f32::from_bits(random & 0xbfff_ffff) % 1.0
        })
    }

    #[test]
    fn hinges_are_as_exact_as_they_claim_and_energies_are_exact() {
        let (weights, thresholds) = (weights(), [0.0, 0.1, 0.4]);
        for backend in Backend::available() {
            for side in [Side::Both, Side::Positive, Side::Negative] {
                for len in [1, 15, 64, 65, 1024, 1025, 1500] {
                    let weights = &weights[..len];
                    let survey = backend.run(Question {
                        weights,
                        side,
                        thresholds,
                    });
                    let magnitude = |w: f32| {
                        let takes_part = side.includes(w.is_sign_negative());
                        if takes_part { f64::from(w.abs()) } else { 0.0 }
                    };
                    let padding = (survey.len - len) as f64;
                    for (hinge, tau) in survey.hinges.into_iter().zip(thresholds.map(f64::from)) {
                        let expected: f64 = weights.iter().map(|&w| magnitude(w).max(tau)).sum();
                        let error = (hinge - padding * tau - expected).abs();
                        assert!(error <= hinge * Survey::<3>::ERROR, "{side:?} {len}");
                    }
                    let squared = |_, w| {
                        let w = core::hint::black_box(f64::from(w));
                        w * w
                    };
                    let energy = float_sums::sum(weights, squared);
                    assert_eq!(survey.energy.to_bits(), energy.to_bits());
                    let top = weights.iter().map(|&w| magnitude(w)).fold(0.0, f64::max);
                    assert_eq!(
                        f64::from(f32::from_bits(survey.top)).to_bits(),
                        top.to_bits()
                    );
                }
            }
        }
    }
}
