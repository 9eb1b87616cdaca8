//! The page of `--report`: one file of HTML, without programs and without anything from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::text::{Name, Text, bytes, count, fixed, percent, shape};
use super::{FileSummary, Metrics, Report, TensorReport, Totals, calibration, chart};

/// Nothing is loaded and nothing runs, whatever a name in the model holds. The style sheet stands in the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The drawings that are open at first: those of the tensors with the largest loss.
const OPEN: usize = 4;

/// The columns of the ternary tensors, and of the others.
const TERNARY: [&str; 10] = [
    "Tensor",
    "Shape",
    "Type",
    "Loss",
    "Cosine",
    "SQNR, dB",
    "Zeros",
    "Groups with one non-zero",
    "Bits per weight",
    "Size",
];
const KEPT: [&str; 5] = ["Tensor", "Shape", "Type", "Size", "Reason"];

/// A tensor and its place in the input.
type Numbered<'a> = (usize, &'a TensorReport);

/// The report as a page. It also holds the report as JSON, in the element `report`.
#[must_use]
pub fn html(report: &Report) -> String {
    let (ternary, kept) = sorted(&report.tensors);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(report))
            body {
                a class="skip" href="#ternary" { "Skip to the tensors" }
                header {
                    h1 { "Ternary model report" }
                    p { code { (Name(&report.input.path)) } " to " code { (Name(&report.output.path)) } ", by " (Text(&report.program)) }
                    (sections(report))
                }
                main {
                    (totals(report))
                    (plan(&report.options))
                    @if let Some(calibration) = &report.calibration { (calibration::section(calibration)) }
                    (ternary_tensors(&ternary))
                    (drawings(&ternary))
                    (kept_tensors(&kept, &report.left))
                    (files(report))
                }
                footer {
                    p { "The numbers of this page are also in it as JSON, in the element " code { "report" } ": those that " code { "--json" } " prints." }
                }
                script type="application/json" id="report" { (PreEscaped(json(report))) }
            }
        }
    };
    page.into_string()
}

/// The ternary tensors, largest loss first, and the others, failed ones first.
fn sorted(tensors: &[TensorReport]) -> (Vec<Numbered<'_>>, Vec<Numbered<'_>>) {
    let (mut ternary, mut kept): (Vec<_>, Vec<_>) = tensors
        .iter()
        .enumerate()
        .partition(|(_, tensor)| tensor.metrics.is_some());
    // What is not a number is the worst.
    let loss = |tensor: &TensorReport| {
        tensor.metrics.map_or(0.0, |m| {
            if m.relative_error.is_nan() {
                f64::INFINITY
            } else {
                m.relative_error
            }
        })
    };
    ternary.sort_by(|(_, a), (_, b)| loss(b).total_cmp(&loss(a)));
    kept.sort_by_key(|(_, tensor)| !tensor.failed);
    (ternary, kept)
}

/// The report as JSON that cannot end the element in which it stands: `<` occurs in strings only.
fn json(report: &Report) -> String {
    let json =
        serde_json::to_string(report).expect("the keys are strings, and nothing else can fail");
    json.replace('<', "\\u003c")
}

fn head(report: &Report) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(POLICY);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="generator" content=(Text(&report.program));
            title { (Text(&report.output.path)) ": ternary model report" }
            style {
                (PreEscaped(include_str!("page.css")))
                @for (table, columns) in [("ternary", &TERNARY[..]), ("kept", &KEPT), ("calibrated", &calibration::COLUMNS)] {
                    (PreEscaped(card_labels(table, columns)))
                }
            }
        }
    }
}

/// On a narrow screen a row of a table is a card, where each value has the name of its column. A screen reader has that name from
/// the table, so the alternative text is empty.
fn card_labels(table: &str, columns: &[&str]) -> String {
    let rule = |(i, column)| {
        let cell = format!(".{table} td:nth-child({})::before", i + 1);
        format!("{cell}{{content:\"{column}\";content:\"{column}\"/\"\"}}")
    };
    let rules: String = columns.iter().enumerate().skip(1).map(rule).collect();
    format!("@media screen and (max-width:44rem){{{rules}}}")
}

fn sections(report: &Report) -> Markup {
    html! {
        nav aria-label="Sections" {
            ul {
                @for (id, name) in [
                    ("totals", "Totals"),
                    ("plan", "Plan"),
                    ("calibration", "Calibration"),
                    ("ternary", "Ternary tensors"),
                    ("drawings", "Drawings"),
                    ("kept", "Kept tensors"),
                    ("files", "Files"),
                ] {
                    @if id != "calibration" || report.calibration.is_some() { li { a href={ "#" (id) } { (name) } } }
                }
            }
        }
    }
}

