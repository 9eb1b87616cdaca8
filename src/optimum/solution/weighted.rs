//! The exact rules with importances on long slices: the streaming search, and the trits with their sums in one pass.
//!
//! A scale is `S / m`, rounded once. Here both sums are rounded, with a relative error of at most `(11 + log2(N / 64)) 2^-53` each
//! (see [`crate::exact::float_sums`]), so the quotient lies in a narrow interval; if both of its ends become the same weight, so does all
//! between. That is so but for one in some million scales; for the others, exact sums are made.
//!
//! What it returns is what the other searches return, bit for bit.

use super::fast::check_values;
use super::{Signed, Solution, by_sign};
use crate::error::Error;
use crate::optimum::fit::{self, Fit};
use crate::optimum::objective::{Objective, Rounded, Side, Wide};
use crate::optimum::options::Knobs;
use crate::optimum::rule::{Rule, Scales};
use crate::optimum::scan::weighted::write::{Part, Write};
use crate::optimum::scan::weighted::{ROUNDING, Weighted};
use crate::optimum::search::weighted::{Found, Outcome, Task, optimum};
use crate::weight::{Weight, floor, scale_by_power, unit_exponent};

/// Shorter slices are sorted in integers.
const SHORTEST: usize = 48;

/// Ternarizes, if this is a case for the streaming search.
pub(super) fn solve<W: Weight>(
    knobs: &Knobs<'_>,
    weights: &[W],
    trits: &mut [i8],
) -> Result<Option<Fit<W>>, Error> {
    let Some(importance) = knobs.importance else {
        return Ok(None);
    };
    let long = weights.len() >= SHORTEST && importance.len() == weights.len();
    if !W::FITS_SINGLE || !long || !knobs.seek_weighted_optimum(weights.len()) {
        return Ok(None);
    }
    check_values(knobs, weights)?;
    let weighted = Weighted {
        weights,
        importance,
    };
    let mut search = |side| {
        let task = Task {
            backend: knobs.backend(),
            weighted,
            side,
        };
        match optimum(task, trits) {
            Outcome::Found(found) => Ok(Some(Done { task, found })),
            Outcome::Unsuited => Ok(None),
        }
    };
    let sides = if knobs.rule == Rule::TwoScale {
        [Side::Positive, Side::Negative]
    } else {
        [Side::Both; 2]
    };
    let Some(first) = search(sides[0])? else {
        return Ok(None);
    };
    let second = if sides[0] == sides[1] {
        Some(first)
    } else {
        search(sides[1])?
    };
    let Some(second) = second else {
        return Ok(None);
    };
    Ok(write(knobs, weighted, trits, [first, second]))
}

/// A search that is done.
#[derive(Clone, Copy)]
struct Done<'a, W> {
    task: Task<'a, W>,
    found: Found,
}

impl<W: Copy> Done<'_, W> {
    /// Its support, of one side alone.
    fn of(self, side: Side) -> Self {
        let task = Task { side, ..self.task };
        Self { task, ..self }
    }
}

