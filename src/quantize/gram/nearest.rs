//! Levels nearest to the weights themselves, one group at a time, with or without an importance for each weight.
//!
//! One and two scales: the exact search of [`Ternarizer`]. Several planes without importances: [`Planes`]. With importances, each
//! plane is the exact optimum for what the planes before it left; then nearest levels and least-squares scales take turns as long as
//! the error falls.

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::{Cholesky, Matrix4, Vector4};

use super::patterns::{Patterns, RowChoice, nearest};
use super::problem::Problem;
use crate::error::Error;
use crate::optimum::options::Ternarizer;
use crate::optimum::rule::{Rule, Scales};
use crate::optimum::weight::TypedSlice;
use crate::quantize::Codebook;
use crate::quantize::planes::{MAX_PLANES, Planes};

/// A bound on the turns between levels and scales. Chosen; most groups need fewer than ten.
const TURNS: usize = 30;

/// The choice for a row, group by group, with stored scales; with the importances of all weights, or none.
pub(super) fn choose(
    problem: &Problem<'_>,
    weights: &[f64],
    importance: Option<&[f32]>,
) -> Result<RowChoice, Error> {
    let (patterns, scale_type) = (problem.patterns, problem.options.scale_type);
    let mut scales = Vec::new();
    let mut chosen = Vec::with_capacity(weights.len());
    for group in 0..problem.groups() {
        let members = problem.members(group);
        let weights = &weights[members.clone()];
        let found = match importance {
            None if patterns.codebook.planes() > 1 => {
                let planes = Planes::new(patterns.scales()).scale_type(scale_type);
                let fit = planes.ternarize_group(group, TypedSlice::F64(weights))?;
                fit.scales
            }
            _ => choose_scales(patterns, weights, importance.map(|h| &h[members]))?,
        };
        // Rounds the scales; the weights take the nearest levels of the rounded scales.
        let stored: Vec<f64> = found.iter().map(|&s| scale_type.round(s)).collect();
        scale_type.check(group, &found, &stored)?;
        let levels = patterns.levels(&stored);
        chosen.extend(weights.iter().map(|&w| nearest(&levels, w)));
        scales.extend(stored);
    }
    Ok(RowChoice {
        patterns: chosen,
        scales,
    })
}

/// The scales of a group that are best for its weights, before they are rounded.
pub(super) fn choose_scales(
    patterns: &Patterns,
    weights: &[f64],
    importance: Option<&[f32]>,
) -> Result<Vec<f64>, Error> {
    let mut ternarizer = Ternarizer::new();
    if let Some(importance) = importance {
        ternarizer = ternarizer.importance(importance);
    }
    if patterns.codebook == Codebook::TwoScales {
        let (_, fit) = ternarizer.rule(Rule::TwoScale).ternarize(weights)?;
        return Ok(vec![fit.lambda_p, fit.lambda_n]);
    }
    let mass = |i: usize| importance.map_or(1.0, |importance| f64::from(importance[i]));
    let mass: Vec<f64> = (0..weights.len()).map(mass).collect();
    let (mut scales, mut chosen) =
        greedy_planes(patterns, weights, ternarizer.scales(Scales::One))?;
    let error = |scales: &[f64], chosen: &[usize]| -> f64 {
        let levels = patterns.levels(scales);
        let places = weights.iter().zip(chosen).zip(&mass);
        let terms = places.map(|((w, &pattern), mass)| {
            let difference = w - levels[pattern];
            mass * difference * difference
        });
        terms.sum()
    };
    // With several planes, nearest levels and least-squares scales in turn as long as the error falls.
    let mut least = error(&scales, &chosen);
    let turns = if patterns.scales() > 1 { TURNS } else { 0 };
    for _ in 0..turns {
        let Some(next) = best_scales(patterns, weights, &mass, &chosen) else {
            break;
        };
        let levels = patterns.levels(&next);
        chosen = weights.iter().map(|&w| nearest(&levels, w)).collect();
        let error = error(&next, &chosen);
        if error >= least {
            break;
        }
        (least, scales) = (error, next);
    }
    // A negative scale is a positive one with opposite trits, which are among the patterns, too.
    let scales = scales.map(f64::abs);
    Ok(scales[..patterns.scales()].to_vec())
}

/// Plane after plane, each the exact optimum for what the planes before it left: the scales and the patterns.
fn greedy_planes(
    patterns: &Patterns,
    weights: &[f64],
    ternarizer: Ternarizer<'_>,
) -> Result<([f64; MAX_PLANES], Vec<usize>), Error> {
    let mut left = weights.to_vec();
    let mut coefficients = vec![[0; MAX_PLANES]; left.len()];
    let mut scales = [0.0; MAX_PLANES];
    for (plane, scale) in scales.iter_mut().take(patterns.scales()).enumerate() {
        let (trits, fit) = ternarizer.ternarize(&left)?;
        *scale = fit.lambda;
        for (i, trit) in trits.into_iter().enumerate() {
            left[i] -= fit.lambda * f64::from(trit);
            coefficients[i][plane] = trit;
        }
    }
    let chosen = coefficients.into_iter().map(|c| patterns.find(c));
    Ok((scales, chosen.collect()))
}

/// The least-squares scales of the patterns, with masses for the weights; `None` if planes depend on each other.
fn best_scales(
    patterns: &Patterns,
    weights: &[f64],
    mass: &[f64],
    chosen: &[usize],
) -> Option<[f64; MAX_PLANES]> {
    let mut matrix = Matrix4::zeros();
    let mut right = Vector4::zeros();
    for ((&w, &mass), &pattern) in weights.iter().zip(mass).zip(chosen) {
        let coefficient = |plane| f64::from(patterns.coefficient(pattern, plane));
        for a in 0..MAX_PLANES {
            let weighted = mass * coefficient(a);
            right[a] += weighted * w;
            for b in 0..MAX_PLANES {
                matrix[(a, b)] += weighted * coefficient(b);
            }
        }
    }
    // Planes that do not exist get the scale 0.
    for plane in patterns.scales()..MAX_PLANES {
        matrix[(plane, plane)] = 1.0;
    }
    Some(Cholesky::new(matrix)?.solve(&right).into())
}
