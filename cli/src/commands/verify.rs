//! `verify`: the container, the trits and the scales of a model, and that they are the optimum.
//!
//! A container is checked when it is opened, codes and scales when a tensor is read. Against the original, each group is decided anew:
//!
//! ```text
//! scales of the type of the weights     a certificate is made from the weights, checked, and its trits and scales are compared
//! scales of another type                the exact search for stored scales
//! other rules, several planes           they are made once more
//! ```

use std::ops::Range;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use ternarize::model::{Encoding, Tensor, TensorInfo};
use ternarize::tensor::TernaryTensor;
use ternarize::{Rule, ScaleType, Ternarizer, Weight};

use super::{open, print, print_json};
use crate::arguments::Verify;
use crate::disk::{Disk, Reader};
use crate::failure::{DONE, WRONG, one_line};
use crate::method::{Method, float_type};
use crate::progress::go_on;
use crate::report::printable;
use crate::with_weight_type;

#[derive(Serialize)]
struct Verified {
    tensors: Vec<Checked>,
    /// Whether nothing was found wrong.
    ok: bool,
}

#[derive(Serialize)]
struct Checked {
    name: String,
    r#type: String,
    /// What is wrong; `None` if nothing is.
    fault: Option<String>,
    /// Groups that are the proved optimum; `None` without an original.
    optimal_groups: Option<usize>,
}

pub(super) fn run(arguments: &Verify, disk: &dyn Disk) -> Result<u8> {
    let reader = open(disk, &arguments.model)?;
    let original = match &arguments.against {
        Some(path) => Some(open(disk, path)?),
        None => None,
    };
    let mut tensors = Vec::new();
    for (index, info) in reader.tensors().enumerate() {
        go_on()?;
        let found = check(&reader, index, info, original.as_ref());
        let (optimal_groups, fault) = match found {
            Ok(groups) => (groups, None),
            // A file that cannot be read is no fault of a tensor.
            Err(error) if is_read_error(&error) => return Err(error),
            Err(error) => (None, Some(one_line(&error))),
        };
        tensors.push(Checked {
            name: info.name().into(),
            r#type: info.stored_type(),
            fault,
            optimal_groups,
        });
    }
    let ok = tensors.iter().all(|tensor| tensor.fault.is_none());
    let verified = Verified { tensors, ok };
    if arguments.json {
        print_json(&verified)?;
    } else {
        print(&text(&verified))?;
    }
    Ok(if ok { DONE } else { WRONG })
}

fn is_read_error(error: &anyhow::Error) -> bool {
    use ternarize::model::ModelError;
    matches!(error.downcast_ref(), Some(ModelError::Read { .. }))
}

/// The groups that are proved to be optimal, if there is an original.
fn check(
    reader: &Reader,
    index: usize,
    info: &TensorInfo,
    original: Option<&Reader>,
) -> Result<Option<usize>> {
    if !info.is_ternary() {
        return Ok(None);
    }
    let Tensor::Ternary(tensor) = reader.read(index)? else {
        return Ok(None);
    };
    let Some(original) = original else {
        return Ok(None);
    };
    let place = original
        .tensors()
        .position(|other| other.name() == info.name());
    let place = place.context("the original has no tensor of this name")?;
    let from = original
        .tensors()
        .nth(place)
        .context("the original changed")?;
    if from.shape() != info.shape() {
        bail!("the original has another shape");
    }
    let float = float_type(from).context("the original does not hold floats")?;
    // Blocks of other programs do not say by which rule they were made.
    let rule = match info.encoding() {
        Encoding::Planes { rule, planes, .. } if *planes == 1 => {
            rule.context("the file does not say by which rule")?
        }
        _ => Rule::Tnt,
    };
    let method = Method {
        per: tensor.grouping(),
        rule,
        scales: tensor.scales(),
        planes: tensor.planes().len(),
        scale_type: tensor.scale_type(),
        code: tensor.trits().code(),
    };
    let float = method.working_type(float);
    with_weight_type!(float, W => {
        let values = original.read_values::<W>(place)?;
        check_against(&tensor, &method, &values, float)
    })
}

