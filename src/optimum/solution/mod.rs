//! From options to a [`Fit`]: every route leads to a [`RuleSolution`], and every solution is measured in one way.
//!
//! ```text
//! check -> route -> support (streamed, weighted, exact) -> RuleSolution: scales, thresholds -> trits, cosine, error
//! ```

pub(super) mod direct;
mod exact;
mod weighted;

use super::check;
use super::fit::{self, Fit};
use super::objective::{Cut, GridObjective, Objective, RoundedTally, WideObjective};
use super::options::Ternarizer;
use super::route::{Route, STREAMS, route};
use super::rule::{Rule, Scales};
use super::scan::above::SignedSums;
use super::scan::mass::MassedWeights;
use super::scan::norms::Norms;
use super::scan::residual::ResidualPass;
use super::scan::trits::TritPass;
use super::search::stream::{self, StreamInput};
use super::side::Side;
use crate::error::Error;
use crate::weight::{FloatBits, scale_by_power};

/// Checks the input and ternarizes it.
pub(crate) fn ternarize_into<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Result<Fit<W>, Error> {
    let route = route::<W>(options, weights.len(), false);
    let norms = check::check(options, route, weights, trits)?;
    // Conditions on constants, so that what is not used is not compiled.
    if STREAMS {
        let fit = match (route, norms, options.importance) {
            (Route::Direct, _, None) if W::FITS_SINGLE => {
                direct::ternarize(options, weights, trits)
            }
            (Route::Streamed, Some(norms), None) => streamed(options, weights, norms, trits),
            (Route::Streamed, Some(norms), Some(importance)) if W::FITS_SINGLE => {
                weighted::streamed(options, weights, importance, norms, trits)
            }
            _ => None,
        };
        if let Some(fit) = fit {
            return Ok(fit);
        }
    }
    // The rest reads the weights one by one, and decides in integers.
    let solution = match (route, options.importance) {
        (Route::Prescribed, _) => exact::baseline(weights, options),
        (Route::Controlled, _) => exact::controlled(options, weights)?,
        (_, None) => exact::optimum(options, |side| GridObjective::new(weights, side)),
        (_, importance) => exact::optimum(options, |side| {
            WideObjective::new(weights, importance, side)
        }),
    };
    Ok(solution.write(weights, options.importance, trits))
}

/// The optimum by passes over the weights, without importances. `None` if the numbers are too extreme for that.
fn streamed<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    norms: Norms,
    trits: &mut [i8],
) -> Option<Fit<W>> {
    let backend = options.instructions();
    let mut search = |side| {
        let weights = MassedWeights::unit(weights);
        let input = StreamInput {
            backend,
            weights,
            norms,
            side,
        };
        stream::optimum(input, trits)
    };
    let objective = |side, top| GridObjective::with_top(weights, side, top);
    // The best supports, and from their exact sums the scales and thresholds.
    let (solution, counts) = if options.rule == Rule::TwoScale {
        let (p, n) = (search(Side::Positive)?, search(Side::Negative)?);
        let sides = [(Side::Positive, p.top), (Side::Negative, n.top)];
        let [positive, negative] = sides.map(|(side, top)| objective(side, top));
        let (a, b) = (p.best.sums.all, n.best.sums.all);
        let solution = RuleSolution::by_sign((&positive, &a), (&negative, &b));
        (solution, [a.count, b.count])
    } else {
        let found = search(Side::Both)?;
        let SignedSums { all, positive } = found.best.sums;
        let (both, negative) = (objective(Side::Both, found.top), all.without(positive));
        let (threshold, parts) = (both.half_scale_key(&all), [&positive, &negative]);
        let solution = RuleSolution::one_threshold(&both, threshold, &all, parts, options.scales);
        (solution, [positive.count, negative.count])
    };
    // The trits.
    let [threshold_p, threshold_n] = solution.thresholds.map(W::from_key);
    backend.run_divided(TritPass {
        weights,
        trits,
        threshold_p,
        threshold_n,
    });
    // The error metrics.
    let len = weights.len();
    if !W::FITS_SINGLE {
        let energy = fit::energy(weights, None, solution.unit);
        let residual = || solution.residual(weights, None, trits);
        return Some(solution.measure(len, counts, energy, residual));
    }
    // Squares of `f32` and their sums are far from the ends of the range of `f64`: units make no difference.
    let in_unit = |energy| scale_by_power(energy, -2 * solution.unit);
    Some(solution.measure(len, counts, in_unit(norms.energy), || {
        in_unit(backend.run_divided(ResidualPass {
            weights,
            thresholds: [threshold_p, threshold_n].map(FloatBits::single),
            scales: solution.scales.map(FloatBits::single),
        }))
    }))
}

/// The scales and thresholds of a ternary vector, and its sums. Of a pair the first is for the positive weights, the second for the
/// negative ones.
#[derive(Clone, Copy, Debug)]
struct RuleSolution<W> {
    lambda: W,
    scales: [W; 2],
    /// Keys: what is above is selected.
    thresholds: [u64; 2],
    /// How many of the weights at the threshold are selected, too, the first in order.
    ties: usize,
    /// The sums over the support, in units of two to the power `unit`. With importances, those of the [figures](fit::parts).
    rounded: RoundedTally,
    /// The same for each sign.
    parts: [RoundedTally; 2],
    unit: i32,
}