fn totals(report: &Report) -> Markup {
    let Totals {
        tensors,
        ternary,
        failed,
        weights,
        ternary_weights,
        ternary_bits_per_weight,
        bits_per_weight,
        seconds,
    } = report.totals;
    let (before, after) = (report.input.bytes, report.output.bytes);
    let share = ternary_weights as f64 / weights.max(1) as f64;
    html! {
        section aria-labelledby="totals" {
            h2 id="totals" { "Totals" }
            dl class="tiles" {
                (tile("Bits per weight of what is ternary", &value(ternary_bits_per_weight.unwrap_or(f64::NAN), 2), "scales included"))
                (tile("Bits per weight of the whole file", &value(bits_per_weight, 2), &format!("{} weights", count(weights))))
                (tile("Size of the output", &html! { data value=(after) { (bytes(after)) } }, &format!("of {} before", bytes(before))))
                (tile("Ternary tensors", &html! { data value=(ternary) { (ternary) } }, &format!("of {tensors}, {failed} failed")))
                (tile("Weights in ternary tensors", &html! { data value=(ternary_weights) { (percent(share)) } }, &count(ternary_weights)))
                (tile("Time", &html! { (value(seconds, 1)) " s" }, ""))
            }
        }
    }
}

/// One of the totals, with a remark below.
pub(super) fn tile(name: &str, value: &Markup, remark: &str) -> Markup {
    html! {
        div {
            dt { (name) }
            dd { (value) }
            @if !remark.is_empty() { dd class="remark" { (remark) } }
        }
    }
}

/// A number, rounded for the eye; exact in the attribute.
fn value(number: f64, decimals: usize) -> Markup {
    exact(number, &fixed(number, decimals))
}

/// A number as this text; exact in the attribute.
pub(super) fn exact(number: f64, shown: &str) -> Markup {
    html! {
        @if number.is_finite() { data value=(number) { (shown) } } @else { (shown) }
    }
}

fn plan(options: &[(String, String)]) -> Markup {
    html! {
        section aria-labelledby="plan" {
            h2 id="plan" { "Plan" }
            @if options.is_empty() { p { "No options." } }
            @else {
                dl class="options" {
                    @for (name, value) in options { div { dt { (Text(name)) } dd { (Name(value)) } } }
                }
            }
        }
    }
}

