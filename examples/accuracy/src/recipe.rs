//! Recipes: what is done to each layer, as data (`recipes.json`).
//!
//! ```json
//! {"name": "best", "rule": "two-scale", "per": "64", "ends": 3, "gain": "unit-gain", "correction": "bias"}
//! ```
//!
//! Whatever is left out is the plainest: the paper's rule with one scale for each output channel, one plane, no correction.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Deserializer};
use ternarize::quantize::calibrate::Correction;
use ternarize::tensor::Grouping;
use ternarize::{Rule, Scales};

use crate::layer::Matrix;

/// What to do to a network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "rule")]
    pub(crate) rule: Rule,
    #[serde(default = "one_scale", deserialize_with = "scales")]
    pub(crate) scales: Scales,
    #[serde(default, deserialize_with = "per")]
    pub(crate) per: Per,
    /// Planes of each layer.
    #[serde(default = "one")]
    pub(crate) planes: usize,
    /// Planes of the first and the last layer, if others.
    #[serde(default)]
    pub(crate) ends: Option<usize>,
    /// Bits per weight to spend on planes, in place of all these numbers: where they lower the relative errors of the layers most.
    #[serde(default)]
    pub(crate) budget: Option<f64>,
    /// How trits are chosen.
    #[serde(default)]
    pub(crate) method: Method,
    /// For methods that look at inputs: whether at their distance from the mean. The shift of a correction mends the rest.
    #[serde(default)]
    pub(crate) centred: bool,
    /// The same: whether to aim at the outputs of the f32 network, not at those of f32 weights on the inputs at hand.
    #[serde(default)]
    pub(crate) effective: bool,
    /// The same: added to the diagonal, as a fraction of its mean.
    #[serde(default = "damping")]
    pub(crate) damping: f64,
    #[serde(default)]
    pub(crate) gain: Gain,
    #[serde(default, deserialize_with = "correction")]
    pub(crate) correction: Correction,
    /// Whether the bias is ternary too.
    #[serde(default)]
    pub(crate) ternary_bias: bool,
}

/// How trits are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Method {
    /// By the weights: the rule for one plane, planes refined together for more.
    #[default]
    Weights,
    /// By the weights: plane after plane.
    Greedy,
    /// By the weights, each as important as its input's mean square.
    Weighted,
    /// By outputs: error feedback.
    Feedback,
    /// By outputs: descent.
    Descent,
}

impl Method {
    /// Whether it looks at a layer's inputs.
    pub(crate) const fn looks_at_inputs(self) -> bool {
        !matches!(self, Self::Weights | Self::Greedy)
    }
}

/// How long the restored weights of a group are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Gain {
    /// The least error of the weights.
    #[default]
    LeastSquares,
    /// The norm of the weights.
    Norm,
    /// The gain of the weights.
    #[serde(rename = "unit-gain")]
    Unit,
}

/// Which weights share scales.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Per {
    Tensor,
    /// The output channel.
    #[default]
    Channel,
    /// The kernel of a convolution, a whole linear layer.
    Kernel,
    /// So many inputs of an output channel.
    Inputs(usize),
}

impl Per {
    /// The groups of a layer, as rows and columns.
    pub(crate) fn grouping(self, matrix: &Matrix) -> Grouping {
        match (self, matrix.unfold) {
            (Self::Tensor, _) | (Self::Kernel, None) => Grouping::Tensor,
            (Self::Channel, _) => Grouping::OUTPUT_CHANNEL,
            (Self::Kernel, Some(unfold)) => Grouping::Block(unfold.kernel * unfold.kernel),
            (Self::Inputs(length), _) => Grouping::Block(length),
        }
    }
}

impl Recipe {
    /// The recipes of a file.
    pub(crate) fn parse(json: &str) -> Result<Vec<Self>> {
        let recipes: Vec<Self> = serde_json::from_str(json)?;
        for recipe in &recipes {
            let mut planes = core::iter::once(recipe.planes).chain(recipe.ends);
            ensure!(
                planes.all(|k| (1..=4).contains(&k)),
                "{}: from one to four planes",
                recipe.name
            );
            ensure!(
                !recipe.ternary_bias || !recipe.is_calibrated(),
                "{}: a ternary bias cannot be corrected",
                recipe.name
            );
            ensure!(
                recipe.gain == Gain::LeastSquares || !recipe.method.looks_at_inputs(),
                "{}: scales chosen by outputs have no other gain",
                recipe.name
            );
            ensure!(
                recipe.budget.is_none_or(|bits| bits > 0.0),
                "{}: a budget above zero",
                recipe.name
            );
        }
        Ok(recipes)
    }

