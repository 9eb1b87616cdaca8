//! Calibration inputs in batches, some of them kept out of the fitting.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};

use crate::engine::{Array, Numbers, Value, Values};
use crate::onnx::{DataType, Network, ValueInfo};

/// One of so many samples is kept out of the fitting. Chosen: an eighth costs few rows and is enough to compare treatments.
const ONE_OF: usize = 8;

/// The samples kept out at most. Chosen: their outputs are computed once for each layer and treatment.
const MOST_HELD_OUT: usize = 64;

/// Samples that run at once, where the network leaves it open. Chosen: activations of some megabytes.
const TOGETHER: usize = 32;

/// The name of the input that says which positions of a sequence count, by the convention of transformers.
const MASK: &str = "attention_mask";

/// Samples that run at once.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The network's inputs.
    pub inputs: Values,
    /// Which positions count, as numbers 0 and 1 with the extents samples and positions; `None` if all do.
    pub mask: Option<(Vec<usize>, Vec<f32>)>,
    /// The numbers of the samples in their file.
    pub samples: Vec<usize>,
    /// Whether it is kept out of the fitting.
    pub held_out: bool,
}

/// The arrays of a file by the names of the network's inputs.
///
/// # Errors
///
/// If an input has no array, an array belongs to no input, or there are no samples.
pub fn by_input(
    network: &Network,
    mut arrays: BTreeMap<String, Array>,
) -> Result<Vec<(ValueInfo, Array)>> {
    let inputs = network.inputs()?;
    if let [input] = inputs.as_slice()
        && let Some(array) = arrays.remove("")
    {
        arrays.insert(input.name.clone(), array);
    }
    let mut found = Vec::new();
    for input in inputs {
        let array = arrays.remove(&input.name);
        let array = array.with_context(|| {
            let names = arrays
                .keys()
                .map(|name| format!("`{}`", name.escape_debug()));
            let others = match names.collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => none,
                others => format!("; others are {others}"),
            };
            let name = input.name.escape_debug();
            format!("there is no array for the input `{name}`{others}")
        })?;
        found.push((input, array));
    }
    if let Some(name) = arrays.keys().next() {
        bail!("the network has no input `{}`", name.escape_debug());
    }
    ensure!(!found.is_empty(), "the network has no inputs");
    ensure!(
        found.iter().all(|(_, array)| array.samples() > 0),
        "there are no samples"
    );
    Ok(found)
}

/// Divides samples into batches; `hold_out` says whether some are kept out.
///
/// Arrays of different extents along the first axis are one sample together. Sequences with an attention mask are sorted by length, and
/// a batch is cut to its longest.
///
/// # Errors
///
/// For arrays whose type or extents do not fit the input.
pub fn batches(inputs: &[(ValueInfo, Array)], hold_out: bool) -> Result<Vec<Batch>> {
    let count = inputs[0].1.samples();
    if inputs.iter().any(|(_, array)| array.samples() != count) {
        // The first axis does not count samples, but time, for example: all run at once.
        let mut values = Values::new();
        for (info, array) in inputs {
            let all = core::iter::once(0..array.shape.iter().product());
            values.insert(
                info.name.clone(),
                value(info, array, &array.shape, all).with_context(|| place(info))?,
            );
        }
        return Ok(vec![Batch {
            inputs: values,
            mask: None,
            samples: vec![0],
            held_out: false,
        }]);
    }
    let fixed = inputs
        .iter()
        .filter_map(|(info, _)| info.dims.as_ref()?.first().copied()?);
    let together = fixed.min();
    let lengths = lengths(inputs);
    let kept = if hold_out {
        MOST_HELD_OUT.min(count / ONE_OF)
    } else {
        0
    };
    let stride = count.checked_div(kept).unwrap_or(usize::MAX);
    let is_kept =
        |sample: usize| kept > 0 && sample % stride == stride - 1 && sample / stride < kept;
    let mut batches = Vec::new();
    for held_out in [false, true] {
        let mut samples: Vec<usize> = (0..count)
            .filter(|sample| is_kept(*sample) == held_out)
            .collect();
        if let Some(lengths) = &lengths {
            samples.sort_by_key(|sample| lengths[*sample]);
        }
        for samples in samples.chunks(together.unwrap_or(TOGETHER).max(1)) {
            // A network of a fixed number of samples takes no fewer.
            if together.is_some_and(|together| samples.len() < together) {
                continue;
            }
            let longest = lengths
                .as_ref()
                .and_then(|lengths| samples.iter().map(|sample| lengths[*sample]).max());
            batches.push(batch(inputs, samples, longest, held_out)?);
        }
    }
    ensure!(
        !batches.is_empty(),
        "the network takes {together:?} samples at once, there are {count}"
    );
    Ok(batches)
}

