//! From knobs to a [`Fit`]: every rule comes to a [`Solution`], and a solution is written out and measured in one way.
//!
//! ```text
//! objective  ->  support (found, controlled or prescribed)  ->  Solution: scales, thresholds  ->  trits, cosine, error
//! ```

mod fast;
mod weighted;

use crate::error::Error;
use crate::optimum::fit::{self, Fit};
use crate::optimum::objective::{Objective, Plain, Rounded, Side, Tally, Wide};
use crate::optimum::options::{self, Knobs};
use crate::optimum::rule::{Prescription, Rule, Scales, prescribe};
use crate::optimum::search::{self, Cut, Found, Range, Search, Target};
use crate::weight::{Format, Weight, scale_by_power};

/// Ternarizes checked input.
pub(crate) fn solve<W: Weight>(
    knobs: &Knobs<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Result<Fit<W>, Error> {
    // Small processors have no vectors to stream with, and no flash to spare for it.
    if cfg!(target_pointer_width = "64") {
        if let Some(fit) = fast::solve(knobs, weights, trits)? {
            return Ok(fit);
        }
        if let Some(fit) = weighted::solve(knobs, weights, trits)? {
            return Ok(fit);
        }
    }
    options::check_values(knobs, weights)?;
    let solution = match (knobs.rule, knobs.importance) {
        (Rule::TwoScale, None) => {
            let plain = |side| Plain::new(weights, side);
            two_supports(&plain(Side::Positive), &plain(Side::Negative), knobs.search)
        }
        (Rule::TwoScale, importance) => {
            let wide = |side| Wide::new(weights, importance, side);
            two_supports(&wide(Side::Positive), &wide(Side::Negative), knobs.search)
        }
        (Rule::Tnt, None) if knobs.is_free(weights.len()) => {
            let plain = Plain::new(weights, Side::Both);
            one_support(&plain, &search::optimum(&plain, knobs.search), knobs.scales)
        }
        (Rule::Tnt, None) => {
            let wide = Wide::new(weights, None, Side::Both);
            one_support(&wide, &controlled(knobs, weights, &wide)?, knobs.scales)
        }
        (Rule::Tnt, importance) => {
            let wide = Wide::new(weights, importance, Side::Both);
            one_support(&wide, &search::optimum(&wide, knobs.search), knobs.scales)
        }
        (Rule::Twn | Rule::AbsMean | Rule::AbsMax, _) => baseline(weights, knobs),
    };
    Ok(solution.write(weights, knobs.importance, trits))
}

/// The best or the sparsest support under the caller's control.
fn controlled<W: Weight>(
    knobs: &Knobs<'_>,
    weights: &[W],
    wide: &Wide<'_, W>,
) -> Result<Found<<Wide<'static, W> as Objective>::Tally>, Error> {
    let available = wide.items().filter(|item| item.key > 0).count();
    let range = Range {
        min: knobs.min.max(1).min(available),
        max: knobs.max.min(available),
    };
    if range.max == 0 {
        return match knobs.target {
            Some(target) => Err(Error::TargetUnreachable { target, best: 0.0 }),
            None => Ok(search::nothing(wide)),
        };
    }
    let Some(cosine) = knobs.target else {
        return Ok(search::between(wide, range, knobs.search));
    };
    let energy = fit::energy(weights, None, wide.unit_exponent());
    let target = Target { cosine, energy };
    search::sparsest(wide, range, target, knobs.search).ok_or_else(|| {
        let best = search::between(wide, range, knobs.search);
        let best = wide.rounded(&best.tally).cosine(energy);
        Error::TargetUnreachable {
            target: cosine,
            best,
        }
    })
}

/// One thing for the positive weights and one for the negative ones.
#[derive(Clone, Copy, Debug)]
struct Signed<T> {
    p: T,
    n: T,
}

