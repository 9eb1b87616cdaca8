//! The section of the page on calibration: what was done to each layer, and how well it fits inputs that it was not fitted to.

use maud::{Markup, html};

use super::page::{exact, table, tile};
use super::text::{Name, Text, count, significant};
use super::{CalibratedLayer, Calibration};

/// The columns of the layers.
pub(super) const COLUMNS: [&str; 6] = [
    "Layer",
    "Treatment",
    "Rows",
    "Planes",
    "Error, fitted",
    "Error, kept out",
];

/// The words of treatments: what they mean, and what they cost when the network runs.
const TERMS: [(&str, &str, &str); 9] = [
    (
        "outputs",
        "The trits are those that change the layer's outputs least on the calibration inputs.",
        "Nothing.",
    ),
    (
        "weights",
        "The trits are chosen by the weights alone.",
        "Nothing.",
    ),
    (
        "rotated",
        "The trits are those of a rotated matrix, whose weights have fewer outliers.",
        "Packed: the inputs are rotated, with log₂ of the rotation's width additions for each. Restored as floats: nothing.",
    ),
    (
        "effective",
        "The layer aims at the outputs of the original network, and so makes up for errors of the layers before it.",
        "Nothing.",
    ),
    (
        "moments",
        "Scales and biases give each output the mean and the standard deviation that it had.",
        "An addition for each output if the layer had no bias.",
    ),
    (
        "bias",
        "Biases give each output the mean that it had.",
        "An addition for each output if the layer had no bias.",
    ),
    (
        "winners",
        "Only the positions count that win the max pooling behind the layer.",
        "Nothing.",
    ),
    (
        "blocks",
        "The inputs are too many for one Gram matrix: the layer is fitted in blocks of inputs, each with its own scales, and not rotated.",
        "Packed: a scale for each block of a row.",
    ),
    (
        "planes",
        "So many ternary matrices, each with its own scales, are added up.",
        "Packed: a pass over the inputs for each. Restored as floats: nothing.",
    ),
];

pub(super) fn section(calibration: &Calibration) -> Markup {
    let Calibration {
        engine,
        samples,
        held_out,
        output_error,
        layers,
    } = calibration;
    let errors = layers
        .iter()
        .flat_map(|layer| [Some(layer.error), layer.held_out_error]);
    let largest = errors.flatten().fold(0.0, f64::max);
    let change = output_error.unwrap_or(f64::NAN);
    let judges = if *held_out > 0 {
        "on the samples kept out"
    } else {
        "on the samples fitted to"
    };
    html! {
        section aria-labelledby="calibration" {
            h2 id="calibration" { "Calibration" }
            dl class="tiles" {
                (tile("Samples that layers are fitted to", &number(*samples as u64), ""))
                (tile("Samples kept out", &number(*held_out as u64), ""))
                (tile("Change of the outputs", &exact(change, &significant(change)), judges))
            }
            p class="terms" {
                "Run by " (Text(engine)) ". The change of the outputs is their mean squared change, relative to their spread. The error of a layer is "
                "that of its outputs, relative to the variance of what it aims at (of a layer in blocks the sum over them): on the rows it was "
                "fitted to, and on rows kept out. A row is an input of the layer. With fewer than 8 rows for each of its inputs a layer follows what is particular to them: use more samples."
            }
            (table("calibrated", &COLUMNS, "Calibrated layers, in the order of the network", &html! {
                @for layer in layers { (row(layer, largest)) }
            }))
            details {
                summary { h3 class="plain" { "The words of treatments" } }
                dl class="words" {
                    @for (word, meaning, cost) in TERMS {
                        div { dt { (word) } dd { (meaning) } dd { "When the network runs: " (cost) } }
                    }
                }
            }
            @for layer in layers.iter().filter(|layer| layer.tried.len() > 1) { (tried(layer)) }
        }
    }
}

fn number(number: u64) -> Markup {
    html! { data value=(number) { (count(number)) } }
}

fn row(layer: &CalibratedLayer, largest: f64) -> Markup {
    html! {
        tr {
            th scope="row" { (Name(&layer.name)) }
            td { (Text(&layer.words())) }
            td {
                @if layer.too_few_rows { strong class="notable" { "Too few" } ": " }
                (number(layer.rows)) " for " (number(layer.inputs as u64)) " inputs"
            }
            td { data value=(layer.planes) { (layer.planes) } }
            (error(layer.error, largest))
            (error(layer.held_out_error.unwrap_or(f64::NAN), largest))
        }
    }
}

/// An error, with a bar as long as its part of the largest one.
fn error(error: f64, largest: f64) -> Markup {
    let part = 100.0 * error / largest;
    html! {
        td class="loss" style={ "--part:" (if part.is_finite() { part.round() } else { 0.0 }) "%" } {
            (exact(error, &significant(error)))
        }
    }
}

/// What was tried for a layer.
fn tried(layer: &CalibratedLayer) -> Markup {
    html! {
        details {
            summary { h3 { (Name(&layer.name)) } " " span { (layer.tried.len()) " treatments tried" } }
            p { "The change of the network's outputs with each, the layers behind it being the original ones:" }
            ul {
                @for (treatment, change) in &layer.tried {
                    @let change = change.unwrap_or(f64::NAN);
                    li {
                        (exact(change, &significant(change))) ": " (Text(treatment))
                        @if *treatment == layer.treatment { strong { " (kept)" } }
                    }
                }
            }
        }
    }
}
