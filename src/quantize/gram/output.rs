//! [`OutputAware`]: the knobs of ternarization by what a layer puts out.

use alloc::vec::Vec;

use super::accumulate::Gram;
use super::certified::{Certified, MOST_INPUTS};
use super::codebook::{Codebook, Patterns};
use super::feedback::Factor;
use super::fit::RowFit;
use super::method::Method;
use super::metric::Metric;
use super::plan::Plan;
use super::row::Setting;
use crate::error::{Error, Operand, ShapeError};
use crate::quantize::planes::MAX_PLANES;
use crate::quantize::scale_type::ScaleType;
use crate::threads;

/// Rows for which the matrix is read once.
pub(super) const TOGETHER: usize = 8;

/// The damping unless said otherwise, as a fraction of the mean of the diagonal.
const DAMPING: f64 = 0.01;

/// Ternarizes the rows of a weight matrix so that the layer's output changes the least on the inputs of a [`Gram`] matrix.
///
/// A row `w` is the weights of one output. Its levels `q` minimise `(w - q)^T M (w - q)` with the damped matrix
/// `M = H + damping mean(diagonal of H) I`. The damping makes all that follows well-posed with fewer rows than inputs. A weight
/// whose input was always 0 takes the level nearest to it; without damping, zero. If all inputs were 0, or none were given, `M`
/// is the identity.
///
/// # Examples
///
/// Two inputs that are always equal: only the sum of their weights counts, so that one weight can mend the other.
///
/// ```
/// use ternarize::gram::{Gram, Method, OutputAware};
///
/// let mut gram = Gram::new(3)?;
/// gram.add(&[1.0, 1.0, 0.5, 2.0, 2.0, -0.5, -1.0, -1.0, 1.0])?;
/// let weights = [0.8, 0.3, 0.9];
/// let aware = OutputAware::new(&gram);
/// let nearest = &aware.method(Method::Nearest).ternarize(&weights)?[0];
/// let best = &aware.ternarize(&weights)?[0];
/// assert_eq!((&nearest.trits[..], &best.trits[..]), (&[1, 0, 1][..], &[1, 0, 1][..]));
/// assert!(best.relative_error() < 0.5 * nearest.relative_error());
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OutputAware<'g> {
    gram: &'g Gram,
    codebook: Codebook,
    group: usize,
    method: Method,
    damping: f64,
    by_activation: bool,
    scale_type: ScaleType,
}

impl<'g> OutputAware<'g> {
    /// One scale a row, [`Method::Descent`], a damping of 0.01.
    #[must_use]
    pub const fn new(gram: &'g Gram) -> Self {
        Self {
            gram,
            codebook: Codebook::OneScale,
            group: gram.inputs(),
            method: Method::Descent,
            damping: DAMPING,
            by_activation: false,
            scale_type: ScaleType::F32,
        }
    }

    /// Sets which levels a weight may take; [`Codebook::OneScale`] at first.
    #[must_use]
    pub const fn codebook(self, codebook: Codebook) -> Self {
        Self { codebook, ..self }
    }

    /// Gives each group of so many consecutive weights of a row scales of its own, the last one the rest; `None` for the whole
    /// row, as at first.
    #[must_use]
    pub const fn group(self, weights: Option<usize>) -> Self {
        let group = match weights {
            Some(weights) => weights,
            None => self.gram.inputs(),
        };
        Self { group, ..self }
    }

    /// Sets how the trits are chosen; [`Method::Descent`] at first.
    #[must_use]
    pub const fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// Sets the damping, as a fraction of the mean of the diagonal; 0.01 at first.
    #[must_use]
    pub const fn damping(self, damping: f64) -> Self {
        Self { damping, ..self }
    }

    /// Sets whether error feedback takes the weights by decreasing mean square of their inputs ("act-order"), of equals the first;
    /// at first in natural order. Groups stay what they are, and their scales are found beforehand.
    #[must_use]
    pub const fn by_activation(self, by_activation: bool) -> Self {
        Self {
            by_activation,
            ..self
        }
    }

    /// Sets the type that scales are stored in; [`ScaleType::F32`] at first. Scales are rounded to it, and trits chosen again for the
    /// rounded scales.
    #[must_use]
    pub const fn scale_type(self, scale_type: ScaleType) -> Self {
        Self { scale_type, ..self }
    }