/// What a rule decides.
#[derive(Clone, Copy, Debug)]
struct Solution<W> {
    lambda: W,
    scales: Signed<W>,
    /// Keys: what is above is selected.
    thresholds: Signed<u64>,
    /// How many of the weights at the threshold are selected, too, the first in order.
    ties: usize,
    /// The sums over the support, in units of two to the power `unit`. With importances, those of the [figures](fit::parts).
    rounded: Rounded,
    /// The same for each sign.
    parts: Signed<Rounded>,
    unit: i32,
}

/// One support for both signs, as a search found it.
fn one_support<O: Objective>(
    objective: &O,
    found: &Found<O::Tally>,
    scales: Scales,
) -> Solution<O::Weight> {
    let parts = Parts::of(objective, found.cut);
    let threshold = parts.threshold(objective.half_scale_key(&found.tally));
    // A run of equals that was taken whole lies above the threshold.
    let ties = if parts.most_left == found.cut.key {
        found.cut.ties
    } else {
        0
    };
    let by_sign = Signed {
        p: &parts.positive,
        n: &parts.negative,
    };
    Solution {
        ties,
        ..one_threshold(objective, threshold, &found.tally, by_sign, scales)
    }
}

/// All that is above a threshold, whatever its sign.
fn one_threshold<O: Objective>(
    objective: &O,
    threshold: u64,
    all: &O::Tally,
    Signed { p, n }: Signed<&O::Tally>,
    scales: Scales,
) -> Solution<O::Weight> {
    let lambda = objective.scale(all);
    Solution {
        lambda,
        scales: match scales {
            Scales::One => Signed {
                p: lambda,
                n: lambda,
            },
            Scales::Two => Signed {
                p: objective.scale(p),
                n: objective.scale(n),
            },
        },
        thresholds: Signed {
            p: threshold,
            n: threshold,
        },
        ties: 0,
        rounded: objective.rounded(all),
        parts: Signed {
            p: objective.rounded(p),
            n: objective.rounded(n),
        },
        unit: objective.unit_exponent(),
    }
}

/// A support for each sign.
fn two_supports<O: Objective>(positive: &O, negative: &O, search: Search) -> Solution<O::Weight> {
    let [p, n] = [positive, negative].map(|side| search::optimum(side, search).tally);
    by_sign((positive, &p), (negative, &n))
}

/// The optima of both signs together.
fn by_sign<O: Objective>(
    (positive, p): (&O, &O::Tally),
    (negative, n): (&O, &O::Tally),
) -> Solution<O::Weight> {
    // The two sides come in units of their own.
    let unit = positive.unit_exponent().max(negative.unit_exponent());
    let in_unit = |side: &O, tally| {
        let Rounded { sum, mass } = side.rounded(tally);
        Rounded {
            sum: scale_by_power(sum, side.unit_exponent() - unit),
            mass,
        }
    };
    let (a, b) = (in_unit(positive, p), in_unit(negative, n));
    let rounded = a.and(b);
    let mean = scale_by_power(fit::share(rounded.sum, rounded.mass), unit);
    Solution {
        lambda: Format::narrow(mean),
        scales: Signed {
            p: positive.scale(p),
            n: negative.scale(n),
        },
        thresholds: Signed {
            p: positive.half_scale_key(p),
            n: negative.half_scale_key(n),
        },
        ties: 0,
        rounded,
        parts: Signed { p: a, n: b },
        unit,
    }
}

/// The support and the scale that a baseline prescribes.
fn baseline<W: Weight>(weights: &[W], knobs: &Knobs<'_>) -> Solution<W> {
    let plain = Plain::with_all(weights);
    let Prescription { threshold, scale } = prescribe(knobs.rule, &plain);
    let solution = one_support(&plain, &plain.above(threshold).into(), knobs.scales);
    let thresholds = Signed {
        p: threshold,
        n: threshold,
    };
    match scale {
        Some(lambda) => Solution {
            lambda,
            scales: Signed {
                p: lambda,
                n: lambda,
            },
            thresholds,
            ..solution
        },
        None => Solution {
            thresholds,
            ..solution
        },
    }
}

