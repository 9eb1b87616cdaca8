//! How a tensor becomes ternary, and how the output holds it.

use serde::{Deserialize, Serialize};
use ternarize::model::{Encoding, TensorInfo};
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Code, Error, Rule, ScaleType, Scales, Ternarizer, Weight};

use crate::names::{self, Target};

/// Options of a tensor that were given: on the command line for all tensors, in a plan for one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// Which weights share scales.
    #[serde(default, with = "names", skip_serializing_if = "Option::is_none")]
    pub per: Option<Grouping>,
    /// How the trits are chosen.
    #[serde(default, with = "names", skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// Whether each sign has a scale.
    #[serde(default, with = "names", skip_serializing_if = "Option::is_none")]
    pub scales: Option<Scales>,
    /// The number of planes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planes: Option<usize>,
    /// The type of the scales.
    #[serde(default, with = "names", skip_serializing_if = "Option::is_none")]
    pub scale_type: Option<ScaleType>,
    /// How trits are packed.
    #[serde(default, with = "names", skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
}

/// How a tensor becomes ternary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Method {
    /// Which weights share scales.
    pub per: Grouping,
    /// How the trits are chosen.
    pub rule: Rule,
    /// Whether each sign has a scale.
    pub scales: Scales,
    /// The number of planes.
    pub planes: usize,
    /// The type of the scales.
    pub scale_type: ScaleType,
    /// How trits are packed.
    pub code: Code,
}

impl Choices {
    /// The method for tensors of a float type in an output, or why the choices exclude each other.
    ///
    /// # Errors
    ///
    /// A sentence that names the option.
    pub fn method(&self, target: Target, float: ScaleType) -> Result<Method, String> {
        let planes = self.planes.unwrap_or(1);
        let rule = self.rule.unwrap_or(Rule::Tnt);
        if !(1..=4).contains(&planes) {
            return Err("--planes must be from 1 to 4".into());
        }
        let mut method = match target {
            Target::Safetensors => Method {
                per: self.per.unwrap_or(Grouping::OUTPUT_CHANNEL),
                rule,
                scales: self.scales.unwrap_or(Scales::Two),
                planes,
                scale_type: self.scale_type.unwrap_or(float),
                code: self.code.unwrap_or(Code::TwoBit),
            },
            _ => self.fixed(target, float, rule)?,
        };
        if planes > 1 {
            if rule != Rule::Tnt {
                return Err("--planes is supported for --rule tnt only".into());
            }
            if self.scales == Some(Scales::Two) {
                return Err("--scales two is supported for one plane only".into());
            }
            method.scales = Scales::One;
        }
        if rule.prescribes_scale() {
            if self.scales == Some(Scales::Two) {
                let rule = rule.name();
                return Err(format!(
                    "--scales two has no effect: the rule {rule} has one scale"
                ));
            }
            method.scales = Scales::One;
        }
        if rule == Rule::TwoScale && method.scales == Scales::One {
            return Err("--rule two-scale has two scales".into());
        }
        Ok(method)
    }

    /// The method of an output that fixes most of it.
    fn fixed(&self, target: Target, float: ScaleType, rule: Rule) -> Result<Method, String> {
        let name = names::Named::name(&target);
        let own = match float {
            ScaleType::F64 => ScaleType::F32,
            own => own,
        };
        let (per, scale_type) = match target {
            Target::Gguf(format) => (
                format.group().map_or(Grouping::Tensor, Grouping::Block),
                format.scale_type(),
            ),
            Target::Mlx => (
                self.per.unwrap_or(Grouping::Block(64)),
                self.scale_type.unwrap_or(own),
            ),
            _ => (Grouping::Tensor, self.scale_type.unwrap_or(own)),
        };
        let fits = |option: &str, holds: bool, held: String| {
            let error = || format!("{option} does not fit --to {name}, which holds {held}");
            holds.then_some(()).ok_or_else(error)
        };
        let per_fits = match target {
            Target::Mlx => [32, 64, 128].map(Grouping::Block).contains(&per),
            _ => self.per.is_none_or(|given| given == per),
        };
        let held = match target {
            Target::Mlx => "block:32, block:64 and block:128".into(),
            _ => per.to_string(),
        };
        fits("--per", per_fits, held)?;
        let one = self.scales.is_none_or(|scales| scales == Scales::One);
        fits("--scales", one, "one scale".into())?;
        fits("--rule", rule != Rule::TwoScale, "one scale".into())?;
        fits(
            "--planes",
            self.planes.is_none_or(|n| n == 1),
            "one plane".into(),
        )?;
        fits("--code", self.code.is_none(), "a code of its own".into())?;
        let free = [ScaleType::F32, ScaleType::F16, ScaleType::Bf16];
        let scale_type_fits = match target {
            Target::Gguf(_) => self.scale_type.is_none_or(|given| given == scale_type),
            _ => free.contains(&scale_type),
        };
        let held = match target {
            Target::Gguf(_) => scale_type.name().into(),
            _ => "f32, f16 or bf16".into(),
        };
        fits("--scale-type", scale_type_fits, held)?;
        Ok(Method {
            per,
            rule,
            scales: Scales::One,
            planes: 1,
            scale_type,
            code: Code::TwoBit,
        })
    }
}

