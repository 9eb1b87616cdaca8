//! The training itself, and counting what the network gets right.

use anyhow::Result;
use candle_core::D;
use candle_nn::loss::cross_entropy;
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use indicatif::{ProgressBar, ProgressStyle};

use crate::data::Dataset;
use crate::network::Network;

const EPOCHS: usize = 40;
const BATCH: usize = 32;
/// Of the first step; it falls linearly and would reach zero one step after the last.
const LEARNING_RATE: f64 = 2e-3;

/// The recipe in words, for the file's metadata.
pub(crate) fn recipe(seed: u64) -> String {
    format!(
        "seed {seed}, {EPOCHS} epochs, batches of {BATCH}, \
         Adam with a learning rate falling linearly from {LEARNING_RATE} to 0, \
         images shifted by up to one pixel"
    )
}

/// Trains a new network. The same images and seed give the same weights.
pub(crate) fn train(set: &Dataset, seed: u64) -> Result<Network> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let network = Network::random(&mut rng)?;
    // Without weight decay AdamW is Adam.
    let parameters = ParamsAdamW {
        weight_decay: 0.0,
        ..ParamsAdamW::default()
    };
    let mut optimizer = AdamW::new(network.variables(), parameters)?;

    let steps = EPOCHS * set.len().div_ceil(BATCH);
    let progress = progress_bar(steps)?;
    let mut step = 0;
    let mut order: Vec<usize> = (0..set.len()).collect();
    for _ in 0..EPOCHS {
        rng.shuffle(&mut order);
        for members in order.chunks(BATCH) {
            optimizer.set_learning_rate(LEARNING_RATE * remaining(step, steps));
            let (images, labels) = set.shifted_batch(members, &mut rng)?;
            let loss = cross_entropy(&network.forward(&images)?, &labels)?;
            optimizer.backward_step(&loss)?;
            step += 1;
            progress.set_message(format!("loss {:.4}", loss.to_scalar::<f32>()?));
            progress.inc(1);
        }
    }
    progress.finish();
    Ok(network)
}

/// How many of the images the network gives the highest score to the right digit.
pub(crate) fn accuracy(network: &Network, set: &Dataset) -> Result<usize> {
    let everything: Vec<usize> = (0..set.len()).collect();
    let mut right = 0;
    for members in everything.chunks(256) {
        let (images, labels) = set.batch(members)?;
        let answers = network.forward(&images)?.argmax(D::Minus1)?;
        let (answers, labels) = (answers.to_vec1::<u32>()?, labels.to_vec1::<u32>()?);
        right += answers.iter().zip(&labels).filter(|(a, b)| a == b).count();
    }
    Ok(right)
}

/// The part of the steps that is still to do, from 1 down to almost 0.
#[expect(clippy::cast_precision_loss, reason = "a few thousand steps")]
fn remaining(step: usize, steps: usize) -> f64 {
    (steps - step) as f64 / steps as f64
}

/// A bar of so many steps, with room for the loss. It draws nothing where there is no terminal.
fn progress_bar(steps: usize) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} steps, {eta} left, {msg}")?;
    Ok(ProgressBar::new(steps as u64).with_style(style))
}
