//! [`Problem`]: what all rows of a matrix share, and the way from some rows of weights to their fits.
//!
//! ```text
//! levels nearest to the weights, plain and weighted; error feedback; for two scales, the result of descent with one scale
//!     -> descend from each -> keep the best -> for short rows, branch and bound
//! ```
//!
//! The rows are independent. Some are processed together, so that the matrix is read once for all of them.

use alloc::vec;
use alloc::vec::Vec;

use super::feedback::{Each, Factor};
use super::metric::Metric;
use super::optimal::{self, Inverse, Proof};
use super::output::{Method, OutputAware};
use super::patterns::{Patterns, RowChoice};
use super::row::{RowState, RowTarget, dot};
use super::{descent, feedback, nearest, scales};
use crate::error::Error;
use crate::optimum::fit::share;
use crate::quantize::{Codebook, RowFit};

/// What all rows share.
#[derive(Clone, Copy)]
pub(super) struct Problem<'a> {
    pub options: OutputAware<'a>,
    pub metric: &'a Metric,
    pub patterns: &'a Patterns,
    /// The diagonal of the metric.
    pub importance: &'a [f32],
    /// For error feedback, if the metric is positive definite.
    pub factor: Option<&'a Factor>,
    /// For branch and bound, if it applies.
    pub inverse: Option<&'a Inverse>,
}

