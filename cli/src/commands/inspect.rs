//! `inspect`: the tensors of a model, and what `quantize` would do with each.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use ternarize::model::{Metadata, ModelError, Tensor, TensorInfo};
use ternarize::{Format, Weight};

use super::table::{extents, table};
use super::{open, print, print_json};
use crate::arguments::Inspect;
use crate::disk::{Disk, Reader};
use crate::failure::{DONE, one_line};
use crate::hash::Hash;
use crate::method::{Choices, float_type};
use crate::names::Target;
use crate::plan::{Action, Plan};
use crate::progress::go_on;
use crate::selection::Patterns;
use crate::with_weight_type;

/// The lengths of blocks that are looked at.
const BLOCKS: [usize; 4] = [256, 128, 64, 32];

/// The fewest bytes of tensors that are called tied if they are equal: small ones are equal by chance, as norms of ones.
const TIED: u64 = 4096;

#[derive(Serialize)]
struct Found {
    container: &'static str,
    metadata: BTreeMap<String, Option<String>>,
    tensors: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    shape: Vec<usize>,
    r#type: String,
    bytes: u64,
    /// `stored` for ternary formats, or what is wrong with the trits; `tensor`, `row` or `block:N` for floats that are `-s`, 0 or `+s` in each of these; `zero`.
    ternary: Option<String>,
    /// An earlier tensor of the same bytes.
    tied_to: Option<String>,
    /// Why `quantize` leaves it; `None` if it becomes ternary.
    left: Option<String>,
}

pub(super) fn run(arguments: &Inspect, disk: &dyn Disk) -> Result<u8> {
    let reader = open(disk, &arguments.model)?;
    let infos: Vec<&TensorInfo> = reader.tensors().collect();
    // What `quantize` does to a file of the same kind without further options.
    let target = if reader.metadata().is_gguf() {
        Target::Gguf(Format::Tq2_0)
    } else {
        Target::Safetensors
    };
    let (choices, patterns) = (Choices::default(), Patterns::default());
    let plan = Plan::unchecked(&infos, target, &choices, &patterns)?;
    let left = plan.actions.into_iter().map(|action| match action {
        Action::Keep(reason) => Some(reason),
        Action::Ternarize(_) => None,
    });
    let mut hashes = BTreeMap::new();
    let mut tensors = Vec::new();
    for (index, (info, left)) in infos.iter().zip(left).enumerate() {
        go_on()?;
        let tied_to = if info.bytes() >= TIED {
            let first = hashes.entry(hash(&reader, index)?).or_insert(index);
            (*first != index).then(|| infos[*first].name().to_string())
        } else {
            None
        };
        let seen = look(&reader, index, info)?;
        let not_finite = |at| format!("the weight at index {at} is not finite");
        tensors.push(Row {
            name: info.name().into(),
            shape: info.shape().to_vec(),
            r#type: info.stored_type(),
            bytes: info.bytes(),
            ternary: seen.ternary,
            tied_to,
            left: left.or(seen.not_finite.map(not_finite)),
        });
    }
    let found = Found {
        container: if reader.metadata().is_gguf() {
            "GGUF"
        } else {
            "safetensors"
        },
        metadata: texts(reader.metadata()),
        tensors,
    };
    if arguments.json {
        print_json(&found)?;
    } else {
        print(&text(&found))?;
    }
    Ok(DONE)
}

fn texts(metadata: &Metadata) -> BTreeMap<String, Option<String>> {
    let entries = metadata.entries();
    entries.map(|(key, text)| (key.into(), text)).collect()
}

/// The SHA-256 of a tensor's bytes.
fn hash(reader: &Reader, index: usize) -> Result<String> {
    let mut hash = Hash::default();
    reader.copy_to(index, &mut hash)?;
    Ok(hash.digits())
}

/// What the values of a tensor tell.
#[derive(Default)]
struct Seen {
    /// In which groups they are exactly ternary.
    ternary: Option<String>,
    /// The place of the first one that is not finite.
    not_finite: Option<usize>,
}

