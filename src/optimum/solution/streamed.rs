//! Solutions from the streaming search: the scales, and the trits in one pass.
//!
//! Without importances a scale comes from exact sums. With importances it is `S / m` of two rounded sums, each with a relative error of at
//! most `(11 + log2(N / 64)) 2^-53` (see [`crate::exact::float_sums`]). So the quotient lies in a narrow interval. If both ends of it
//! are rounded to the same weight, so is all between. That is so except for one in some million scales; for the others, exact sums
//! are made.
//!
//! The result is that of the other searches, bit for bit.

use super::{RuleSolution, SignPair, exact};
use crate::error::Error;
use crate::exact::wide_sums::WideSums;
use crate::optimum::check;
use crate::optimum::fit::{self, Fit};
use crate::optimum::objective::{GridObjective, Objective, RoundedTally, WideObjective};
use crate::optimum::options::Ternarizer;
use crate::optimum::route::FirstScan;
use crate::optimum::rule::{Rule, Scales};
use crate::optimum::scan::above::ROUNDING;
use crate::optimum::scan::largest::LargestPass;
use crate::optimum::scan::mass::MassedWeights;
use crate::optimum::scan::residual::ResidualPass;
use crate::optimum::scan::trits::{SignSums, TritPass, WeightedTritPass};
use crate::optimum::search::stream::unit::BestSums;
use crate::optimum::search::stream::weighted::BestThreshold;
use crate::optimum::search::stream::{Decide, StreamInput, Streamed, optimum};
use crate::optimum::side::Side;
use crate::weight::{FloatBits, floor, scale_by_power, unit_exponent};

/// Ternarizes; `None` if the numbers are too extreme for the search.
pub(super) fn solve<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    trits: &mut [i8],
    first: FirstScan,
) -> Result<Option<Fit<W>>, Error> {
    check_values(options, weights)?;
    let Some(importance) = options.importance else {
        return Ok(unit(options, weights, trits, first));
    };
    // A condition on a constant, so that nothing of it is compiled for `f64`.
    if !W::FITS_SINGLE {
        return Ok(None);
    }
    Ok(weighted(options, weights, importance, trits, first))
}

/// Numbers that are not finite, and importances that are negative, are an error before anything is written.
fn check_values<W: FloatBits>(options: &Ternarizer<'_>, weights: &[W]) -> Result<(), Error> {
    let backend = options.instructions();
    let largest = backend.run_divided(LargestPass {
        numbers: weights,
        signed: false,
    });
    let importance = options.importance.map_or(0, |numbers| {
        backend.run_divided(LargestPass {
            numbers,
            signed: true,
        })
    });
    // `f64` may be too large for `f32`, zeros may have a sign: the exact check decides.
    if largest.max(importance) < f32::INFINITY.to_bits() {
        return Ok(());
    }
    check::check_values(options, weights)
}

/// The best support for both signs, twice; with [`Rule::TwoScale`] that of the positive and that of the negative weights.
fn supports<W: FloatBits, H: Decide<W>>(
    options: &Ternarizer<'_>,
    weights: MassedWeights<'_, W, H>,
    trits: &mut [i8],
    first: FirstScan,
) -> Option<SignPair<Streamed<H::Best>>> {
    let mut search = |side| {
        let input = StreamInput {
            backend: options.instructions(),
            weights,
            side,
        };
        optimum(input, first, trits)
    };
    if options.rule == Rule::TwoScale {
        let (p, n) = (search(Side::Positive)?, search(Side::Negative)?);
        return Some(SignPair { p, n });
    }
    let both = search(Side::Both)?;
    Some(SignPair { p: both, n: both })
}

