//! The checker: whether a certificate proves an answer. It contains no search, only comparisons of whole numbers.
//!
//! ```text
//! shape    : thresholds increase, from 0 to one that nothing is above; the optimum's is one of them, and something is above it
//! one pass : between which thresholds does each weight lie, and is its trit that of the optimum?
//! sums     : from the top down, are count, mass and sum above each threshold what the certificate says?
//! chords   : a^2 m* <= b S*^2 in each interval, and less above the optimum's                     (see the parent module)
//! answer   : scales and thresholds are those of the sums, rounded once; counts are counts
//! ```
//!
//! Cost: a binary search and a few additions of whole numbers for each weight, a dozen products for each interval; of memory two
//! whole numbers for each threshold. A unit test counts the lines of this file: at most a hundred, comments aside.

use alloc::{vec, vec::Vec};
use core::cmp::Ordering;

use super::{Certificate, Ladder, Refusal, Step};
use crate::exact::natural::{compare, difference, magnitude, product};
use crate::exact::wide_sums::WideSums;
use crate::optimum::fit::Fit;
use crate::weight::FloatBits;

impl<W: FloatBits> Certificate<W> {
    /// [`check`](Self::check), for one type of weights.
    pub(in crate::optimum) fn verify(
        &self,
        weights: &[W],
        importance: Option<&[f32]>,
        trits: &[i8],
        fit: &Fit<W>,
    ) -> Result<(), Refusal> {
        let (ladders, n) = (self.ladders(), weights.len());
        for actual in [trits.len(), fit.len, importance.map_or(n, <[_]>::len)] {
            let expected = n;
            ensure(actual == n, Refusal::Length { expected, actual })?;
        }
        for (ladder, it) in ladders.iter().enumerate() {
            ensure(it.has_shape(), Refusal::Shape { ladder })?;
        }
        // Below the first threshold of a ladder, and above each.
        let none = |it: &Ladder<W>| vec![WideSums::NONE; it.steps.len() + 1];
        let mut between: Vec<_> = ladders.iter().map(none).collect();
        let mut parts = [[WideSums::NONE; 2]; 2];
        for (index, (&weight, &trit)) in weights.iter().zip(trits).enumerate() {
            let h = importance.map(|h| h[index]);
            let valid = h.is_none_or(|h| h.is_finite() && h >= 0.0);
            ensure(weight.is_finite() && valid, Refusal::Input { index })?;
            let negative = usize::from(weight.is_sign_negative());
            let ladder = negative % ladders.len();
            let Ladder { steps, best } = &ladders[ladder];
            let above = steps.partition_point(|it| h != Some(0.0) && it.threshold < weight.abs());
            let selected = usize::from(above > *best);
            let right = trit == [[0, 0], [1, -1]][selected][negative];
            ensure(right, Refusal::Trit { index })?;
            parts[selected][negative].add(weight, h);
            between[ladder][above].add(weight, h);
        }
        let mut pairs = ladders.iter().zip(&between).enumerate();
        pairs.try_for_each(|(ladder, (it, between))| it.proves(&between[1..], ladder))?;
        self.is_answer(&parts[1], fit)
    }

    /// Whether counts, scales and thresholds are those of what is +1 and what is -1.
    fn is_answer(&self, [p, n]: &[WideSums<W>; 2], fit: &Fit<W>) -> Result<(), Refusal> {
        let (all, scales) = (p.plus(n), [fit.lambda_p, fit.lambda_n]);
        let (one, two) = ([all.scale(); 2], [p.scale(), n.scale()]);
        let (off, scaled, halves) = match self {
            Self::Joint(_) => (0, scales == one || scales == two, [&all; 2]),
            Self::BySign(_) => (8, scales == two, [p, n]),
        };
        let [half_p, half_n] = halves.map(WideSums::half_scale);
        let halves = [half_p, half_n, half_p.min(half_n)];
        let thresholds = [fit.threshold_p, fit.threshold_n, fit.threshold];
        let distance = fit.lambda.key().abs_diff(one[0].key());
        let field = |holds, field| ensure(holds, Refusal::Fit { field });
        field(fit.nonzeros == all.count, "nonzeros")?;
        field(fit.positives == p.count, "positives")?;
        field(fit.lambda >= W::zero() && distance <= off, "lambda")?;
        field(scaled, "lambda_p, lambda_n")?;
        field(thresholds == halves, "thresholds")
    }
}

impl<W: FloatBits> Ladder<W> {
    /// Whether thresholds increase from 0 to one with nothing above; above the best is something, if anywhere.
    fn has_shape(&self) -> bool {
        let (first, best) = (self.steps.first(), self.steps.get(self.best));
        let (Some(first), Some(best), Some(last)) = (first, best, self.steps.last()) else {
            return false;
        };
        let ends = first.threshold.is_zero() && last.threshold.is_finite() && last.count == 0;
        let increase = |low: &Step<W>, high: &Step<W>| low.threshold < high.threshold;
        ends && self.steps.is_sorted_by(increase) && (best.count > 0 || first.count == 0)
    }

    /// Whether the sums are those of the weights between the thresholds, and the chords those of an optimum.
    fn proves(&self, between: &[WideSums<W>], ladder: usize) -> Result<(), Refusal> {
        let mut above = WideSums::NONE;
        for (step, (it, between)) in self.steps.iter().zip(between).enumerate().rev() {
            above = above.plus(between);
            let same = above.are(it.count, &it.mass, &it.sum);
            ensure(same, Refusal::Sums { ladder, step })?;
        }
        for (step, pair) in self.steps.windows(2).enumerate() {
            let order = chord(&pair[0], &pair[1], &self.steps[self.best]);
            let excluded = order.is_lt() || order.is_eq() && step <= self.best;
            ensure(excluded, Refusal::Interval { ladder, step })?;
        }
        Ok(())
    }
}

/// Orders the most that the chord between two steps allows, `a^2 / b`, and the best step's score, `S*^2 / m*`.
pub(super) fn chord<W: FloatBits>(p: &Step<W>, q: &Step<W>, best: &Step<W>) -> Ordering {
    let [low, high] = [p, q].map(|step| magnitude(step.threshold));
    let curve = |it: &Step<W>, tau| difference(it.sum.clone(), &product(&it.mass, tau));
    let (b_low, b_high) = (curve(p, &low), curve(q, &high));
    // Both a and b are times the length of the interval.
    let a = difference(product(&b_low, &high), &product(&b_high, &low));
    let b = product(&difference(b_low, &b_high), &difference(high, &low));
    let gain = product(&product(&a, &a), &best.mass);
    compare(&gain, &product(&product(&best.sum, &best.sum), &b))
}

fn ensure(holds: bool, refusal: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(refusal) }
}
