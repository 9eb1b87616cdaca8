//! The Gram matrices of a layer's inputs in both networks.

use anyhow::{Context, Result};
use ternarize::quantize::gram::Gram;

use super::blocks::Blocks;
use super::pooling::Pooling;
use super::residual::Residual;
use super::rows::{self, Activation, Original};
use super::samples::Batch;
use super::side::Side;
use crate::engine::{Values, floats};
use crate::onnx::Layer;

/// Centred Gram matrices, in each list one for each group of a convolution and each block of inputs in it.
pub(super) struct Grams {
    /// Of the rows of the samples that layers are fitted to.
    pub all: Vec<Gram>,
    /// Of those rows that win the pooling behind the layer, each as often as it wins.
    pub winners: Vec<Gram>,
    /// Of the rows of the samples that were kept out.
    pub held_out: Vec<Gram>,
}

impl Grams {
    /// Runs both networks to the input of a layer, batch by batch.
    ///
    /// # Errors
    ///
    /// What the engine cannot do, inputs that do not fit the layer, and without memory for the matrices.
    pub(super) fn of(
        (layer, blocks): (&Layer, Blocks),
        original: &Side,
        quantized: &Side,
        batches: &[Batch],
    ) -> Result<Self> {
        let pooling = Pooling::behind(&original.network, layer);
        let residual = Residual::behind(&original.network, layer)?;
        let mut grams = Self {
            all: empty(layer, blocks)?,
            winners: empty(layer, blocks)?,
            held_out: empty(layer, blocks)?,
        };
        let value = rows::input(layer);
        let mut wanted = vec![value.to_owned()];
        let added = residual.iter().map(|residual| &residual.value);
        wanted.extend(added.filter(|added| *added != value).cloned());
        let (behind, pooled) = (
            quantized.part(&wanted)?,
            pooling.as_ref().map(|pooling| pooling.value.clone()),
        );
        wanted.extend(pooled);
        let before = original.part(&wanted)?;
        for (number, batch) in batches.iter().enumerate() {
            let (expected, found) = (before.run(number)?, behind.run(number)?);
            let (seen, original) = pair(layer, residual.as_ref(), [&expected, &found])?;
            let alike = batches.iter();
            let alike = alike.filter(|other| other.held_out == batch.held_out);
            let alike = [alike.count(), number];
            let add = |weights: Option<&[f32]>, grams: &mut [Gram]| {
                let pair = (&seen, Some(&original));
                add(layer, pair, weights, alike, (grams, blocks))
            };
            let mask = mask(batch, &seen.0);
            if batch.held_out {
                add(mask, &mut grams.held_out)?;
                continue;
            }
            add(mask, &mut grams.all)?;
            let wins = pooling.as_ref().and_then(|pooling| {
                let (shape, values) = floats(expected.get(&pooling.value)?)?;
                pooling.wins(&shape, &values)
            });
            if let Some(wins) = wins {
                add(Some(&wins), &mut grams.winners)?;
            }
        }
        for gram in [&mut grams.all, &mut grams.winners, &mut grams.held_out] {
            *gram = core::mem::take(gram)
                .into_iter()
                .map(Gram::centred)
                .collect();
        }
        Ok(grams)
    }

    /// Whether a max pooling follows.
    #[must_use]
    pub(super) fn have_winners(&self) -> bool {
        self.winners.iter().all(|gram| gram.rows() > 0)
    }
}

/// The centred Gram matrices of what a layer sees in a network, from as many batches as are needed for so many rows: the last first,
/// for those that are kept out have samples of all lengths.
///
/// # Errors
///
/// As [`Grams::of`].
pub(super) fn seen(
    (layer, blocks): (&Layer, Blocks),
    side: &Side,
    batches: &[Batch],
    least_rows: u64,
) -> Result<Vec<Gram>> {
    let mut grams = empty(layer, blocks)?;
    let part = side.part(&[rows::input(layer).to_owned()])?;
    for (number, batch) in batches.iter().enumerate().rev() {
        let seen = input(layer, &part.run(number)?)?;
        let weights = mask(batch, &seen.0);
        let matrices = (&mut grams[..], blocks);
        add(layer, (&seen, None), weights, [1, number], matrices)?;
        if grams.iter().all(|gram| gram.rows() >= least_rows) {
            break;
        }
    }
    Ok(grams.into_iter().map(Gram::centred).collect())
}

/// Gram matrices of no rows.
fn empty(layer: &Layer, blocks: Blocks) -> Result<Vec<Gram>> {
    let grams = (0..layer.groups() * blocks.count).map(|_| Gram::new(blocks.width));
    Ok(grams.collect::<Result<_, _>>()?)
}

/// What a layer is fitted to for a batch, from the values of the original network and of the quantized one.
fn pair<'a>(
    layer: &Layer,
    residual: Option<&'a Residual>,
    [expected, found]: [&Values; 2],
) -> Result<(Activation, Original<'a>)> {
    let (seen, input) = (input(layer, found)?, input(layer, expected)?);
    let differences = match residual {
        Some(residual) => residual.differences(expected, found, rows::count(layer, &seen.0)?)?,
        None => None,
    };
    Ok((seen, Original { input, differences }))
}

/// What a layer is multiplied with, from the values of a batch.
fn input(layer: &Layer, values: &Values) -> Result<Activation> {
    let input = floats(&values[rows::input(layer)]).context("its input is not of floats")?;
    rows::of_layer(layer, input)
}

/// Adds the rows of a batch, thinned if all `batches` together would have too many.
fn add(
    layer: &Layer,
    (seen, original): (&Activation, Option<&Original<'_>>),
    weights: Option<&[f32]>,
    [batches, number]: [usize; 2],
    grams: (&mut [Gram], Blocks),
) -> Result<()> {
    let rows = rows::count(layer, &seen.0)?;
    let counted = weights.map_or(rows, |weights| {
        weights.iter().filter(|weight| **weight > 0.0).count()
    });
    let stride = rows::stride(layer, counted * batches);
    let weights = rows::thinned(weights, rows, stride, number * rows);
    rows::add_rows(layer, seen, original, weights.as_deref(), grams)
}

/// The mask of a batch for an input of this shape: one number for each row.
fn mask<'a>(batch: &'a Batch, shape: &[usize]) -> Option<&'a [f32]> {
    let (extents, mask) = batch.mask.as_ref()?;
    let rows = shape.split_last().map_or(&[][..], |(_, rows)| rows);
    let flat: [usize; 1] = [extents.iter().product()];
    (rows == extents.as_slice() || rows == flat).then_some(mask)
}
