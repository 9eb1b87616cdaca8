//! `compare`: two models, tensor by tensor.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use ternarize::model::{Tensor, TensorInfo};
use ternarize::tensor::TernaryTensor;

use super::table::table;
use super::{of_file, open, print, print_json};
use crate::arguments::Compare;
use crate::disk::{Disk, Reader};
use crate::failure::DONE;
use crate::progress::go_on;
use crate::report::printable;

#[derive(Serialize)]
struct Comparison {
    tensors: Vec<Compared>,
    /// Only in the first model.
    missing: Vec<String>,
    /// Only in the second model.
    added: Vec<String>,
}

#[derive(Serialize)]
struct Compared {
    name: String,
    from: String,
    to: String,
    /// Whether shapes, and all values, are the same.
    same_shape: bool,
    same_values: bool,
    /// `None` for numbers that are not floats or ternary weights.
    cosine: Option<f64>,
    relative_error: Option<f64>,
    largest_difference: Option<f64>,
    /// Of tensors that are ternary in both models, with one plane.
    differing_trits: Option<u64>,
}

pub(super) fn run(arguments: &Compare, disk: &dyn Disk) -> Result<u8> {
    let original = open(disk, &arguments.original)?;
    let other = open(disk, &arguments.other)?;
    let places = |reader: &Reader| {
        let names = reader.tensors().map(|info| info.name().to_string());
        names.zip(0..).collect::<BTreeMap<String, usize>>()
    };
    let (ours, theirs) = (places(&original), places(&other));
    let mut tensors = Vec::new();
    for (index, info) in original.tensors().enumerate() {
        go_on()?;
        if let Some(&place) = theirs.get(info.name()) {
            let Some(other_info) = other.tensors().nth(place) else {
                continue;
            };
            let a = of_file(&arguments.original, original.read(index))?;
            let b = of_file(&arguments.other, other.read(place))?;
            tensors.push(compared((info, a), (other_info, b)));
        }
    }
    let only = |a: &BTreeMap<String, usize>, b: &BTreeMap<String, usize>| {
        let names = a.keys().filter(|name| !b.contains_key(*name));
        names.cloned().collect()
    };
    let comparison = Comparison {
        tensors,
        missing: only(&ours, &theirs),
        added: only(&theirs, &ours),
    };
    if arguments.json {
        print_json(&comparison)?;
    } else {
        print(&text(&comparison))?;
    }
    Ok(DONE)
}

fn compared((ours, a): (&TensorInfo, Tensor), (theirs, b): (&TensorInfo, Tensor)) -> Compared {
    let same_shape = ours.shape() == theirs.shape();
    let mut found = Compared {
        name: ours.name().into(),
        from: ours.stored_type(),
        to: theirs.stored_type(),
        same_shape,
        same_values: false,
        cosine: None,
        relative_error: None,
        largest_difference: None,
        differing_trits: None,
    };
    if !same_shape {
        return found;
    }
    if let (Tensor::Ternary(a), Tensor::Ternary(b)) = (&a, &b) {
        found.differing_trits = differing_trits(a, b);
    }
    match (values(&a), values(&b)) {
        (Some(a), Some(b)) => found.measure(&a, &b),
        _ => found.same_values = bytes(&a) == bytes(&b),
    }
    found
}

impl Compared {
    fn measure(&mut self, a: &[f64], b: &[f64]) {
        let (mut aa, mut ab, mut bb, mut lost, mut largest) = (0.0, 0.0, 0.0, 0.0, 0.0_f64);
        for (a, b) in a.iter().zip(b) {
            let difference = a - b;
            aa += a * a;
            ab += a * b;
            bb += b * b;
            lost += difference * difference;
            largest = largest.max(difference.abs());
        }
        let norms = aa.sqrt() * bb.sqrt();
        self.same_values = a
            .iter()
            .zip(b)
            .all(|(a, b)| a.total_cmp(b).is_eq() || a.abs() + b.abs() <= 0.0);
        self.cosine = (norms > 0.0).then(|| (ab / norms).clamp(-1.0, 1.0));
        self.relative_error = (aa > 0.0).then(|| lost / aa);
        self.largest_difference = Some(largest);
    }
}

/// The trits of one plane that differ.
fn differing_trits(a: &TernaryTensor, b: &TernaryTensor) -> Option<u64> {
    let one = a.planes().len() == 1 && b.planes().len() == 1;
    let differing = || {
        a.trits()
            .iter()
            .zip(b.trits().iter())
            .filter(|(a, b)| a != b)
    };
    one.then(|| differing().count() as u64)
}

/// The weights, or `None` for other numbers.
fn values(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor {
        Tensor::Ternary(ternary) => Some(ternary.dequantize()),
        Tensor::Dense(dense) => match dense.dtype() {
            "F64" => dense.values::<f64>(),
            "F32" => Some(dense.values::<f32>()?.into_iter().map(Into::into).collect()),
            "F16" => Some(
                dense
                    .values::<half::f16>()?
                    .into_iter()
                    .map(Into::into)
                    .collect(),
            ),
            "BF16" => Some(
                dense
                    .values::<half::bf16>()?
                    .into_iter()
                    .map(Into::into)
                    .collect(),
            ),
            _ => None,
        },
    }
}

fn bytes(tensor: &Tensor) -> Option<&[u8]> {
    match tensor {
        Tensor::Dense(dense) => Some(dense.as_bytes()),
        Tensor::Ternary(_) => None,
    }
}

fn text(comparison: &Comparison) -> String {
    let number =
        |x: Option<f64>, digits: usize| x.map_or(String::new(), |x| format!("{x:.digits$}"));
    let rows = comparison.tensors.iter().map(|t| {
        let values = match (t.same_shape, t.same_values) {
            (false, _) => "another shape",
            (true, true) => "equal",
            (true, false) => "differ",
        };
        vec![
            t.name.clone(),
            t.from.clone(),
            t.to.clone(),
            values.into(),
            number(t.cosine, 6),
            t.relative_error
                .map_or(String::new(), |x| format!("{x:.3e}")),
            t.differing_trits.map_or(String::new(), |n| n.to_string()),
        ]
    });
    let columns = [
        ("tensor", false),
        ("first", false),
        ("second", false),
        ("values", false),
        ("cosine", true),
        ("relative error", true),
        ("differing trits", true),
    ];
    let mut lines = vec![table(&columns, &rows.collect::<Vec<_>>())];
    for (what, names) in [
        ("first", &comparison.missing),
        ("second", &comparison.added),
    ] {
        if !names.is_empty() {
            let names = printable(&names.join(", "));
            lines.push(format!("only in the {what} model: {names}\n"));
        }
    }
    lines.concat()
}
