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

/// All about sixteen vectors but their trits.
pub(super) struct Figures<W> {
    pub(super) decided: Decided<W>,
    /// Of non-zeros, and of positive ones.
    counts: [[u64; 16]; 2],
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

/// The scale of a support and its threshold.
struct LaneScale<W> {
    lambda: LaneWeights<W>,
    threshold: LaneWeights<W>,
    /// Lanes in doubt, as bits.
    doubt: u32,
}

impl LaneSupport {
    /// With other weights if the sign is 1, without them if it is -1: exactly, as sums are.
    #[inline(always)]
    fn and(&self, sign: f64, other: &Self) -> Self {
        let mut both = *self;
        for l in 0..16 {
            both.sum[l] += sign * other.sum[l];
            both.mass[l] += sign * other.mass[l];
        }
        both
    }

    /// `S / m`, 0 for the empty support; in doubt where a weight or a tie would be no exact quotient.
    #[inline(always)]
    fn scale<W: FloatBits, V: Vector>(&self, v: V) -> LaneScale<W> {
        let (mut mean, mut doubtful) = ([0.0; 16], [false; 16]);
        for l in 0..16 {
            let divisor = self.mass[l].max(1.0);
            mean[l] = self.sum[l] / divisor;
            doubtful[l] = may_round_twice::<W>(self.sum[l], divisor, mean[l]);
        }
        let (mut lambda, mut threshold) = ([W::zero(); 16], [W::zero(); 16]);
        for l in 0..16 {
            lambda[l] = W::narrow(mean[l]);
            threshold[l] = floor(0.5 * mean[l]);
        }
        LaneScale {
            lambda,
            threshold,
            doubt: where_true(v, |l| doubtful[l]),
        }
    }
}

/// A small whole number: the last bits of its sum with 2^52, in two instructions where a conversion takes twelve.
#[inline(always)]
fn count(x: f64) -> u64 {
    (x + 4_503_599_627_370_496.0).to_bits() & 0xffff
}

impl<W: FloatBits> Figures<W> {
    /// The figures of supports, and which lanes are in doubt as bits.
    #[inline(always)]
    pub(super) fn of<V: Vector>(v: V, decided: Decided<W>, energy: &Lanes) -> (Self, u32) {
        let infinite = where_true(v, |l| !energy[l].is_finite());
        let doubt = infinite | decided.doubt;
        let (both, [p, n]) = (&decided.both, &decided.signs);
        let product = each(0.0, |l| both.mass[l] * energy[l]);
        let (halves, _) = product.as_chunks();
        let root = |half: usize| v.square_roots(v.load_doubles(&halves[half]));
        let norm = lanes(v, [root(0), root(1)]);
        let (mut cosine, mut lost, mut relative_error) = ([0.0; 16], [0.0; 16], [0.0; 16]);
        let mut counts = [[0; 16]; 2];
        for l in 0..16 {
            counts[0][l] = count(both.mass[l]);
            counts[1][l] = count(p.mass[l]);
            let share = both.sum[l] / norm[l];
            // Also where nothing is divided by nothing.
            let share = if share < 1.0 { share } else { 1.0 };
            cosine[l] = if norm[l] > 0.0 { share } else { 0.0 };
            let (lambda_p, lambda_n) =
                (decided.lambdas[0][l].widen(), decided.lambdas[1][l].widen());
            let gained_p = lambda_p * (2.0 * p.sum[l] - lambda_p * p.mass[l]);
            let gained_n = lambda_n * (2.0 * n.sum[l] - lambda_n * n.mass[l]);
            lost[l] = energy[l] - (gained_p + gained_n);
            // Of nothing, nothing is lost.
            let share = lost[l] / energy[l];
            relative_error[l] = if energy[l] > 0.0 { share } else { 0.0 };
        }
        let cancelled = where_true(v, |l| (lost[l] * 64.0 <= energy[l]) & (energy[l] > 0.0));
        let figures = Self {
            decided,
            counts,
            cosine,
            relative_error,
            cancelled,
        };
        (figures, doubt)
    }

    /// The fit of a lane, of a vector of `len` weights.
    #[inline(always)]
    pub(super) fn fit(&self, lane: usize, len: usize) -> Fit<W> {
        let found = &self.decided;
        let [p, n] = [found.thresholds[0][lane], found.thresholds[1][lane]];
        let [nonzeros, positives] = &self.counts;
        Fit {
            lambda: found.lambda[lane],
            lambda_p: found.lambdas[0][lane],
            lambda_n: found.lambdas[1][lane],
            nonzeros: usize::try_from(nonzeros[lane]).unwrap_or(0),
            positives: usize::try_from(positives[lane]).unwrap_or(0),
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
    pub(super) fn of_both<V: Vector>(
        v: V,
        rows: &[[f32; 16]],
        both: &LaneSupport,
        scales: Scales,
    ) -> Self {
        let scale = both.scale::<W, V>(v);
        let positive = Positive {
            rows,
            thresholds: each(0.0, |l| scale.threshold[l].single()),
        }
        .run(v);
        let negative = both.and(-1.0, &positive);
        let (mut lambdas, mut doubt) = ([scale.lambda; 2], scale.doubt);
        if scales == Scales::Two {
            let (p, n) = (positive.scale::<W, V>(v), negative.scale::<W, V>(v));
            lambdas = [p.lambda, n.lambda];
            doubt |= p.doubt | n.doubt;
        }
        Self {
            both: *both,
            signs: [positive, negative],
            lambda: scale.lambda,
            lambdas,
            thresholds: [scale.threshold; 2],
            doubt,
        }
    }

    /// A support for each sign.
    #[inline(always)]
    pub(super) fn of_signs<V: Vector>(v: V, p: &LaneSupport, n: &LaneSupport) -> Self {
        let both = p.and(1.0, n);
        let (scale_p, scale_n) = (p.scale::<W, V>(v), n.scale::<W, V>(v));
        Self {
            both,
            signs: [*p, *n],
            // Only informative: nobody asks which way it is rounded.
            lambda: both.scale::<W, V>(v).lambda,
            lambdas: [scale_p.lambda, scale_n.lambda],
            thresholds: [scale_p.threshold, scale_n.threshold],
            doubt: scale_p.doubt | scale_n.doubt,
        }
    }
}
