//! `verify`: the container, the trits and the scales of a model, and that they are the optimum.
//!
//! A container is checked when it is opened, codes and scales when a tensor is read. Against the original, each group is decided anew:
//!
//! ```text
//! scales of the type of the weights     a certificate is made from the weights, checked, and its trits and scales are compared
//! scales that are searched              the exact search for stored scales: of another type, or of 16 bits for short blocks
//! other rules, several planes           they are made once more, which proves nothing about the rule
//! ```
//!
//! All other tensors must have the bytes of the original.

use anyhow::{Context, Result, bail};
use serde::Serialize;
use ternarize::model::{Encoding, Tensor, TensorInfo};
use ternarize::tensor::TernaryTensor;
use ternarize::{Rule, ScaleType, Scales, Weight};

use super::groups::{Decided, Order};
use super::tensors::Tensors;
use super::{open, print, print_json};
use crate::arguments::Verify;
use crate::disk::{Disk, Reader};
use crate::failure::{DONE, Usage, WRONG, one_line};
use crate::hash::Hash;
use crate::method::{Method, float_type};
use crate::progress::go_on;
use crate::report::printable;
use crate::with_weight_type;

#[derive(Serialize)]
struct Verified {
    tensors: Vec<Checked>,
    /// Only in the original.
    missing: Vec<String>,
    /// Whether nothing was found wrong.
    ok: bool,
}

#[derive(Serialize)]
struct Checked {
    name: String,
    r#type: String,
    /// What is wrong; `None` if nothing is.
    fault: Option<String>,
    /// Groups that are the optimum by a certificate or by the exact search. Both numbers are `None` for tensors that are not made anew.
    optimal_groups: Option<usize>,
    /// Groups that were made again from the original, with the same trits and scales.
    remade_groups: Option<usize>,
}

/// How many groups of a tensor were found right, and in which way.
#[derive(Clone, Copy)]
enum Groups {
    Optimal(usize),
    Remade(usize),
}

pub(super) fn run(arguments: &Verify, disk: &dyn Disk) -> Result<u8> {
    if arguments.rule.is_some() && arguments.against.is_none() {
        return Err(Usage("--rule needs --against".into()).into());
    }
    let model = open(disk, &arguments.model)?;
    let original = match &arguments.against {
        Some(path) => Some(open(disk, path)?),
        None => None,
    };
    let model = Tensors::of(&model);
    let original = original.as_ref().map(Tensors::of);
    let mut tensors = Vec::new();
    for (index, info) in model.infos.iter().enumerate() {
        go_on()?;
        let found = check(&model, index, original.as_ref(), arguments.rule);
        tensors.push(checked(info, found)?);
    }
    let missing = original.map_or(Vec::new(), |original| original.missing_in(&model));
    let missing: Vec<String> = missing.into_iter().map(String::from).collect();
    let ok = missing.is_empty() && tensors.iter().all(|tensor| tensor.fault.is_none());
    let verified = Verified {
        tensors,
        missing,
        ok,
    };
    if arguments.json {
        print_json(&verified)?;
    } else {
        print(&text(&verified))?;
    }
    Ok(if ok { DONE } else { WRONG })
}

fn checked(info: &TensorInfo, found: Result<Option<Groups>>) -> Result<Checked> {
    let (groups, fault) = match found {
        Ok(groups) => (groups, None),
        // A file that cannot be read is no fault of a tensor.
        Err(error) if is_read_error(&error) => return Err(error),
        Err(error) => (None, Some(one_line(&error))),
    };
    let (optimal_groups, remade_groups) = match groups {
        None => (None, None),
        Some(Groups::Optimal(count)) => (Some(count), Some(0)),
        Some(Groups::Remade(count)) => (Some(0), Some(count)),
    };
    Ok(Checked {
        name: info.name().into(),
        r#type: info.stored_type(),
        fault,
        optimal_groups,
        remade_groups,
    })
}

fn is_read_error(error: &anyhow::Error) -> bool {
    use ternarize::model::ModelError;
    matches!(error.downcast_ref(), Some(ModelError::Read { .. }))
}

/// The groups that are as they should be, if there is an original.
fn check(
    model: &Tensors<'_>,
    index: usize,
    original: Option<&Tensors<'_>>,
    rule: Option<Rule>,
) -> Result<Option<Groups>> {
    let info = model.infos[index];
    let tensor = if info.is_ternary() {
        Some(model.reader.read(index)?)
    } else {
        None
    };
    let Some(original) = original else {
        return Ok(None);
    };
    let Some(place) = original.place(info.name()) else {
        if is_bias(info, original) {
            return Ok(None);
        }
        bail!("the original has no tensor of this name");
    };
    let from = original.infos[place];
    if axes(from) != axes(info) {
        bail!("the original has another shape");
    }
    match tensor {
        Some(Tensor::Ternary(tensor)) if info.encoding() != from.encoding() => {
            check_ternary(&tensor, info, (original, place), rule).map(Some)
        }
        _ => {
            check_copy((model, index), (original, place))?;
            Ok(None)
        }
    }
}

/// The extents of a tensor. GGUF holds a scalar as a vector of one number.
fn axes(info: &TensorInfo) -> &[usize] {
    match info.shape() {
        [1] => &[],
        shape => shape,
    }
}

