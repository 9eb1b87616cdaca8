//! Passes over weights with importances: the same as those without, but for two things.
//!
//! **Sums are rounded, and say by how much.** The product of two singles is exact in a double, but no few bits hold a sum of
//! them. As no term is negative, a sum of `n` terms has a relative error of at most about `(n - 1) 2^-53`; so the lanes add short
//! runs, and runs are added to runs ([`Above`]). What such a sum leaves in doubt, [`exact`] decides in one more pass.
//!
//! **A weight of importance 0 is none.** It changes no score, so it is never selected: where the magnitudes are made, it becomes
//! a zero ([`Chunk`]).
//!
//! The passes: [`scan`] (how large is the gain near a few thresholds, and what lies in a window?), [`pairs`] (what was gathered
//! there), [`write`](mod@write) (the trits, and the sums by sign that all figures are made from), [`exact`].

pub(crate) mod exact;
pub(crate) mod pairs;
pub(crate) mod scan;
pub(crate) mod write;

use super::{LANES, Side, padded, singles};
use crate::simd::Vector;
use crate::weight::Format;

/// The weights and their importances, as many.
#[derive(Clone, Copy)]
pub(crate) struct Weighted<'a, W> {
    pub(crate) weights: &'a [W],
    pub(crate) importance: &'a [f32],
}

/// Sums over a support, with their relative error.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Above {
    /// `sum h |w|`.
    pub(crate) sum: f64,
    /// `sum h`.
    pub(crate) mass: f64,
    /// The relative error of both, at the most.
    pub(crate) error: f64,
}

/// Half a unit in the last place of 1.
pub(crate) const ROUNDING: f64 = f64::EPSILON / 2.0;

impl Above {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            sum: self.sum + other.sum,
            mass: self.mass + other.mass,
            error: self.error.max(other.error) + ROUNDING,
        }
    }
}

/// Sixteen weights with their importances.
#[derive(Clone, Copy)]
struct Chunk<V: Vector> {
    /// With their signs.
    singles: V::Singles,
    /// Not negative, for an importance of `-0.0` becomes 0.
    importance: V::Singles,
    /// The magnitudes of those that can be selected.
    x: V::Singles,
}

impl<V: Vector> Chunk<V> {
    #[inline(always)]
    fn new<W: Format>(
        vector: V,
        side: Side,
        weights: &[W; LANES],
        importance: &[f32; LANES],
    ) -> Self {
        let zero = vector.splat(0.0);
        let singles = vector.load(&singles(weights));
        let importance = vector.add(vector.load(importance), zero);
        let x = side.magnitudes(vector, singles);
        Self {
            singles,
            importance,
            x: vector.select(vector.greater(importance, zero), x),
        }
    }
}

/// Calls a method of a visitor with each block, the last filled up with weights of importance 0.
trait Visitor<V: Vector, W: Format, const N: usize> {
    /// To be `#[inline(always)]`, like all that a job calls.
    fn visit(&mut self, vector: V, index: usize, weights: &[W; N], importance: &[f32; N]);
}

impl<W: Format> Weighted<'_, W> {
    /// Shows all blocks.
    #[inline(always)]
    fn visit_all<V: Vector, const N: usize>(self, vector: V, visitor: &mut impl Visitor<V, W, N>) {
        let (blocks, rest) = self.weights.as_chunks::<N>();
        let (masses, rest_masses) = self.importance.as_chunks::<N>();
        for (index, (block, mass)) in blocks.iter().zip(masses).enumerate() {
            visitor.visit(vector, index, block, mass);
        }
        if !rest.is_empty() {
            visitor.visit(vector, blocks.len(), &padded(rest), &padded(rest_masses));
        }
    }
}

/// The sum of all lanes.
#[inline(always)]
fn lanes<V: Vector>(vector: V, halves: [V::Doubles; 2]) -> f64 {
    crate::exact::float_sums::total(&vector.doubles(vector.add_doubles(halves[0], halves[1])))
}
