//! Levels nearest to the weights themselves, one group at a time, with or without an importance for each weight.
//!
//! One and two scales: the exact search of [`Ternarizer`]. Planes: those of [`Residual`]; with importances, each plane is the exact
//! optimum for what the planes before it have left, then the weights' nearest levels and the least-squares scales take turns as
//! long as that helps.

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::{Cholesky, Matrix4, Vector4};

use super::codebook::{Choice, Codebook, Patterns, nearest};
use super::row::Setting;
use crate::error::Error;
use crate::optimum::options::Ternarizer;
use crate::optimum::rule::{Rule, Scales};
use crate::quantize::planes::{MAX_PLANES, Residual};

/// Turns between levels and scales.
const TURNS: usize = 30;

/// The choice for a row, group by group; with the importances of all weights, or none.
pub(super) fn choose(
    setting: &Setting<'_>,
    weights: &[f64],
    importance: Option<&[f32]>,
) -> Result<Choice, Error> {
    let mut choice = Choice {
        patterns: Vec::with_capacity(weights.len()),
        scales: Vec::new(),
    };
    for group in 0..setting.groups() {
        let members = setting.members(group);
        let importance = importance.map(|importance| &importance[members.clone()]);
        if importance.is_none() && setting.patterns.planes() > 1 {
            choose_residual(setting, &weights[members], &mut choice)?;
        } else {
            choose_group(setting.patterns, &weights[members], importance, &mut choice)?;
        }
    }
    store(setting, weights, &mut choice);
    Ok(choice)
}

/// Rounds the scales to storable ones; the weights take the levels nearest to them.
fn store(setting: &Setting<'_>, weights: &[f64], choice: &mut Choice) {
    let count = setting.patterns.scales();
    let mut levels = Vec::new();
    for group in 0..setting.groups() {
        let scales = &mut choice.scales[group * count..(group + 1) * count];
        for scale in scales.iter_mut() {
            *scale = setting.scale_type.round(*scale);
        }
        setting.patterns.levels(scales, &mut levels);
        for i in setting.members(group) {
            choice.patterns[i] = nearest(&levels, weights[i]);
        }
    }
}

/// Appends the planes of a group, all weights being equally important.
fn choose_residual(
    setting: &Setting<'_>,
    weights: &[f64],
    choice: &mut Choice,
) -> Result<(), Error> {
    let count = setting.patterns.planes();
    let residual = Residual::new(count).scale_type(setting.scale_type);
    let planes = residual.ternarize(weights)?;
    choice.scales.extend(planes.scales());
    let trit = |plane: usize, i: usize| planes.trits(plane).get(i).copied().unwrap_or(0);
    let pattern = |i| {
        setting
            .patterns
            .find(core::array::from_fn(|plane| trit(plane, i)))
    };
    choice.patterns.extend((0..weights.len()).map(pattern));
    Ok(())
}

/// Appends the choice for a group.
pub(super) fn choose_group(
    patterns: &Patterns,
    weights: &[f64],
    importance: Option<&[f32]>,
    choice: &mut Choice,
) -> Result<(), Error> {
    let mut ternarizer = Ternarizer::new();
    if let Some(importance) = importance {
        ternarizer = ternarizer.importance(importance);
    }
    let mut trits = vec![0; weights.len()];
    match patterns.codebook() {
        Codebook::TwoScales => {
            ternarizer = ternarizer.rule(Rule::TwoScale);
            let fit = ternarizer.ternarize_into(weights, &mut trits)?;
            choice.scales.extend([fit.lambda_p, fit.lambda_n]);
            let pattern = |&trit: &i8| match trit {
                0 => 0,
                1 => patterns.find([1, 0, 0, 0]),
                _ => patterns.find([0, -1, 0, 0]),
            };
            choice.patterns.extend(trits.iter().map(pattern));
        }
        Codebook::OneScale | Codebook::Planes(_) => {
            let mut planes = Planes::greedy(patterns, weights, ternarizer.scales(Scales::One))?;
            if patterns.planes() > 1 {
                planes.take_turns(patterns, weights, importance);
            }
            choice.patterns.append(&mut planes.patterns);
            choice.scales.extend(&planes.scales[..patterns.planes()]);
        }
    }
    Ok(())
}

