//! Solutions from the streaming search with importances: the scales, and the trits in one pass.
//!
//! A scale is `S / m` of two rounded sums, each with a relative error of at most `(11 + log2(N / 64)) 2^-53` (see [`crate::exact::float_sums`]). So the quotient lies in a narrow interval. If both ends of it
//! are rounded to the same weight, so is all between. That is so except for one in some million scales; for the others, exact sums
//! are made.
//!
//! The result is that of the other searches, bit for bit.

use super::RuleSolution;
use crate::exact::wide_sums::WideSums;
use crate::optimum::fit::Fit;
use crate::optimum::objective::{RoundedTally, WideObjective};
use crate::optimum::options::Ternarizer;
use crate::optimum::rule::{Rule, Scales};
use crate::optimum::scan::above::ROUNDING;
use crate::optimum::scan::mass::MassedWeights;
use crate::optimum::scan::norms::Norms;
use crate::optimum::scan::trits::{SignSums, WeightedTritPass};
use crate::optimum::search::stream::weighted::BestThreshold;
use crate::optimum::search::stream::{self, StreamInput, Streamed};
use crate::optimum::side::Side;
use crate::weight::{FloatBits, floor, scale_by_power, unit_exponent};

/// The bytes of stack that short slices get as memory, because their trits are too few to gather in. Chosen.
const SHORT: usize = 512;
const MEDIUM: usize = 4096;

/// Ternarizes; `None` if the numbers are too extreme for the search.
pub(super) fn streamed<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    importance: &[f32],
    norms: Norms,
    trits: &mut [i8],
) -> Option<Fit<W>> {
    let backend = options.instructions();
    let input = MassedWeights {
        weights,
        masses: importance,
    };
    let search = |side, scratch: &mut [i8]| {
        let input = StreamInput {
            backend,
            weights: input,
            norms,
            side,
        };
        let found = stream::optimum(input, scratch)?;
        Some(WeightedSupport { input, found })
    };
    // The support of each sign, or one for both.
    let search_all = |scratch: &mut [i8]| {
        if options.rule == Rule::TwoScale {
            return Some([
                search(Side::Positive, scratch)?,
                search(Side::Negative, scratch)?,
            ]);
        }
        Some([search(Side::Both, scratch)?; 2])
    };
    let supports = if weights.len() <= SHORT {
        search_all(&mut [0; 8 * SHORT])
    } else if weights.len() <= MEDIUM {
        search_all(&mut [0; 2 * MEDIUM])
    } else {
        search_all(trits)
    }?;
    // The trits, and the sums of each sign.
    let sums = backend.run(WeightedTritPass {
        input,
        trits,
        thresholds: supports.map(WeightedSupport::threshold),
    });
    // Scales, thresholds and error metrics.
    let solution = weighted_solution(options, supports, sums)?;
    let energy = scale_by_power(norms.energy, -2 * solution.unit);
    let counts = sums.map(|part| part.count);
    let residual = || solution.residual(weights, Some(importance), trits);
    Some(solution.measure(weights.len(), counts, energy, residual))
}

/// A support with importances.
#[derive(Clone, Copy)]
struct WeightedSupport<'a, W> {
    input: StreamInput<'a, W, f32>,
    found: Streamed<BestThreshold>,
}

/// The scales and the thresholds.
fn weighted_solution<W: FloatBits>(
    options: &Ternarizer<'_>,
    [p, n]: [WeightedSupport<'_, W>; 2],
    sums: [SignSums; 2],
) -> Option<RuleSolution<W>> {
    // Numbers are reported in units of two to this power.
    let unit = unit_exponent::<W>(p.found.top).max(unit_exponent::<W>(n.found.top));
    let rounded = |part: SignSums| RoundedTally::new(scale_by_power(part.sum, -unit), part.mass);
    let parts = sums.map(rounded);
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
    let (lambda, scales, thresholds) = if options.rule == Rule::TwoScale {
        let (one, other) = of_signs()?;
        let lambda = match p.rounded(both) {
            Some((scale, _)) => scale,
            None => exactly_by_sign([p, n])?,
        };
        (lambda, [one.0, other.0], [one.1, other.1])
    } else {
        let (lambda, threshold) = p.project(both)?;
        let scales = match options.scales {
            Scales::One => [lambda; 2],
            Scales::Two => {
                let (one, other) = of_signs()?;
                [one.0, other.0]
            }
        };
        (lambda, scales, [threshold; 2])
    };
    Some(RuleSolution {
        lambda,
        scales,
        thresholds: thresholds.map(FloatBits::key),
        ties: 0,
        parts,
        rounded: parts[0].and(parts[1]),
        unit,
    })
}

impl<W: FloatBits> WeightedSupport<'_, W> {
    /// The support is all above.
    fn threshold(self) -> f32 {
        self.found.best.threshold.unwrap_or(0.0)
    }

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
        let parts = self.input.exact(self.threshold(), top)?;
        Some(WideSums::of_parts(self.input.of_side(&parts)))
    }
}

/// The mean over both supports as [`RuleSolution::by_sign`] rounds it.
fn exactly_by_sign<'a, W: FloatBits>(supports: [WeightedSupport<'a, W>; 2]) -> Option<W> {
    let exact = |support: WeightedSupport<'a, W>| {
        let (input, top) = (support.input, support.found.top);
        let (weights, masses) = (input.weights.weights, input.weights.masses);
        let objective = WideObjective::with_top(weights, Some(masses), input.side, top);
        Some((objective, support.exact()?))
    };
    let [p, n] = supports;
    let (p, n) = (exact(p)?, exact(n)?);
    Some(RuleSolution::by_sign((&p.0, &p.1), (&n.0, &n.1)).lambda)
}
