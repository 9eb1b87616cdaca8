//! The sums above a threshold with importances, without any rounding: for what rounded sums leave open.
//!
//! A term is cut into three pieces on grids that are fixed beforehand. Each grid is so coarse that a lane adds its pieces without rounding:
//!
//! ```text
//! q = (sigma + p) - sigma,   p = p - q           with sigma = 1.5 * 2^k:  q is a multiple of 2^(k-52), |p - q| <= 2^(k-53)
//! ```
//!
//! With terms below `2^E` and `n = 2^b` of them in a lane, `k = E + b + 1` keeps `n 2^E` below `2^53` units, and what is left is
//! below `2^(k-53)`: the next `E`. So a piece is `52 - b` bits long. Three pieces make 105 bits for a million weights, where a
//! product of two `f32` has 48: the other bits are for magnitudes that differ. If they are not enough, something is left of a term,
//! and the pass returns `None`.
//!
//! Cost: one read, and about 130 vector operations for 16 weights.
//!
//! Source: Rump, Ogita and Oishi, Accurate Floating-Point Summation (2008), extraction of leading parts.

use super::LANES;
use super::mass::{MassedWeights, WeightChunk};
use crate::exact::wide_sums::{ExactPart, PIECES, Piece};
use crate::optimum::side::Side;
use crate::simd::{Job, Vector};
use crate::weight::{FloatBits, scale_by_power};

/// Sums everything above a threshold.
pub(crate) struct ExactPass<'a, W> {
    pub(crate) input: MassedWeights<'a, W, f32>,
    pub(crate) threshold: f32,
    /// Magnitudes and importances are at most that large.
    pub(crate) top: f32,
    pub(crate) top_mass: f32,
}

/// The smallest exponent of a power of two above a number.
fn exponent_above(x: f32) -> i32 {
    (f64::from(x).to_bits() >> 52) as i32 - 1022
}

impl<W: FloatBits> Job for ExactPass<'_, W> {
    /// Of the positive weights and of the negative ones; `None` if they are too far apart.
    type Output = Option<[ExactPart; 2]>;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let terms = self.input.weights.len() / LANES + 1;
        let bits = terms.next_power_of_two().ilog2() as i32;
        let mass = exponent_above(self.top_mass) + bits + 1;
        let sum = mass + exponent_above(self.top);
        let step = 52 - bits;
        let sums = [[vector.zeros(); 2]; PIECES];
        let none = PieceSums { sums };
        let mut cutter = Cutter::<V> {
            threshold: vector.splat(self.threshold),
            sigmas: [sigmas(vector, sum, step), sigmas(vector, mass, step)],
            counts: [0; 2],
            pieces: [none; 4],
            left: [vector.zeros(); 2],
        };
        for (weights, masses, _) in self.input.blocks(&mut None) {
            cutter.add(vector, weights, masses);
        }
        let mut nothing_left = true;
        for half in cutter.left {
            for lane in vector.doubles(half) {
                nothing_left &= lane.to_bits() << 1 == 0;
            }
        }
        let mut parts = [ExactPart::default(); 2];
        for (sign, part) in parts.iter_mut().enumerate() {
            part.count = cutter.counts[sign];
            part.sum = cutter.pieces[2 * sign].total(vector, sum, step);
            part.mass = cutter.pieces[2 * sign + 1].total(vector, mass, step);
        }
        nothing_left.then_some(parts)
    }
}

/// What rounds a term to the places of each piece: `1.5 * 2^k`, `step` places apart.
#[inline(always)]
fn sigmas<V: Vector>(vector: V, mut k: i32, step: i32) -> [V::Doubles; PIECES] {
    let mut sigmas = [vector.zeros(); PIECES];
    for sigma in &mut sigmas {
        *sigma = vector.splat_double(scale_by_power(1.5, k));
        k -= step;
    }
    sigmas
}

/// The pieces of a sum.
#[derive(Clone, Copy)]
struct PieceSums<V: Vector> {
    sums: [[V::Doubles; 2]; PIECES],
}

impl<V: Vector> PieceSums<V> {
    /// Adds a term of a half, and returns what is left of it.
    #[inline(always)]
    fn add(
        &mut self,
        vector: V,
        sigmas: &[V::Doubles; PIECES],
        half: usize,
        mut term: V::Doubles,
    ) -> V::Doubles {
        for (sums, &sigma) in self.sums.iter_mut().zip(sigmas) {
            let cut = vector.subtract_doubles(vector.add_doubles(sigma, term), sigma);
            sums[half] = vector.add_doubles(sums[half], cut);
            term = vector.subtract_doubles(term, cut);
        }
        term
    }

    /// All lanes together, with pieces that are not negative.
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number of at most 53 bits"
    )]
    fn total(&self, vector: V, k: i32, step: i32) -> [Piece; PIECES] {
        let mut scaled = [Piece::default(); PIECES];
        let mut carry = 0;
        for j in (0..PIECES).rev() {
            let unit = k - step * j as i32 - 52;
            let mut total = carry;
            for half in self.sums[j] {
                for lane in vector.doubles(half) {
                    total += i128::from(scale_by_power(lane, -unit) as i64);
                }
            }
            // A piece below the first may be negative: it borrows from the one before.
            carry = if j > 0 { total >> step } else { 0 };
            scaled[j] = Piece {
                integer: (total - (carry << step)).cast_unsigned(),
                exponent: unit,
            };
        }
        scaled
    }
}

struct Cutter<V: Vector> {
    threshold: V::Singles,
    /// For sums, and for masses.
    sigmas: [[V::Doubles; PIECES]; 2],
    counts: [usize; 2],
    /// `S_p, m_p, S_n, m_n`.
    pieces: [PieceSums<V>; 4],
    /// Zero if nothing is left of any term.
    left: [V::Doubles; 2],
}

impl<V: Vector> Cutter<V> {
    /// Adds sixteen weights.
    #[inline(always)]
    fn add<W: FloatBits>(&mut self, vector: V, weights: &[W; LANES], masses: &[f32; LANES]) {
        for (sign, side) in [Side::Positive, Side::Negative].into_iter().enumerate() {
            let chunk = WeightChunk::load::<W, f32>(vector, side, weights, masses);
            let above = vector.greater(chunk.x, self.threshold);
            self.counts[sign] += vector.bits(above).count_ones() as usize;
            let h = vector.widen(vector.select(above, chunk.masses));
            for half in 0..2 {
                let sum = vector.multiply_doubles(h[half], chunk.wide[half]);
                let terms = [(2 * sign, sum), (2 * sign + 1, h[half])];
                for (j, term) in terms {
                    let left = self.pieces[j].add(vector, &self.sigmas[j % 2], half, term);
                    self.left[0] = vector.max_doubles(self.left[0], left);
                    self.left[1] = vector.min_doubles(self.left[1], left);
                }
            }
        }
    }
}
