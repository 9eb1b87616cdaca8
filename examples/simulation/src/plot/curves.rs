//! The cosine for every number of non-zeros: theory as a band, measured as a line, the optimum as a ring.

use super::{Axis, INK, Mark, axes, law_colour, legend, page, plot, px};
use crate::curves::Curve;
use crate::table::thousands;

pub(crate) fn draw(curves: &[Curve]) -> anyhow::Result<String> {
    let n = thousands(curves.first().map_or(0, |curve| curve.n));
    let title =
        format!("Cosine of N = {n} random weights and the best ternary vector with M non-zeros");
    page((1260, 700), &title, |body| {
        let (left, right) = body.split_horizontally(px(990));
        let x = Axis {
            label: "share of non-zeros M / N",
            range: 0.0..1.0,
            ticks: 11,
            logarithmic: false,
        };
        let y = Axis {
            label: "cosine",
            range: 0.0..1.0,
            ticks: 11,
            logarithmic: false,
        };
        let mut chart = axes(&left, "", &x, &y)?;
        for curve in curves {
            plot(
                &mut chart,
                &spaced(&curve.theory),
                Mark::Band,
                law_colour(curve.law),
            )?;
        }
        let mut entries = Vec::new();
        for curve in curves {
            let colour = law_colour(curve.law);
            plot(&mut chart, &spaced(&curve.measured), Mark::Line, colour)?;
            plot(&mut chart, &[curve.chosen], Mark::Ring, colour)?;
            entries.push((curve.law.to_string(), Mark::Line, colour));
        }
        entries.push(("limit for large N".to_owned(), Mark::Band, INK));
        entries.push(("the optimum".to_owned(), Mark::Ring, INK));
        legend(&right.margin(px(20), 0, 0, 0), &entries)
    })
}

/// The points, no two neighbours nearer than a two-hundredth of the chart: as coordinates are whole, a line through more
/// of them would look like stairs.
fn spaced(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for &(x, y) in points {
        let near = kept
            .last()
            .is_some_and(|last| (x - last.0).hypot(y - last.1) < 0.005);
        if !near {
            kept.push((x, y));
        }
    }
    kept.extend(points.last());
    kept
}
