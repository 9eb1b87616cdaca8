//! The exact rules on long slices: the streaming search, and the trits in one pass.
//!
//! What it returns is what the other searches return, bit for bit; it only gets there with fewer passes.

use super::{Signed, Solution, by_sign, one_threshold};
use crate::error::Error;
use crate::optimum::fit::{self, Fit};
use crate::optimum::objective::Objective;
use crate::optimum::options::{self, Knobs};
use crate::optimum::rule::Rule;
use crate::optimum::scan::Side;
use crate::optimum::scan::largest::Largest;
use crate::optimum::scan::residual::Residual;
use crate::optimum::scan::write::Write;
use crate::optimum::search::stream::{Found, Outcome, optimum};
use crate::simd::Backend;
use crate::weight::{Format, Weight, scale_by_power};

/// Ternarizes, if this is a case for the streaming search.
pub(super) fn solve<W: Weight>(
    knobs: &Knobs<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Result<Option<Fit<W>>, Error> {
    if !knobs.seek_optimum(weights.len()) {
        return Ok(None);
    }
    let backend = knobs.backend();
    check_values(knobs, weights)?;
    let mut search = |side| match optimum(backend, weights, side, trits) {
        Outcome::Found(found) => Ok(Some(found)),
        Outcome::Unsuited => Ok(None),
    };
    let (solution, figures) = if knobs.rule == Rule::TwoScale {
        let Some(p) = search(Side::Positive)? else {
            return Ok(None);
        };
        let Some(n) = search(Side::Negative)? else {
            return Ok(None);
        };
        let counts = (p.all.count + n.all.count, p.all.count);
        (
            by_sign((&p.plain, &p.all), (&n.plain, &n.all)),
            (p.energy, counts),
        )
    } else {
        let Some(found) = search(Side::Both)? else {
            return Ok(None);
        };
        let Found {
            plain,
            all,
            positive,
            energy,
        } = found;
        let by_sign = Signed {
            p: &positive,
            n: &all.without(positive),
        };
        let threshold = plain.half_scale_key(&all);
        let solution = one_threshold(&plain, threshold, &all, by_sign, knobs.scales);
        (solution, (energy, (all.count, positive.count)))
    };
    Ok(Some(write(&solution, backend, weights, trits, figures)))
}

/// Numbers that are none, infinite or, of importances, negative are an error before anything is written.
pub(super) fn check_values<W: Weight>(knobs: &Knobs<'_>, weights: &[W]) -> Result<(), Error> {
    let backend = knobs.backend();
    let largest = backend.run_divided(Largest {
        numbers: weights,
        signed: false,
    });
    let importance = knobs.importance.map_or(0, |numbers| {
        backend.run_divided(Largest {
            numbers,
            signed: true,
        })
    });
    // Doubles may be too large for singles, zeros may have a sign: whoever looks closer tells.
    if largest.max(importance) < f32::INFINITY.to_bits() {
        return Ok(());
    }
    options::check_values(knobs, weights)
}

/// Writes the trits and measures what they lose.
fn write<W: Weight>(
    solution: &Solution<W>,
    backend: Backend,
    weights: &[W],
    trits: &mut [i8],
    (energy, counts): (Option<f64>, (usize, usize)),
) -> Fit<W> {
    let Signed { p, n } = solution.thresholds;
    let [threshold_p, threshold_n] = [p, n].map(W::from_key);
    backend.run_divided(Write {
        weights,
        trits,
        threshold_p,
        threshold_n,
    });
    let Signed { p, n } = solution.scales;
    let Some(energy) = energy else {
        let energy = fit::energy(weights, None, solution.unit);
        return solution.measure(weights.len(), counts, energy, || {
            fit::residual(weights, trits, (p, n), None, solution.unit)
        });
    };
    // Squares of singles and their sums are far from the ends of a double's range: units make no difference.
    let in_unit = |energy| scale_by_power(energy, -2 * solution.unit);
    solution.measure(weights.len(), counts, in_unit(energy), || {
        in_unit(backend.run_divided(Residual {
            weights,
            thresholds: [threshold_p, threshold_n].map(Format::single),
            scales: [p, n].map(Format::single),
        }))
    })
}
