//! `convert`: ternary tensors from one format to another, without a change of any value.

use anyhow::{Result, bail};
use serde::Serialize;
use ternarize::model::{Encoding, TensorInfo};
use ternarize::tensor::Grouping;
use ternarize::{Code, ScaleType, Scales};

use super::{of_file, open, print, print_json};
use crate::arguments::{Convert, Output};
use crate::conversion::{destination, metadata, set_file_type};
use crate::disk::{Disk, Reader};
use crate::failure::{DONE, Usage};
use crate::names::{Named as _, Target};
use crate::output::{Destination, Sink};
use crate::pool;
use crate::progress::Progress;
use crate::report::printable;

/// What was written.
#[derive(Serialize)]
struct Done {
    tensors: usize,
    converted: usize,
    bytes_before: u64,
    bytes_after: u64,
    /// Keys of the metadata that the output has no place for.
    dropped_metadata: Vec<String>,
}

pub(super) fn run(arguments: &Convert, disk: &dyn Disk) -> Result<u8> {
    let reader = open(disk, &arguments.model)?;
    let infos: Vec<&TensorInfo> = reader.tensors().collect();
    if !infos.iter().any(|info| info.is_ternary()) {
        bail!("no tensor is stored as ternary: `quantize` makes ternary tensors");
    }
    let target = arguments.to;
    if target.is_network() {
        bail!(Usage(
            "only `quantize` makes ONNX networks, of others".into()
        ));
    }
    let outputs = infos.iter().map(|info| output(info, target));
    let outputs = outputs.collect::<Result<Vec<_>>>()?;
    let to = destination(&arguments.output, &reader, Some(target), &outputs)?;
    to.check(&arguments.model, &reader)?;
    let (mut metadata, dropped) = metadata(&reader, target.is_gguf());
    if let Target::Gguf(format) = target {
        set_file_type(&mut metadata, format);
    }
    rewrite(
        &reader,
        disk,
        &to,
        &metadata,
        &outputs,
        &arguments.output,
        |sink, index| {
            let tensor = of_file(&arguments.model, reader.read(index))?;
            sink.put(infos[index].name(), &tensor)
        },
    )?;
    finish(&arguments.output, &infos, &outputs, dropped, &target.name())
}

/// What a tensor is in the output.
fn output(info: &TensorInfo, target: Target) -> Result<TensorInfo> {
    let encoding = match (info.encoding(), target) {
        (Encoding::Dense(_), _) | (Encoding::Planes { .. }, Target::Safetensors) => {
            return Ok(info.clone());
        }
        (from, Target::Safetensors | Target::Onnx | Target::OnnxInt2) => planes(from),
        (_, Target::Gguf(format)) => Encoding::Blocks(format),
        (from, Target::HuggingFace) => Encoding::HuggingFace {
            scale_type: scale_type(from),
            divided: false,
        },
        (from, Target::Mlx) => Encoding::Mlx {
            group: mlx_group(info, from),
            scale_type: scale_type(from),
        },
    };
    Ok(TensorInfo::new(info.name(), info.shape(), encoding)?)
}

/// Another program's tensor as planes.
fn planes(from: &Encoding) -> Encoding {
    Encoding::Planes {
        grouping: grouping(from),
        code: Code::TwoBit,
        planes: 1,
        scale_type: scale_type(from),
        scales: Scales::One,
        rule: None,
        bias: false,
        rotation: None,
    }
}

/// Which weights share a scale.
const fn grouping(from: &Encoding) -> Grouping {
    match from {
        Encoding::Planes { grouping, .. } => *grouping,
        Encoding::Mlx { group, .. } => Grouping::Block(*group),
        Encoding::Blocks(format) => match format.group() {
            Some(group) => Grouping::Block(group),
            None => Grouping::Tensor,
        },
        _ => Grouping::Tensor,
    }
}

/// The type of the scales, as they are when the tensor is read.
const fn scale_type(from: &Encoding) -> ScaleType {
    match from {
        Encoding::HuggingFace { divided: true, .. } => ScaleType::F32,
        Encoding::Planes { scale_type, .. }
        | Encoding::HuggingFace { scale_type, .. }
        | Encoding::Mlx { scale_type, .. } => *scale_type,
        Encoding::Blocks(format) => format.scale_type(),
        _ => ScaleType::F32,
    }
}

/// The longest group of MLX that rows and groups are multiples of.
fn mlx_group(info: &TensorInfo, from: &Encoding) -> usize {
    let columns = info.shape().last().copied().unwrap_or(0);
    let whole = |group: &usize| match grouping(from) {
        Grouping::Block(own) => own.is_multiple_of(*group),
        _ => true,
    };
    let mut groups = [128, 64, 32].into_iter();
    groups
        .find(|group| columns.is_multiple_of(*group) && whole(group))
        .unwrap_or(64)
}

/// Writes all tensors. Those that are the same in the output are copied; a function reads and writes the others. The first outputs are
/// those of the inputs, in their order.
pub(super) fn rewrite(
    reader: &Reader,
    disk: &dyn Disk,
    to: &Destination,
    metadata: &ternarize::model::Metadata,
    outputs: &[TensorInfo],
    options: &Output,
    write: impl Fn(&Sink<'_>, usize) -> Result<()> + Sync,
) -> Result<()> {
    let infos: Vec<&TensorInfo> = reader.tensors().collect();
    // A tensor is held as it is read and as it is written.
    let bytes = infos.iter().zip(outputs).map(|(info, output)| {
        if *info == output {
            1 << 20
        } else {
            info.bytes().saturating_add(output.bytes())
        }
    });
    let bytes: Vec<u64> = bytes.collect();
    let all = infos.iter().map(|info| info.bytes()).sum();
    let progress = Progress::of_bytes("writing", all, options.quiet || options.json);
    to.write(disk, metadata, outputs, |sink| {
        pool::in_order(&bytes, pool::threads(), |index| {
            let info = infos[index];
            if *info == outputs[index] {
                return sink.copy(reader, index, |bytes| progress.advance(bytes));
            }
            write(sink, index)?;
            Ok(progress.advance(info.bytes())?)
        })
    })?;
    Ok(())
}

/// Says what was written.
pub(super) fn finish(
    options: &Output,
    infos: &[&TensorInfo],
    outputs: &[TensorInfo],
    dropped_metadata: Vec<String>,
    to: &str,
) -> Result<u8> {
    let changed = |(info, output): &(&&TensorInfo, &TensorInfo)| **info != *output;
    let done = Done {
        tensors: outputs.len(),
        converted: infos.iter().zip(outputs).filter(changed).count(),
        bytes_before: infos.iter().map(|info| info.bytes()).sum(),
        bytes_after: outputs.iter().map(TensorInfo::bytes).sum(),
        dropped_metadata,
    };
    if options.json {
        print_json(&done)?;
    } else if !options.quiet {
        let Done {
            tensors,
            converted,
            bytes_before,
            bytes_after,
            ..
        } = done;
        print(&format!(
            "{converted} of {tensors} tensors converted to {to}: {bytes_before} bytes before, {bytes_after} after\n"
        ))?;
        print(&dropped(&done.dropped_metadata))?;
    }
    Ok(DONE)
}

/// A line about metadata that the output has no place for.
pub(super) fn dropped(keys: &[String]) -> String {
    match keys {
        [] => String::new(),
        _ => format!(
            "metadata without a place in the output: {}\n",
            printable(&keys.join(", "))
        ),
    }
}
