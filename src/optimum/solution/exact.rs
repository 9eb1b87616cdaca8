//! Solutions from the searches in integers, and from the rules that prescribe a threshold.

use super::RuleSolution;
use crate::error::Error;
use crate::exact::wide_sums::WideSums;
use crate::optimum::fit;
use crate::optimum::objective::{Cut, GridObjective, Objective, Support, Tally, WideObjective};
use crate::optimum::options::Ternarizer;
use crate::optimum::rule::{Rule, Scales, prescribe};
use crate::optimum::search::{self, Range, Target};
use crate::optimum::side::Side;
use crate::weight::FloatBits;

/// The optimum of the objective that is made for a side.
pub(super) fn optimum<O: Objective>(
    options: &Ternarizer<'_>,
    objective: impl Fn(Side) -> O,
) -> RuleSolution<O::Weight> {
    if options.rule == Rule::TwoScale {
        let sides = [objective(Side::Positive), objective(Side::Negative)];
        let [p, n] = [&sides[0], &sides[1]].map(|side| search::optimum(side, options.search).tally);
        RuleSolution::by_sign((&sides[0], &p), (&sides[1], &n))
    } else {
        let both = objective(Side::Both);
        let found = search::optimum(&both, options.search);
        one_support(&both, &found, options.scales)
    }
}

/// The best or the sparsest support under the caller's control.
pub(super) fn controlled<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
) -> Result<RuleSolution<W>, Error> {
    let wide = WideObjective::new(weights, None, Side::Both);
    let found = controlled_support(options, weights, &wide)?;
    Ok(one_support(&wide, &found, options.scales))
}

/// That support.
fn controlled_support<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    wide: &WideObjective<'_, W>,
) -> Result<Support<WideSums<W>>, Error> {
    let available = wide.items().filter(|item| item.key > 0).count();
    let range = Range {
        min: options.min_nonzeros.max(1).min(available),
        max: options.max_nonzeros.min(available),
    };
    if range.max == 0 {
        return match options.target_cosine {
            Some(target) => Err(Error::TargetUnreachable { target, best: 0.0 }),
            None => Ok(search::nothing(wide)),
        };
    }
    let Some(cosine) = options.target_cosine else {
        return Ok(search::between(wide, range, options.search));
    };
    let energy = fit::energy(weights, None, wide.unit_exponent());
    let target = Target { cosine, energy };
    search::sparsest(wide, range, target, options.search).ok_or_else(|| {
        let best = search::between(wide, range, options.search);
        let best = wide.rounded(&best.tally).cosine(energy);
        let target = cosine;
        Error::TargetUnreachable { target, best }
    })
}

/// One support for both signs, as a search found it.
fn one_support<O: Objective>(
    objective: &O,
    found: &Support<O::Tally>,
    scales: Scales,
) -> RuleSolution<O::Weight> {
    let parts = SupportParts::of(objective, found.cut);
    let most_left = parts.most_left;
    // Half the scale if that is what separates the support, else the largest magnitude left out.
    let half_scale = objective.half_scale_key(&found.tally);
    let separates = most_left <= half_scale && half_scale < parts.least_taken;
    let threshold = if separates { half_scale } else { most_left };
    // A run of equals that was taken whole lies above the threshold.
    let tied = most_left == found.cut.key;
    let ties = if tied { found.cut.ties } else { 0 };
    let signs = parts.signs.each_ref();
    RuleSolution {
        ties,
        ..RuleSolution::one_threshold(objective, threshold, &found.tally, signs, scales)
    }
}

/// The support and the scale that a baseline prescribes.
pub(super) fn baseline<W: FloatBits>(weights: &[W], options: &Ternarizer<'_>) -> RuleSolution<W> {
    let plain = GridObjective::with_all(weights);
    let (threshold, scale) = prescribe(options.rule, &plain);
    let mut solution = one_support(&plain, &plain.above(threshold), options.scales);
    solution.thresholds = [threshold; 2];
    if let Some(lambda) = scale {
        (solution.lambda, solution.scales) = (lambda, [lambda; 2]);
    }
    solution
}

/// A support taken apart by sign, and the magnitudes on both sides of its cut.
struct SupportParts<T> {
    signs: [T; 2],
    least_taken: u64,
    most_left: u64,
}

impl<T: Tally> SupportParts<T> {
    fn of<O: Objective<Tally = T>>(objective: &O, mut cut: Cut) -> Self {
        let mut parts = Self {
            signs: [objective.empty(); 2],
            least_taken: u64::MAX,
            most_left: 0,
        };
        for item in objective.items() {
            if cut.takes(item.key) {
                objective.add(&mut parts.signs[usize::from(item.negative)], item, 1);
                parts.least_taken = parts.least_taken.min(item.key);
            } else {
                parts.most_left = parts.most_left.max(item.key);
            }
        }
        parts
    }
}
