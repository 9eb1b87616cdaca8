//! From a layer's weights to planes of trits.

use anyhow::Result;
use half::f16;
use rayon::prelude::*;
use ternarize::calibrate::ScaleChoice;
use ternarize::{Scales, Ternarizer};

use crate::layer::Matrix;
use crate::recipe::Recipe;
use crate::ternary::{Groups, Plane, Ternary, rounded};

/// The planes of one group: trits, and the scales of both signs.
type GroupPlanes = Vec<(Vec<i8>, f16, f16)>;

/// Ternarizes a layer by its weights alone.
pub(crate) fn quantize(matrix: &Matrix, recipe: &Recipe, planes: usize) -> Result<Ternary> {
    let groups = recipe.per.groups(matrix);
    let slices = groups.slices(&matrix.weights, matrix.columns);
    let two = two_scales(recipe);
    let parts: Result<Vec<GroupPlanes>> = slices
        .par_iter()
        .map(|weights| greedy(weights, recipe, planes))
        .collect();
    let mut ternary = assemble(matrix, groups, &parts?, planes, two);
    choose_gain(&mut ternary, matrix, recipe.gain)?;
    if recipe.ternary_bias {
        ternarize_bias(&mut ternary, recipe)?;
    }
    Ok(ternary)
}

/// Whether both signs have scales of their own.
fn two_scales(recipe: &Recipe) -> bool {
    use ternarize::Rule::{AbsMax, AbsMean};
    recipe.scales == Scales::Two && !matches!(recipe.rule, AbsMean | AbsMax)
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
fn choose_gain(ternary: &mut Ternary, matrix: &Matrix, gain: ScaleChoice) -> Result<()> {
    if gain == ScaleChoice::LeastSquares {
        return Ok(());
    }
    let restored = ternary.restore();
    let columns = matrix.columns;
    let pairs = ternary.groups.slices(&matrix.weights, columns);
    let pairs = pairs
        .into_iter()
        .zip(ternary.groups.slices(&restored, columns));
    let factors: Result<Vec<f64>, _> = pairs.map(|(w, q)| gain.factor(w, q)).collect();
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
