//! The plan: for each tensor, whether and how it becomes ternary. It can be saved, edited and used again.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use ternarize::ScaleType;
use ternarize::model::{Encoding, TensorInfo};

use crate::failure::Usage;
use crate::method::{Choices, Method, float_type};
use crate::names::{self, Named as _, Target};
use crate::selection::{Patterns, Reason, select};

/// The version of plan files.
const VERSION: u32 = 1;

/// What happens to a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// It becomes ternary.
    Ternarize(Method),
    /// It stays as it is.
    Keep(Reason),
}

impl Action {
    /// How the tensor becomes ternary, if it does.
    #[must_use]
    pub const fn method(&self) -> Option<Method> {
        match self {
            Self::Ternarize(method) => Some(*method),
            Self::Keep(_) => None,
        }
    }
}

/// What happens to each tensor of a model, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How the output holds ternary tensors.
    pub target: Target,
    /// One action for each tensor.
    pub actions: Vec<Action>,
}

/// A plan as a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    version: u32,
    #[serde(with = "names")]
    to: Option<Target>,
    #[serde(default)]
    tensor: Vec<PlannedTensor>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedTensor {
    name: String,
    /// Whether it becomes ternary.
    ternary: bool,
    /// Why not. Only for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    how: Option<Choices>,
}

impl Plan {
    /// The plan of a command line.
    ///
    /// # Errors
    ///
    /// [`Usage`] for options that exclude each other, and for a pattern that fits no tensor; an error if nothing would become ternary.
    pub fn new(
        tensors: &[&TensorInfo],
        target: Target,
        choices: &Choices,
        patterns: &Patterns,
    ) -> Result<Self> {
        let plan = Self::unchecked(tensors, target, choices, patterns)?;
        plan.check(tensors)?;
        Ok(plan)
    }

    /// As [`new`](Self::new), also if nothing would become ternary.
    ///
    /// # Errors
    ///
    /// [`Usage`] as there.
    pub fn unchecked(
        tensors: &[&TensorInfo],
        target: Target,
        choices: &Choices,
        patterns: &Patterns,
    ) -> Result<Self> {
        let usage = |reason| anyhow!(Usage(reason));
        // The options are wrong or right whatever the model is.
        choices.method(target, ScaleType::F32).map_err(usage)?;
        let reasons = select(tensors, patterns)?;
        let mut actions = Vec::new();
        for (info, reason) in tensors.iter().zip(reasons) {
            actions.push(match (reason, float_type(info)) {
                (Some(reason), _) => Action::Keep(reason),
                (None, None) => Action::Keep("not floats".into()),
                (None, Some(float)) => {
                    let method = choices.method(target, float).map_err(usage)?;
                    planned(info, target, method)
                }
            });
        }
        Ok(Self { target, actions })
    }

    /// Something must become ternary, and what is ternary already must fit the output as it is.
    fn check(&self, tensors: &[&TensorInfo]) -> Result<()> {
        let fits = |info: &&&TensorInfo| match info.encoding() {
            Encoding::Planes { .. } => self.target == Target::Safetensors,
            // A scale to divide by would be multiplied by: the config that is written says so.
            Encoding::HuggingFace { divided, .. } => self.target == Target::HuggingFace && !divided,
            Encoding::Mlx { .. } => self.target == Target::Mlx,
            Encoding::Blocks(_) => self.target.is_gguf(),
            _ => true,
        };
        if let Some(info) = tensors.iter().find(|info| !fits(info)) {
            let (name, stored) = (info.name().escape_debug(), info.stored_type());
            let to = self.target.name();
            bail!(
                "the tensor `{name}` is ternary already, as {stored}: use `ternarize convert --to {to}`"
            );
        }
        let ternary = |action: &Action| matches!(action, Action::Ternarize(_));
        if self.actions.iter().any(ternary) {
            return Ok(());
        }
        let Some((info, Action::Keep(reason))) = tensors
            .iter()
            .zip(&self.actions)
            .max_by_key(|(info, _)| info.weights())
        else {
            bail!("the model has no tensors");
        };
        let name = info.name().escape_debug();
        bail!("nothing would become ternary: the largest tensor `{name}` is left: {reason}")
    }

