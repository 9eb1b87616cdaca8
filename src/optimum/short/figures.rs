//! What sixteen supports come to: scales, thresholds, cosine, error.
//!
//! ```text
//! lambda = S / m,  threshold = the largest weight not above lambda / 2
//! cosine = S / sqrt(m E),  relative error = (E - lambda_p (2 S_p - lambda_p m_p) - lambda_n (2 S_n - lambda_n m_n)) / E
//! ```
//!
//! Plain loops over the lanes, which become vectors: divisions and roots of `f64` are rounded alike everywhere, and so
//! figures are the same numbers that [`crate::optimum::fit`] gives for one vector. A scale is rounded twice here, to a double and
//! then to a weight. That is as good as once, unless the `f64` has so few bits that it may itself be a weight or a tie
//! between two; such a one must be exact, or else the lane is in doubt.

use super::best::{LaneSupport, Lanes, Positive, each, lanes, where_true};
use crate::optimum::fit::Fit;
use crate::optimum::rule::Scales;
use crate::optimum::solution::direct::may_round_twice;
use crate::simd::{Job, Vector};
use crate::weight::{FloatBits, floor};

/// One weight for each lane.
type LaneWeights<W> = [W; 16];

/// The best supports.
#[expect(
    clippy::large_enum_variant,
    reason = "on the stack, once for sixteen vectors"
)]
pub(super) enum Chosen {
    /// One for both signs, with so many scales.
    Both(LaneSupport, Scales),
    /// The positive one and the negative one.
    BySign(LaneSupport, LaneSupport),
}

/// All about sixteen vectors but their trits.
pub(super) struct Figures<W> {
    pub(super) found: Decided<W>,
    cosine: Lanes,
    relative_error: Lanes,
    /// As bits, the lanes whose error has cancelled too many digits.
    pub(super) cancelled: u32,
}

/// Supports, scales and thresholds.
pub(super) struct Decided<W> {
    both: LaneSupport,
    /// The positive weights and the negative ones.
    signs: [LaneSupport; 2],
    lambda: LaneWeights<W>,
    lambdas: [LaneWeights<W>; 2],
    pub(super) thresholds: [LaneWeights<W>; 2],
    /// Lanes in doubt, as bits.
    doubt: u32,
}

impl LaneSupport {
    /// With other weights if the sign is 1, without them if it is -1: exactly, as sums are.
    #[inline(always)]
    fn and(&self, sign: f64, other: &Self) -> Self {
        Self {
            sum: each(0.0, |l| self.sum[l] + sign * other.sum[l]),
            mass: each(0.0, |l| self.mass[l] + sign * other.mass[l]),
        }
    }

    /// `S / m`, 0 for the empty support; in doubt where a weight or a tie would be no exact quotient.
    #[inline(always)]
    fn mean<W: FloatBits, V: Vector>(&self, v: V) -> (Lanes, u32) {
        let divisor = each(0.0, |l| self.mass[l].max(1.0));
        let mean = each(0.0, |l| self.sum[l] / divisor[l]);
        let doubt = where_true(v, |l| {
            may_round_twice::<W>(self.sum[l], divisor[l], mean[l])
        });
        (mean, doubt)
    }
}

#[inline(always)]
fn nearest<W: FloatBits>(x: &Lanes) -> LaneWeights<W> {
    each(W::zero(), |l| W::narrow(x[l]))
}

#[inline(always)]
fn half_floor<W: FloatBits>(x: &Lanes) -> LaneWeights<W> {
    // A loop, not a closure: a closure this long would be compiled without the instructions of the backend.
    let mut halves = [W::zero(); 16];
    for (half, &x) in halves.iter_mut().zip(x) {
        *half = floor(0.5 * x);
    }
    halves
}

/// A small whole number: the last bits of its sum with 2^52, in three instructions where a conversion takes twelve.
#[inline(always)]
fn count(x: f64) -> usize {
    let [low, high, ..] = (x + 4_503_599_627_370_496.0).to_bits().to_le_bytes();
    usize::from(u16::from_le_bytes([low, high]))
}

impl<W: FloatBits> Figures<W> {
    /// The figures of supports, and which lanes are in doubt as bits.
    #[inline(always)]
    pub(super) fn of<V: Vector>(
        v: V,
        rows: &[[f32; 16]],
        energy: &Lanes,
        chosen: &Chosen,
    ) -> (Self, u32) {
        let infinite = where_true(v, |l| !energy[l].is_finite());
        let found = match chosen {
            Chosen::Both(both, scales) => Decided::of_both(v, rows, both, *scales),
            Chosen::BySign(p, n) => Decided::of_signs(v, p, n),
        };
        let doubt = infinite | found.doubt;
        (Self::measured(v, found, energy), doubt)
    }

