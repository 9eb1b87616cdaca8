//! The drawings of a tensor, as SVG.
//!
//! Colours are those of the page's style sheet. Coordinates have one decimal, and each row of bins or points is one path, for a
//! model may have a thousand tensors.

use core::fmt::Write;

use maud::{Markup, html};

use super::text::{Text, count, fixed, percent, significant};
use super::{Drawing, Histogram};

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 210.0;
/// The edges of the area of the data.
const LEFT: f64 = 36.0;
const RIGHT: f64 = WIDTH - 18.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = HEIGHT - 36.0;

/// Where data lie in the drawing.
struct Frame {
    x: [f64; 2],
    y: [f64; 2],
}

impl Frame {
    /// The horizontal place of a value. What lies outside is moved to the edge.
    fn x(&self, value: f64) -> f64 {
        LEFT + part(self.x, value) * (RIGHT - LEFT)
    }

    /// The vertical place of a value. What lies outside is moved to the edge.
    fn y(&self, value: f64) -> f64 {
        BOTTOM - part(self.y, value) * (BOTTOM - TOP)
    }

    /// Axes with these marks, and what the horizontal one shows.
    fn axes(&self, x: &[(f64, String)], y: &[(f64, String)], below: &str) -> Markup {
        html! {
            g class="axis" {
                path d={ @for (value, _) in y { "M" (number(LEFT)) " " (number(self.y(*value))) "H" (number(RIGHT)) } } {}
                g class="y" {
                    @for (value, label) in y {
                        text x=(number(LEFT - 5.0)) y=(number(self.y(*value) + 4.0)) { (label) }
                    }
                }
                @for (value, label) in x {
                    text x=(number(self.x(*value))) y=(number(BOTTOM + 14.0)) { (label) }
                }
                text x=(number(f64::midpoint(LEFT, RIGHT))) y=(number(HEIGHT - 5.0)) { (below) }
            }
        }
    }
}

/// Where a value lies between two, from 0 to 1: in the middle if it is not a number or there is nothing between them.
fn part([low, high]: [f64; 2], value: f64) -> f64 {
    let part = (value - low) / (high - low);
    if part.is_nan() {
        0.5
    } else {
        part.clamp(0.0, 1.0)
    }
}

/// A coordinate: one decimal at most.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Round values between two, with labels: at most this many, and one.
fn marks([low, high]: [f64; 2], most: u32, label: impl Fn(f64) -> String) -> Vec<(f64, String)> {
    let least_step = (high - low) / f64::from(most);
    if !(least_step.is_finite() && least_step > 0.0) {
        return Vec::new();
    }
    let power = 10_f64.powf(least_step.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|f| f * power >= least_step);
    let step = factor.unwrap_or(10.0) * power;
    let first = (low / step).ceil();
    (0..=most)
        .map(|i| (first + f64::from(i)) * step)
        .take_while(|&value| value <= high)
        .map(|value| (value, label(value)))
        .collect()
}

/// The histogram, with thresholds and levels.
pub(super) fn histogram(name: &str, drawing: &Drawing, id: &str) -> Markup {
    let Histogram {
        low, high, counts, ..
    } = &drawing.histogram;
    let total = total(&drawing.histogram);
    let most = counts.iter().max().map_or(0.0, |&most| most as f64 / total);
    let frame = Frame {
        x: [*low, *high],
        y: [0.0, if most > 0.0 { most } else { 1.0 }],
    };
    let marks_x = marks(frame.x, 5, significant);
    let marks_y = marks(frame.y, 3, percent_label(most));
    let threshold = drawing.threshold;
    html! {
        svg role="img" aria-labelledby=(id) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
            title id=(id) { "Histogram of the weights of " (Text(name)) ", with thresholds and levels" }
            (frame.axes(&marks_x, &marks_y, "weight"))
            @for (class, bins) in runs(&drawing.histogram, threshold[1]) {
                path class=(class) d=(outline(&frame, &drawing.histogram, bins, total)) {}
            }
            (thresholds(&frame, threshold))
            (level(&frame, [0.0; 3], "zero", ("middle", "0")))
            (level(&frame, drawing.lambda_n.map(|scale| -scale), "minus", ("end", "−1")))
            (level(&frame, drawing.lambda_p, "plus", ("start", "+1")))
        }
    }
}

/// Both thresholds: where the median is, and how far those of all groups reach.
fn thresholds(frame: &Frame, [least, median, most]: [f64; 3]) -> Markup {
    html! {
        @for sign in [-1.0, 1.0] {
            @let (a, b) = (frame.x(sign * least), frame.x(sign * most));
            rect class="spread" x=(number(a.min(b))) y=(number(TOP)) width=(number((b - a).abs())) height=(number(BOTTOM - TOP)) {}
            path class="threshold" d={ "M" (number(frame.x(sign * median))) " " (number(TOP)) "V" (number(BOTTOM)) } {}
        }
    }
}

/// A level: a line where the median is, a bar as wide as the levels of all groups, and a label on the side of the anchor.
fn level(frame: &Frame, levels: [f64; 3], class: &str, (anchor, label): (&str, &str)) -> Markup {
    let [a, x, b] = levels.map(|level| frame.x(level));
    let inside = frame.x[0] <= levels[1] && levels[1] <= frame.x[1];
    // At the edge there is no room on the outer side.
    let anchor = if x < LEFT + 20.0 {
        "start"
    } else if x > RIGHT - 20.0 {
        "end"
    } else {
        anchor
    };
    html! {
        @if inside {
            g class={ "level " (class) } {
                path d={ "M" (number(x)) " " (number(TOP - 4.0)) "V" (number(BOTTOM)) } {}
                @if a.min(b) < a.max(b) {
                    path class="reach" d={ "M" (number(a.min(b))) " " (number(TOP - 4.0)) "H" (number(a.max(b))) } {}
                }
                text x=(number(x)) y=(number(TOP - 10.0)) text-anchor=(anchor) { (label) }
            }
        }
    }
}

