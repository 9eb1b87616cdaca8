//! Trains the small convolutional network that `ternarize demo` turns ternary.
//!
//! ```text
//! cd examples/digits-training
//! cargo run --release
//! ```
//!
//! reads the IDX files in `data`, trains, prints the accuracy and writes `data/digits.safetensors`.
//!
//! # An ordinary training, on purpose
//!
//! Nothing here knows about ternary weights: no quantization-aware training, no weight decay, no
//! penalty that would pull the weights towards {-a, 0, +a}. The demo is about a network that
//! somebody trained the usual way, so that is how this one is trained: cross-entropy, Adam, a
//! learning rate that falls linearly to zero, and images moved by up to one pixel.
//!
//! # A fair accuracy
//!
//! The seed and the number of epochs are constants of this program, and the weights written are
//! those after the last epoch. The test images are looked at once, after that. To try another
//! recipe, use `--holdout`: it trains on four fifths of the *training* images and reports on the
//! others, without opening the test images or writing weights.
//!
//! # The same bytes again
//!
//! Two runs on one machine write the same file. What is left to chance (the first weights, the
//! order of the images, the shifts) comes from one seeded generator in this program, because
//! candle's own on the CPU cannot be seeded. Another processor may multiply matrices with other
//! instructions and so round differently: expect close weights there, not equal ones.

mod data;
mod network;
mod training;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use crate::data::Dataset;
use crate::network::Network;
use crate::training::{accuracy, train};

/// Seeds everything that is left to chance.
const SEED: u64 = 1;

/// Trains the network of `ternarize demo`.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The folder with the IDX files
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// The safetensors file to write
    #[arg(long, default_value = "data/digits.safetensors")]
    out: PathBuf,
    /// Judge the recipe on a fifth of the training images, write no weights
    #[arg(long)]
    holdout: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let train_set = Dataset::read(&args.data, "train")?;
    if args.holdout {
        let (kept, held_out) = train_set.split_fifth();
        let network = train(&kept, SEED)?;
        report("training", &network, &kept)?;
        return report("held-out", &network, &held_out);
    }

    let network = train(&train_set, SEED)?;
    report("training", &network, &train_set)?;
    report("test", &network, &Dataset::read(&args.data, "test")?)?;
    network.save(&args.out, &training::recipe(SEED))?;
    println!(
        "{} weights and biases in {}",
        network.len(),
        args.out.display()
    );
    Ok(())
}

/// Prints how many images of a set the network recognizes.
fn report(name: &str, network: &Network, set: &Dataset) -> Result<()> {
    let right = accuracy(network, set)?;
    #[expect(clippy::cast_precision_loss, reason = "a few thousand images at most")]
    let percent = 100.0 * right as f64 / set.len() as f64;
    println!(
        "{name} images: {right} of {} right, {percent:.2} %",
        set.len()
    );
    Ok(())
}
