//! The table, and the same for machines.
//!
//! Of many recipes tried, the best on the test images is better than it will be on others. So the recipe to take is chosen without them:
//! for each purpose the one whose scores for the calibration images are nearest to those of the f32 network. That choice looks at
//! calibration images, without labels, also where the recipe itself looks at weights only.

use serde_json::{Value, json};

use crate::evaluate::{Bench, Outcome};
use crate::mcnemar;

/// What the paper's authors do, in the table: the others are compared with it.
pub(crate) const BASELINE: &str = "authors";

/// How many are right.
pub(crate) fn count(right: &[bool]) -> usize {
    right.iter().filter(|right| **right).count()
}

fn percent(right: &[bool]) -> f64 {
    100.0 * count(right) as f64 / right.len().max(1) as f64
}

/// An outcome beside the f32 network and the baseline.
struct Row<'a> {
    outcome: &'a Outcome,
    accuracy: f64,
    lost: f64,
    p_reference: f64,
    p_baseline: Option<f64>,
}

impl<'a> Row<'a> {
    fn new(outcome: &'a Outcome, bench: &Bench, baseline: Option<&Outcome>) -> Self {
        let reference = &bench.reference.right;
        let accuracy = percent(&outcome.right);
        Self {
            outcome,
            accuracy,
            lost: percent(reference) - accuracy,
            p_reference: mcnemar::compare(reference, &outcome.right),
            p_baseline: baseline.map(|other| mcnemar::compare(&other.right, &outcome.right)),
        }
    }

    fn print(&self) {
        let Outcome { recipe, planes, .. } = self.outcome;
        let planes: Vec<_> = planes.iter().map(usize::to_string).collect();
        println!(
            "{:<50} {:<9} {:<6} {:>6.3} {:>8.2} {:>6.2} {:>8.4} {:>8.1e} {:>7.2} {:>8} {:>8} {:>6.1} s",
            recipe.name,
            planes.join(" "),
            if recipe.is_calibrated() { "yes" } else { "no" },
            self.outcome.bits_per_weight,
            self.accuracy,
            self.lost,
            self.outcome.relative_error,
            self.outcome.nearness.angle,
            100.0 * self.outcome.nearness.agreement,
            short(Some(self.p_reference)),
            short(self.p_baseline),
            self.outcome.seconds,
        );
    }

    fn json(&self) -> Value {
        let outcome = self.outcome;
        json!({
            "recipe": outcome.recipe.name,
            "planes": outcome.planes,
            "calibrated": outcome.recipe.is_calibrated(),
            "bytes": outcome.bytes,
            "bits_per_weight": outcome.bits_per_weight,
            "right": count(&outcome.right),
            "accuracy": self.accuracy,
            "points_lost": self.lost,
            "relative_error": outcome.relative_error,
            "calibration_angle": outcome.nearness.angle,
            "calibration_agreement": outcome.nearness.agreement,
            "p_against_f32": self.p_reference,
            "p_against_baseline": self.p_baseline,
            "seconds": outcome.seconds,
        })
    }
}

/// What one may want a recipe for.
struct Purpose {
    name: &'static str,
    bits_per_weight: f64,
    calibrated: bool,
}

const PURPOSES: [Purpose; 3] = [
    Purpose {
        name: "weights only, at most 2 bits",
        bits_per_weight: 2.0,
        calibrated: false,
    },
    Purpose {
        name: "weights only, at most 3.7 bits",
        bits_per_weight: 3.7,
        calibrated: false,
    },
    Purpose {
        name: "calibrated, at most 2 bits",
        bits_per_weight: 2.0,
        calibrated: true,
    },
];

impl Purpose {
    /// The recipe of the smallest angle, printed.
    fn choose(&self, rows: &[Row<'_>]) -> Value {
        let angle = |row: &Row<'_>| row.outcome.nearness.angle;
        let chosen = rows
            .iter()
            .filter(|row| row.outcome.recipe.is_calibrated() == self.calibrated)
            .filter(|row| row.outcome.bits_per_weight <= self.bits_per_weight)
            .min_by(|a, b| angle(a).total_cmp(&angle(b)));
        if let Some(row) = chosen {
            let name = &row.outcome.recipe.name;
            println!(
                "  {:<32} {name:<50} {:>5.2} points lost",
                self.name, row.lost
            );
        }
        json!({
            "purpose": self.name,
            "recipe": chosen.map(|row| &row.outcome.recipe.name),
            "points_lost": chosen.map(|row| row.lost),
        })
    }
}

fn short(p: Option<f64>) -> String {
    match p {
        None => "-".to_owned(),
        Some(p) if p < 1e-4 => format!("{p:.0e}"),
        Some(p) => format!("{p:.4}"),
    }
}

/// Prints all outcomes, and returns them for a file.
pub(crate) fn report(bench: &Bench, outcomes: &[Outcome], seed: u64) -> Value {
    let baseline = outcomes.iter().find(|o| o.recipe.name == BASELINE);
    let rows: Vec<Row<'_>> = outcomes
        .iter()
        .map(|outcome| Row::new(outcome, bench, baseline))
        .collect();
    println!(
        "{:<50} {:<9} {:<6} {:>6} {:>8} {:>6} {:>8} {:>8} {:>7} {:>8} {:>8} {:>8}",
        "recipe",
        "planes",
        "inputs",
        "bits/w",
        "accuracy",
        "lost",
        "error",
        "angle",
        "agree",
        "p(f32)",
        "p(auth)",
        "time",
    );
    rows.iter().for_each(Row::print);
    println!(
        "\nerror: |w - w'|^2 / |w|^2. angle, agree: scores of the calibration images beside those of f32, 1 - cos^2 and % of equal \
         classes.\np: McNemar's exact test on the test images. time: to ternarize and calibrate.\n\nchosen by the smallest angle:"
    );
    let chosen: Vec<Value> = PURPOSES
        .iter()
        .map(|purpose| purpose.choose(&rows))
        .collect();
    let right = &bench.reference.right;
    json!({
        "weights": bench.network.weights(),
        "test_images": right.len(),
        "calibration_images": bench.calibration.count,
        "seed": seed,
        "baseline": BASELINE,
        "f32": { "right": count(right), "accuracy": percent(right) },
        "chosen": chosen,
        "recipes": rows.iter().map(Row::json).collect::<Vec<_>>(),
    })
}
