//! Cosine against N: a panel for each law, a line for each rule, the limit of the optimum dashed.

use ternarize::Rule;

use super::{Area, Axis, BLUE, GREEN, INK, Mark, ORANGE, PINK, axes, legend, page, plot, px};
use crate::cosines::{Cell, RULES};
use crate::law::Law;
use crate::statistics::real;

/// Colours in the order of [`RULES`].
const COLOURS: [plotters::style::RGBColor; RULES.len()] = [BLUE, ORANGE, GREEN, PINK];

pub(crate) fn draw(cells: &[Cell]) -> anyhow::Result<String> {
    let title = "Mean cosine of random weights and their trits, by number of weights";
    page((1260, 900), title, |body| {
        let panels = body.split_evenly((2, 3));
        for (law, area) in Law::ALL.into_iter().zip(&panels) {
            panel(area, law, cells)?;
        }
        panels.last().map_or(Ok(()), key)
    })
}

fn panel(area: &Area<'_>, law: Law, cells: &[Cell]) -> anyhow::Result<()> {
    let cells: Vec<&Cell> = cells.iter().filter(|cell| cell.law == law).collect();
    let x = Axis {
        label: "number of weights N",
        range: 0.7..6.2,
        ticks: 7,
        logarithmic: true,
    };
    let y = Axis {
        label: "cosine",
        range: 0.0..1.0,
        ticks: 6,
        logarithmic: false,
    };
    let mut chart = axes(area, law.name(), &x, &y)?;
    let limit = [(x.range.start, law.limit()), (x.range.end, law.limit())];
    plot(&mut chart, &limit, Mark::Dashed, INK)?;
    // The optimum last: on top.
    for (rule, colour) in COLOURS.into_iter().enumerate().rev() {
        let points: Vec<(f64, f64)> = cells
            .iter()
            .map(|cell| (real(cell.n).log10(), cell.cosines[rule].value()))
            .collect();
        plot(&mut chart, &points, Mark::Dotted, colour)?;
    }
    Ok(())
}

fn key(area: &Area<'_>) -> anyhow::Result<()> {
    let mut entries = vec![("limit of the optimum".to_owned(), Mark::Dashed, INK)];
    for (rule, colour) in RULES.into_iter().zip(COLOURS) {
        let name = match rule {
            Rule::Tnt => "tnt: the optimum".to_owned(),
            Rule::Twn => "twn: above 0.7 mean".to_owned(),
            Rule::AbsMean => "absmean: above mean / 2".to_owned(),
            Rule::AbsMax => "absmax: from max / 2".to_owned(),
            other => other.to_string(),
        };
        entries.push((name, Mark::Dotted, colour));
    }
    legend(&area.margin(px(60), 0, px(60), 0), &entries)
}