/// The lengths of all samples, if one input is an attention mask and the length is left open.
fn lengths(inputs: &[(ValueInfo, Array)]) -> Option<Vec<usize>> {
    let (_, mask) = inputs.iter().find(|(info, _)| info.name == MASK)?;
    let [_, positions] = mask.shape[..] else {
        return None;
    };
    let alike = |(info, array): &(ValueInfo, Array)| {
        array.shape == mask.shape
            && info
                .dims
                .as_ref()
                .is_none_or(|dims| matches!(dims[..], [_, None]))
    };
    if positions == 0 || !inputs.iter().all(alike) {
        return None;
    }
    let Numbers::Integers(mask) = &mask.numbers else {
        return None;
    };
    let lengths = mask.chunks_exact(positions).map(|mask| {
        mask.iter()
            .rposition(|counts| *counts != 0)
            .map_or(1, |last| last + 1)
    });
    Some(lengths.collect())
}

fn batch(
    inputs: &[(ValueInfo, Array)],
    samples: &[usize],
    longest: Option<usize>,
    held_out: bool,
) -> Result<Batch> {
    let mut values = Values::new();
    let mut mask = None;
    for (info, array) in inputs {
        let mut shape = array.shape.clone();
        let len: usize = shape.iter().skip(1).product();
        if let Some(first) = shape.first_mut() {
            *first = samples.len();
        }
        let cut = longest.unwrap_or(len);
        if longest.is_some() {
            shape[1] = cut;
        }
        let picked = samples
            .iter()
            .map(|sample| sample * len..sample * len + cut);
        let value = value(info, array, &shape, picked);
        values.insert(info.name.clone(), value.with_context(|| place(info))?);
        if info.name == MASK
            && longest.is_some()
            && let Numbers::Integers(numbers) = &array.numbers
        {
            let picked = samples
                .iter()
                .flat_map(|sample| &numbers[sample * len..][..cut]);
            mask = Some((
                shape,
                picked
                    .map(|counts| if *counts == 0 { 0.0 } else { 1.0 })
                    .collect(),
            ));
        }
    }
    Ok(Batch {
        inputs: values,
        mask,
        samples: samples.to_vec(),
        held_out,
    })
}

fn place(info: &ValueInfo) -> String {
    format!("the input `{}`", info.name.escape_debug())
}

/// Some ranges of an array as a value of the type that the network wants.
fn value(
    info: &ValueInfo,
    array: &Array,
    shape: &[usize],
    ranges: impl Iterator<Item = Range<usize>>,
) -> Result<Value> {
    let rank = info.dims.as_ref().map_or(shape.len(), Vec::len);
    ensure!(
        rank == shape.len(),
        "it has {rank} axes, the array {}",
        shape.len()
    );
    for (axis, (wanted, given)) in info.dims.iter().flatten().zip(shape).enumerate().skip(1) {
        ensure!(
            wanted.is_none_or(|wanted| wanted == *given),
            "axis {axis} is of {wanted:?}, that of the array of {given}"
        );
    }
    let floats = matches!(
        info.data_type,
        None | Some(DataType::F32 | DataType::F16 | DataType::Bf16 | DataType::F64)
    );
    Ok(match (&array.numbers, floats) {
        (Numbers::Floats(numbers), true) => {
            let data: Vec<f32> = ranges
                .flat_map(|range| numbers[range].iter().copied())
                .collect();
            from_shape(shape, data)?
        }
        #[expect(clippy::cast_precision_loss, reason = "as NumPy converts")]
        (Numbers::Integers(numbers), true) => {
            let data: Vec<f32> = ranges
                .flat_map(|range| numbers[range].iter().map(|n| *n as f32))
                .collect();
            from_shape(shape, data)?
        }
        (Numbers::Integers(numbers), false) => {
            let data = ranges.flat_map(|range| numbers[range].iter().copied());
            match info.data_type {
                Some(DataType::Other(2)) => from_shape(shape, narrowed::<u8>(data)?)?,
                Some(DataType::Other(3)) => from_shape(shape, narrowed::<i8>(data)?)?,
                _ => from_shape(shape, narrowed::<i32>(data)?)?,
            }
        }
        (Numbers::Floats(_), false) => bail!("it takes whole numbers, the array holds floats"),
    })
}

fn narrowed<T: TryFrom<i64>>(numbers: impl Iterator<Item = i64>) -> Result<Vec<T>> {
    let numbers = numbers.map(|number| {
        T::try_from(number)
            .ok()
            .with_context(|| format!("{number} is out of range"))
    });
    numbers.collect()
}

fn from_shape<T>(shape: &[usize], data: Vec<T>) -> Result<Value>
where
    Value: From<rten_tensor::Tensor<T>>,
{
    use rten_tensor::Tensor;
    let tensor = Tensor::try_from_data(shape, data);
    let tensor = tensor.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(tensor.into())
}
