//! From a layer's weights to a ternary tensor of rows and columns.
//!
//! What is evaluated is what is stored: trits at five to a byte, scales in `f16`, also after a correction, and the bias.

use anyhow::Result;
use ternarize::quantize::Codebook;
use ternarize::quantize::calibrate::{Affine, norm_gain, unit_gain};
use ternarize::quantize::gram::{self, Gram, OutputAware};
use ternarize::quantize::planes::{PlaneMethod, Planes};
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Code, ScaleType, Ternarizer};

use crate::layer::Matrix;
use crate::recipe::{Gain, Method, Recipe};

/// A layer as it is stored.
pub(crate) struct Stored {
    /// With the bias of the layer, unless that is ternary, too.
    pub(crate) tensor: TernaryTensor,
    ternary_bias: Option<TernaryTensor>,
}

impl Stored {
    fn new(tensor: TernaryTensor, matrix: &Matrix) -> Result<Self> {
        let tensor = tensor.with_bias(matrix.bias.clone())?;
        Ok(Self {
            tensor: tensor.transcode(Code::Base3),
            ternary_bias: None,
        })
    }

    /// Trits, scales and bias.
    pub(crate) fn bytes(&self) -> usize {
        let tensors = core::iter::once(&self.tensor).chain(&self.ternary_bias);
        tensors.map(TernaryTensor::stored_bytes).sum()
    }

    /// The layer with restored weights.
    pub(crate) fn matrix(&self, original: &Matrix) -> Matrix {
        let bias = self.ternary_bias.as_ref();
        Matrix {
            name: original.name.clone(),
            weights: self.tensor.dequantize(),
            bias: bias.map_or_else(|| self.tensor.bias().to_vec(), TernaryTensor::dequantize),
            ..*original
        }
    }

    /// `|w - w'|^2 / |w|^2`.
    pub(crate) fn relative_error(&self, original: &Matrix) -> Result<f64> {
        let metrics = self.tensor.error_metrics(&original.view()?)?;
        Ok(metrics.relative_error)
    }

    pub(crate) fn corrected(self, maps: &[Affine]) -> Result<Self> {
        Ok(Self {
            tensor: self.tensor.corrected(maps)?,
            ..self
        })
    }
}

/// Ternarizes a layer by its weights alone.
pub(crate) fn by_weights(matrix: &Matrix, recipe: &Recipe, planes: usize) -> Result<Stored> {
    let (view, grouping) = (matrix.view()?, recipe.per.grouping(matrix));
    let tensor = if planes == 1 {
        by_rule(&view, grouping, recipe)?
    } else {
        let method = match recipe.method {
            Method::Greedy => PlaneMethod::Greedy,
            _ => PlaneMethod::Refined,
        };
        let planes = Planes::new(planes).method(method);
        TernaryTensor::ternarize_planes(&view, grouping, &planes.scale_type(ScaleType::F16))?
    };
    let mut stored = Stored::new(with_gain(tensor, matrix, recipe.gain)?, matrix)?;
    if recipe.ternary_bias && !matrix.bias.is_empty() {
        // As the authors' program has it: with a scale for each sign.
        let bias = TensorView::new(&matrix.bias, &[matrix.rows])?;
        let bias = by_rule(&bias, Grouping::Tensor, recipe)?;
        stored.ternary_bias = Some(bias.transcode(Code::Base3));
        stored.tensor = stored.tensor.with_bias(Vec::new())?;
    }
    Ok(stored)
}

/// One plane by the rule.
fn by_rule(
    view: &TensorView<'_, f32>,
    grouping: Grouping,
    recipe: &Recipe,
) -> Result<TernaryTensor> {
    let how = Ternarizer::new().rule(recipe.rule).scales(recipe.scales);
    let (tensor, _) = TernaryTensor::ternarize(view, grouping, &how)?;
    Ok(tensor.with_scale_type(ScaleType::F16)?)
}

/// Makes the weights of each group as long as wanted.
fn with_gain(tensor: TernaryTensor, matrix: &Matrix, gain: Gain) -> Result<TernaryTensor> {
    let factor = match gain {
        Gain::LeastSquares => return Ok(tensor),
        Gain::Norm => norm_gain,
        Gain::Unit => unit_gain,
    };
    let restored: Vec<f32> = tensor.dequantize();
    // Each group is one run, because blocks and output channels lie in one piece.
    let gains = tensor
        .runs(0..restored.len())?
        .map(|(run, _)| factor(&matrix.weights[run.clone()], &restored[run]));
    let gains = gains.collect::<Result<Vec<f64>, _>>()?;
    Ok(tensor.with_gains(&gains)?)
}