/// Without importances.
fn unit<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    trits: &mut [i8],
    first: FirstScan,
) -> Option<Fit<W>> {
    let backend = options.instructions();
    let SignPair { p, n } = supports(options, MassedWeights::unit(weights), trits, first)?;
    let sums = |found: &Streamed<BestSums>| found.best.sums;
    let objective =
        |found: &Streamed<BestSums>, side| GridObjective::with_top(weights, side, found.top);
    // Scales and thresholds, from exact sums.
    let (all, positive) = (sums(&p).all, sums(&p).positive);
    let (solution, counts) = if options.rule == Rule::TwoScale {
        let negative = sums(&n).all;
        let sides = [objective(&p, Side::Positive), objective(&n, Side::Negative)];
        let solution = exact::by_sign((&sides[0], &all), (&sides[1], &negative));
        (solution, (all.count + negative.count, all.count))
    } else {
        let both = objective(&p, Side::Both);
        let threshold = both.half_scale_key(&all);
        let by_sign = SignPair {
            p: &positive,
            n: &all.without(positive),
        };
        let solution = exact::one_threshold(&both, threshold, &all, by_sign, options.scales);
        (solution, (all.count, positive.count))
    };
    // The trits.
    let SignPair { p: one, n: other } = solution.thresholds;
    let [threshold_p, threshold_n] = [one, other].map(W::from_key);
    backend.run_divided(TritPass {
        weights,
        trits,
        threshold_p,
        threshold_n,
    });
    // The error metrics.
    let scales = solution.scales;
    let Some(energy) = p.energy else {
        let energy = fit::energy(weights, None, solution.unit);
        return Some(solution.measure(weights.len(), counts, energy, || {
            fit::residual(weights, trits, (scales.p, scales.n), None, solution.unit)
        }));
    };
    // Squares of `f32` and their sums are far from the ends of the range of `f64`: units make no difference.
    let in_unit = |energy| scale_by_power(energy, -2 * solution.unit);
    Some(
        solution.measure(weights.len(), counts, in_unit(energy), || {
            in_unit(backend.run_divided(ResidualPass {
                weights,
                thresholds: [threshold_p, threshold_n].map(FloatBits::single),
                scales: [scales.p, scales.n].map(FloatBits::single),
            }))
        }),
    )
}

/// The bytes of stack that short slices get as memory, because their trits are too few to gather in. Chosen.
const SHORT: usize = 512;
const MEDIUM: usize = 4096;

/// With importances.
fn weighted<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    importance: &[f32],
    trits: &mut [i8],
    first: FirstScan,
) -> Option<Fit<W>> {
    let input = MassedWeights {
        weights,
        masses: importance,
    };
    let found = if weights.len() <= SHORT {
        supports(options, input, &mut [0; 8 * SHORT], first)
    } else if weights.len() <= MEDIUM {
        supports(options, input, &mut [0; 2 * MEDIUM], first)
    } else {
        supports(options, input, trits, first)
    };
    let SignPair { p, n } = found?;
    let search = |found: Streamed<BestThreshold>, side| WeightedSupport {
        input: StreamInput {
            backend: options.instructions(),
            weights: input,
            side,
        },
        found,
        threshold: found.best.threshold.unwrap_or(0.0),
    };
    let supports = match options.rule {
        Rule::TwoScale => [search(p, Side::Positive), search(n, Side::Negative)],
        _ => [search(p, Side::Both), search(n, Side::Both)],
    };
    // The trits, and the sums of each sign.
    let sums = options.instructions().run(WeightedTritPass {
        input,
        trits,
        thresholds: supports.map(|support| support.threshold),
    });
    // Scales, thresholds and error metrics.
    let solution = weighted_solution(options, supports, sums)?;
    let energy = scale_by_power(p.energy?, -2 * solution.unit);
    let counts = (sums[0].count + sums[1].count, sums[0].count);
    let scales = (solution.scales.p, solution.scales.n);
    Some(solution.measure(weights.len(), counts, energy, || {
        fit::residual(weights, trits, scales, Some(importance), solution.unit)
    }))
}

/// A support with importances.
#[derive(Clone, Copy)]
struct WeightedSupport<'a, W> {
    input: StreamInput<'a, W, f32>,
    found: Streamed<BestThreshold>,
    threshold: f32,
}

