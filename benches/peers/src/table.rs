//! [`Table`]: what a question's measurements say, as Markdown and as data. Ratios first, with their goals.

use crate::measure::Timing;
use serde::Serialize;
use std::fmt;

/// What is aimed at.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Goal {
    /// Whether a value is good enough.
    #[must_use]
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::AtMost(bound) => write!(f, "<= {bound}"),
        }
    }
}

/// A number that answers the question.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is: the head of its column.
    pub what: String,
    /// The number.
    pub value: f64,
    /// What is aimed at, if anything is.
    pub goal: Option<Goal>,
    /// Whether it is reached.
    pub met: Option<bool>,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", three_digits(self.value))?;
        match (self.goal, self.met) {
            (Some(goal), Some(true)) => write!(f, " ({goal}: met)"),
            (Some(goal), _) => write!(f, " ({goal}: **missed**)"),
            (None, _) => Ok(()),
        }
    }
}

/// One case: a length, a kind of data, a setting.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub case: String,
    /// What comes first.
    pub figures: Vec<Figure>,
    /// Nanoseconds per weight.
    pub timings: Vec<Timing>,
    /// How the answers of the peers compare with ours.
    pub answers: String,
}

impl Row {
    /// A case and how long each contestant took.
    #[must_use]
    pub fn new(case: impl Into<String>, timings: &[Timing]) -> Self {
        Self {
            case: case.into(),
            figures: Vec::new(),
            timings: timings.into(),
            answers: String::new(),
        }
    }

    /// A figure, and what is aimed at, if anything is.
    #[must_use]
    pub fn figure(
        mut self,
        what: impl Into<String>,
        value: f64,
        goal: impl Into<Option<Goal>>,
    ) -> Self {
        let goal = goal.into();
        self.figures.push(Figure {
            what: what.into(),
            value,
            goal,
            met: goal.map(|goal| goal.is_met(value)),
        });
        self
    }

    /// What is to be said of the answers.
    #[must_use]
    pub fn answers(mut self, answers: impl Into<String>) -> Self {
        self.answers = answers.into();
        self
    }
}

/// All cases of one question.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// Its name on the command line.
    pub group: &'static str,
    /// The question, and what data it was asked on.
    pub question: String,
    /// The cases.
    pub rows: Vec<Row>,
}

impl Table {
    /// How loud the machine was: the widest [`Timing::spread`].
    #[must_use]
    pub fn spread(&self) -> f64 {
        let timings = self.rows.iter().flat_map(|row| &row.timings);
        timings.map(|timing| timing.spread).fold(0.0, f64::max)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = heads(&self.rows, |row| {
            row.figures.iter().map(|figure| &*figure.what).collect()
        });
        let timings = heads(&self.rows, |row| {
            row.timings.iter().map(|timing| &*timing.name).collect()
        });
        let answers = self.rows.iter().any(|row| !row.answers.is_empty());
        writeln!(f, "### {}\n\n{}\n", self.group, self.question)?;
        let nanos = timings.iter().map(|name| format!("{name}, ns"));
        let mut head: Vec<String> = figures.iter().map(|&name| name.to_owned()).collect();
        head.extend(nanos);
        write!(f, "| case | {} |", head.join(" | "))?;
        writeln!(f, "{}", if answers { " answers |" } else { "" })?;
        write!(f, "|---|{}", "---:|".repeat(head.len()))?;
        writeln!(f, "{}", if answers { "---|" } else { "" })?;
        for row in &self.rows {
            write!(f, "| {} |", row.case)?;
            for &what in &figures {
                let figure = row.figures.iter().find(|figure| figure.what == what);
                write_cell(f, figure.map(Figure::to_string))?;
            }
            for &name in &timings {
                let timing = row.timings.iter().find(|timing| timing.name == name);
                write_cell(f, timing.map(|timing| three_digits(timing.median)))?;
            }
            if answers {
                write_cell(f, Some(row.answers.clone()))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn write_cell(f: &mut fmt::Formatter<'_>, cell: Option<String>) -> fmt::Result {
    write!(f, " {} |", cell.unwrap_or_default())
}

/// The heads of the columns of all rows, in the order in which they first come.
fn heads<'a>(rows: &'a [Row], of: impl Fn(&'a Row) -> Vec<&'a str>) -> Vec<&'a str> {
    let mut heads = Vec::new();
    for head in rows.iter().flat_map(of) {
        if !heads.contains(&head) {
            heads.push(head);
        }
    }
    heads
}

/// A number with about three digits.
fn three_digits(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 || size == 0.0 => format!("{value:.2}"),
        size if size >= 0.000_95 => format!("{value:.3}"),
        _ => format!("{value:.0e}"),
    }
}

/// A count with its thousands set apart.
#[must_use]
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let parts = digits.as_bytes().rchunks(3).rev();
    let parts: Vec<_> = parts.map(String::from_utf8_lossy).collect();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(thousands(16_777_216), "16,777,216");
        assert_eq!(thousands(999), "999");
        let texts = [0.000_021, 0.0312, 1.0, 9.996, 99.96].map(three_digits);
        assert_eq!(texts, ["2e-5", "0.031", "1.00", "10.0", "100"]);
    }

    #[test]
    fn a_table_is_markdown() {
        let timing = |name: &str, median| Timing {
            name: name.into(),
            median,
            min: median,
            spread: 0.0,
            rounds: 1,
        };
        let row = Row::new("64", &[timing("ours", 0.5), timing("sort", 5.0)])
            .figure("x sort", 10.0, Goal::AtLeast(8.0))
            .figure("x copy", 5.0, Goal::AtMost(4.0));
        let table = Table {
            group: "long",
            question: "How long?".into(),
            rows: vec![row],
        };
        let expected = "### long\n\nHow long?\n\n\
            | case | x sort | x copy | ours, ns | sort, ns |\n|---|---:|---:|---:|---:|\n\
            | 64 | 10.0 (>= 8: met) | 5.00 (<= 4: **missed**) | 0.500 | 5.00 |\n";
        assert_eq!(table.to_string(), expected);
    }
}