fn ternary_tensors(tensors: &[Numbered<'_>]) -> Markup {
    html! {
        section aria-labelledby="ternary" {
            h2 id="ternary" { "Ternary tensors" }
            @if tensors.is_empty() { p { "No tensor is ternary." } }
            @else {
                p class="terms" {
                    "With the weights " i { "w" } " and the ternary weights " i { "w′" } ", the loss is |" i { "w" } " − " i { "w′" } "|² / |" i { "w" }
                    "|², the cosine that of the angle between both, and SQNR −10 log₁₀ of the loss. A group of weights shares scales; where "
                    "a single weight of a group is not 0, an outlier may have taken the group."
                }
                (table("ternary", &TERNARY, "Ternary tensors, largest loss first", &html! {
                    @for &(place, tensor) in tensors {
                        @if let Some(metrics) = &tensor.metrics { (ternary_row(place, tensor, metrics)) }
                    }
                }))
            }
        }
    }
}

/// A table that can be scrolled with the keyboard where it is wider than the screen.
pub(super) fn table(class: &str, columns: &[&str], caption: &str, rows: &Markup) -> Markup {
    let id = format!("{class}-caption");
    html! {
        div class="scroll" role="region" aria-labelledby=(id) tabindex="0" {
            table class=(class) {
                caption id=(id) { (caption) }
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody { (rows) }
            }
        }
    }
}

fn ternary_row(place: usize, tensor: &TensorReport, metrics: &Metrics) -> Markup {
    let Metrics {
        cosine,
        relative_error,
        sqnr_db,
        sparsity,
        groups,
        single_nonzero_groups,
        bits_per_weight,
    } = *metrics;
    html! {
        tr {
            th scope="row" {
                @if tensor.drawing.is_some() { a href={ "#drawing-" (place) } { (Name(&tensor.name)) } }
                @else { (Name(&tensor.name)) }
            }
            td { (shape(&tensor.shape)) }
            td { (from_to(&tensor.from, &tensor.to)) }
            td class="loss" style={ "--part:" (fixed(100.0 * relative_error.clamp(0.0, 1.0), 0)) "%" } {
                (exact(relative_error, &percent(relative_error)))
            }
            td { (value(cosine, 4)) }
            td { @if let Some(db) = sqnr_db { (value(db, 2)) } @else { "no error" } }
            td { (exact(sparsity, &percent(sparsity))) }
            td class="groups" {
                span class=[(single_nonzero_groups > 0).then_some("notable")] {
                    data value=(single_nonzero_groups) { (count(single_nonzero_groups as u64)) }
                }
                " of " data value=(groups) { (count(groups as u64)) }
            }
            td { (value(bits_per_weight, 2)) }
            td { (sizes(tensor)) }
        }
    }
}

/// The types, or the one type.
fn from_to(from: &str, to: &str) -> Markup {
    html! {
        @if from == to { (Text(to)) } @else { (Text(from)) " → " (Text(to)) }
    }
}

/// The stored bytes before and after, or only once if they are the same.
fn sizes(tensor: &TensorReport) -> Markup {
    let size = |n| html! { data value=(n) { (bytes(n)) } };
    html! {
        @if tensor.bytes_before == tensor.bytes_after { (size(tensor.bytes_after)) }
        @else { (size(tensor.bytes_before)) " → " (size(tensor.bytes_after)) }
    }
}

fn drawings(tensors: &[Numbered<'_>]) -> Markup {
    let drawn: Vec<_> = tensors
        .iter()
        .filter_map(|&(place, tensor)| Some((place, tensor, tensor.drawing.as_ref()?)))
        .collect();
    html! {
        section aria-labelledby="drawings" {
            h2 id="drawings" { "Drawings" }
            @if drawn.is_empty() { p { "No tensor has a drawing." } }
            @else {
                p { "Largest loss first. What is open is printed." }
                (chart::curve_axes())
            }
            @for (rank, (place, tensor, drawing)) in drawn.iter().enumerate() {
                details open[rank < OPEN] {
                    summary { h3 { (Name(&tensor.name)) } @if let Some(metrics) = &tensor.metrics { " " span { "cos " (fixed(metrics.cosine, 4)) } } }
                    // A link to what is inside opens it.
                    div class="figures" id={ "drawing-" (place) } {
                        figure {
                            (chart::histogram(&tensor.name, drawing, &format!("histogram-{place}")))
                            figcaption { (chart::histogram_text(drawing)) }
                        }
                        figure {
                            (chart::curve(&tensor.name, drawing, &format!("curve-{place}")))
                            figcaption { (chart::curve_text(drawing)) }
                        }
                    }
                }
            }
        }
    }
}

/// Tensors that were left, and what else was left of a network.
fn kept_tensors(tensors: &[Numbered<'_>], left: &[(String, String)]) -> Markup {
    html! {
        section aria-labelledby="kept" {
            h2 id="kept" { "Kept tensors" }
            @if tensors.is_empty() && left.is_empty() { p { "No tensor was left as it was." } }
            @else {
                (table("kept", &KEPT, "Tensors that are not ternary", &html! {
                    @for (_, tensor) in tensors {
                        tr {
                            th scope="row" { (Name(&tensor.name)) }
                            td { (shape(&tensor.shape)) }
                            td { (from_to(&tensor.from, &tensor.to)) }
                            td { (sizes(tensor)) }
                            td {
                                @if tensor.failed { strong class="notable" { "Failed" } ": " }
                                (Text(tensor.kept.as_deref().unwrap_or("no reason given")))
                            }
                        }
                    }
                    @for (name, reason) in left {
                        tr {
                            th scope="row" { (Name(name)) }
                            @for _ in 0..3 { td { "\u{2013}" } }
                            td { (Text(reason)) }
                        }
                    }
                }))
            }
        }
    }
}

fn files(report: &Report) -> Markup {
    html! {
        section aria-labelledby="files" {
            h2 id="files" { "Files" }
            (file("Input", &report.input))
            (file("Output", &report.output))
        }
    }
}

fn file(role: &str, file: &FileSummary) -> Markup {
    html! {
        h3 { (role) ": " code { (Name(&file.path)) } }
        p { data value=(file.bytes) { (count(file.bytes)) } " bytes. SHA-256:" }
        dl class="hashes" {
            @for (name, hash) in &file.sha256 { div { dt { (Name(name)) } dd { code { (Text(hash)) } } } }
        }
    }
}
