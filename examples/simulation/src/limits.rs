//! The limits for large N against what was measured.
//!
//! ```text
//! uniform  sqrt(8/9) = 0.9428        normal  0.8999        Laplace  2 exp(-1/2) / sqrt(2) = 0.8578
//! ```
//!
//! Derivations: [`crate::law`]. The other two laws are shown without a verdict: the sparse one has only a tenth of the
//! weights to approach its limit with, and Student's approaches it too slowly.

use crate::cosines::Cell;
use crate::law::Law;
use crate::table::{Table, thousands};

/// The table, and whether every limit that must be met was met.
pub(crate) fn table(cells: &[Cell], tolerance: f64) -> (Table, bool) {
    let mut table = Table::new(
        "The limit of the optimum",
        &[
            "weights",
            "limit",
            "value",
            "N",
            "measured",
            "difference",
            "verdict",
        ],
    );
    let mut met = true;
    for law in Law::ALL {
        let largest = cells
            .iter()
            .filter(|cell| cell.law == law)
            .max_by_key(|cell| cell.n);
        let Some(cell) = largest else {
            continue;
        };
        let (symbols, limit) = law.promised().unwrap_or(("max e / sqrt(p v)", law.limit()));
        let difference = cell.optimum().value() - limit;
        // Written so that a NaN is a failure.
        let close = difference.abs() < tolerance;
        let required = law.promised().is_some();
        met &= close || !required;
        table.row([
            law.to_string(),
            symbols.to_owned(),
            format!("{limit:.5}"),
            thousands(cell.n),
            cell.optimum().to_string(),
            format!("{difference:+.5}"),
            verdict(required, close, tolerance),
        ]);
    }
    (table, met)
}

fn verdict(required: bool, close: bool, tolerance: f64) -> String {
    match (required, close) {
        (false, _) => "(not required)".to_owned(),
        (true, true) => format!("pass: below {tolerance}"),
        (true, false) => format!("FAIL: not below {tolerance}"),
    }
}

/// The limits of the rules that have one. Absmax has none but 0 where magnitudes are unbounded.
pub(crate) fn rule_table() -> Table {
    let mut table = Table::new(
        "Limits of the rules: cosine, and M/N in brackets",
        &["weights", "tnt (optimum)", "twn", "absmean"],
    );
    for law in Law::ALL {
        let mean = law.mean_magnitude();
        let cell = |tau| format!("{:.5} ({:.4})", law.cosine(tau), law.share(tau));
        table.row([
            law.to_string(),
            cell(law.best_threshold()),
            cell(0.7 * mean),
            cell(mean / 2.0),
        ]);
    }
    table
}