    /// The plan of a file.
    ///
    /// # Errors
    ///
    /// For a file that is no plan, or not one for this model.
    pub fn parse(text: &str, tensors: &[&TensorInfo]) -> Result<Self> {
        let file: PlanFile = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let lines = text.get(..start).unwrap_or(text).split('\n').count();
            anyhow!("line {lines}: {}", error.message())
        })?;
        if file.version != VERSION {
            let version = file.version;
            bail!("version {version} of plans is unknown: this is {VERSION}");
        }
        let target = file.to.context("the plan does not say `to`")?;
        let planned_tensors = by_name(file.tensor, tensors)?;
        let actions = tensors.iter().map(|info| {
            let name = info.name().escape_debug();
            let tensor = planned_tensors.get(info.name());
            let tensor =
                tensor.with_context(|| format!("the plan does not name the tensor `{name}`"))?;
            action(info, target, tensor).with_context(|| format!("the plan of the tensor `{name}`"))
        });
        let actions = actions.collect::<Result<_>>()?;
        let plan = Self { target, actions };
        plan.check(tensors)?;
        Ok(plan)
    }

    /// The plan as a file.
    ///
    /// # Errors
    ///
    /// None that are known; those of the TOML writer.
    pub fn to_toml(&self, tensors: &[&TensorInfo]) -> Result<String> {
        let tensor = |(info, action): (&&TensorInfo, &Action)| PlannedTensor {
            name: info.name().into(),
            ternary: matches!(action, Action::Ternarize(_)),
            reason: match action {
                Action::Keep(reason) => Some(reason.clone()),
                Action::Ternarize(_) => None,
            },
            how: match action {
                Action::Keep(_) => None,
                Action::Ternarize(method) => Some(method.choices(self.target)),
            },
        };
        let file = PlanFile {
            version: VERSION,
            to: Some(self.target),
            tensor: tensors.iter().zip(&self.actions).map(tensor).collect(),
        };
        Ok(toml::to_string(&file)?)
    }

    /// What the output holds.
    ///
    /// # Errors
    ///
    /// For a tensor that the output cannot hold.
    pub fn outputs(&self, tensors: &[&TensorInfo]) -> Result<Vec<TensorInfo>> {
        let outputs = tensors
            .iter()
            .zip(&self.actions)
            .map(|(info, action)| match action {
                Action::Keep(_) => Ok((*info).clone()),
                Action::Ternarize(method) => {
                    let encoding = method.encoding(self.target);
                    Ok(TensorInfo::new(info.name(), info.shape(), encoding)?)
                }
            });
        outputs.collect()
    }
}

/// The tensors of a plan file by their names, which must be those of tensors of the model.
fn by_name(
    planned: Vec<PlannedTensor>,
    tensors: &[&TensorInfo],
) -> Result<BTreeMap<String, PlannedTensor>> {
    let names: BTreeSet<&str> = tensors.iter().map(|info| info.name()).collect();
    let mut found = BTreeMap::new();
    for tensor in planned {
        let name = tensor.name.clone();
        let shown = name.escape_debug();
        if !names.contains(&*name) {
            bail!("the model has no tensor `{shown}`, which the plan names");
        }
        if found.contains_key(&name) {
            bail!("the plan names the tensor `{shown}` twice");
        }
        found.insert(name, tensor);
    }
    Ok(found)
}

/// The action for a tensor that was selected: it is left if the output cannot hold it as ternary, or only with more bytes.
fn planned(info: &TensorInfo, target: Target, method: Method) -> Action {
    match TensorInfo::new(info.name(), info.shape(), method.encoding(target)) {
        Err(error) => Action::Keep(crate::failure::one_line(&error.into())),
        Ok(output) if output.bytes() >= info.bytes() => Action::Keep(format!(
            "it would take {} bytes as trits and scales, and takes {}",
            output.bytes(),
            info.bytes()
        )),
        Ok(_) => Action::Ternarize(method),
    }
}

/// The action of a plan file.
fn action(info: &TensorInfo, target: Target, tensor: &PlannedTensor) -> Result<Action> {
    match (tensor.ternary, &tensor.how) {
        (false, None) => Ok(Action::Keep(
            tensor.reason.clone().unwrap_or("by the plan".into()),
        )),
        (false, Some(_)) => bail!("`how` has no effect, for it is not to become ternary"),
        (true, how) => {
            let float = float_type(info).context("its numbers are not floats")?;
            let choices = how.clone().unwrap_or_default();
            let method = choices
                .method(target, float)
                .map_err(|reason| anyhow!(reason))?;
            TensorInfo::new(info.name(), info.shape(), method.encoding(target))?;
            Ok(Action::Ternarize(method))
        }
    }
}