/// The groups that are proved to be optimal; `None` for several planes, which are made again and compared.
fn check_against<W: Weight>(
    tensor: &TernaryTensor,
    method: &Method,
    values: &[W],
    float: ScaleType,
) -> Result<Option<usize>> {
    if tensor.rotation().is_some() || !tensor.bias().is_empty() {
        bail!("rotations and biases do not come from the weights alone");
    }
    let shape = tensor.shape().axes();
    if method.planes > 1 {
        if method.ternarize(values, shape, float, None)? != *tensor {
            bail!("made again from the original it has other trits or scales");
        }
        return Ok(None);
    }
    let rule = method.rule;
    let exact = matches!(rule, Rule::Tnt | Rule::TwoScale);
    let own = Groups::of(tensor)?;
    if exact && method.scale_type == float {
        own.prove(values, method)?;
    }
    if exact && method.scale_type != float && method.chooses_scales() {
        own.search(values, method)?;
    } else {
        let again = method.ternarize(values, shape, float, None)?;
        let again = Groups::of(&again)?;
        for group in 0..own.runs.len() {
            own.compare(group, &again.trits(group)?, again.scales(group))?;
        }
    }
    Ok(Some(own.runs.len()))
}

/// A tensor group by group.
struct Groups<'a> {
    tensor: &'a TernaryTensor,
    /// The pieces of each group.
    runs: Vec<Vec<Range<usize>>>,
    lambda: [Vec<f64>; 2],
}

impl<'a> Groups<'a> {
    fn of(tensor: &'a TernaryTensor) -> Result<Self> {
        let count = tensor.grouping().count(tensor.shape())?;
        let mut runs = vec![Vec::new(); count];
        for (run, group) in tensor.runs(0..tensor.shape().len())? {
            runs[group].push(run);
        }
        Ok(Self {
            tensor,
            runs,
            lambda: [tensor.lambda_p(), tensor.lambda_n()],
        })
    }

    fn trits(&self, group: usize) -> Result<Vec<i8>> {
        let mut trits = Vec::new();
        for run in &self.runs[group] {
            trits.extend(self.tensor.trits().slice(run.clone())?.iter());
        }
        Ok(trits)
    }

    fn scales(&self, group: usize) -> [f64; 2] {
        [0, 1].map(|sign: usize| self.lambda[sign][group])
    }

    fn values<W: Weight>(&self, values: &[W], group: usize) -> Vec<W> {
        let runs = self.runs[group].iter();
        runs.flat_map(|run| values[run.clone()].iter().copied())
            .collect()
    }

    /// The group must have these trits, and these scales of the signs that occur.
    fn compare(&self, group: usize, trits: &[i8], scales: [f64; 2]) -> Result<()> {
        let own = self.scales(group);
        let scale = |sign: i8, place: usize| {
            !trits.contains(&sign) || own[place].to_bits() == scales[place].to_bits()
        };
        if self.trits(group)? != trits || !scale(1, 0) || !scale(-1, 1) {
            bail!("group {group} of {} is not the optimum", self.runs.len());
        }
        Ok(())
    }

    /// Proves each group: makes a certificate, checks it without a search, and compares.
    fn prove<W: Weight>(&self, values: &[W], method: &Method) -> Result<()> {
        let options = Ternarizer::new().rule(method.rule).scales(method.scales);
        for group in 0..self.runs.len() {
            let weights = self.values(values, group);
            let (trits, fit, certificate) = options.certify(&weights)?;
            if let Err(refusal) = certificate.check(&weights, None, &trits, &fit) {
                bail!("the certificate of group {group} is refused: {refusal}");
            }
            let scales = [fit.lambda_p, fit.lambda_n].map(|scale| scale.to_f64().unwrap_or(0.0));
            self.compare(group, &trits, scales)?;
        }
        Ok(())
    }

    /// Searches the optimum of each group among all trits and all values of the scale type.
    fn search<W: Weight>(&self, values: &[W], method: &Method) -> Result<()> {
        for group in 0..self.runs.len() {
            let weights = self.values(values, group);
            let (trits, fit) = method.scale_type.ternarize(method.rule, &weights)?;
            self.compare(group, &trits, [fit.lambda_p, fit.lambda_n])?;
        }
        Ok(())
    }
}

fn text(verified: &Verified) -> String {
    let mut lines = Vec::new();
    for tensor in &verified.tensors {
        if let Some(fault) = &tensor.fault {
            let name = printable(&tensor.name);
            lines.push(format!("the tensor `{name}`: {fault}\n"));
        }
    }
    let count = verified.tensors.len();
    lines.push(match lines.len() {
        0 => format!("{count} tensors are well formed"),
        faults => format!("{faults} of {count} tensors are not as they should be"),
    });
    let groups = verified
        .tensors
        .iter()
        .filter_map(|tensor| tensor.optimal_groups);
    match groups.sum() {
        0_usize => {}
        groups => lines.push(format!("; {groups} groups are the proved optimum")),
    }
    lines.push("\n".into());
    lines.concat()
}