/// Ternarizes a layer so that its outputs change least.
///
/// A matrix that is one group has a scale for each row here, as it has after a correction.
pub(crate) fn by_outputs(
    matrix: &Matrix,
    gram: &Gram,
    recipe: &Recipe,
    planes: usize,
) -> Result<Stored> {
    let codebook = match planes {
        1 if recipe.has_two_scales() => Codebook::TwoScales,
        1 => Codebook::OneScale,
        _ => Codebook::Planes(u8::try_from(planes)?),
    };
    let group = match recipe.per.grouping(matrix) {
        Grouping::Block(length) => Some(length),
        _ => None,
    };
    let aware = OutputAware::new(gram)
        .codebook(codebook)
        .group(group)
        .damping(recipe.damping)
        .scale_type(ScaleType::F16)
        .method(match recipe.method {
            Method::Weighted => gram::Method::Weighted,
            Method::Feedback => gram::Method::Feedback,
            _ => gram::Method::Descent,
        });
    let targets = gram.effective_weights(&matrix.weights, recipe.damping)?;
    let fits = aware.ternarize(&targets)?;
    let shape = *matrix.view()?.shape();
    Stored::new(TernaryTensor::from_fits(shape, &fits)?, matrix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(bias: &[f32]) -> Matrix {
        Matrix {
            name: String::new(),
            rows: 2,
            columns: 6,
            weights: vec![2.0, 1.0, 1.0, -1.0, 0.0, 0.0, 0.5, -0.5, 0.5, 0.0, 0.0, 0.0],
            bias: bias.to_vec(),
            unfold: None,
        }
    }

    fn recipe(options: &str) -> Recipe {
        let recipes = Recipe::parse(&format!(r#"[{{"name": "a"{options}}}]"#));
        recipes.unwrap().remove(0)
    }

    #[test]
    fn every_byte_is_counted() {
        let bytes = |bias: &[f32], options: &str, planes| {
            let stored = by_weights(&matrix(bias), &recipe(options), planes).unwrap();
            stored.bytes()
        };
        // Three bytes of trits, two scales, two biases.
        assert_eq!(bytes(&[0.5, 0.25], "", 1), 3 + 4 + 8);
        assert_eq!(bytes(&[], "", 1), 3 + 4);
        assert_eq!(bytes(&[], "", 2), 2 * (3 + 4));
        assert_eq!(bytes(&[], r#", "scales": "two", "per": "4""#, 1), 3 + 16);
        // A ternary bias: a byte of trits, and two scales.
        let ternary = r#", "scales": "two", "per": "tensor", "ternary_bias": true"#;
        assert_eq!(bytes(&[0.5, 0.25], ternary, 1), 3 + 4 + 1 + 4);
        assert_eq!(bytes(&[], ternary, 1), 3 + 4);
    }

    #[test]
    fn a_ternary_bias_is_restored() {
        let original = matrix(&[0.5, -0.25]);
        let options = r#", "scales": "two", "ternary_bias": true"#;
        let stored = by_weights(&original, &recipe(options), 1).unwrap();
        assert_eq!(stored.matrix(&original).bias, [0.5, -0.25]);
    }

    #[test]
    fn gains_are_those_of_the_groups() {
        let original = matrix(&[]);
        let lambda = |options: &str| {
            let stored = by_weights(&original, &recipe(options), 1).unwrap();
            stored.tensor.lambda_p()
        };
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-3, "{found}");
        // |w|^2 is 7; four trits of 5 / 4.
        let [norm, unit] = ["norm", "unit-gain"].map(|g| lambda(&format!(r#", "gain": "{g}""#)));
        near(norm[0], (7.0_f64 / 4.0).sqrt());
        near(unit[0], 7.0 / 5.0);
        assert_eq!((norm[1], unit[1]), (0.5, 0.5));
    }

    #[test]
    fn corrections_are_stored() {
        let original = matrix(&[]);
        let stored = by_weights(&original, &recipe(r#", "per": "tensor""#), 1).unwrap();
        let bytes = stored.bytes();
        let maps = [0.0, 1.0].map(|shift| Affine { scale: 2.0, shift });
        let corrected = stored.corrected(&maps).unwrap();
        // A scale and two biases more.
        assert_eq!(corrected.bytes(), bytes + 2 + 8);
        assert_eq!(corrected.matrix(&original).bias, [0.0, 1.0]);
    }
}