impl<W: FloatBits> RuleSolution<W> {
    /// All that is above a threshold, whatever its sign.
    fn one_threshold<O: Objective<Weight = W>>(
        objective: &O,
        threshold: u64,
        all: &O::Tally,
        parts: [&O::Tally; 2],
        scales: Scales,
    ) -> Self {
        let lambda = objective.scale(all);
        Self {
            lambda,
            scales: match scales {
                Scales::One => [lambda; 2],
                Scales::Two => parts.map(|part| objective.scale(part)),
            },
            thresholds: [threshold; 2],
            ties: 0,
            rounded: objective.rounded(all),
            parts: parts.map(|part| objective.rounded(part)),
            unit: objective.unit_exponent(),
        }
    }

    /// The optima of both signs together.
    fn by_sign<O: Objective<Weight = W>>(
        (positive, p): (&O, &O::Tally),
        (negative, n): (&O, &O::Tally),
    ) -> Self {
        // The two sides come in units of their own.
        let unit = positive.unit_exponent().max(negative.unit_exponent());
        let in_unit = |side: &O, tally| {
            let RoundedTally { sum, mass } = side.rounded(tally);
            let sum = scale_by_power(sum, side.unit_exponent() - unit);
            RoundedTally::new(sum, mass)
        };
        let parts = [in_unit(positive, p), in_unit(negative, n)];
        let rounded = parts[0].and(parts[1]);
        let mean = scale_by_power(fit::share(rounded.sum, rounded.mass), unit);
        Self {
            lambda: W::narrow(mean),
            scales: [positive.scale(p), negative.scale(n)],
            thresholds: [positive.half_scale_key(p), negative.half_scale_key(n)],
            ties: 0,
            rounded,
            parts,
            unit,
        }
    }

    /// Writes the trits and measures their error.
    fn write(mut self, weights: &[W], importance: Option<&[f32]>, trits: &mut [i8]) -> Fit<W> {
        let counts = self.select(weights, importance, trits);
        let energy = fit::energy(weights, importance, self.unit);
        if let Some(importance) = importance {
            self.parts = fit::parts(weights, importance, trits, self.unit);
            self.rounded = self.parts[0].and(self.parts[1]);
        }
        let residual = || self.residual(weights, importance, trits);
        self.measure(weights.len(), counts, energy, residual)
    }

    /// The squared error, added weight by weight.
    fn residual(&self, weights: &[W], importance: Option<&[f32]>, trits: &[i8]) -> f64 {
        let [p, n] = self.scales;
        fit::residual(weights, trits, (p, n), importance, self.unit)
    }

    /// The error metrics, from the numbers of trits that are +1 and that are -1, and the energy of the weights. The squared error is
    ///
    /// ```text
    /// sum h (w - w')^2 = sum h w^2 - lambda_p (2 S_p - lambda_p m_p) - lambda_n (2 S_n - lambda_n m_n)
    /// ```
    ///
    /// or, where that would cancel too many digits, the `residual`.
    fn measure(
        &self,
        len: usize,
        [positives, negatives]: [usize; 2],
        energy: f64,
        residual: impl FnOnce() -> f64,
    ) -> Fit<W> {
        let gained = |part: RoundedTally, lambda: W| {
            let lambda = scale_by_power(lambda.widen(), -self.unit);
            lambda * (2.0 * part.sum - lambda * part.mass)
        };
        let ([p, n], [lambda_p, lambda_n]) = (self.parts, self.scales);
        let lost = energy - (gained(p, lambda_p) + gained(n, lambda_n));
        let clear = lost * 64.0 > energy;
        let lost = if clear { lost } else { residual() };
        let [threshold_p, threshold_n] = self.thresholds.map(W::from_key);
        Fit {
            lambda: self.lambda,
            lambda_p,
            lambda_n,
            nonzeros: positives + negatives,
            positives,
            len,
            threshold: threshold_p.min(threshold_n),
            threshold_p,
            threshold_n,
            cosine: self.rounded.cosine(energy),
            relative_error: fit::share(lost, energy),
        }
    }

    /// Writes the trits; returns how many are +1, and how many -1.
    fn select(&self, weights: &[W], importance: Option<&[f32]>, trits: &mut [i8]) -> [usize; 2] {
        let (mut nonzeros, mut positives, mut ties) = (0, 0, self.ties);
        let [threshold_p, threshold_n] = self.thresholds;
        for (i, (weight, trit)) in weights.iter().zip(trits).enumerate() {
            let negative = weight.is_sign_negative();
            let key = if negative { threshold_n } else { threshold_p };
            let mut cut = Cut { key, ties };
            let matters = importance.is_none_or(|h| h.get(i).is_some_and(|&h| h > 0.0));
            let selected = cut.takes(if matters { weight.key() } else { 0 });
            ties = cut.ties;
            // +1 or -1, and 0 times that, without a branch.
            *trit = i8::from(selected) * (1 - 2 * i8::from(negative));
            nonzeros += usize::from(selected);
            positives += usize::from(selected && !negative);
        }
        [positives, nonzeros - positives]
    }
}
