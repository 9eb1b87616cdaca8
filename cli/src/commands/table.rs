//! Tables of text.

use crate::report::printable;

/// A column: its heading, and whether its cells are numbers.
pub(super) type Column = (&'static str, bool);

/// A table with aligned columns. Cells are printed so that no character in them acts on the terminal.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| printable(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let cells = cells.map(|cell| cell.chars().count());
        cells.chain([columns[column].0.len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    let heading: Vec<String> = columns.iter().map(|column| column.0.to_string()).collect();
    for row in [heading].iter().chain(&rows) {
        let cells = row.iter().zip(columns).zip(&widths);
        let cells = cells.map(|((cell, (_, number)), width)| match number {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Extents, as `4096 x 512`; `scalar` without axes.
pub(super) fn extents(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "scalar".into();
    }
    let extents: Vec<String> = shape.iter().map(ToString::to_string).collect();
    extents.join(" x ")
}
