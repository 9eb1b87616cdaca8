//! The time of one vector, with the fitted lines, and of each weight.

use super::{Area, Axis, BLUE, Mark, RED, axes, legend, page, plot, px};
use crate::statistics::real;
use crate::timing::{FIT_FROM, SEARCHES, Timing, fit};

/// Colours in the order of [`SEARCHES`].
const COLOURS: [plotters::style::RGBColor; SEARCHES.len()] = [BLUE, RED];

pub(crate) fn draw(timings: &[Timing]) -> anyhow::Result<String> {
    let title = "Time to ternarize normal weights (rule tnt, one thread)";
    page((1260, 640), title, |body| {
        let (heading, charts) = body.split_vertically(px(72));
        key(&heading, timings)?;
        let (left, right) = charts.split_horizontally(px(630));
        totals(&left, timings)?;
        per_weight(&right, timings)
    })
}

fn sizes() -> Axis {
    Axis {
        label: "number of weights N",
        range: 0.7..6.2,
        ticks: 7,
        logarithmic: true,
    }
}

fn totals(area: &Area<'_>, timings: &[Timing]) -> anyhow::Result<()> {
    let y = Axis {
        label: "time in microseconds",
        range: -1.5..5.5,
        ticks: 8,
        logarithmic: true,
    };
    let mut chart = axes(area, "one vector", &sizes(), &y)?;
    let largest = timings.last().map_or(FIT_FROM, |timing| timing.n);
    for (search, colour) in COLOURS.into_iter().enumerate() {
        let line = fit(timings, search);
        let ends = [FIT_FROM, largest].map(|n| real(n).log10());
        let fitted = ends.map(|x| (x, line.at(x) - 3.0));
        plot(&mut chart, &fitted, Mark::Band, colour)?;
        let points: Vec<(f64, f64)> = timings
            .iter()
            .map(|timing| (real(timing.n).log10(), timing.total(search).log10() - 3.0))
            .collect();
        plot(&mut chart, &points, Mark::Dotted, colour)?;
    }
    Ok(())
}

fn per_weight(area: &Area<'_>, timings: &[Timing]) -> anyhow::Result<()> {
    let slowest = timings
        .iter()
        .flat_map(|timing| timing.per_weight)
        .fold(0.0, f64::max);
    let y = Axis {
        label: "time in nanoseconds",
        range: 0.0..slowest * 1.1,
        ticks: 8,
        logarithmic: false,
    };
    let mut chart = axes(area, "per weight", &sizes(), &y)?;
    for (search, colour) in COLOURS.into_iter().enumerate() {
        let points: Vec<(f64, f64)> = timings
            .iter()
            .map(|timing| (real(timing.n).log10(), timing.per_weight[search]))
            .collect();
        plot(&mut chart, &points, Mark::Dotted, colour)?;
    }
    Ok(())
}

fn key(area: &Area<'_>, timings: &[Timing]) -> anyhow::Result<()> {
    let entries: Vec<_> = SEARCHES
        .into_iter()
        .zip(COLOURS)
        .enumerate()
        .map(|(index, ((_, name), colour))| {
            let line = fit(timings, index);
            let power = format!("time ~ N^({:.3} ± {:.3})", line.slope, line.slope_error);
            (
                format!("{name}: {power}, fitted from N = {FIT_FROM} (band)"),
                Mark::Dotted,
                colour,
            )
        })
        .collect();
    legend(&area.margin(0, 0, px(70), 0), &entries)
}