    /// How many planes each layer gets.
    pub(crate) fn planes_of_layers(&self, layers: usize) -> Vec<usize> {
        let planes = (0..layers).map(|layer| {
            let end = layer == 0 || layer + 1 == layers;
            self.ends.filter(|_| end).unwrap_or(self.planes)
        });
        planes.collect()
    }

    /// Whether inputs are needed.
    pub(crate) fn is_calibrated(&self) -> bool {
        self.correction != Correction::None || self.method.looks_at_inputs()
    }

    /// Whether both signs have scales of their own.
    pub(crate) fn has_two_scales(&self) -> bool {
        self.scales == Scales::Two && !matches!(self.rule, Rule::AbsMean | Rule::AbsMax)
    }
}

const fn one() -> usize {
    1
}

const fn damping() -> f64 {
    0.01
}

const fn one_scale() -> Scales {
    Scales::One
}

/// Reads a name, and finds what it stands for.
fn named<'de, T, D: Deserializer<'de>>(
    from: D,
    find: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let name = String::deserialize(from)?;
    let found = find(&name).with_context(|| format!("unknown: {name}"));
    found.map_err(serde::de::Error::custom)
}

fn rule<'de, D: Deserializer<'de>>(from: D) -> Result<Rule, D::Error> {
    named(from, Rule::from_name)
}

fn scales<'de, D: Deserializer<'de>>(from: D) -> Result<Scales, D::Error> {
    named(from, |name| match name {
        "one" => Some(Scales::One),
        "two" => Some(Scales::Two),
        _ => None,
    })
}

fn per<'de, D: Deserializer<'de>>(from: D) -> Result<Per, D::Error> {
    named(from, |name| match name {
        "tensor" => Some(Per::Tensor),
        "channel" => Some(Per::Channel),
        "kernel" => Some(Per::Kernel),
        length => length.parse().ok().filter(|n| *n > 0).map(Per::Inputs),
    })
}

fn correction<'de, D: Deserializer<'de>>(from: D) -> Result<Correction, D::Error> {
    named(from, Correction::from_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_recipes_are_some() {
        let recipes = Recipe::parse(include_str!("../recipes.json")).unwrap();
        let mut names: Vec<_> = recipes.iter().map(|recipe| &recipe.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), recipes.len());
        let authors = recipes.iter().find(|recipe| recipe.name == "authors");
        assert!(authors.is_some_and(|recipe| !recipe.is_calibrated() && recipe.ternary_bias));
    }

    #[test]
    fn mistakes_are_named() {
        for (json, expected) in [
            (r#"[{"name": "a", "rule": "best"}]"#, "unknown: best"),
            (r#"[{"name": "a", "per": "0"}]"#, "unknown: 0"),
            (r#"[{"name": "a", "plane": 2}]"#, "unknown field `plane`"),
            (
                r#"[{"name": "a", "ends": 5}]"#,
                "a: from one to four planes",
            ),
            (r#"[{"name": "a", "budget": 0}]"#, "a: a budget above zero"),
            (
                r#"[{"name": "a", "ternary_bias": true, "correction": "bias"}]"#,
                "a: a ternary bias cannot be corrected",
            ),
            (
                r#"[{"name": "a", "method": "descent", "gain": "norm"}]"#,
                "a: scales chosen by outputs have no other gain",
            ),
            (r#"[{"rule": "tnt"}]"#, "missing field `name`"),
        ] {
            let error = Recipe::parse(json).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn planes_by_place() {
        let of = |json: &str| Recipe::parse(json).unwrap()[0].planes_of_layers(4);
        assert_eq!(of(r#"[{"name": "a"}]"#), [1, 1, 1, 1]);
        assert_eq!(of(r#"[{"name": "a", "ends": 3}]"#), [3, 1, 1, 3]);
    }
}
