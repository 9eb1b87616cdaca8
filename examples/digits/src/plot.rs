//! The curve of the cosine against the number of non-zeros, one panel per tensor, with the optimum marked.

use std::path::Path;

use anyhow::{Context, Result};
use plotters::prelude::*;

/// A tensor's curve.
pub(crate) struct Panel {
    pub(crate) name: String,
    /// The cosine of the best ternary vector with `M` non-zeros, at `M - 1`.
    pub(crate) cosines: Vec<f64>,
    /// The number of non-zeros that TNT chose.
    pub(crate) chosen: usize,
}

const PANEL: (u32, u32) = (520, 340);
const INK: RGBColor = RGBColor(40, 44, 52);
const CURVE: RGBColor = RGBColor(31, 119, 180);
const MARK: RGBColor = RGBColor(214, 39, 40);

/// Points drawn of a curve: more would not show.
const POINTS: usize = 800;

/// Draws the panels two by two.
pub(crate) fn draw(path: &Path, panels: &[Panel]) -> Result<()> {
    let rows = u32::try_from(panels.len().div_ceil(2))?.max(1);
    let area = SVGBackend::new(path, (2 * PANEL.0, rows * PANEL.1)).into_drawing_area();
    area.fill(&WHITE)?;
    for (place, panel) in area.split_evenly((rows as usize, 2)).iter().zip(panels) {
        draw_panel(place, panel).with_context(|| format!("the plot of {}", panel.name))?;
    }
    area.present()
        .with_context(|| format!("cannot write {}", path.display()))
}

fn draw_panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    panel: &Panel,
) -> Result<()> {
    let n = panel.cosines.len();
    let best = panel
        .cosines
        .get(panel.chosen.wrapping_sub(1))
        .copied()
        .unwrap_or(0.0);
    let title = format!(
        "{}: {} of {n} weights kept, cos = {best:.4}",
        panel.name, panel.chosen
    );
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(title, ("sans-serif", 17).into_font().color(&INK))
        .x_label_area_size(38)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..n as f64, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE.mix(0.0))
        .bold_line_style(INK.mix(0.12))
        .axis_style(INK.mix(0.6))
        .x_desc("non-zeros M")
        .y_desc("cosine of weights and trits")
        .x_label_formatter(&|m| format!("{m:.0}"))
        .label_style(("sans-serif", 13).into_font().color(&INK))
        .draw()?;
    let step = n.div_ceil(POINTS).max(1);
    let curve = panel
        .cosines
        .iter()
        .enumerate()
        .step_by(step)
        .map(|(i, &cos)| (i as f64 + 1.0, cos));
    chart.draw_series(LineSeries::new(curve, CURVE.stroke_width(2)))?;
    let m = panel.chosen as f64;
    let drop = [(m, 0.0), (m, best)];
    chart.draw_series(DashedLineSeries::new(drop, 4, 4, MARK.stroke_width(1)))?;
    chart.draw_series([Circle::new((m, best), 4, MARK.filled())])?;
    let label = format!("M = {}", panel.chosen);
    chart.draw_series([Text::new(
        label,
        (m, 0.06),
        ("sans-serif", 14).into_font().color(&MARK),
    )])?;
    Ok(())
}
