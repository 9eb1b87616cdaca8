//! From options to a [`Fit`]: every route leads to a [`RuleSolution`], and every solution is written and measured in one way.
//!
//! ```text
//! route -> support (streamed, exact) -> RuleSolution: scales, thresholds -> trits, cosine, error
//! ```

mod exact;
mod streamed;

use super::check;
use super::fit::{self, Fit};
use super::objective::{GridObjective, RoundedTally, WideObjective};
use super::options::Ternarizer;
use super::route::{Route, STREAMS, route};
use super::search::Cut;
use crate::error::Error;
use crate::weight::{FloatBits, scale_by_power};

/// Checks the input and ternarizes it.
pub(crate) fn ternarize_into<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Result<Fit<W>, Error> {
    check::check(options, weights, trits)?;
    solve(options, weights, trits)
}

/// Ternarizes checked input.
pub(crate) fn solve<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Result<Fit<W>, Error> {
    let route = route::<W>(options, weights.len(), false);
    if STREAMS
        && let Route::Streamed(first) = route
        && let Some(fit) = streamed::solve(options, weights, trits, first)?
    {
        return Ok(fit);
    }
    // The rest reads the weights one by one, and decides in integers.
    check::check_values(options, weights)?;
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

/// One thing for the positive weights and one for the negative ones.
#[derive(Clone, Copy, Debug)]
struct SignPair<T> {
    p: T,
    n: T,
}

/// The scales and thresholds of a ternary vector, and its sums.
#[derive(Clone, Copy, Debug)]
struct RuleSolution<W> {
    lambda: W,
    scales: SignPair<W>,
    /// Keys: what is above is selected.
    thresholds: SignPair<u64>,
    /// How many of the weights at the threshold are selected, too, the first in order.
    ties: usize,
    /// The sums over the support, in units of two to the power `unit`. With importances, those of the [figures](fit::parts).
    rounded: RoundedTally,
    /// The same for each sign.
    parts: SignPair<RoundedTally>,
    unit: i32,
}

impl<W: FloatBits> RuleSolution<W> {
    /// Writes the trits and measures their error.
    fn write(&self, weights: &[W], importance: Option<&[f32]>, trits: &mut [i8]) -> Fit<W> {
        let counts = self.select(weights, importance, trits);
        let energy = fit::energy(weights, importance, self.unit);
        let mut solution = *self;
        if let Some(importance) = importance {
            let [p, n] = fit::parts(weights, importance, trits, self.unit);
            (solution.rounded, solution.parts) = (p.and(n), SignPair { p, n });
        }
        let scales = (self.scales.p, self.scales.n);
        solution.measure(weights.len(), counts, energy, || {
            fit::residual(weights, trits, scales, importance, self.unit)
        })
    }

    /// The error metrics, from the numbers of trits that are not 0 and that are +1, and the energy of the weights. `residual`
    /// adds the squared error weight by weight.
    fn measure(
        &self,
        len: usize,
        (nonzeros, positives): (usize, usize),
        energy: f64,
        residual: impl FnOnce() -> f64,
    ) -> Fit<W> {
        let SignPair {
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
