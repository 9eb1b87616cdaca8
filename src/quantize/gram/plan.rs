//! [`Plan`]: the way from weights to the trits that change the layer's output the least.
//!
//! ```text
//! levels nearest to the weights, plain and weighted; error feedback; for two scales, what one scale descends to
//!     -> descend from each -> keep the best
//! ```
//!
//! Some rows are done together, so that the matrix is read once for all of them.

use alloc::vec;
use alloc::vec::Vec;

use super::certified::{self, Certified, Found, Inverse, MOST_INPUTS};
use super::codebook::{Choice, Codebook, Patterns};
use super::feedback::{self, Factor};
use super::fit::RowFit;
use super::method::Method;
use super::row::{Row, Setting};
use super::{descent, nearest, scales};
use crate::error::Error;

/// The partial rows that [`Method::Optimal`] looks into for a row.
const NODES: u64 = 1 << 16;

/// What all rows share.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub setting: Setting<'a>,
    /// The patterns of one scale.
    pub one_scale: &'a Patterns,
    pub importance: &'a [f32],
    /// For error feedback, if the metric has one.
    pub factor: Option<&'a Factor>,
    pub method: Method,
}

impl Plan<'_> {
    /// Appends the fits of some rows.
    pub(super) fn ternarize(&self, rows: &[f32], fits: &mut Vec<RowFit>) -> Result<(), Error> {
        let metric = self.setting.metric;
        let rows = self.rows(rows);
        let targets = metric.multiply(rows.iter().map(Vec::as_slice));
        let choices = self.choose(&rows, &targets)?;
        self.finish(&rows, &targets, &choices, fits);
        Ok(())
    }

    /// Appends the certified fits of some rows, of one scale each.
    pub(super) fn certify(
        &self,
        rows: &[f32],
        limit: u64,
        certified: &mut Vec<Certified>,
    ) -> Result<(), Error> {
        let metric = self.setting.metric;
        let rows = self.rows(rows);
        let targets = metric.multiply(rows.iter().map(Vec::as_slice));
        let starts = self.descend(&rows, &targets)?;
        let inverse = Inverse::new(metric).ok_or(Error::NotDefinite)?;
        for ((row, target), start) in rows.chunks(1).zip(targets.chunks(1)).zip(&starts) {
            let found = certified::search(metric, &inverse, &row[0], &self.trits(start), limit);
            let mut best = self.found(&found, &row[0], &target[0]);
            scales::store(&mut best);
            let mut fits = Vec::new();
            self.finish(row, target, &[best.choice], &mut fits);
            certified.extend(fits.into_iter().map(|fit| Certified {
                fit,
                objective: found.objective,
                lower_bound: found.lower_bound,
                proved: found.proved,
                nodes: found.nodes,
            }));
        }
        Ok(())
    }

    /// The trits of a choice of one plane.
    fn trits(&self, choice: &Choice) -> Vec<i8> {
        let chosen = choice.patterns.iter();
        chosen
            .map(|&pattern| self.setting.patterns.trit(pattern, 0))
            .collect()
    }

    /// The state with the trits that were found, and their best scale.
    fn found<'r>(&'r self, found: &Found, weights: &'r [f64], target: &'r [f64]) -> Row<'r> {
        let trits = found.trits.iter();
        let pattern = |&trit: &i8| self.setting.patterns.find([trit, 0, 0, 0]);
        let choice = Choice {
            patterns: trits.map(pattern).collect(),
            scales: vec![0.0],
        };
        let mut row = Row::new(self.setting, weights, target, choice);
        scales::resolve(&mut row);
        row
    }

    /// The optima of short rows of one scale; of other rows, where the descent ends.
    fn optima(&self, rows: &[Vec<f64>], targets: &[Vec<f64>]) -> Result<Vec<Choice>, Error> {
        let metric = self.setting.metric;
        let mut choices = self.descend(rows, targets)?;
        let one_scale = self.setting.patterns.scales() == 1 && self.setting.groups() == 1;
        if !one_scale || metric.inputs() > MOST_INPUTS {
            return Ok(choices);
        }
        let Some(inverse) = Inverse::new(metric) else {
            return Ok(choices);
        };
        for ((weights, target), choice) in rows.iter().zip(targets).zip(&mut choices) {
            let found = certified::search(metric, &inverse, weights, &self.trits(choice), NODES);
            let mut optimum = self.found(&found, weights, target);
            descent::descend_stored(&mut optimum);
            let descended = Row::new(self.setting, weights, target, choice.clone());
            if optimum.objective() < descended.objective() {
                *choice = optimum.choice;
            }
        }
        Ok(choices)
    }

    /// The choices of the method.
    fn choose(&self, rows: &[Vec<f64>], targets: &[Vec<f64>]) -> Result<Vec<Choice>, Error> {
        match self.method {
            Method::Nearest => self.nearest(rows, None),
            Method::Weighted => self.nearest(rows, Some(self.importance)),
            Method::Feedback => self.feedback(rows, targets)?.ok_or(Error::NotDefinite),
            Method::Descent => self.descend(rows, targets),
            Method::Optimal => self.optima(rows, targets),
        }
    }

    /// Appends the fits of some choices.
    fn finish(
        &self,
        rows: &[Vec<f64>],
        targets: &[Vec<f64>],
        choices: &[Choice],
        fits: &mut Vec<RowFit>,
    ) {
        let differences: Vec<Vec<f64>> = rows
            .iter()
            .zip(choices)
            .map(|(row, choice)| {
                let levels = choice.levels(self.setting.patterns, self.setting.group);
                levels.iter().zip(row).map(|(q, w)| q - w).collect()
            })
            .collect();
        let products = self
            .setting
            .metric
            .multiply(differences.iter().map(Vec::as_slice));
        for (i, choice) in choices.iter().enumerate() {
            let lost = (&differences[i][..], &products[i][..]);
            let all = (&rows[i][..], &targets[i][..]);
            fits.push(RowFit::new(&self.setting, choice, lost, all));
        }
    }

    fn rows(&self, rows: &[f32]) -> Vec<Vec<f64>> {
        rows.chunks_exact(self.setting.metric.inputs())
            .map(|row| self.effective(row))
            .collect()
    }

    /// The weights of a row, 0 where they have no effect at all.
    fn effective(&self, row: &[f32]) -> Vec<f64> {
        let effect = |(i, &w)| {
            if self.setting.metric.diagonal(i) > 0.0 {
                f64::from(w)
            } else {
                0.0
            }
        };
        row.iter().enumerate().map(effect).collect()
    }

    fn nearest(&self, rows: &[Vec<f64>], importance: Option<&[f32]>) -> Result<Vec<Choice>, Error> {
        rows.iter()
            .map(|row| nearest::choose(&self.setting, row, importance))
            .collect()
    }

    /// `None` without a factor.
    fn feedback(
        &self,
        rows: &[Vec<f64>],
        targets: &[Vec<f64>],
    ) -> Result<Option<Vec<Choice>>, Error> {
        let Some(factor) = self.factor else {
            return Ok(None);
        };
        let choices = rows.iter().zip(targets).map(|(row, target)| {
            feedback::choose(&self.setting, factor, row, target, self.importance)
        });
        choices.collect::<Result<_, _>>().map(Some)
    }

    /// Descends from each of the others, and keeps the best.
    fn descend(&self, rows: &[Vec<f64>], targets: &[Vec<f64>]) -> Result<Vec<Choice>, Error> {
        let mut starts = [
            self.nearest(rows, None)?,
            self.nearest(rows, Some(self.importance))?,
        ]
        .to_vec();
        starts.extend(self.feedback(rows, targets)?);
        starts.extend(self.both_signs(rows, targets)?);
        let best = |i: usize| {
            let ends = starts
                .iter()
                .map(|choices| descent::from(self.setting, &rows[i], &targets[i], &choices[i]));
            ends.reduce(|best, end| if end.0 < best.0 { end } else { best })
        };
        Ok((0..rows.len())
            .filter_map(best)
            .map(|(_, choice)| choice)
            .collect())
    }

    /// A start for two scales: the descent of one scale, which is both. `None` for other codebooks.
    fn both_signs(
        &self,
        rows: &[Vec<f64>],
        targets: &[Vec<f64>],
    ) -> Result<Option<Vec<Choice>>, Error> {
        if self.setting.patterns.codebook() != Codebook::TwoScales {
            return Ok(None);
        }
        let one_scale = Self {
            setting: Setting {
                patterns: self.one_scale,
                ..self.setting
            },
            ..*self
        };
        // The three patterns have the same numbers.
        let doubled = |choice: Choice| Choice {
            scales: choice
                .scales
                .iter()
                .flat_map(|&scale| [scale, scale])
                .collect(),
            ..choice
        };
        let choices = one_scale.descend(rows, targets)?;
        Ok(Some(choices.into_iter().map(doubled).collect()))
    }
}
