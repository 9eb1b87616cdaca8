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

use super::feedback::Factor;
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
        // The choices, and their errors.
        let (mut found, mut differences) = (Vec::new(), Vec::new());
        for (weights, product) in rows.iter().zip(&products) {
            let choice = self.choose(RowTarget { weights, product })?;
            let levels = choice.0.levels(self.patterns, self.options.group);
            differences.push(levels.iter().zip(weights).map(|(q, w)| q - w).collect());
            found.push(choice);
        }
        let changes = self.metric.multiply(&differences);
        for (i, choice) in found.into_iter().enumerate() {
            let pairs = [(&differences[i], &changes[i]), (&rows[i], &products[i])];
            let targets = pairs.map(|(weights, product)| RowTarget { weights, product });
            fits.push(self.fit(choice, targets));
        }
        Ok(())
    }

    /// The choice of the method for a row.
    fn choose(&self, target: RowTarget<'_>) -> Result<(RowChoice, Proof), Error> {
        let choice = match self.options.method {
            Method::Nearest => nearest::choose(self, target.weights, None)?,
            Method::Weighted => nearest::choose(self, target.weights, Some(self.importance))?,
            Method::Feedback => {
                let factor = self.factor.ok_or(Error::NotDefinite)?;
                feedback::choose(self, factor, target)?
            }
            Method::Descent => self.descend(target)?,
            Method::Optimal => return self.optimum(target),
        };
        Ok((choice, Proof::default()))
    }

    /// Descends from the choices of the other methods, and keeps the best.
    fn descend(&self, target: RowTarget<'_>) -> Result<RowChoice, Error> {
        let mut starts = vec![nearest::choose(self, target.weights, None)?];
        // The others are left out if their scales are none that the type can hold.
        let one_scale = (self.patterns.codebook == Codebook::TwoScales).then(|| {
            // The result of one scale is a start for two: the three patterns have the same numbers.
            let patterns = &Patterns::new(Codebook::OneScale);
            let mut choice = Problem { patterns, ..*self }.descend(target)?;
            choice.scales = choice.scales.iter().flat_map(|&s| [s, s]).collect();
            Ok(choice)
        });
        let others = [
            Some(nearest::choose(self, target.weights, Some(self.importance))),
            self.factor
                .map(|factor| feedback::choose(self, factor, target)),
            one_scale,
        ];
        for start in others.into_iter().flatten() {
            match start {
                Err(Error::Unstorable { .. }) => {}
                start => starts.push(start?),
            }
        }
        let mut best: Option<(f64, RowChoice)> = None;
        for start in starts {
            let end = descent::from(self, target, start);
            if best.as_ref().is_none_or(|best| end.0 < best.0) {
                best = Some(end);
            }
        }
        best.map(|(_, choice)| choice).ok_or(Error::Empty)
    }

    /// The optimum of a short row of one scale, as far as the limit of nodes allows; of other rows, the end of the descent.
    fn optimum(&self, target: RowTarget<'_>) -> Result<(RowChoice, Proof), Error> {
        let choice = self.descend(target)?;
        let Some(inverse) = self.inverse else {
            return Ok((choice, Proof::default()));
        };
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
        Ok((best.choice, proof))
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
