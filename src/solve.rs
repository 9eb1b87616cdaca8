//! From knobs to a [`Fit`]: picks the objective, runs the search, projects, writes the trits, measures.

use crate::error::Error;
use crate::fit::{self, Fit};
use crate::knobs::Knobs;
use crate::objective::{Item, Objective, Plain, Rounded, Side, Tally, Wide};
use crate::rule::{Rule, Scales, prescribe};
use crate::search::{self, Cut, Found, Range, Target};
use crate::weight::{Weight, scale_by_power};

/// Ternarizes checked input.
pub(crate) fn solve<W: Weight>(
    knobs: &Knobs<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Result<Fit<W>, Error> {
    let importance = knobs.importance;
    let side = |side| Wide::new(weights, importance, side);
    let free = knobs.target.is_none() && knobs.min <= 1 && knobs.max >= weights.len();
    let job = Job {
        knobs,
        weights,
        trits,
    };
    match (knobs.rule, importance) {
        (Rule::TwoScale, None) => {
            let (p, n) = (Side::Positive, Side::Negative);
            Ok(job.two_supports(&Plain::new(weights, p), &Plain::new(weights, n)))
        }
        (Rule::TwoScale, Some(_)) => {
            Ok(job.two_supports(&side(Side::Positive), &side(Side::Negative)))
        }
        (Rule::Tnt, None) if free => {
            let plain = Plain::new(weights, Side::Both);
            let found = search::optimum(&plain, knobs.search);
            Ok(job.one_support(&plain, found, None))
        }
        (Rule::Tnt, None) => {
            let wide = side(Side::Both);
            let found = controlled(knobs, weights, &wide)?;
            Ok(job.one_support(&wide, found, None))
        }
        (Rule::Tnt, Some(_)) => {
            let wide = side(Side::Both);
            let found = search::optimum(&wide, knobs.search);
            Ok(job.one_support(&wide, found, None))
        }
        (Rule::Twn | Rule::AbsMean | Rule::AbsMax, _) => {
            let plain = Plain::with_all(weights);
            let scale = prescribe(knobs.rule, &plain);
            let threshold = scale.as_ref().map_or(0, |rule| rule.threshold);
            let found = plain.above(threshold).into();
            Ok(job.one_support(
                &plain,
                found,
                Some((threshold, scale.and_then(|rule| rule.scale))),
            ))
        }
    }
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

/// What every rule ends with.
struct Job<'a, 'b, W> {
    knobs: &'a Knobs<'a>,
    weights: &'a [W],
    trits: &'b mut [i8],
}

/// Thresholds for the two signs, and how many of those equal to them to take.
struct Selection {
    positive: u64,
    negative: u64,
    ties: usize,
}

impl<W: Weight> Job<'_, '_, W> {
    /// One support for both signs. `prescribed` is what a baseline says of its threshold and its scale.
    fn one_support<O: Objective<Weight = W>>(
        self,
        objective: &O,
        found: Found<O::Tally>,
        prescribed: Option<(u64, Option<W>)>,
    ) -> Fit<W> {
        let Cut { key, ties } = found.cut;
        let parts = Parts::of(objective, found.cut);
        let own_scale = prescribed.and_then(|(_, scale)| scale);
        let lambda = match own_scale {
            Some(scale) => scale,
            None => objective.scale(&found.tally),
        };
        let scales = match (own_scale, self.knobs.scales) {
            (None, Scales::Two) => (
                objective.scale(&parts.positive),
                objective.scale(&parts.negative),
            ),
            _ => (lambda, lambda),
        };
        let threshold = match prescribed {
            Some((threshold, _)) => threshold,
            None => parts.threshold(objective.half_scale_key(&found.tally)),
        };
        let selection = Selection {
            positive: key,
            negative: key,
            ties,
        };
        let rounded = objective.rounded(&found.tally);
        let unit = objective.unit_exponent();
        self.finish(
            objective.items(),
            &selection,
            (lambda, scales),
            (threshold, threshold),
            rounded,
            unit,
        )
    }

    /// A support for each sign.
    fn two_supports<O: Objective<Weight = W>>(self, positive: &O, negative: &O) -> Fit<W> {
        let best = |objective: &O| {
            let found = search::optimum(objective, self.knobs.search);
            let threshold = objective.half_scale_key(&found.tally);
            (
                threshold,
                objective.scale(&found.tally),
                objective.rounded(&found.tally),
            )
        };
        let (p, n) = (best(positive), best(negative));
        // The two parts come in units of their own.
        let unit = positive.unit_exponent().max(negative.unit_exponent());
        let in_unit = |objective: &O, sum| scale_by_power(sum, objective.unit_exponent() - unit);
        let rounded = Rounded {
            sum: in_unit(positive, p.2.sum) + in_unit(negative, n.2.sum),
            mass: p.2.mass + n.2.mass,
        };
        let lambda = W::narrow(scale_by_power(fit::share(rounded.sum, rounded.mass), unit));
        let selection = Selection {
            positive: p.0,
            negative: n.0,
            ties: 0,
        };
        // Of each pair, one is masked.
        let items = positive
            .items()
            .zip(negative.items())
            .map(|(a, b)| if a.negative { b } else { a });
        self.finish(
            items,
            &selection,
            (lambda, (p.1, n.1)),
            (p.0, n.0),
            rounded,
            unit,
        )
    }

    /// Writes the trits and measures what they lose.
    fn finish(
        self,
        items: impl Iterator<Item = Item>,
        selection: &Selection,
        (lambda, scales): (W, (W, W)),
        thresholds: (u64, u64),
        rounded: Rounded,
        unit: i32,
    ) -> Fit<W> {
        let (nonzeros, positives) = selection.write(items, self.trits);
        let importance = self.knobs.importance;
        let energy = fit::energy(self.weights, importance, unit);
        let residual = fit::residual(self.weights, self.trits, scales, importance, unit);
        Fit {
            lambda,
            lambda_p: scales.0,
            lambda_n: scales.1,
            nonzeros,
            positives,
            len: self.weights.len(),
            threshold: W::from_key(thresholds.0.min(thresholds.1)),
            threshold_p: W::from_key(thresholds.0),
            threshold_n: W::from_key(thresholds.1),
            cosine: rounded.cosine(energy),
            relative_error: fit::share(residual, energy),
        }
    }
}

impl Selection {
    /// Writes the trits; returns how many are not 0, and how many +1.
    fn write(&self, items: impl Iterator<Item = Item>, trits: &mut [i8]) -> (usize, usize) {
        let (mut nonzeros, mut positives, mut ties) = (0, 0, self.ties);
        for (item, trit) in items.zip(trits) {
            let threshold = if item.negative {
                self.negative
            } else {
                self.positive
            };
            let tied = item.key == threshold && ties > 0;
            ties -= usize::from(tied);
            let selected = item.key > threshold || tied;
            *trit = match (selected, item.negative) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => -1,
            };
            nonzeros += usize::from(selected);
            positives += usize::from(selected && !item.negative);
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
    fn of<O: Objective<Tally = T>>(objective: &O, cut: Cut) -> Self {
        let mut parts = Self {
            positive: objective.empty(),
            negative: objective.empty(),
            least_taken: u64::MAX,
            most_left: 0,
        };
        let mut ties = cut.ties;
        for item in objective.items() {
            let tied = item.key == cut.key && ties > 0;
            ties -= usize::from(tied);
            if item.key > cut.key || tied {
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