impl Problem<'_> {
    /// The weights of a group.
    pub(super) fn members(&self, group: usize) -> core::ops::Range<usize> {
        let start = group * self.options.group;
        start..(start + self.options.group).min(self.metric.inputs())
    }

    /// The number of groups in a row.
    pub(super) const fn groups(&self) -> usize {
        self.metric.inputs().div_ceil(self.options.group)
    }

    /// Appends the fits of some rows.
    pub(super) fn ternarize(&self, rows: &[f32], fits: &mut Vec<RowFit>) -> Result<(), Error> {
        // Weights without any effect count as 0.
        let counts = |i: usize| self.metric.diagonal(i) > 0.0;
        let effective = |(i, &w)| if counts(i) { f64::from(w) } else { 0.0 };
        let rows = rows.chunks_exact(self.metric.inputs());
        let rows = rows.map(|row| row.iter().enumerate().map(effective).collect());
        let rows: Vec<Vec<f64>> = rows.collect();
        let products = self.metric.multiply(&rows);
        let targets = rows.iter().zip(&products);
        let targets = targets.map(|(weights, product)| RowTarget { weights, product });
        let targets: Vec<RowTarget<'_>> = targets.collect();
        // The choices, and their errors.
        let found = self.choose(&targets)?;
        let differences = found.iter().zip(&rows).map(|(choice, weights)| {
            let levels = choice.0.levels(self.patterns, self.options.group);
            levels.iter().zip(weights).map(|(q, w)| q - w).collect()
        });
        let differences: Vec<Vec<f64>> = differences.collect();
        let changes = self.metric.multiply(&differences);
        for (i, choice) in found.into_iter().enumerate() {
            let pairs = [(&differences[i], &changes[i]), (&rows[i], &products[i])];
            let targets = pairs.map(|(weights, product)| RowTarget { weights, product });
            fits.push(self.fit(choice, targets));
        }
        Ok(())
    }

    /// The choice of the method for each row.
    fn choose(&self, targets: &[RowTarget<'_>]) -> Result<Vec<(RowChoice, Proof)>, Error> {
        let choices = match self.options.method {
            Method::Nearest => self.nearest(targets, None),
            Method::Weighted => self.nearest(targets, Some(self.importance)),
            Method::Feedback => {
                let factor = self.factor.ok_or(Error::NotDefinite)?;
                feedback::choose(self, factor, targets)
            }
            Method::Descent | Method::Optimal => self.descend(targets),
        };
        let choices = choices.into_iter().collect::<Result<Vec<_>, _>>()?;
        let choices = choices.into_iter().zip(targets);
        let found = choices.map(|(choice, target)| match self.inverse {
            Some(inverse) => self.optimum(inverse, *target, choice),
            None => (choice, Proof::default()),
        });
        Ok(found.collect())
    }

    /// The levels nearest to the weights of each row.
    fn nearest(&self, targets: &[RowTarget<'_>], importance: Option<&[f32]>) -> Each<RowChoice> {
        let rows = targets.iter();
        rows.map(|row| nearest::choose(self, row.weights, importance))
            .collect()
    }

    /// Descends from the choices of the other methods, and keeps the best for each row.
    fn descend(&self, targets: &[RowTarget<'_>]) -> Each<RowChoice> {
        let nearest = |importance| self.nearest(targets, importance);
        let mut starts = [None, Some(self.importance)].map(nearest).to_vec();
        if let Some(factor) = self.factor {
            starts.push(feedback::choose(self, factor, targets));
        }
        if self.patterns.codebook == Codebook::TwoScales {
            // The result of one scale is a start for two: the three patterns have the same numbers.
            let patterns = &Patterns::new(Codebook::OneScale);
            let mut choices = Problem { patterns, ..*self }.descend(targets);
            for choice in choices.iter_mut().flatten() {
                choice.scales = choice.scales.iter().flat_map(|&s| [s, s]).collect();
            }
            starts.push(choices);
        }
        let mut best: Each<(f64, RowChoice)> = vec![Err(Error::Empty); targets.len()];
        for (number, starts) in starts.into_iter().enumerate() {
            let mut rows = Vec::new();
            for (row, start) in starts.into_iter().enumerate() {
                match start {
                    Ok(start) => rows.push((row, (targets[row], start))),
                    // All but the first are left out if their scales are none that the type can hold.
                    Err(Error::Unstorable { .. }) if number > 0 => {}
                    // The first error counts.
                    Err(error) if number == 0 || best[row].is_ok() => best[row] = Err(error),
                    Err(_) => {}
                }
            }
            let (rows, starts): (Vec<usize>, Vec<_>) = rows.into_iter().unzip();
            for (row, end) in rows.into_iter().zip(descent::from(self, &starts)) {
                let better = best[row].as_ref().map_or(number == 0, |old| end.0 < old.0);
                if better {
                    best[row] = Ok(end);
                }
            }
        }
        let best = best.into_iter();
        best.map(|best| best.map(|(_, choice)| choice)).collect()
    }

    /// The optimum of a short row of one scale, as far as the limit of nodes allows, from the end of the descent.
    fn optimum(
        &self,
        inverse: &Inverse,
        target: RowTarget<'_>,
        choice: RowChoice,
    ) -> (RowChoice, Proof) {
        let trits = choice.patterns.iter().map(|&p| self.patterns.trit(p, 0));
        let (trits, weights): (Vec<i8>, _) = (trits.collect(), target.weights);
        let (trits, proof) =
            optimal::search(self.metric, inverse, weights, &trits, self.options.nodes);
        // The best trits with their best scale, which is then stored as in the descent.
        let found = RowChoice {
            patterns: trits.iter().map(|&t| self.patterns.of_trit(t)).collect(),
            scales: vec![0.0],
        };
        let mut optimum = RowState::new(self, target, found);
        scales::resolve(&mut optimum);
        descent::descend_stored(&mut optimum);
        let descended = RowState::new(self, target, choice);
        let better = optimum.objective() < descended.objective();
        let best = if better { optimum } else { descended };
        (best.choice, proof)
    }

    /// The fit of a choice. `error` is the levels minus the weights, `all` the weights, each with its product with the metric.
    fn fit(&self, (choice, proof): (RowChoice, Proof), [error, all]: [RowTarget<'_>; 2]) -> RowFit {
        let patterns = self.patterns;
        let planes = 0..patterns.codebook.planes();
        let trits = planes.flat_map(|plane| {
            let chosen = choice.patterns.iter();
            chosen.map(move |&pattern| patterns.trit(pattern, plane))
        });
        let damping = self.metric.damping();
        let undamped = |RowTarget { weights, product }: RowTarget<'_>| {
            let (all, own) = (dot(weights, product), damping * dot(weights, weights));
            // What rounding errors can pretend counts as 0.
            let least = all * (f64::EPSILON * (weights.len() + 8) as f64);
            if all - own > least { all - own } else { 0.0 }
        };
        let objective = dot(error.weights, error.product).max(0.0);
        let (error, energy) = (undamped(error), undamped(all));
        RowFit {
            codebook: patterns.codebook,
            group: self.options.group,
            scale_type: self.options.scale_type,
            trits: trits.collect(),
            scales: choice.scales,
            error,
            objective,
            energy,
            lower_bound: proof.lower_bound,
            proved: proof.proved,
            nodes: proof.nodes,
            relative_error: share(error, energy),
        }
    }
}
