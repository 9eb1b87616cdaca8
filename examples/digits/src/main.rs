//! A real network, ternarized without retraining.
//!
//! The network is a small convolutional one, trained in `f32` on the UCI optical handwritten digits; it and the test images are
//! embedded (see `data/README.md` for source and licence). Each rule and grouping turns its weights into trits; the table says
//! what that costs in accuracy on the 360 test images, and what it saves. All accuracies are of the **packed** network, whose
//! logits are checked against those of the restored weights.
//!
//! ```sh
//! cargo run --release -p digits
//! cargo run --release -p digits -- my-model.safetensors
//! ```

mod curves;
mod network;
mod own_file;
mod plot;
mod recipe;
mod test_set;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use ternarize::model::Model;
use ternarize::tensor::Grouping;
use ternarize::{Rule, Scales};

use network::{Network, WEIGHTS, correct};
use recipe::{Outcome, RULES, Recipe};
use test_set::Example;

/// Ternarizes the embedded digits network, or a safetensors file of your own.
#[derive(Parser)]
struct Arguments {
    /// A safetensors file to ternarize in place of the embedded network (then without accuracy)
    file: Option<PathBuf>,
    /// The folder to write to
    #[arg(long, default_value = "target/digits")]
    out: PathBuf,
    /// The rule of the file that is written: tnt, two-scale, twn, absmean or absmax
    #[arg(long, default_value = "tnt", value_parser = parse_rule)]
    rule: Rule,
    /// Which weights share scales there: tensor, axis:K, axes:K,L, kernel or block:N
    #[arg(long, default_value = "axis:0")]
    per: Grouping,
}

fn parse_rule(name: &str) -> Result<Rule, String> {
    Rule::from_name(name)
        .ok_or_else(|| format!("the rules are {}", Rule::ALL.map(Rule::name).join(", ")))
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot make the folder {}", arguments.out.display()))?;
    let chosen = Recipe {
        rule: arguments.rule,
        scales: Scales::Two,
        grouping: arguments.per,
    };
    match &arguments.file {
        Some(file) => {
            let dense = Model::read(file).with_context(|| file.display().to_string())?;
            let (ternary, names) = own_file::ternarize(&dense, &chosen)
                .with_context(|| format!("in {}", file.display()))?;
            write(&ternary, &arguments.out, file)?;
            plot(&dense, names.iter().map(String::as_str), &arguments.out)
        }
        None => digits(&arguments.out, &chosen),
    }
}

/// The embedded network, by every recipe.
fn digits(out: &Path, chosen: &Recipe) -> Result<()> {
    let dense = Model::from_bytes(include_bytes!("../data/digits.safetensors"))?;
    let examples = test_set::test_set()?;
    let logits = Network::new(&dense)?.all_logits(&examples)?;
    println!(
        "f32: {} of {} test images right, {} bytes\n",
        correct(&logits, &examples),
        examples.len(),
        dense.to_bytes()?.len(),
    );
    print_table(&dense, &examples)?;

    let outcome = chosen.evaluate(&dense, &examples)?;
    println!(
        "\nlogits from packed trits and from restored weights: at most {:.1e} apart, relative to the largest (allowed: {:.0e})",
        outcome.distance,
        recipe::ROUNDING,
    );
    write(&outcome.model, out, Path::new("digits.safetensors"))?;
    plot(&dense, WEIGHTS, out)
}

fn print_table(dense: &Model, examples: &[Example]) -> Result<()> {
    let groupings = [
        Grouping::Tensor,
        Grouping::axis(0)?,
        Grouping::axis(1)?,
        Grouping::Kernel,
    ];
    println!(
        "{:<10} {:<6} {:<8} {:>7} {:>7} {:>6} {:>7} {:>7} {:>9} {:>9} {:>8}",
        "rule",
        "scales",
        "per",
        "cosine",
        "error",
        "zeros",
        "bits/w",
        "bytes",
        "all right",
        "inner",
        "time",
    );
    for (rule, scales) in RULES {
        for grouping in groupings {
            let recipe = Recipe {
                rule,
                scales,
                grouping,
            };
            print_row(&recipe, &recipe.evaluate(dense, examples)?, examples.len());
        }
    }
    println!(
        "\nerror: |w - w'|^2 / |w|^2 over all ternary weights. bits/w: stored bits of these, scales included. bytes: the whole file.\n\
         all right: accuracy with all four layers ternary; inner: with conv1 and fc left in f32. time: to ternarize."
    );
    Ok(())
}

fn print_row(recipe: &Recipe, outcome: &Outcome, images: usize) {
    let percent = |count: usize| 100.0 * count as f64 / images as f64;
    println!(
        "{:<10} {:<6} {:<8} {:>7.4} {:>7.4} {:>5.1}% {:>7.3} {:>7} {:>8.1}% {:>8.1}% {:>5.1} ms",
        recipe.rule.name(),
        if recipe.scales == Scales::One {
            "one"
        } else {
            "two"
        },
        recipe.grouping.to_string(),
        outcome.cosine,
        outcome.relative_error,
        100.0 * outcome.sparsity,
        outcome.bits_per_weight,
        outcome.file_bytes,
        percent(outcome.correct),
        percent(outcome.correct_inner),
        outcome.time.as_secs_f64() * 1e3,
    );
}

/// Draws the curves of these tensors.
fn plot<'a>(model: &Model, names: impl IntoIterator<Item = &'a str>, out: &Path) -> Result<()> {
    let path = out.join("cosine-curves.svg");
    plot::draw(&path, &curves::panels(model, names)?)?;
    println!("wrote {}", path.display());
    Ok(())
}

/// Writes the ternary model beside the name of its source.
fn write(model: &Model, out: &Path, source: &Path) -> Result<()> {
    let stem = source
        .file_stem()
        .context("a file without a name")?
        .to_string_lossy();
    let path = out.join(format!("{stem}-ternary.safetensors"));
    let bytes = model.write(&path)?;
    println!("wrote {} ({bytes} bytes)", path.display());
    Ok(())
}