/// Whether it is the bias of a tensor of the original that had none.
fn is_bias(info: &TensorInfo, original: &Tensors<'_>) -> bool {
    let of = info.name().strip_suffix(".bias");
    !info.is_ternary() && of.is_some_and(|name| original.place(name).is_some())
}

type Place<'a> = (&'a Tensors<'a>, usize);

/// Checks that a tensor has the bytes of the original.
fn check_copy((model, index): Place<'_>, (original, place): Place<'_>) -> Result<()> {
    let (info, from) = (model.infos[index], original.infos[place]);
    if info.encoding() != from.encoding() {
        let (to, from) = (info.stored_type(), from.stored_type());
        bail!("the original has another type: {from}, not {to}");
    }
    if hash(model.reader, index)? != hash(original.reader, place)? {
        bail!("the original has other values");
    }
    Ok(())
}

/// The SHA-256 of a tensor's bytes.
fn hash(reader: &Reader, index: usize) -> Result<String> {
    let mut hash = Hash::default();
    reader.copy_to(index, &mut hash)?;
    Ok(hash.digits())
}

/// Checks a ternary tensor with the weights of which it was made.
fn check_ternary(
    tensor: &TernaryTensor,
    info: &TensorInfo,
    (original, place): Place<'_>,
    rule: Option<Rule>,
) -> Result<Groups> {
    let float = float_type(original.infos[place]).context("the original does not hold floats")?;
    let rule = match info.encoding() {
        Encoding::Planes {
            rule: own,
            planes: 1,
            ..
        } => {
            let rule = own.or(rule);
            rule.context("the file does not say by which rule: --rule does")?
        }
        Encoding::Planes { .. } => Rule::Tnt,
        // Blocks of other programs do not say by which rule they were made.
        _ => rule.unwrap_or(Rule::Tnt),
    };
    let method = Method {
        per: tensor.grouping(),
        rule,
        scales: tensor.scales(),
        planes: tensor.planes().len(),
        scale_type: tensor.scale_type(),
        code: tensor.trits().code(),
    };
    if rule == Rule::TwoScale && method.scales == Scales::One {
        bail!("the rule two-scale has two scales, and this tensor has one");
    }
    let float = method.working_type(float);
    with_weight_type!(float, W => {
        let values = original.reader.read_values::<W>(place)?;
        check_against(tensor, &method, values, float)
    })
}

fn check_against<W: Weight>(
    tensor: &TernaryTensor,
    method: &Method,
    values: Vec<W>,
    float: ScaleType,
) -> Result<Groups> {
    if tensor.rotation().is_some() || !tensor.bias().is_empty() {
        bail!("rotations and biases do not come from the weights alone");
    }
    let shape = tensor.shape().axes();
    if method.planes > 1 {
        if method.ternarize(&values, shape, float, None)? != *tensor {
            bail!("made again from the original it has other trits or scales");
        }
        return Ok(Groups::Remade(tensor.grouping().count(tensor.shape())?));
    }
    let exact = matches!(method.rule, Rule::Tnt | Rule::TwoScale);
    let searched = method.searches_scales(float);
    if !exact || !searched && method.scale_type != float {
        let again = method.ternarize(&values, shape, float, None)?;
        drop(values);
        return Ok(Groups::Remade(compare(tensor, &again, method)?));
    }
    let order = Order::of(tensor)?;
    let values = order.gather(tensor, values)?;
    let own = Decided::of(tensor, &order)?;
    if searched {
        own.search(&values, method)?;
    } else {
        own.prove(&values, method)?;
    }
    Ok(Groups::Optimal(order.count()))
}

/// Compares a tensor with the one that was made again. Returns the number of groups.
fn compare(tensor: &TernaryTensor, again: &TernaryTensor, method: &Method) -> Result<usize> {
    let order = Order::of(tensor)?;
    let own = Decided::of(tensor, &order)?;
    let again = Decided::of(again, &order)?;
    for group in 0..order.count() {
        if !own.is(group, again.trits(group), again.scales(group)) {
            let (count, rule) = (order.count(), method.rule.name());
            bail!("group {group} of {count} is not what the rule {rule} makes without importances");
        }
    }
    Ok(order.count())
}

fn text(verified: &Verified) -> String {
    let mut lines = Vec::new();
    for tensor in &verified.tensors {
        if let Some(fault) = &tensor.fault {
            let name = printable(&tensor.name);
            lines.push(format!("the tensor `{name}`: {fault}\n"));
        }
    }
    for name in &verified.missing {
        let name = printable(name);
        lines.push(format!("the tensor `{name}`: only the original has it\n"));
    }
    let count = verified.tensors.len() + verified.missing.len();
    lines.push(match lines.len() {
        0 => format!("{count} tensors are well formed"),
        faults => format!("{faults} of {count} tensors are not as they should be"),
    });
    let sum = |groups: fn(&Checked) -> Option<usize>| {
        let groups = verified.tensors.iter().filter_map(groups);
        groups.sum::<usize>()
    };
    let said = [
        (sum(|t| t.optimal_groups), "are the proved optimum"),
        (sum(|t| t.remade_groups), "made again are the same"),
    ];
    for (groups, what) in said {
        if groups > 0 {
            lines.push(format!("; {groups} groups {what}"));
        }
    }
    lines.push("\n".into());
    lines.concat()
}
