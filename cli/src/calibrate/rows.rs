//! A layer's inputs as rows of a Gram matrix, each with a weight.

use anyhow::{Context, Result, bail, ensure};
use ternarize::quantize::gram::{Gram, Unfold};

use super::blocks::Blocks;
use super::residual::Differences;
use crate::onnx::{AutoPad, Convolution, Kind, Layer, Matrix};

/// An activation, with the extents.
pub(super) type Activation = (Vec<usize>, Vec<f32>);

/// What a layer is multiplied with in the original network, and how far what is added to its output is from the original.
pub(super) struct Original<'a> {
    pub input: Activation,
    pub differences: Option<Differences<'a>>,
}

/// Whether a layer is the matrix that a recurrent node multiplies its state with.
#[must_use]
pub(super) const fn is_hidden(layer: &Layer) -> bool {
    matches!(
        layer.kind,
        Kind::Recurrent {
            matrix: Matrix::Hidden,
            ..
        }
    )
}

/// Whether two layers are multiplied with the same rows: those of one value, which no convolution unfolds.
#[must_use]
pub(super) fn are_alike(one: &Layer, other: &Layer) -> bool {
    let plain = |layer: &Layer| !is_hidden(layer) && !matches!(layer.kind, Kind::Conv(_));
    plain(one) && plain(other) && one.input == other.input && one.columns == other.columns
}

/// The value that holds what a layer is multiplied with: its input, or for the state of a recurrent node its output.
#[must_use]
pub(super) fn input(layer: &Layer) -> &str {
    if is_hidden(layer) {
        &layer.output
    } else {
        &layer.input
    }
}

/// What a layer is multiplied with, from that value. The state before a step is the output of the step before, in the order of the
/// direction; that before the first step is left out.
///
/// # Errors
///
/// For an output that is none of a recurrent node.
pub(super) fn of_layer(layer: &Layer, (shape, values): Activation) -> Result<Activation> {
    let Kind::Recurrent {
        matrix: Matrix::Hidden,
        direction,
        directions,
        ..
    } = layer.kind
    else {
        return Ok((shape, values));
    };
    let [steps, given, batch, hidden] = shape[..] else {
        bail!("the output of the recurrent node has {} axes", shape.len());
    };
    ensure!(
        given == directions,
        "the output has {given} directions, the node {directions}"
    );
    let steps = if direction == 0 {
        0..steps.saturating_sub(1)
    } else {
        1..steps.max(1)
    };
    let len = batch * hidden;
    let states = steps
        .clone()
        .flat_map(|step| &values[(step * directions + direction) * len..][..len]);
    Ok((vec![steps.len(), batch, hidden], states.copied().collect()))
}

/// How much a layer's rows may cost: rows times the square of the inputs. Chosen: some seconds. Small layers get all rows within it.
const MOST_WORK: usize = 20_000_000_000;

/// The rows for each input that a layer gets however large it is. Measured: more add nothing that could be seen.
const ROWS_PER_INPUT: usize = 32;

/// One of how many rows is taken, so that all together are not far above what is useful.
#[must_use]
pub(super) fn stride(layer: &Layer, rows: usize) -> usize {
    let columns = layer.columns.max(1);
    let most = (ROWS_PER_INPUT * columns).max(MOST_WORK / (columns * columns));
    rows.div_ceil(most).max(1)
}