impl<W: Weight> Solution<W> {
    /// Writes the trits and measures what they lose.
    fn write(&self, weights: &[W], importance: Option<&[f32]>, trits: &mut [i8]) -> Fit<W> {
        let counts = self.select(weights, importance, trits);
        let energy = fit::energy(weights, importance, self.unit);
        let mut solution = *self;
        if let Some(importance) = importance {
            let [p, n] = fit::parts(weights, importance, trits, self.unit);
            (solution.rounded, solution.parts) = (p.and(n), Signed { p, n });
        }
        let scales = (self.scales.p, self.scales.n);
        solution.measure(weights.len(), counts, energy, || {
            fit::residual(weights, trits, scales, importance, self.unit)
        })
    }

    /// What the trits lose, with the numbers of those that are not 0 and that are +1, and the energy of the weights. `residual`
    /// adds up what is lost, weight by weight.
    fn measure(
        &self,
        len: usize,
        (nonzeros, positives): (usize, usize),
        energy: f64,
        residual: impl FnOnce() -> f64,
    ) -> Fit<W> {
        let Signed {
            p: lambda_p,
            n: lambda_n,
        } = self.scales;
        let in_unit = |lambda: W| scale_by_power(lambda.widen(), -self.unit);
        let parts = [
            (self.parts.p, in_unit(lambda_p)),
            (self.parts.n, in_unit(lambda_n)),
        ];
        let lost = fit::lost(energy, parts).unwrap_or_else(residual);
        Fit {
            lambda: self.lambda,
            lambda_p,
            lambda_n,
            nonzeros,
            positives,
            len,
            threshold: W::from_key(self.thresholds.p.min(self.thresholds.n)),
            threshold_p: W::from_key(self.thresholds.p),
            threshold_n: W::from_key(self.thresholds.n),
            cosine: self.rounded.cosine(energy),
            relative_error: fit::share(lost, energy),
        }
    }

    /// Writes the trits; returns how many are not 0, and how many +1.
    fn select(
        &self,
        weights: &[W],
        importance: Option<&[f32]>,
        trits: &mut [i8],
    ) -> (usize, usize) {
        let (mut nonzeros, mut positives, mut ties) = (0, 0, self.ties);
        for (i, (weight, trit)) in weights.iter().zip(trits).enumerate() {
            let negative = weight.is_sign_negative();
            let threshold = if negative {
                self.thresholds.n
            } else {
                self.thresholds.p
            };
            let matters = importance.is_none_or(|h| h.get(i).is_some_and(|&h| h > 0.0));
            let key = if matters { weight.key() } else { 0 };
            let mut cut = Cut {
                key: threshold,
                ties,
            };
            let selected = cut.takes(key);
            ties = cut.ties;
            // +1 or -1, and 0 times that, without a branch.
            *trit = i8::from(selected) * (1 - 2 * i8::from(negative));
            nonzeros += usize::from(selected);
            positives += usize::from(selected && !negative);
        }
        (nonzeros, positives)
    }
}

/// A support taken apart by sign, and the magnitudes on both sides of its cut.
struct Parts<T> {
    positive: T,
    negative: T,
    least_taken: u64,
    most_left: u64,
}

impl<T: Tally> Parts<T> {
    fn of<O: Objective<Tally = T>>(objective: &O, mut cut: Cut) -> Self {
        let mut parts = Self {
            positive: objective.empty(),
            negative: objective.empty(),
            least_taken: u64::MAX,
            most_left: 0,
        };
        for item in objective.items() {
            if cut.takes(item.key) {
                let part = if item.negative {
                    &mut parts.negative
                } else {
                    &mut parts.positive
                };
                objective.add(part, item, 1);
                parts.least_taken = parts.least_taken.min(item.key);
            } else {
                parts.most_left = parts.most_left.max(item.key);
            }
        }
        parts
    }

    /// Half the scale if that is what separates the support, else the largest magnitude left out.
    fn threshold(&self, half_scale: u64) -> u64 {
        let separates = self.most_left <= half_scale && half_scale < self.least_taken;
        if separates {
            half_scale
        } else {
            self.most_left
        }
    }
}
