//! From a layer's weights to planes of trits.

use anyhow::Result;
use half::f16;
use rayon::prelude::*;
use ternarize::ScaleType;
use ternarize::Ternarizer;
use ternarize::quantize::Codebook;
use ternarize::quantize::calibrate::{norm_gain, unit_gain};
use ternarize::quantize::gram::{self, OutputAware};
use ternarize::quantize::planes::Planes;

use crate::inputs::Inputs;
use crate::layer::Matrix;
use crate::recipe::{Gain, Method, Recipe};
use crate::ternary::{Groups, Plane, Ternary, rounded};

/// The planes of one group: trits, and the scales of both signs.
type GroupPlanes = Vec<(Vec<i8>, f16, f16)>;

/// Ternarizes a layer by its weights alone.
pub(crate) fn by_weights(matrix: &Matrix, recipe: &Recipe, planes: usize) -> Result<Ternary> {
    let groups = recipe.per.groups(matrix);
    let slices = groups.slices(&matrix.weights, matrix.columns);
    let together = planes > 1 && recipe.method != Method::Greedy;
    let parts: Result<Vec<GroupPlanes>> = slices
        .par_iter()
        .map(|weights| {
            if together {
                refined(weights, planes)
            } else {
                greedy(weights, recipe, planes)
            }
        })
        .collect();
    let two = recipe.has_two_scales() && !together;
    let mut ternary = assemble(matrix, groups, &parts?, planes, two);
    choose_gain(&mut ternary, matrix, recipe.gain)?;
    if recipe.ternary_bias {
        ternarize_bias(&mut ternary, recipe)?;
    }
    Ok(ternary)
}

/// Ternarizes a layer so that its outputs change least.
///
/// A matrix that is one group has a scale for each row here, as it has after a correction.
pub(crate) fn by_outputs(
    matrix: &Matrix,
    inputs: &Inputs,
    recipe: &Recipe,
    planes: usize,
) -> Result<Ternary> {
    let group = match recipe.per.groups(matrix) {
        Groups::Matrix => matrix.columns,
        Groups::Block(length) => length,
    };
    let two = recipe.has_two_scales() && planes == 1;
    let codebook = match (planes, two) {
        (1, true) => Codebook::TwoScales,
        (1, false) => Codebook::OneScale,
        _ => Codebook::Planes(u8::try_from(planes)?),
    };
    let aware = OutputAware::new(inputs.gram())
        .codebook(codebook)
        .group(Some(group))
        .damping(recipe.damping)
        .scale_type(ScaleType::F16)
        .method(match recipe.method {
            Method::Weighted => gram::Method::Weighted,
            Method::Feedback => gram::Method::Feedback,
            _ => gram::Method::Descent,
        });
    let rows = aware.ternarize(&inputs.targets(matrix, recipe.damping)?)?;
    let parts: Vec<GroupPlanes> = rows
        .iter()
        .flat_map(|row| {
            let trits = |k: usize| row.plane(k);
            let scales = row.scales.chunks_exact(codebook.scales());
            scales.enumerate().map(move |(number, scales)| {
                let plane = |k: usize| {
                    let part = trits(k).chunks(group).nth(number).unwrap_or_default();
                    let negative = if two { scales[1] } else { scales[k] };
                    (part.to_vec(), rounded(scales[k]), rounded(negative))
                };
                (0..planes).map(plane).collect()
            })
        })
        .collect();
    Ok(assemble(matrix, Groups::Block(group), &parts, planes, two))
}

/// Planes refined together.
fn refined(weights: &[f32], planes: usize) -> Result<GroupPlanes> {
    let how = Planes::new(planes).scale_type(ScaleType::F16);
    let found = how.ternarize(weights)?;
    let plane = |k: usize| {
        let scale = rounded(found.scales[k]);
        (found.plane(k).to_vec(), scale, scale)
    };
    Ok((0..planes).map(plane).collect())
}

/// One plane after the other, each of what the ones before it left.
fn greedy(weights: &[f32], recipe: &Recipe, planes: usize) -> Result<GroupPlanes> {
    let how = Ternarizer::new().rule(recipe.rule).scales(recipe.scales);
    let mut rest = weights.to_vec();
    let mut found = Vec::with_capacity(planes);
    for _ in 0..planes {
        let (trits, fit) = how.ternarize(&rest)?;
        let scales = [fit.lambda_p, fit.lambda_n].map(|s| rounded(f64::from(s)));
        for (rest, trit) in rest.iter_mut().zip(&trits) {
            *rest -= match trit {
                1 => scales[0].to_f32(),
                -1 => -scales[1].to_f32(),
                _ => 0.0,
            };
        }
        found.push((trits, scales[0], scales[1]));
    }
    Ok(found)
}

/// Puts the groups side by side.
fn assemble(
    matrix: &Matrix,
    groups: Groups,
    parts: &[GroupPlanes],
    planes: usize,
    two: bool,
) -> Ternary {
    let plane = |k: usize| Plane {
        trits: parts.iter().flat_map(|part| &part[k].0).copied().collect(),
        positive: parts.iter().map(|part| part[k].1).collect(),
        negative: two.then(|| parts.iter().map(|part| part[k].2).collect()),
    };
    Ternary {
        rows: matrix.rows,
        columns: matrix.columns,
        groups,
        planes: (0..planes).map(plane).collect(),
        bias: matrix.bias.clone(),
        bias_bytes: 4 * matrix.bias.len(),
    }
}

/// Makes the weights of each group as long as wanted.
fn choose_gain(ternary: &mut Ternary, matrix: &Matrix, gain: Gain) -> Result<()> {
    let factor = match gain {
        Gain::LeastSquares => return Ok(()),
        Gain::Norm => norm_gain,
        Gain::Unit => unit_gain,
    };
    let restored = ternary.restore();
    let columns = matrix.columns;
    let pairs = ternary.groups.slices(&matrix.weights, columns);
    let pairs = pairs
        .into_iter()
        .zip(ternary.groups.slices(&restored, columns));
    let factors: Result<Vec<f64>, _> = pairs.map(|(w, q)| factor(w, q)).collect();
    ternary.multiply_groups(&factors?);
    Ok(())
}

/// The bias as the authors' program has it: ternary, with a scale for each sign.
fn ternarize_bias(ternary: &mut Ternary, recipe: &Recipe) -> Result<()> {
    let [(trits, positive, negative)] = &greedy(&ternary.bias, recipe, 1)?[..] else {
        return Ok(());
    };
    for (bias, trit) in ternary.bias.iter_mut().zip(trits) {
        *bias = match trit {
            1 => positive.to_f32(),
            -1 => -negative.to_f32(),
            _ => 0.0,
        };
    }
    ternary.bias_bytes = ternarize::Code::Base3.packed_len(trits.len()) + 4;
    Ok(())
}

/// `|w - w'|^2` and `|w|^2`.
pub(crate) fn error(matrix: &Matrix, ternary: &Ternary) -> (f64, f64) {
    let restored = ternary.restore();
    let pairs = matrix.weights.iter().zip(&restored);
    pairs.fold((0.0, 0.0), |(lost, all), (&w, &q)| {
        let (w, q) = (f64::from(w), f64::from(q));
        (lost + (w - q) * (w - q), all + w * w)
    })
}
