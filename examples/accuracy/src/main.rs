//! What accuracy is left of a network that is ternarized without training, recipe by recipe.
//!
//! ```sh
//! cargo run --release -p accuracy           # the embedded digits
//! cargo run --release -p accuracy -- \
//!     --model M.safetensors --net N.json --images F --labels F --calibration F --json OUT
//! ```
//!
//! Each recipe says how to turn each layer into trits, and how to correct it (`recipes.json`); the table says what that costs in accuracy
//! on the test images, and what is stored, every byte counted. Recipes that correct anything see the calibration images,
//! which come from a file of training images, and no labels. All recipes tried are in the table, those that lose too.
//! Results of two networks on MNIST are in `README.md`.
//!
//! Products are `ndarray`'s, whose rounding depends on the processor's instructions: an image or two may fall to the other side.

mod description;
mod evaluate;
mod images;
mod inputs;
mod layer;
mod mcnemar;
mod net;
mod quantize;
mod recipe;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rand::SeedableRng as _;
use rand::seq::index;
use ternarize::model::Model;

use evaluate::Bench;
use images::{Images, Kind};
use net::Network;
use recipe::Recipe;

/// Evaluates recipes for ternary weights on a network of your own, or on the embedded digits.
#[derive(Parser)]
struct Arguments {
    /// The parameters: a safetensors file
    #[arg(long, requires_all = ["net", "images", "labels", "calibration"])]
    model: Option<PathBuf>,
    /// The layers in order: a JSON file, see the folder `nets`
    #[arg(long, requires = "model")]
    net: Option<PathBuf>,
    /// Test images: IDX, or raw in a file that ends in `.u8` or `.f32`; plain or gzip
    #[arg(long, requires = "model")]
    images: Option<PathBuf>,
    /// Their labels
    #[arg(long, requires = "model")]
    labels: Option<PathBuf>,
    /// Training images to calibrate with
    #[arg(long, requires = "model")]
    calibration: Option<PathBuf>,
    /// How many of them
    #[arg(long, default_value_t = 512)]
    calibrate: usize,
    /// Which of them: 0 takes the first, any other number draws that many at random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The recipes to evaluate, by name, separated by semicolons; without it, all
    #[arg(long, value_delimiter = ';')]
    recipes: Vec<String>,
    /// A file of recipes in place of the built-in ones
    #[arg(long)]
    cookbook: Option<PathBuf>,
    /// Where to write the results
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only the first 1,000 test images
    #[arg(long)]
    quick: bool,
}

/// The files of an evaluation.
struct Files {
    model: Vec<u8>,
    net: String,
    images: (Vec<u8>, Kind),
    labels: (Vec<u8>, Kind),
    calibration: (Vec<u8>, Kind),
}

impl Files {
    fn new(arguments: &Arguments) -> Result<Self> {
        let read = |path: &Option<PathBuf>| images::read(path.as_deref().context("no path")?);
        let Some(_) = arguments.model else {
            return Ok(Self::digits());
        };
        let numbers = |path: &Option<PathBuf>| {
            Ok::<_, anyhow::Error>((read(path)?, path.as_deref().map_or(Kind::Idx, Kind::of)))
        };
        Ok(Self {
            model: read(&arguments.model)?,
            net: String::from_utf8(read(&arguments.net)?)?,
            images: numbers(&arguments.images)?,
            labels: numbers(&arguments.labels)?,
            calibration: numbers(&arguments.calibration)?,
        })
    }

    fn digits() -> Self {
        let idx = |bytes: &[u8]| (bytes.to_vec(), Kind::Idx);
        Self {
            model: include_bytes!("../../digits/data/digits.safetensors").to_vec(),
            net: include_str!("../nets/digits.json").to_owned(),
            images: idx(include_bytes!("../../digits/data/test-images.idx3-ubyte")),
            labels: idx(include_bytes!("../../digits/data/test-labels.idx1-ubyte")),
            calibration: idx(include_bytes!("../../digits/data/train-images.idx3-ubyte")),
        }
    }

    fn bench(&self, arguments: &Arguments) -> Result<Bench> {
        let model = Model::from_bytes(&self.model).context("the model")?;
        let network = Network::new(&self.net, &model).context("the network")?;
        let images = |(bytes, kind): &(Vec<u8>, Kind), name: &'static str| {
            Images::parse(bytes, *kind, network.input.len(), network.white).context(name)
        };
        let mut test = images(&self.images, "the test images")?;
        let mut labels = images::labels(&self.labels.0, self.labels.1).context("the labels")?;
        ensure!(
            test.count == labels.len(),
            "{} images and {} labels",
            test.count,
            labels.len()
        );
        ensure!(
            self.calibration.0 != self.images.0,
            "the calibration images are the test images"
        );
        if arguments.quick {
            let first: Vec<usize> = (0..test.count.min(1000)).collect();
            test = test.select(&first);
            labels.truncate(first.len());
        }
        let calibration = images(&self.calibration, "the calibration images")?;
        let calibration = choose(&calibration, arguments.calibrate, arguments.seed);
        Bench::new(network, test, labels, calibration)
    }
}

/// The images to calibrate with.
fn choose(images: &Images, wanted: usize, seed: u64) -> Images {
    let wanted = wanted.min(images.count);
    if seed == 0 {
        return images.select(&(0..wanted).collect::<Vec<_>>());
    }
    let mut random = rand_chacha(seed);
    images.select(&index::sample(&mut random, images.count, wanted).into_vec())
}

fn rand_chacha(seed: u64) -> impl rand::Rng {
    rand::rngs::ChaCha12Rng::seed_from_u64(seed)
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let recipes = recipes(&arguments)?;
    let bench = Files::new(&arguments)?.bench(&arguments)?;
    let right = &bench.reference.right;
    println!(
        "f32: {} of {} test images right; {} weights; {} recipes; {} calibration images, seed {}\n",
        table::count(right),
        right.len(),
        bench.network.weights(),
        recipes.len(),
        bench.calibration.count,
        arguments.seed,
    );

    let bar = ProgressBar::new(recipes.len() as u64);
    bar.set_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} {eta} {msg}",
    )?);
    let mut outcomes = Vec::new();
    for recipe in &recipes {
        bar.set_message(recipe.name.clone());
        let outcome = bench.evaluate(recipe);
        outcomes.push(outcome.with_context(|| format!("recipe {}", recipe.name))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let report = table::report(&bench, &outcomes, arguments.seed);
    match &arguments.json {
        Some(path) => write(path, &serde_json::to_string_pretty(&report)?),
        None => Ok(()),
    }
}

/// The recipes asked for.
fn recipes(arguments: &Arguments) -> Result<Vec<Recipe>> {
    let text = match &arguments.cookbook {
        Some(path) => String::from_utf8(images::read(path)?)?,
        None => include_str!("../recipes.json").to_owned(),
    };
    let mut recipes = Recipe::parse(&text).context("the recipes")?;
    for name in &arguments.recipes {
        let known = recipes.iter().any(|recipe| &recipe.name == name);
        ensure!(known, "there is no recipe {name}");
    }
    if !arguments.recipes.is_empty() {
        recipes.retain(|recipe| arguments.recipes.contains(&recipe.name));
    }
    Ok(recipes)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}