/// The choice for a group of several planes.
#[derive(Clone)]
struct Planes {
    patterns: Vec<usize>,
    scales: [f64; MAX_PLANES],
}

impl Planes {
    /// Plane after plane, each the exact optimum for what is left.
    fn greedy(
        patterns: &Patterns,
        weights: &[f64],
        ternarizer: Ternarizer<'_>,
    ) -> Result<Self, Error> {
        let mut left = weights.to_vec();
        let mut coefficients = vec![[0; MAX_PLANES]; weights.len()];
        let mut scales = [0.0; MAX_PLANES];
        let mut trits = vec![0; weights.len()];
        for (plane, scale) in scales.iter_mut().enumerate().take(patterns.planes()) {
            *scale = ternarizer.ternarize_into(&left, &mut trits)?.lambda;
            let places = left.iter_mut().zip(&mut coefficients).zip(&trits);
            for ((left, coefficients), &trit) in places {
                *left -= *scale * f64::from(trit);
                coefficients[plane] = trit;
            }
        }
        Ok(Self {
            patterns: coefficients.iter().map(|&c| patterns.find(c)).collect(),
            scales,
        })
    }

    /// Nearest levels and least-squares scales in turn, as long as the error falls.
    fn take_turns(&mut self, patterns: &Patterns, weights: &[f64], importance: Option<&[f32]>) {
        let mass = |i: usize| importance.map_or(1.0, |importance| f64::from(importance[i]));
        let mut least = self.error(patterns, weights, mass);
        let mut levels = Vec::new();
        for _ in 0..TURNS {
            let mut next = self.clone();
            let Some(scales) = self.best_scales(patterns, weights, mass) else {
                break;
            };
            next.scales = scales;
            patterns.levels(&next.scales, &mut levels);
            next.patterns = weights.iter().map(|&w| nearest(&levels, w)).collect();
            let error = next.error(patterns, weights, mass);
            if error >= least {
                break;
            }
            least = error;
            *self = next;
        }
        for plane in 0..patterns.planes() {
            if self.scales[plane] < 0.0 {
                self.scales[plane] = -self.scales[plane];
                for pattern in &mut self.patterns {
                    *pattern = patterns.turned(*pattern, plane, -1);
                }
            }
        }
    }

    fn error(&self, patterns: &Patterns, weights: &[f64], mass: impl Fn(usize) -> f64) -> f64 {
        let mut levels = Vec::new();
        patterns.levels(&self.scales, &mut levels);
        let places = weights.iter().zip(&self.patterns).enumerate();
        let terms = places.map(|(i, (w, &pattern))| {
            let difference = w - levels[pattern];
            mass(i) * difference * difference
        });
        terms.sum()
    }

    /// The least-squares scales of the patterns; `None` if planes depend on each other.
    fn best_scales(
        &self,
        patterns: &Patterns,
        weights: &[f64],
        mass: impl Fn(usize) -> f64,
    ) -> Option<[f64; MAX_PLANES]> {
        let mut matrix = Matrix4::zeros();
        let mut right = Vector4::zeros();
        for (i, (&w, &pattern)) in weights.iter().zip(&self.patterns).enumerate() {
            let coefficient = |plane| f64::from(patterns.coefficient(pattern, plane));
            for a in 0..MAX_PLANES {
                let weighted = mass(i) * coefficient(a);
                right[a] += weighted * w;
                for b in 0..MAX_PLANES {
                    matrix[(a, b)] += weighted * coefficient(b);
                }
            }
        }
        // Planes that there are not have a scale of 0.
        for plane in patterns.planes()..MAX_PLANES {
            matrix[(plane, plane)] = 1.0;
        }
        Some(Cholesky::new(matrix)?.solve(&right).into())
    }
}