fn look(reader: &Reader, index: usize, info: &TensorInfo) -> Result<Seen> {
    if info.is_ternary() {
        let stored = match reader.read(index) {
            Ok(tensor) if is_zero(&tensor) => "stored, zero".into(),
            Ok(_) => "stored".into(),
            Err(error @ ModelError::BadPart { .. }) => one_line(&error.into()),
            Err(error) => return Err(error.into()),
        };
        return Ok(Seen {
            ternary: Some(stored),
            not_finite: None,
        });
    }
    let Some(float) = float_type(info) else {
        return Ok(Seen::default());
    };
    let columns = info.shape().last().copied().unwrap_or(1);
    with_weight_type!(float, W => {
        let values = reader.read_values::<W>(index)?;
        Ok(Seen {
            ternary: ternary_groups(&values, columns),
            not_finite: values.iter().position(|w| !w.is_finite()),
        })
    })
}

/// Whether all trits are 0.
fn is_zero(tensor: &Tensor) -> bool {
    match tensor {
        Tensor::Ternary(ternary) => ternary.planes().all(|trits| trits.count_nonzeros() == 0),
        Tensor::Dense(_) => false,
    }
}

/// `zero`, or the largest groups in which all magnitudes but 0 are equal.
fn ternary_groups<W: Weight>(values: &[W], columns: usize) -> Option<String> {
    if values.is_empty() {
        return None;
    }
    // The one magnitude of a group, or that there are several, or none.
    let one = |group: &[W]| {
        let mut magnitudes = group.iter().map(|w| w.abs()).filter(|w| !w.is_zero());
        let first = magnitudes.next();
        match first {
            None => Some(None),
            Some(first) if first.is_finite() && magnitudes.all(|w| w == first) => Some(Some(first)),
            Some(_) => None,
        }
    };
    match one(values) {
        Some(None) => return Some("zero".into()),
        Some(Some(_)) => return Some("tensor".into()),
        None => {}
    }
    let all = |len: usize| values.chunks(len).all(|group| one(group).is_some());
    if columns > 1 && all(columns) {
        return Some("row".into());
    }
    let block = BLOCKS
        .into_iter()
        .find(|&len| columns.is_multiple_of(len) && all(len));
    block.map(|len| format!("block:{len}"))
}

fn text(found: &Found) -> String {
    let rows = found.tensors.iter().map(|tensor| {
        let quantize = match (&tensor.left, &tensor.tied_to) {
            (Some(left), _) => format!("left: {left}"),
            (None, _) => "ternary".into(),
        };
        let note = match (&tensor.ternary, &tensor.tied_to) {
            (Some(ternary), None) => ternary.clone(),
            (Some(ternary), Some(tied)) => format!("{ternary}, equal to {tied}"),
            (None, Some(tied)) => format!("equal to {tied}"),
            (None, None) => String::new(),
        };
        vec![
            tensor.name.clone(),
            tensor.r#type.clone(),
            extents(&tensor.shape),
            tensor.bytes.to_string(),
            note,
            quantize,
        ]
    });
    let columns = [
        ("tensor", false),
        ("type", false),
        ("shape", false),
        ("bytes", true),
        ("ternary", false),
        ("quantize", false),
    ];
    let rows: Vec<_> = rows.collect();
    let bytes: u64 = found.tensors.iter().map(|tensor| tensor.bytes).sum();
    let count = found.tensors.len();
    let container = found.container;
    format!(
        "{}{count} tensors, {bytes} bytes, {container}\n",
        table(&columns, &rows)
    )
}

#[cfg(test)]
mod tests {
    use super::ternary_groups;

    #[test]
    fn the_largest_ternary_groups_are_found() {
        let found = |values: &[f32], columns| ternary_groups(values, columns);
        assert_eq!(found(&[0.0; 4], 2).as_deref(), Some("zero"));
        assert_eq!(found(&[0.5, -0.5, 0.0, 0.5], 2).as_deref(), Some("tensor"));
        assert_eq!(found(&[0.5, -0.5, 0.0, 0.25], 2).as_deref(), Some("row"));
        assert_eq!(found(&[0.5, 0.25], 2), None);
        assert_eq!(found(&[f32::NAN, f32::NAN], 2), None);
        let mut blocks = vec![0.5_f32; 128];
        blocks[32..].fill(-2.0);
        assert_eq!(found(&blocks, 128).as_deref(), Some("block:32"));
    }
}
