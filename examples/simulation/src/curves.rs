//! The whole curve: the best cosine for every number of non-zeros, of one large vector of each law.
//!
//! ```text
//! measured  M  ->  S_M / (sqrt(M) |w|)             theory  p(tau)  ->  e(tau) / sqrt(p(tau) v)
//! ```
//!
//! The maximum is flat, so a few non-zeros more or fewer cost little.

use ternarize::{Error, curve, ternarize_into};

use crate::draw::Source;
use crate::law::Law;
use crate::statistics::real;
use crate::table::{Table, thousands};

/// Far enough from the streams of the random vectors.
const FIRST_STREAM: u64 = 1_000;
/// Below this share of non-zeros the few largest weights decide, and no law of large numbers helps.
const FROM_SHARE: f64 = 0.02;

/// The curve of one vector.
pub(crate) struct Curve {
    pub(crate) law: Law,
    /// `(M / N, cosine)`, measured.
    pub(crate) measured: Vec<(f64, f64)>,
    /// `(M / N, cosine)`, in theory.
    pub(crate) theory: Vec<(f64, f64)>,
    /// The optimum.
    pub(crate) chosen: (f64, f64),
    pub(crate) n: usize,
    deviation: f64,
}

/// Measures a curve for each law.
pub(crate) fn measure(n: usize, seed: u64) -> anyhow::Result<Vec<Curve>> {
    let mut weights = vec![0.0_f32; n];
    let mut curves = Vec::new();
    for (law, stream) in Law::ALL.into_iter().zip(FIRST_STREAM..) {
        Source::new(law, seed, stream)?.fill(&mut weights);
        curves.push(of(law, &weights)?);
    }
    Ok(curves)
}

fn of(law: Law, weights: &[f32]) -> Result<Curve, Error> {
    let n = weights.len();
    let cosines = curve(weights)?;
    let fit = ternarize_into(weights, &mut vec![0; n])?;
    let all: Vec<(f64, f64)> = cosines
        .iter()
        .zip(1_usize..)
        .map(|(&cosine, m)| (real(m) / real(n), cosine))
        .collect();
    let theory = theory(law);
    let deviation = all
        .iter()
        .filter(|point| point.0 >= FROM_SHARE)
        .map(|&(share, cosine)| (cosine - interpolate(&theory, share)).abs())
        .fold(0.0, f64::max);
    Ok(Curve {
        law,
        measured: all,
        theory,
        chosen: (1.0 - fit.sparsity(), fit.cosine),
        n,
        deviation,
    })
}

/// The curve of the theory, by increasing share.
///
/// Beyond the weights that are not zero (where `tau` has come down to 0), more non-zeros only lengthen `t`: the cosine
/// falls as `1 / sqrt(M)`.
fn theory(law: Law) -> Vec<(f64, f64)> {
    let steps = 4_000_u32;
    // Any magnitude, from infinity down to 0, spaced finely where the law has its mass.
    let thresholds = (1..=steps).map(|step| {
        let x = f64::from(step) / f64::from(steps);
        law.mean_magnitude() / law.share(0.0) * 2.0 * (1.0 - x) / x.powf(0.5)
    });
    let mut points: Vec<(f64, f64)> = thresholds
        .map(|tau| (law.share(tau), law.cosine(tau)))
        .filter(|point| point.0 > 0.0)
        .collect();
    let dense = law.share(0.0);
    let surplus =
        (1..=steps).map(|step| dense + (1.0 - dense) * f64::from(step) / f64::from(steps));
    if dense < 1.0 {
        points.extend(surplus.map(|share| (share, law.cosine(0.0) * (dense / share).sqrt())));
    }
    points
}

/// The curve's value at `x`.
fn interpolate(curve: &[(f64, f64)], x: f64) -> f64 {
    let after = curve.partition_point(|point| point.0 < x);
    match (curve.get(after.wrapping_sub(1)), curve.get(after)) {
        (Some(&(x0, y0)), Some(&(x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some(&(_, y)), None) | (None, Some(&(_, y))) => y,
        (None, None) => f64::NAN,
    }
}

/// The optimum of each curve against theory.
pub(crate) fn table(curves: &[Curve]) -> Table {
    let mut table = Table::new(
        "The curve of one vector against theory (largest deviation where M/N is 2 % or more)",
        &[
            "weights",
            "N",
            "chosen M/N",
            "in theory",
            "cosine",
            "in theory",
            "largest deviation of the curve",
        ],
    );
    for curve in curves {
        let tau = curve.law.best_threshold();
        table.row([
            curve.law.to_string(),
            thousands(curve.n),
            format!("{:.4}", curve.chosen.0),
            format!("{:.4}", curve.law.share(tau)),
            format!("{:.4}", curve.chosen.1),
            format!("{:.4}", curve.law.limit()),
            format!("{:.4}", curve.deviation),
        ]);
    }
    table
}