impl Method {
    /// All options as a plan states them.
    #[must_use]
    pub fn choices(&self, target: Target) -> Choices {
        let all = Choices {
            per: Some(self.per),
            rule: Some(self.rule),
            scales: Some(self.scales),
            planes: Some(self.planes),
            scale_type: Some(self.scale_type),
            code: Some(self.code),
        };
        match target {
            Target::Safetensors => all,
            _ => Choices { code: None, ..all },
        }
    }

    /// How the output holds a tensor.
    #[must_use]
    pub const fn encoding(&self, target: Target) -> Encoding {
        match target {
            Target::Safetensors | Target::Onnx | Target::OnnxInt2 => Encoding::Planes {
                grouping: self.per,
                code: self.code,
                planes: self.planes,
                scale_type: self.scale_type,
                scales: self.scales,
                rule: if self.planes == 1 {
                    Some(self.rule)
                } else {
                    None
                },
                bias: false,
                rotation: None,
            },
            Target::HuggingFace => Encoding::HuggingFace {
                scale_type: self.scale_type,
                divided: false,
            },
            Target::Mlx => Encoding::Mlx {
                group: match self.per {
                    Grouping::Block(group) => group,
                    _ => 64,
                },
                scale_type: self.scale_type,
            },
            Target::Gguf(format) => Encoding::Blocks(format),
        }
    }

    /// Ternarizes weights, with importances for each of them if there are any.
    ///
    /// # Errors
    ///
    /// Those of [`TernaryTensor::ternarize`] and [`TernaryTensor::ternarize_planes`].
    pub fn ternarize<W: Weight>(
        &self,
        values: &[W],
        shape: &[usize],
        own_type: ScaleType,
        importance: Option<&[f32]>,
    ) -> Result<TernaryTensor, Error> {
        let view = TensorView::new(values, shape)?;
        let same_type = self.scale_type == own_type;
        if self.planes > 1 || self.searches_scales(own_type) && importance.is_none() {
            let planes = Planes::new(self.planes).scale_type(self.scale_type);
            let planes = planes.scales(self.scales);
            let tensor = TernaryTensor::ternarize_planes(&view, self.per, &planes)?;
            return Ok(tensor.transcode(self.code));
        }
        let mut options = Ternarizer::new().rule(self.rule).scales(self.scales);
        if let Some(importance) = importance {
            options = options.importance(importance);
        }
        let (tensor, _) = TernaryTensor::ternarize(&view, self.per, &options)?;
        let tensor = if same_type {
            tensor
        } else {
            tensor.with_scale_type(self.scale_type)?
        };
        Ok(tensor.transcode(self.code))
    }

    /// Whether trits are searched together with scales of the type, for weights of a type. Of long groups with scales of the weights' own
    /// type the trits are chosen first, and the scale is rounded.
    #[must_use]
    pub const fn searches_scales(&self, own_type: ScaleType) -> bool {
        let short = matches!(self.per, Grouping::Block(..=256));
        let narrow = matches!(self.scale_type, ScaleType::F16 | ScaleType::Bf16);
        let same_type = matches!(
            (self.scale_type, own_type),
            (ScaleType::F64, ScaleType::F64)
                | (ScaleType::F32, ScaleType::F32)
                | (ScaleType::F16, ScaleType::F16)
                | (ScaleType::Bf16, ScaleType::Bf16)
        );
        self.chooses_scales() && (!same_type || short && narrow)
    }

    /// The type in which weights of a type are held. Those of 16 bits are widened to `f32` if their scales are `f32`, which makes of one
    /// large group the fast search for scales of the weights' own type.
    #[must_use]
    pub const fn working_type(&self, own: ScaleType) -> ScaleType {
        match (self.scale_type, own) {
            (ScaleType::F32, ScaleType::F16 | ScaleType::Bf16) => ScaleType::F32,
            _ => own,
        }
    }

    /// Whether trits are chosen together with scales of the type. For other rules, and for two scales of one support, scales are rounded
    /// after the trits are chosen.
    #[must_use]
    pub const fn chooses_scales(&self) -> bool {
        matches!(
            (self.rule, self.scales),
            (Rule::Tnt, Scales::One) | (Rule::TwoScale, _)
        )
    }
}

/// The type of a tensor's floats, or `None` for other numbers.
#[must_use]
pub fn float_type(info: &TensorInfo) -> Option<ScaleType> {
    match info.encoding() {
        Encoding::Dense(dtype) => match dtype.as_str() {
            "F64" => Some(ScaleType::F64),
            "F32" => Some(ScaleType::F32),
            "F16" => Some(ScaleType::F16),
            "BF16" => Some(ScaleType::Bf16),
            _ => None,
        },
        _ => None,
    }
}

/// Evaluates an expression with `$weight` standing for the weight type of a float type.
#[macro_export]
macro_rules! with_weight_type {
    ($float:expr, $weight:ident => $result:expr) => {
        match $float {
            ternarize::ScaleType::F64 => {
                type $weight = f64;
                $result
            }
            ternarize::ScaleType::F16 => {
                type $weight = half::f16;
                $result
            }
            ternarize::ScaleType::Bf16 => {
                type $weight = half::bf16;
                $result
            }
            _ => {
                type $weight = f32;
                $result
            }
        }
    };
}