/// The scales and the thresholds.
fn weighted_solution<W: FloatBits>(
    options: &Ternarizer<'_>,
    [p, n]: [WeightedSupport<'_, W>; 2],
    sums: [SignSums; 2],
) -> Option<RuleSolution<W>> {
    // Numbers are reported in units of two to this power.
    let unit = unit_exponent::<W>(p.found.top).max(unit_exponent::<W>(n.found.top));
    let rounded = |part: SignSums| RoundedTally {
        sum: scale_by_power(part.sum, -unit),
        mass: part.mass,
    };
    let parts = SignPair {
        p: rounded(sums[0]),
        n: rounded(sums[1]),
    };
    let both = SignSums {
        count: sums[0].count + sums[1].count,
        sum: sums[0].sum + sums[1].sum,
        mass: sums[0].mass + sums[1].mass,
    };
    // The scale of each sign, and that of both.
    let of_signs = || {
        let (p, n) = (p.of(Side::Positive), n.of(Side::Negative));
        Some((p.project(sums[0])?, n.project(sums[1])?))
    };
    let pair = |p, n| SignPair { p, n };
    let (lambda, scales, thresholds) = if options.rule == Rule::TwoScale {
        let (one, other) = of_signs()?;
        let lambda = match p.rounded(both) {
            Some((scale, _)) => scale,
            None => exactly_by_sign([p, n])?,
        };
        (lambda, pair(one.0, other.0), pair(one.1, other.1))
    } else {
        let (lambda, threshold) = p.project(both)?;
        let scales = match options.scales {
            Scales::One => pair(lambda, lambda),
            Scales::Two => {
                let (one, other) = of_signs()?;
                pair(one.0, other.0)
            }
        };
        (lambda, scales, pair(threshold, threshold))
    };
    Some(RuleSolution {
        lambda,
        scales,
        thresholds: SignPair {
            p: thresholds.p.key(),
            n: thresholds.n.key(),
        },
        ties: 0,
        parts,
        rounded: parts.p.and(parts.n),
        unit,
    })
}

impl<W: FloatBits> WeightedSupport<'_, W> {
    /// The weights of one side of the support alone.
    fn of(mut self, side: Side) -> Self {
        self.input.side = side;
        self
    }

    /// The mean of a support as scale, and half of it as threshold: from rounded sums if they leave no doubt, else from exact ones.
    fn project(self, part: SignSums) -> Option<(W, W)> {
        self.rounded(part).or_else(|| {
            let sums = self.exact()?;
            Some((sums.scale(), sums.half_scale()))
        })
    }

    /// The same if the rounded sums leave no doubt.
    fn rounded(self, part: SignSums) -> Option<(W, W)> {
        if part.count == 0 {
            return Some((W::zero(), W::zero()));
        }
        let mean = part.sum / part.mass;
        // Derived: both sums, both signs together, the division, the two products below, and what else another order rounds.
        let terms = 2 * (12 + self.input.weights.weights.len().max(1).ilog2()) + 16;
        let error = f64::from(terms) * ROUNDING;
        let ends = [mean * (1.0 - error), mean * (1.0 + error)];
        let [scale, other] = ends.map(W::narrow);
        let [threshold, above] = ends.map(|end| floor::<W>(end / 2.0));
        (scale == other && threshold == above).then_some((scale, threshold))
    }

    /// The exact sums; `None` if they are too long.
    fn exact(self) -> Option<WideSums<W>> {
        let top = W::from_key(self.found.top).single();
        let parts = self.input.exact(self.threshold, top, self.found.top_mass)?;
        Some(WideSums::of_parts(self.input.of_side(&parts)))
    }
}

/// The mean over both supports as [`exact::by_sign`] rounds it.
fn exactly_by_sign<'a, W: FloatBits>(supports: [WeightedSupport<'a, W>; 2]) -> Option<W> {
    let exact = |support: WeightedSupport<'a, W>| {
        let (input, top) = (support.input, support.found.top);
        let (weights, masses) = (input.weights.weights, input.weights.masses);
        let objective = WideObjective::with_top(weights, Some(masses), input.side, top);
        Some((objective, support.exact()?))
    };
    let [p, n] = supports;
    let (p, n) = (exact(p)?, exact(n)?);
    Some(exact::by_sign((&p.0, &p.1), (&n.0, &n.1)).lambda)
}