    /// Ternarizes one or many rows, one fit for each. With the feature `rayon` rows are done in parallel, with the same bits.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] without weights; [`Error::LengthMismatch`] if they are no whole number of rows, with the next such number;
    /// [`Error::InvalidValue`] with the index; [`Error::Shape`] for groups of 0 weights; [`Error::TooMany`];
    /// [`Error::InvalidOption`]; [`Error::NotDefinite`] for [`Method::Feedback`] with too little damping.
    pub fn ternarize(&self, weights: &[f32]) -> Result<Vec<RowFit>, Error> {
        self.check(weights)?;
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method is not general enough in its lifetime"
        )]
        self.plan(weights, |plan, rows, fits| plan.ternarize(rows, fits))
    }

    /// Ternarizes one or many rows of at most 64 weights with one scale each, and proves that no trits are better, where it takes
    /// at most `nodes` partial rows each to do so. Begins with [`Method::Descent`], whatever is set.
    ///
    /// # Errors
    ///
    /// As [`ternarize`](Self::ternarize); [`Error::TooMany`] for more than 64 inputs; [`Error::Conflict`] with a codebook of more than
    /// one scale, or groups; [`Error::NotDefinite`] if rounding leaves the matrix indefinite.
    ///
    /// # Examples
    ///
    /// See [`Certified`].
    pub fn certify(&self, weights: &[f32], nodes: u64) -> Result<Vec<Certified>, Error> {
        self.check(weights)?;
        let this = "certify";
        if self.codebook.scales() > 1 {
            let that = "several scales";
            return Err(Error::Conflict { this, that });
        }
        if self.group < self.gram.inputs() {
            let that = "groups";
            return Err(Error::Conflict { this, that });
        }
        if self.gram.inputs() > MOST_INPUTS {
            let (len, max) = (self.gram.inputs(), MOST_INPUTS);
            return Err(Error::TooMany {
                what: Operand::Weight,
                given: len,
                max,
            });
        }
        self.method(Method::Descent)
            .plan(weights, |plan, rows, fits| plan.certify(rows, nodes, fits))
    }

    /// Prepares what all rows share, and appends for some rows after the other what `work` makes of them.
    fn plan<T: Send>(
        &self,
        weights: &[f32],
        work: impl Fn(&Plan<'_>, &[f32], &mut Vec<T>) -> Result<(), Error> + Send + Sync,
    ) -> Result<Vec<T>, Error> {
        let metric = Metric::new(self.gram, self.damping);
        let [patterns, one_scale] = [self.codebook, Codebook::OneScale].map(Patterns::new);
        let inputs = self.gram.inputs();
        let wanted = !matches!(self.method, Method::Nearest | Method::Weighted);
        let factor = wanted
            .then(|| Factor::new(&metric, self.by_activation))
            .flatten();
        let plan = Plan {
            setting: Setting {
                metric: &metric,
                patterns: &patterns,
                group: self.group.min(inputs),
                scale_type: self.scale_type,
            },
            one_scale: &one_scale,
            importance: &metric.importance(),
            factor: factor.as_ref(),
            method: self.method,
        };
        let jobs = weights.chunks(TOGETHER * inputs);
        threads::collect(weights.len() / inputs, jobs, |rows, results| {
            work(&plan, rows, results)
        })
    }

    fn check(&self, weights: &[f32]) -> Result<(), Error> {
        let planes = self.codebook.planes();
        if planes == 0 || planes > MAX_PLANES {
            let max = MAX_PLANES;
            return Err(Error::TooMany {
                what: Operand::Plane,
                given: planes,
                max,
            });
        }
        if self.group == 0 {
            return Err(Error::Shape(ShapeError::EmptyBlock));
        }
        check_damping(self.gram, self.damping)?;
        if weights.is_empty() {
            return Err(Error::Empty);
        }
        super::accumulate::check(weights, self.gram.inputs())
    }
}

/// Whether a damping is one, and so small that products of entries and of weights stay numbers.
pub(super) fn check_damping(gram: &Gram, damping: f64) -> Result<(), Error> {
    const MOST: f64 = 1e100;
    let trace: f64 = (0..gram.inputs()).map(|i| gram.entry(i, i)).sum();
    if damping >= 0.0 && damping.is_finite() && damping * trace <= MOST {
        Ok(())
    } else {
        Err(Error::InvalidOption {
            name: "damping",
            value: damping,
        })
    }
}
