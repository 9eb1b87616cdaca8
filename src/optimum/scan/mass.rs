//! [`Mass`]: what a weight counts, and [`MassedWeights`]: weights with their masses.

use core::fmt::Debug;

use super::above::{ExactLanes, LaneSums, RoundedLanes, RoundedSums, SignedSums, SupportSums};
use super::{LANES, load, magnitudes, padded};
use crate::optimum::side::Side;
use crate::simd::Vector;
use crate::weight::FloatBits;

/// The type of the masses of weights: [`UnitMass`], or `f32` for importances.
pub(crate) trait Mass: Copy + Default + Debug + Send + Sync + 'static {
    /// Whether masses differ. Constant, so that a loop has no branch for it.
    const WEIGHTED: bool;
    /// The largest relative error of a sum of hinges that is added in `f32`. Derived: 63 additions and the rounding to `f32`
    /// (with importances also the product), each at most 2^-24, and two more for what is added in `f64`.
    const HINGE_ERROR: f64;
    /// Sums above a threshold.
    type Sums: SupportSums;
    /// The same while a loop adds them.
    type Above<V: Vector>: LaneSums<V, Self>;

    /// The mass as a number.
    fn value(self) -> f32;
}

/// The mass 1 of each weight, where there are no importances.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UnitMass;

/// As many of them as anybody asks for: they take no memory.
static UNITS: [UnitMass; usize::MAX] = [UnitMass; usize::MAX];

impl Mass for UnitMass {
    const WEIGHTED: bool = false;
    const HINGE_ERROR: f64 = 66.0 / (1 << 24) as f64;
    type Sums = SignedSums;
    type Above<V: Vector> = ExactLanes<V>;

    #[inline(always)]
    fn value(self) -> f32 {
        1.0
    }
}

impl Mass for f32 {
    const WEIGHTED: bool = true;
    const HINGE_ERROR: f64 = 70.0 / (1 << 24) as f64;
    type Sums = RoundedSums;
    type Above<V: Vector> = RoundedLanes<V>;

    #[inline(always)]
    fn value(self) -> f32 {
        self
    }
}

/// Weights and as many masses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MassedWeights<'a, W, H> {
    pub(crate) weights: &'a [W],
    pub(crate) masses: &'a [H],
}

impl<'a, W> MassedWeights<'a, W, UnitMass> {
    /// Weights without importances.
    pub(crate) fn unit(weights: &'a [W]) -> Self {
        Self {
            weights,
            masses: UNITS.get(..weights.len()).unwrap_or_default(),
        }
    }
}

impl<'a, W, H> MassedWeights<'a, W, H> {
    /// The first weights, and the others.
    #[inline(always)]
    pub(super) fn split_at(self, at: usize) -> [Self; 2] {
        let (first, second) = self.weights.split_at(at);
        let (first_masses, second_masses) = self.masses.split_at(at);
        [(first, first_masses), (second, second_masses)]
            .map(|(weights, masses)| Self { weights, masses })
    }

    /// Runs of so many weights; the last may be shorter.
    #[inline(always)]
    pub(super) fn runs(self, len: usize) -> impl Iterator<Item = Self> {
        let runs = self.weights.chunks(len).zip(self.masses.chunks(len));
        runs.map(|(weights, masses)| Self { weights, masses })
    }

    /// Arrays of `N` weights; what is left at the end is left out.
    #[inline(always)]
    pub(super) fn arrays<const N: usize>(self) -> impl Iterator<Item = (&'a [W; N], &'a [H; N])> {
        let (weights, masses) = (self.weights.as_chunks().0, self.masses.as_chunks().0);
        weights.iter().zip(masses)
    }

    /// The whole blocks of `N` weights, and what is left, filled up with zeros, in a place that is lent: the code for a block is long,
    /// and so it is compiled once for both.
    #[inline(always)]
    pub(super) fn padded_parts<'l, const N: usize>(
        self,
        place: &'l mut Option<([W; N], [H; N])>,
    ) -> [MassedWeights<'l, W, H>; 2]
    where
        'a: 'l,
        W: FloatBits,
        H: Mass,
    {
        let [whole, rest] = self.split_at(self.weights.len() / N * N);
        if !rest.weights.is_empty() {
            let weights = padded(rest.weights, W::from_key(0));
            *place = Some((weights, padded(rest.masses, H::default())));
        }
        let (weights, masses) = place.as_ref().map_or((&[][..], &[][..]), |(w, h)| (w, h));
        [whole, MassedWeights { weights, masses }]
    }

    /// The same one by one, each block with whether it is whole.
    #[inline(always)]
    pub(super) fn blocks<'l, const N: usize>(
        self,
        place: &'l mut Option<([W; N], [H; N])>,
    ) -> impl Iterator<Item = (&'l [W; N], &'l [H; N], bool)>
    where
        'a: 'l,
        W: FloatBits,
        H: Mass,
    {
        let [whole, rest] = self.padded_parts(place);
        let whole = whole.arrays().map(|(w, h)| (w, h, true));
        whole.chain(rest.arrays().map(|(w, h)| (w, h, false)))
    }
}

/// Sixteen weights in the forms that passes need.
#[derive(Clone, Copy)]
pub(crate) struct WeightChunk<V: Vector> {
    /// The weights with their signs.
    pub(super) singles: V::Singles,
    /// The magnitudes of those that can be selected.
    pub(super) x: V::Singles,
    /// As `f64`: the weights with their signs; with importances, the magnitudes.
    pub(super) wide: [V::Doubles; 2],
    /// The importances, not negative: `-0.0` becomes 0. Not used without importances.
    pub(super) masses: V::Singles,
}

impl<V: Vector> WeightChunk<V> {
    #[inline(always)]
    pub(super) fn load<W: FloatBits, H: Mass>(
        vector: V,
        side: Side,
        weights: &[W; LANES],
        masses: &[H; LANES],
    ) -> Self {
        let singles = load(vector, weights);
        let masses = vector.load(&values(masses));
        Self::new::<H>(vector, side, singles, masses)
    }

    #[inline(always)]
    pub(super) fn new<H: Mass>(
        vector: V,
        side: Side,
        singles: V::Singles,
        masses: V::Singles,
    ) -> Self {
        let x = magnitudes(vector, side, singles);
        if !H::WEIGHTED {
            let wide = vector.widen(singles);
            return Self {
                singles,
                x,
                wide,
                masses,
            };
        }
        let zero = vector.splat(0.0);
        let masses = vector.add(masses, zero);
        let x = vector.select(vector.greater(masses, zero), x);
        Self {
            singles,
            x,
            wide: vector.widen(x),
            masses,
        }
    }
}

/// The masses as numbers.
#[inline(always)]
fn values<H: Mass>(masses: &[H; LANES]) -> [f32; LANES] {
    let mut values = [0.0; LANES];
    for (value, mass) in values.iter_mut().zip(masses) {
        *value = mass.value();
    }
    values
}
