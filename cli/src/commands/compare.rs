//! `compare`: two models, tensor by tensor.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use ternarize::ScaleType;
use ternarize::model::{Tensor, TensorInfo};

use super::table::table;
use super::tensors::{Tensors, plain_weights};
use super::{of_file, open, print, print_json};
use crate::arguments::Compare;
use crate::disk::{Disk, Reader};
use crate::failure::DONE;
use crate::method::float_type;
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
    same_shape: bool,
    /// `None` if they were not compared: the numbers of one of two types are not understood.
    same_values: Option<bool>,
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
    let (ours, theirs) = (Tensors::of(&original), Tensors::of(&other));
    let mut tensors = Vec::new();
    for (index, info) in ours.infos.iter().enumerate() {
        go_on()?;
        if let Some(place) = theirs.place(info.name()) {
            tensors.push(compared(
                (&original, index, info),
                (&other, place, theirs.infos[place]),
            )?);
        }
    }
    let only = |a: &Tensors<'_>, b: &Tensors<'_>| {
        let names = a.missing_in(b).into_iter();
        names.map(String::from).collect()
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

type Place<'a> = (&'a Reader, usize, &'a TensorInfo);

fn compared(original: Place<'_>, other: Place<'_>) -> Result<Compared> {
    let (ours, theirs) = (original.2, other.2);
    let same_shape = ours.shape() == theirs.shape();
    let mut found = Compared {
        name: ours.name().into(),
        from: ours.stored_type(),
        to: theirs.stored_type(),
        same_shape,
        same_values: (!same_shape).then_some(false),
        cosine: None,
        relative_error: None,
        largest_difference: None,
        differing_trits: None,
    };
    if !same_shape {
        return Ok(found);
    }
    if ours.is_ternary() && theirs.is_ternary() {
        found.differing_trits = differing_trits(&read(original)?, &read(other)?);
    }
    match (values(original)?, values(other)?) {
        (Some(a), Some(b)) => found.measure(&a, &b),
        // Other numbers of one type.
        (None, None) if found.from == found.to => {
            found.same_values = Some(read(original)? == read(other)?);
        }
        _ => {}
    }
    Ok(found)
}

fn read((reader, index, _): Place<'_>) -> Result<Tensor> {
    let file = reader.files().next().unwrap_or(Path::new(""));
    of_file(file, reader.read(index))
}

impl Compared {
    fn measure(&mut self, a: &Values, b: &Values) {
        let (mut aa, mut ab, mut bb, mut lost, mut largest) = (0.0, 0.0, 0.0, 0.0, 0.0_f64);
        for (a, b) in a.iter().zip(b.iter()) {
            let difference = a - b;
            aa += a * a;
            ab += a * b;
            bb += b * b;
            lost += difference * difference;
            largest = largest.max(difference.abs());
        }
        let norms = aa.sqrt() * bb.sqrt();
        let mut pairs = a.iter().zip(b.iter());
        let same = pairs.all(|(a, b)| a.total_cmp(&b).is_eq() || a.abs() + b.abs() <= 0.0);
        self.same_values = Some(same);
        self.cosine = (norms > 0.0).then(|| (ab / norms).clamp(-1.0, 1.0));
        self.relative_error = (aa > 0.0).then(|| lost / aa);
        self.largest_difference = Some(largest);
    }
}

/// The trits that differ, of tensors of one plane.
fn differing_trits(a: &Tensor, b: &Tensor) -> Option<u64> {
    let (Tensor::Ternary(a), Tensor::Ternary(b)) = (a, b) else {
        return None;
    };
    let one = a.planes().len() == 1 && b.planes().len() == 1;
    let differing = || {
        let pairs = a.trits().iter().zip(b.trits().iter());
        pairs.filter(|(a, b)| a != b).count() as u64
    };
    one.then(differing)
}

/// Weights in a type that holds them.
enum Values {
    F64(Vec<f64>),
    F32(Vec<f32>),
    F16(Vec<half::f16>),
    Bf16(Vec<half::bf16>),
}

/// The weights of a tensor for inputs that are not rotated, or `None` for other numbers. Sums of planes are rounded to `f32`.
fn values((reader, index, info): Place<'_>) -> Result<Option<Values>> {
    let float = match float_type(info) {
        _ if info.is_ternary() => {
            let Tensor::Ternary(ternary) = reader.read(index)? else {
                return Ok(None);
            };
            return Ok(Some(match (ternary.scale_type(), ternary.rotation()) {
                (ScaleType::F64, None) => Values::F64(ternary.dequantize()),
                _ => Values::F32(plain_weights(&ternary)?),
            }));
        }
        Some(float) => float,
        None => return Ok(None),
    };
    Ok(Some(match float {
        ScaleType::F64 => Values::F64(reader.read_values(index)?),
        ScaleType::F16 => Values::F16(reader.read_values(index)?),
        ScaleType::Bf16 => Values::Bf16(reader.read_values(index)?),
        _ => Values::F32(reader.read_values(index)?),
    }))
}

impl Values {
    fn iter(&self) -> Box<dyn Iterator<Item = f64> + '_> {
        match self {
            Self::F64(values) => Box::new(values.iter().copied()),
            Self::F32(values) => Box::new(values.iter().map(|&value| value.into())),
            Self::F16(values) => Box::new(values.iter().map(|&value| value.into())),
            Self::Bf16(values) => Box::new(values.iter().map(|&value| value.into())),
        }
    }
}

fn text(comparison: &Comparison) -> String {
    let number =
        |x: Option<f64>, digits: usize| x.map_or(String::new(), |x| format!("{x:.digits$}"));
    let rows = comparison.tensors.iter().map(|t| {
        let values = match (t.same_shape, t.same_values) {
            (false, _) => "another shape",
            (true, Some(true)) => "equal",
            (true, Some(false)) => "differ",
            (true, None) => "not compared",
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