    /// With cosines and errors.
    #[inline(always)]
    fn measured<V: Vector>(v: V, found: Decided<W>, energy: &Lanes) -> Self {
        let Decided {
            both,
            signs,
            lambdas,
            ..
        } = &found;
        let product = each(0.0, |l| both.mass[l] * energy[l]);
        let (halves, _) = product.as_chunks();
        let root = |half: usize| v.square_roots(v.load_doubles(&halves[half]));
        let norm = lanes(v, [root(0), root(1)]);
        let cosine = each(0.0, |l| {
            let cosine = both.sum[l] / norm[l];
            // Also where nothing is divided by nothing.
            let within = if cosine < 1.0 { cosine } else { 1.0 };
            if norm[l] > 0.0 { within } else { 0.0 }
        });
        let gained = |sign: usize| {
            each(0.0, |l| {
                let lambda = lambdas[sign][l].widen();
                lambda * (2.0 * signs[sign].sum[l] - lambda * signs[sign].mass[l])
            })
        };
        let (p, n) = (gained(0), gained(1));
        let lost = each(0.0, |l| energy[l] - (p[l] + n[l]));
        // Of nothing, nothing is lost.
        let cancelled = where_true(v, |l| (lost[l] * 64.0 <= energy[l]) & (energy[l] > 0.0));
        let relative_error = each(0.0, |l| {
            let share = lost[l] / energy[l];
            if energy[l] > 0.0 { share } else { 0.0 }
        });
        Self {
            found,
            cosine,
            relative_error,
            cancelled,
        }
    }

    /// The fit of a lane, of a vector of `len` weights.
    #[inline(always)]
    pub(super) fn fit(&self, lane: usize, len: usize) -> Fit<W> {
        let found = &self.found;
        let [p, n] = [found.thresholds[0][lane], found.thresholds[1][lane]];
        Fit {
            lambda: found.lambda[lane],
            lambda_p: found.lambdas[0][lane],
            lambda_n: found.lambdas[1][lane],
            nonzeros: count(found.both.mass[lane]),
            positives: count(found.signs[0].mass[lane]),
            len,
            threshold: if p < n { p } else { n },
            threshold_p: p,
            threshold_n: n,
            cosine: self.cosine[lane],
            relative_error: self.relative_error[lane],
        }
    }
}

impl<W: FloatBits> Decided<W> {
    /// One support for both signs.
    #[inline(always)]
    fn of_both<V: Vector>(v: V, rows: &[[f32; 16]], both: &LaneSupport, scales: Scales) -> Self {
        let (mean, mut doubt) = both.mean::<W, V>(v);
        let lambda = nearest(&mean);
        let threshold = half_floor::<W>(&mean);
        let positive = Positive {
            rows,
            thresholds: each(0.0, |l| threshold[l].single()),
        }
        .run(v);
        let negative = both.and(-1.0, &positive);
        let mut lambdas = [lambda; 2];
        if scales == Scales::Two {
            let ((p, doubt_p), (n, doubt_n)) = (positive.mean::<W, V>(v), negative.mean::<W, V>(v));
            lambdas = [nearest(&p), nearest(&n)];
            doubt |= doubt_p | doubt_n;
        }
        Self {
            both: *both,
            signs: [positive, negative],
            lambda,
            lambdas,
            thresholds: [threshold; 2],
            doubt,
        }
    }

    /// A support for each sign.
    #[inline(always)]
    fn of_signs<V: Vector>(v: V, p: &LaneSupport, n: &LaneSupport) -> Self {
        let both = p.and(1.0, n);
        // Only informative: nobody asks which way it is rounded.
        let (mean, _) = both.mean::<W, V>(v);
        let ((mean_p, doubt_p), (mean_n, doubt_n)) = (p.mean::<W, V>(v), n.mean::<W, V>(v));
        Self {
            both,
            signs: [*p, *n],
            lambda: nearest(&mean),
            lambdas: [nearest(&mean_p), nearest(&mean_n)],
            thresholds: [half_floor(&mean_p), half_floor(&mean_n)],
            doubt: doubt_p | doubt_n,
        }
    }
}