/// All weights of a histogram.
fn total(histogram: &Histogram) -> f64 {
    let weights: u64 = histogram.counts.iter().chain(&histogram.outside).sum();
    weights.max(1) as f64
}

/// The lower bound of a bin.
fn bound(histogram: &Histogram, bin: usize) -> f64 {
    let Histogram {
        low, high, counts, ..
    } = histogram;
    low + (high - low) * bin as f64 / counts.len() as f64
}

/// The bins of each trit, judged by their middle: for a picture this is exact enough.
fn runs(histogram: &Histogram, threshold: f64) -> [(&'static str, core::ops::Range<usize>); 3] {
    let bins = histogram.counts.len();
    let middle = |bin| f64::midpoint(bound(histogram, bin), bound(histogram, bin + 1));
    let zero = (0..bins)
        .find(|&bin| middle(bin) > -threshold)
        .unwrap_or(bins);
    let plus = (zero..bins)
        .find(|&bin| middle(bin) >= threshold)
        .unwrap_or(bins);
    [
        ("minus", 0..zero),
        ("zero", zero..plus),
        ("plus", plus..bins),
    ]
}

/// The bins of a histogram as one closed path.
fn outline(
    frame: &Frame,
    histogram: &Histogram,
    bins: core::ops::Range<usize>,
    total: f64,
) -> String {
    let mut path = format!(
        "M{} {}",
        number(frame.x(bound(histogram, bins.start))),
        number(BOTTOM)
    );
    for bin in bins {
        let y = frame.y(histogram.counts[bin] as f64 / total);
        let x = frame.x(bound(histogram, bin + 1));
        write!(path, "V{}H{}", number(y), number(x)).expect("writing to a string cannot fail");
    }
    path + "V" + &number(BOTTOM) + "z"
}

/// Percentages with as many decimals as values up to this one need.
fn percent_label(most: f64) -> impl Fn(f64) -> String {
    let decimals = usize::from(most < 0.05);
    move |value| fixed(100.0 * value, decimals) + "%"
}

/// What the histogram shows, in words.
pub(super) fn histogram_text(drawing: &Drawing) -> Markup {
    let Histogram {
        low,
        high,
        counts,
        outside,
    } = &drawing.histogram;
    html! {
        "Weights from " (significant(*low)) " to " (significant(*high)) ": their share in each of " (counts.len()) " bins"
        @if outside != &[0, 0] { ", " (count(outside[0])) " below and " (count(outside[1])) " above" }
        ". Dashed: thresholds ±" (range(drawing.threshold)) ". Solid: levels "
        (range(drawing.lambda_n.map(|scale| -scale))) " of −1 and " (range(drawing.lambda_p)) " of +1."
    }
}

/// A median, and what it is the median of.
fn range([least, median, most]: [f64; 3]) -> String {
    if least.total_cmp(&most).is_eq() {
        significant(median)
    } else {
        format!(
            "{} ({} to {} over the groups)",
            significant(median),
            significant(least),
            significant(most)
        )
    }
}

/// Both axes of a curve are from 0 to 1.
const CURVE: Frame = Frame {
    x: [0.0, 1.0],
    y: [0.0, 1.0],
};
const CURVE_AXES: &str = "curve-axes";

/// What all curves have in common. It must be in the page, once, and is not seen where it stands.
pub(super) fn curve_axes() -> Markup {
    let marks = [0.0, 0.25, 0.5, 0.75, 1.0];
    let x = marks.map(|value| (value, fixed(100.0 * value, 0) + "%"));
    let y = marks.map(|value| (value, value.to_string()));
    html! {
        svg class="common" aria-hidden="true" {
            defs { g id=(CURVE_AXES) { (CURVE.axes(&x, &y, "non-zeros M, in percent of the weights")) } }
        }
    }
}

/// The cosine against the fraction of non-zeros.
pub(super) fn curve(name: &str, drawing: &Drawing, id: &str) -> Markup {
    let frame = CURVE;
    let points: Vec<_> = drawing
        .curve
        .iter()
        .map(|&(m, cos)| number(frame.x(m)) + "," + &number(frame.y(cos)))
        .collect();
    let (m, cos) = (frame.x(drawing.chosen.0), frame.y(drawing.chosen.1));
    html! {
        svg role="img" aria-labelledby=(id) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } {
            title id=(id) { "Cosine against the number of non-zeros for " (Text(name)) }
            use href={ "#" (CURVE_AXES) } {}
            polyline class="curve" points=(points.join(" ")) {}
            path class="drop" d={ "M" (number(LEFT)) " " (number(cos)) "H" (number(m)) "V" (number(BOTTOM)) } {}
            circle class="chosen" cx=(number(m)) cy=(number(cos)) r="4" {}
            text class="chosen" x=(number(m.clamp(LEFT + 34.0, RIGHT - 34.0))) y=(number(cos - 10.0)) {
                "cos " (fixed(drawing.chosen.1, 4))
            }
        }
    }
}

/// What the curve shows, in words.
pub(super) fn curve_text(drawing: &Drawing) -> Markup {
    let (m, cos) = drawing.chosen;
    let best = drawing.curve.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    html! {
        "The dot: " (percent(m)) " of the ternary weights are not 0, and the cosine is " (fixed(cos, 4)) "."
        @if let Some(&(m, cos)) = best {
            " The line: one group with one scale; its largest cosine is " (fixed(cos, 4)) ", with " (percent(m)) " non-zeros."
        }
    }
}