/// The weights of rows of which only one in `stride` counts: those of a fixed sequence that follows no pattern of the rows.
#[must_use]
pub(super) fn thinned(
    weights: Option<&[f32]>,
    rows: usize,
    stride: usize,
    start: usize,
) -> Option<Vec<f32>> {
    if stride <= 1 {
        return weights.map(<[f32]>::to_vec);
    }
    let thinned = (0..rows).map(|row| {
        // The upper bits of a product with the golden ratio are spread evenly.
        let mixed = ((start + row) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let counts = (mixed * stride as u64) >> 32 == 0;
        let weight = weights.map_or(1.0, |weights| weights[row]);
        if counts { weight } else { 0.0 }
    });
    Some(thinned.collect())
}

/// The rows of an activation: its vectors, or for a convolution the positions of all samples.
///
/// # Errors
///
/// If it does not fit the layer.
pub(super) fn count(layer: &Layer, shape: &[usize]) -> Result<usize> {
    match &layer.kind {
        Kind::Conv(convolution) => Ok(shape[0] * unfold(convolution, shape)?.positions()),
        _ => Ok(shape
            .split_last()
            .map_or(1, |(_, rows)| rows.iter().product())),
    }
}

/// Adds the inputs of a layer to its Gram matrices, one for each group of a convolution and each block of inputs: those that it sees, and those of the original
/// network if they are others.
///
/// `weights` has one number for each position of the outputs: for a convolution samples x positions, for others rows.
///
/// # Errors
///
/// For activations of other extents than the layer takes.
pub(super) fn add_rows(
    layer: &Layer,
    seen: &Activation,
    original: Option<&Original<'_>>,
    weights: Option<&[f32]>,
    (grams, blocks): (&mut [Gram], Blocks),
) -> Result<()> {
    ensure!(
        original.is_none_or(|original| original.input.0 == seen.0),
        "the two networks have different shapes"
    );
    if let Kind::Conv(convolution) = &layer.kind {
        return add_patches(layer, convolution, seen, original, weights, (grams, blocks));
    }
    let columns = seen.0.last().copied().unwrap_or(0);
    ensure!(
        columns == layer.columns,
        "the input has {columns} columns, the weight {}",
        layer.columns
    );
    // Rows that do not count are left out.
    let counts = |row: &usize| weights.is_none_or(|weights| weights[*row] > 0.0);
    let rows = seen.1.len() / columns.max(1);
    let chosen: Vec<usize> = (0..rows).filter(counts).collect();
    let of = |values: &[f32]| {
        let rows = chosen.iter().map(|row| &values[row * columns..][..columns]);
        rows.flatten().copied().collect::<Vec<f32>>()
    };
    let mut originals = original.map(|original| of(&original.input.1));
    let differences = original.and_then(|original| original.differences.as_ref());
    if let (Some(originals), Some(differences)) = (&mut originals, differences) {
        differences.add_to(0, &chosen, originals)?;
    }
    let weights = weights.map(|weights| chosen.iter().map(|row| weights[*row]));
    let weights: Option<Vec<f32>> = weights.map(Iterator::collect);
    blocks.add(
        grams,
        &of(&seen.1),
        originals.as_deref(),
        weights.as_deref(),
    )?;
    Ok(())
}

/// The unfolding of a convolution for inputs of these extents, samples and channels first.
///
/// # Errors
///
/// If they do not fit.
pub(super) fn unfold(convolution: &Convolution, shape: &[usize]) -> Result<Unfold> {
    let [_, channels, spatial @ ..] = shape else {
        bail!("the input of a convolution has {} axes", shape.len());
    };
    let (mut begin, mut end) = (convolution.begin.clone(), convolution.end.clone());
    if convolution.auto_pad != AutoPad::NotSet {
        for (axis, &extent) in spatial.iter().enumerate() {
            let stride = convolution.strides[axis];
            let reach = (convolution.kernel[axis] - 1) * convolution.dilations[axis] + 1;
            let needed =
                (extent.div_ceil(stride).saturating_sub(1) * stride + reach).saturating_sub(extent);
            (begin[axis], end[axis]) = match convolution.auto_pad {
                AutoPad::SameUpper => (needed / 2, needed.div_ceil(2)),
                AutoPad::SameLower => (needed.div_ceil(2), needed / 2),
                AutoPad::Valid | AutoPad::NotSet => (0, 0),
            };
        }
    }
    let unfold = Unfold::new(*channels, spatial, &convolution.kernel)?
        .strides(&convolution.strides)?
        .dilations(&convolution.dilations)?
        .padding(&begin, &end)?
        .groups(convolution.groups)?;
    Ok(unfold)
}

fn add_patches(
    layer: &Layer,
    convolution: &Convolution,
    seen: &Activation,
    original: Option<&Original<'_>>,
    weights: Option<&[f32]>,
    (grams, blocks): (&mut [Gram], Blocks),
) -> Result<()> {
    let unfold = unfold(convolution, &seen.0)?;
    ensure!(
        unfold.columns() == layer.columns,
        "the patches have {} values, the weight {}",
        unfold.columns(),
        layer.columns
    );
    let samples = seen.0[0];
    let image = seen
        .1
        .len()
        .checked_div(samples)
        .context("there are no samples")?;
    let positions = unfold.positions();
    let mut rows = [Vec::new(), Vec::new()];
    for sample in 0..samples {
        let weights = weights.map(|weights| &weights[sample * positions..][..positions]);
        // Rows that do not count are not made.
        let counts = |position: &usize| weights.is_none_or(|weights| weights[*position] > 0.0);
        let chosen: Vec<usize> = (0..positions).filter(counts).collect();
        let weights: Option<Vec<f32>> =
            weights.map(|weights| chosen.iter().map(|position| weights[*position]).collect());
        for (group, grams) in grams.chunks_exact_mut(blocks.count).enumerate() {
            let input = original.map(|original| &original.input);
            let activations = core::iter::once(seen).chain(input);
            for (rows, activation) in rows.iter_mut().zip(activations) {
                rows.clear();
                let image = &activation.1[sample * image..][..image];
                unfold.rows_at(image, group, &chosen, rows)?;
            }
            if let Some(differences) = original.and_then(|original| original.differences.as_ref()) {
                let chosen = chosen.iter().map(|position| sample * positions + position);
                differences.add_to(group, &chosen.collect::<Vec<_>>(), &mut rows[1])?;
            }
            let originals = original.map(|_| rows[1].as_slice());
            blocks.add(grams, &rows[0], originals, weights.as_deref())?;
        }
    }
    Ok(())
}
