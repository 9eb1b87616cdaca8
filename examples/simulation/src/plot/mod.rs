//! The plots, and the style they share.
//!
//! Logarithmic axes carry `log10 x` and are labelled `x`, so that all charts are of one type. The legends stand beside the
//! data, never on it.

pub(crate) mod cosines;
pub(crate) mod curves;
pub(crate) mod timing;

use core::ops::Range;

use anyhow::anyhow;
use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::law::Law;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(45, 52, 60);
const FAINT: RGBColor = RGBColor(228, 231, 235);

/// Colours that the colour-blind can tell apart (Okabe and Ito).
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const RED: RGBColor = RGBColor(213, 94, 0);
const PINK: RGBColor = RGBColor(204, 121, 167);

fn law_colour(law: Law) -> RGBColor {
    match law {
        Law::Uniform => ORANGE,
        Law::Normal => BLUE,
        Law::Laplace => GREEN,
        Law::Student => PINK,
        Law::Sparse => RED,
    }
}

/// How points are drawn.
#[derive(Clone, Copy)]
enum Mark {
    Line,
    /// A line with a dot on each point.
    Dotted,
    Dashed,
    /// Wide and pale, to lie under a line.
    Band,
    /// A ring on each point.
    Ring,
}

/// An axis: logarithmic ones have their range in decades.
struct Axis {
    label: &'static str,
    range: Range<f64>,
    ticks: usize,
    logarithmic: bool,
}

impl Axis {
    fn tick(&self, at: f64) -> String {
        let exponent = at.round();
        let wide = self.range.end - self.range.start > 10.0;
        match (self.logarithmic, wide) {
            (false, false) => format!("{at:.1}"),
            (false, true) => format!("{at:.0}"),
            (true, _) if (at - exponent).abs() > 1e-9 => String::new(),
            (true, _) => power_of_ten(exponent),
        }
    }
}

/// `10²`, and so on.
fn power_of_ten(exponent: f64) -> String {
    let raised = |digit| match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        other => other,
    };
    if exponent.abs() < 0.5 {
        "1".to_owned()
    } else if (exponent - 1.0).abs() < 0.5 {
        "10".to_owned()
    } else {
        let digits = format!("{exponent:.0}");
        format!("10{}", digits.chars().map(raised).collect::<String>())
    }
}

/// How many dots make a pixel. The library rounds all coordinates to whole dots; finer ones make smoother curves.
const FINE: u32 = 4;

/// Pixels in dots.
const fn px(pixels: u32) -> u32 {
    pixels * FINE
}

/// Draws a page of this size in pixels and returns it as SVG.
fn page(
    (width, height): (u32, u32),
    title: &str,
    draw: impl FnOnce(&Area<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    let mut svg = String::new();
    let size = (px(width), px(height));
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        let (heading, body) = root.split_vertically(px(52));
        write(&heading, title, (24, 32), 26)?;
        draw(&body)?;
        root.present()?;
    }
    // The first size is that of the picture, in pixels; the view box and all within stay in dots.
    let in_dots = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let in_pixels = format!("width=\"{width}\" height=\"{height}\"");
    Ok(svg.replacen(&in_dots, &in_pixels, 1))
}

/// Empty axes.
fn axes<'a>(area: &Area<'a>, title: &str, x: &Axis, y: &Axis) -> anyhow::Result<Chart<'a>> {
    let font = |size| (FONT, px(size)).into_font().color(&INK);
    let mut builder = ChartBuilder::on(area);
    builder
        .margin(px(14))
        .margin_right(px(24))
        .x_label_area_size(px(52))
        .y_label_area_size(px(66));
    if !title.is_empty() {
        builder.caption(title, font(22));
    }
    let mut chart = builder.build_cartesian_2d(x.range.clone(), y.range.clone())?;
    chart
        .configure_mesh()
        .bold_line_style(FAINT.stroke_width(px(1)))
        .light_line_style(TRANSPARENT)
        .axis_style(INK.mix(0.5).stroke_width(px(1)))
        .set_all_tick_mark_size(px(5))
        .label_style(font(17))
        .axis_desc_style(font(18))
        .x_labels(x.ticks)
        .y_labels(y.ticks)
        .x_label_formatter(&|&at| x.tick(at))
        .y_label_formatter(&|&at| y.tick(at))
        .x_desc(x.label)
        .y_desc(y.label)
        .draw()?;
    Ok(chart)
}

/// Draws points on a chart.
fn plot(
    chart: &mut Chart<'_>,
    points: &[(f64, f64)],
    mark: Mark,
    colour: RGBColor,
) -> anyhow::Result<()> {
    let path = points.to_vec();
    let thin = colour.stroke_width(px(2));
    match mark {
        Mark::Line => {
            chart.draw_series([PathElement::new(path, thin)])?;
        }
        Mark::Band => {
            let wide = colour.mix(0.3).stroke_width(px(9));
            chart.draw_series([PathElement::new(path, wide)])?;
        }
        Mark::Dashed => {
            chart.draw_series([DashedPathElement::new(path, px(6), px(5), thin)])?;
        }
        Mark::Dotted => {
            chart.draw_series([PathElement::new(path, thin)])?;
            circles(chart, points, 3, colour.filled())?;
        }
        Mark::Ring => {
            circles(chart, points, 7, WHITE.filled())?;
            circles(chart, points, 7, colour.stroke_width(px(3)))?;
        }
    }
    Ok(())
}

/// Draws a circle on each point.
fn circles(
    chart: &mut Chart<'_>,
    points: &[(f64, f64)],
    radius: u32,
    style: ShapeStyle,
) -> anyhow::Result<()> {
    let circle = |&at| Circle::new(at, px(radius), style);
    chart.draw_series(points.iter().map(circle))?;
    Ok(())
}

/// A list of what the marks mean, from the top left corner of the area.
fn legend(area: &Area<'_>, entries: &[(String, Mark, RGBColor)]) -> anyhow::Result<()> {
    // A chart whose coordinates are pixels.
    let (width, height) = area.dim_in_pixel();
    let pixels = |dots| f64::from(dots) / f64::from(FINE);
    let mut keys =
        ChartBuilder::on(area).build_cartesian_2d(0.0..pixels(width), pixels(height)..0.0)?;
    for ((text, mark, colour), row) in entries.iter().zip(0_u32..) {
        let y = 20 + 30 * row;
        let at = f64::from(y);
        let points = match mark {
            Mark::Ring => vec![(23.0, at)],
            Mark::Dotted => vec![(8.0, at), (23.0, at), (38.0, at)],
            _ => vec![(8.0, at), (38.0, at)],
        };
        plot(&mut keys, &points, *mark, *colour)?;
        write(area, text, (50, y), 18)?;
    }
    Ok(())
}

/// Writes text, its left end and middle height at a point in pixels.
fn write(area: &Area<'_>, text: &str, (x, y): (u32, u32), size: u32) -> anyhow::Result<()> {
    let at = (i32::try_from(px(x))?, i32::try_from(px(y))?);
    let style = TextStyle::from((FONT, px(size)).into_font())
        .color(&INK)
        .pos(Pos::new(HPos::Left, VPos::Center));
    area.draw(&Text::new(text.to_owned(), at, style))
        .map_err(|error| anyhow!("cannot write: {error}"))
}