/// Writes the trits and measures what they lose; `None` if the exact sums would be too long.
fn write<W: Weight>(
    knobs: &Knobs<'_>,
    weighted: Weighted<'_, W>,
    trits: &mut [i8],
    [p, n]: [Done<'_, W>; 2],
) -> Option<Fit<W>> {
    let parts = knobs.backend().run(Write {
        weighted,
        trits,
        thresholds: [p.found.threshold, n.found.threshold],
    });
    let solution = solution(knobs, [p, n], parts)?;
    let energy = scale_by_power(p.found.energy, -2 * solution.unit);
    let counts = (parts[0].count + parts[1].count, parts[0].count);
    let (weights, importance) = (weighted.weights, Some(weighted.importance));
    let scales = (solution.scales.p, solution.scales.n);
    Some(solution.measure(weights.len(), counts, energy, || {
        fit::residual(weights, trits, scales, importance, solution.unit)
    }))
}

/// The scales and the thresholds.
fn solution<W: Weight>(
    knobs: &Knobs<'_>,
    [p, n]: [Done<'_, W>; 2],
    parts: [Part; 2],
) -> Option<Solution<W>> {
    let unit = unit::<W>(p.found).max(unit::<W>(n.found));
    let rounded = |part: Part| Rounded {
        sum: scale_by_power(part.sum, -unit),
        mass: part.mass,
    };
    let sums = Signed {
        p: rounded(parts[0]),
        n: rounded(parts[1]),
    };
    let both = Part {
        count: parts[0].count + parts[1].count,
        sum: parts[0].sum + parts[1].sum,
        mass: parts[0].mass + parts[1].mass,
    };
    let of_signs = || {
        Some(Signed {
            p: project(p.of(Side::Positive), parts[0])?,
            n: project(n.of(Side::Negative), parts[1])?,
        })
    };
    let (lambda, thresholds, scales) = if knobs.rule == Rule::TwoScale {
        let Signed { p: one, n: other } = of_signs()?;
        let lambda = match unambiguous(p, both) {
            Some(mean) => mean.scale,
            None => exactly_by_sign([p, n])?,
        };
        let thresholds = (one.threshold, other.threshold);
        (lambda, thresholds, (one.scale, other.scale))
    } else {
        let Projected { scale, threshold } = project(p, both)?;
        let scales = match knobs.scales {
            Scales::One => (scale, scale),
            Scales::Two => {
                let Signed { p, n } = of_signs()?;
                (p.scale, n.scale)
            }
        };
        (scale, (threshold, threshold), scales)
    };
    Some(Solution {
        lambda,
        scales: Signed {
            p: scales.0,
            n: scales.1,
        },
        thresholds: Signed {
            p: thresholds.0,
            n: thresholds.1,
        },
        ties: 0,
        parts: sums,
        rounded: sums.p.and(sums.n),
        unit,
    })
}

/// The mean over both supports as [`by_sign`] rounds it.
fn exactly_by_sign<'a, W: Weight>(done: [Done<'a, W>; 2]) -> Option<W> {
    let exact = |done: Done<'a, W>| {
        let weights = done.task.weighted.weights;
        let top = W::narrow(f64::from(done.found.top)).key();
        let wide = Wide::with_top(weights, None, done.task.side, top);
        let parts = done.task.exact(done.found.threshold, done.found)?;
        Some((wide, Wide::<W>::tally(done.task.of_side(&parts))))
    };
    let [p, n] = done;
    let (p, n) = (exact(p)?, exact(n)?);
    Some(by_sign((&p.0, &p.1), (&n.0, &n.1)).lambda)
}

/// Magnitudes are reported in units of two to this power.
fn unit<W: Weight>(found: Found) -> i32 {
    unit_exponent::<W>(W::narrow(f64::from(found.top)).key())
}

/// The mean of a support.
struct Projected<W> {
    scale: W,
    /// The key of half of it, rounded down.
    threshold: u64,
}

/// Rounds a mean, from sums if they leave no doubt and else from exact ones.
fn project<W: Weight>(done: Done<'_, W>, part: Part) -> Option<Projected<W>> {
    if let Some(projected) = unambiguous(done, part) {
        return Some(projected);
    }
    let Done { task, found } = done;
    let parts = task.exact(found.threshold, found)?;
    let wide = Wide::with_top(task.weighted.weights, None, task.side, 0);
    let tally = Wide::<W>::tally(task.of_side(&parts));
    Some(Projected {
        scale: wide.scale(&tally),
        threshold: wide.half_scale_key(&tally),
    })
}

/// The rounded mean if its sums leave no doubt.
fn unambiguous<W: Weight>(done: Done<'_, W>, part: Part) -> Option<Projected<W>> {
    if part.count == 0 {
        return Some(Projected {
            scale: W::zero(),
            threshold: 0,
        });
    }
    let mean = part.sum / part.mass;
    // Both sums, both signs together, the division, the two products below, and what else another order rounds.
    let terms = 2 * (12 + done.task.weighted.weights.len().max(1).ilog2()) + 16;
    let error = f64::from(terms) * ROUNDING;
    let ends = [mean * (1.0 - error), mean * (1.0 + error)];
    let [scale, other] = ends.map(|end| W::narrow(end).key());
    let [threshold, above] = ends.map(|end| floor::<W>(end / 2.0).key());
    (scale == other && threshold == above).then_some(Projected {
        scale: W::from_key(scale),
        threshold,
    })
}
