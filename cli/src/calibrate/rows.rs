//! A layer's inputs as rows of a Gram matrix, each with a weight.

use anyhow::{Context, Result, bail, ensure};
use ternarize::quantize::gram::{Gram, Unfold};

use crate::onnx::{AutoPad, Convolution, Kind, Layer, Matrix};

/// An activation, with the extents.
pub type Activation = (Vec<usize>, Vec<f32>);

/// Whether a layer is the matrix that a recurrent node multiplies its state with.
#[must_use]
pub const fn is_hidden(layer: &Layer) -> bool {
    matches!(
        layer.kind,
        Kind::Recurrent {
            matrix: Matrix::Hidden,
            ..
        }
    )
}

/// The value that holds what a layer is multiplied with: its input, or for the state of a recurrent node its output.
#[must_use]
pub fn input(layer: &Layer) -> &str {
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
pub fn of_layer(layer: &Layer, (shape, values): Activation) -> Result<Activation> {
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

/// Adds the inputs of a layer to its Gram matrices, one for each group of a convolution: those of the quantized network, and those of the original.
///
/// `weights` has one number for each position of the outputs: for a convolution samples x positions, for others rows.
///
/// # Errors
///
/// For activations of other extents than the layer takes.
pub fn add_rows(
    layer: &Layer,
    quantized: &Activation,
    original: &Activation,
    weights: Option<&[f32]>,
    grams: &mut [Gram],
) -> Result<()> {
    ensure!(
        quantized.0 == original.0,
        "the two networks have different shapes"
    );
    match &layer.kind {
        Kind::Conv(convolution) => {
            add_patches(layer, convolution, quantized, original, weights, grams)
        }
        _ => {
            let columns = quantized.0.last().copied().unwrap_or(0);
            ensure!(
                columns == layer.columns,
                "the input has {columns} columns, the weight {}",
                layer.columns
            );
            grams[0].add_weighted(&quantized.1, Some(&original.1), weights)?;
            Ok(())
        }
    }
}

/// The unfolding of a convolution for inputs of these extents, samples and channels first.
///
/// # Errors
///
/// If they do not fit.
pub fn unfold(convolution: &Convolution, shape: &[usize]) -> Result<Unfold> {
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
    quantized: &Activation,
    original: &Activation,
    weights: Option<&[f32]>,
    grams: &mut [Gram],
) -> Result<()> {
    let unfold = unfold(convolution, &quantized.0)?;
    ensure!(
        unfold.columns() == layer.columns,
        "the patches have {} values, the weight {}",
        unfold.columns(),
        layer.columns
    );
    let samples = quantized.0[0];
    let image = quantized
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
        for (group, gram) in grams.iter_mut().enumerate() {
            for (rows, activation) in rows.iter_mut().zip([quantized, original]) {
                rows.clear();
                let image = &activation.1[sample * image..][..image];
                unfold.rows_at(image, group, &chosen, rows)?;
            }
            gram.add_weighted(&rows[0], Some(&rows[1]), weights.as_deref())?;
        }
    }
    Ok(())
}
