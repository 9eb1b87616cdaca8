//! [`OutputAware`]: the options of output-aware ternarization, and [`Method`].

use alloc::vec;
use alloc::vec::Vec;

use super::accumulate::{self, Gram};
use super::feedback::Factor;
use super::metric::{Metric, wide_rows};
use super::optimal::{Inverse, MOST_INPUTS};
use super::patterns::Patterns;
use super::problem::Problem;
use crate::ScaleType;
use crate::error::{Error, Operand, ShapeError, check_len};
use crate::optimum::fit::share;
use crate::quantize::calibrate::Correction;
use crate::quantize::planes::MAX_PLANES;
use crate::quantize::{Codebook, RowFit};
use crate::rotation;
use crate::threads;

/// The rows for which the matrix is read once. Chosen: more rows save little memory traffic, fewer leave threads without work.
pub(super) const TOGETHER: usize = 8;

/// The numbers that the states of rows may have which are worked on together. Chosen: 32 MB.
const MOST_TOGETHER: usize = 1 << 22;

/// The default damping. Source: GPTQ, arXiv 2210.17323, uses 1 % of the mean of the diagonal, too.
const DAMPING: f64 = 0.01;

/// The default limit of nodes for [`Method::Optimal`]. Measured: enough for nearly all rows of 25 inputs that are correlated as the
/// pixels of image patches are; about 4 ms per row.
const NODES: u64 = 1 << 16;

/// The largest damped trace, chosen so that products of entries and of weights stay finite.
const MOST_DAMPING: f64 = 1e100;

/// How the trits of a row are chosen.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::gram::{Gram, Method, OutputAware};
///
/// let mut gram = Gram::new(3)?;
/// gram.add(&[1.0, 0.75, 0.5, 0.5, 1.0, 0.75, -0.5, 0.25, 0.0])?;
/// let error = |method| {
///     let fits = OutputAware::new(&gram).method(method).ternarize(&[0.6, -0.2, 0.3])?;
///     Ok::<_, ternarize::Error>(fits[0].objective)
/// };
/// assert!(error(Method::Descent)? <= error(Method::Feedback)?);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// The levels and scales nearest to the weights, as [`Ternarizer`](crate::Ternarizer) and
    /// [`Planes`](crate::quantize::planes::Planes) find them. The inputs are ignored, except that without damping a weight whose input
    /// was always 0 counts as 0.
    Nearest,
    /// The same, with the mean square of each input as the importance of its weights.
    Weighted,
    /// Error feedback: the weights still to come compensate for the errors of those before, in natural order or by decreasing mean
    /// square of their inputs (see [`by_activation`](OutputAware::by_activation)). This is GPTQ with the scales searched inside.
    Feedback,
    /// Coordinate descent from the result of each method above, until no single change helps. The best end is kept.
    #[default]
    Descent,
    /// Branch and bound, which starts from the result of `Descent` and examines at most [`nodes`](OutputAware::nodes) partial rows.
    /// The fit has a [`lower_bound`](RowFit::lower_bound) and says whether the optimum is [`proved`](RowFit::proved). Applies to rows
    /// of one scale and at most 64 inputs; for other rows the result is that of `Descent`.
    Optimal,
}

impl Method {
    /// All methods, the cheapest first.
    pub const ALL: [Self; 5] = [
        Self::Nearest,
        Self::Weighted,
        Self::Feedback,
        Self::Descent,
        Self::Optimal,
    ];
}

/// Options for ternarizing the rows of a weight matrix so that the layer's output changes the least on the inputs of a [`Gram`]
/// matrix.
///
/// A row `w` holds the weights of one output. Its levels `q` minimise `(w - q)^T M (w - q)` with the damped matrix
/// `M = H + damping mean(diagonal of H) I`. The damping makes the problem well-posed with fewer rows than inputs. A weight whose
/// input was always 0 takes the nearest level; without damping, zero. If all inputs were 0, or none were given, `M` is the identity.
///
/// # Examples
///
/// Two inputs are always equal. Only the sum of their weights counts, so one weight can compensate for the other:
///
/// ```
/// use ternarize::quantize::gram::{Gram, Method, OutputAware};
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
///
/// A proof that no trits and no scale are better:
///
/// ```
/// # use ternarize::quantize::gram::{Gram, Method, OutputAware};
/// let mut gram = Gram::new(3)?;
/// gram.add(&[1.0, 0.5, 0.25, 2.0, -0.5, 0.0, 1.0, 1.0, 1.0])?;
/// let fit = &OutputAware::new(&gram).method(Method::Optimal).ternarize(&[0.5, -0.3, 0.2])?[0];
/// assert!(fit.proved && fit.lower_bound <= fit.objective);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OutputAware<'g> {
    gram: &'g Gram,
    codebook: Codebook,
    pub(super) group: usize,
    pub(super) method: Method,
    damping: f64,
    by_activation: bool,
    pub(super) scale_type: ScaleType,
    pub(super) nodes: u64,
    effective: bool,
    rotation: Option<(usize, u64)>,
    correction: Correction,
    held_out: Option<&'g Gram>,
}

impl<'g> OutputAware<'g> {
    /// The defaults: one `f32` scale per row, [`Method::Descent`], a damping of 0.01.
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
            nodes: NODES,
            effective: true,
            rotation: None,
            correction: if gram.is_centred() {
                Correction::Bias
            } else {
                Correction::None
            },
            held_out: None,
        }
    }

    /// Sets which levels a weight may take. Default: [`Codebook::OneScale`].
    #[must_use]
    pub const fn codebook(self, codebook: Codebook) -> Self {
        Self { codebook, ..self }
    }

    /// Gives each group of so many consecutive weights of a row scales of its own; the last group has the rest. Default: `None`, one
    /// group per row.
    #[must_use]
    pub const fn group(self, weights: Option<usize>) -> Self {
        let group = match weights {
            Some(weights) if weights < self.gram.inputs() => weights,
            _ => self.gram.inputs(),
        };
        Self { group, ..self }
    }

    /// Sets how the trits are chosen. Default: [`Method::Descent`].
    #[must_use]
    pub const fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// Sets the damping, a fraction of the mean of the diagonal. Default: 0.01.
    #[must_use]
    pub const fn damping(self, damping: f64) -> Self {
        Self { damping, ..self }
    }

    /// Sets whether error feedback takes the weights by decreasing mean square of their inputs ("act-order"); of equals, the first
    /// comes first. Groups stay as they are, and their scales are found beforehand. Default: natural order.
    #[must_use]
    pub const fn by_activation(mut self, by_activation: bool) -> Self {
        self.by_activation = by_activation;
        self
    }

    /// Sets the type the scales are stored in. Scales are rounded to it, and trits are chosen again for the rounded scales. Default:
    /// [`ScaleType::F32`].
    #[must_use]
    pub const fn scale_type(self, scale_type: ScaleType) -> Self {
        Self { scale_type, ..self }
    }

    /// Sets how many partial rows [`Method::Optimal`] may examine per row. Default: 65,536. A node takes about 60 ns; rows of 25 inputs
    /// need 1,000 to 50,000 nodes for a proof.
    #[must_use]
    pub const fn nodes(self, nodes: u64) -> Self {
        Self { nodes, ..self }
    }

    /// Sets whether a whole layer aims at its [effective weights](Gram::effective_weights), or at the weights themselves. Default: `true`.
    #[must_use]
    pub const fn effective(self, effective: bool) -> Self {
        Self { effective, ..self }
    }

    /// Sets whether a whole layer is stored for rotated inputs, with the width and the seed of [`rotate`](crate::matmul::rotate).
    /// A rotation spreads what a few inputs carry over all, so that less is lost. Default: `None`.
    #[must_use]
    pub const fn rotation(self, rotation: Option<(usize, u64)>) -> Self {
        Self { rotation, ..self }
    }

    /// Sets how the outputs of a whole layer are corrected. Default: [`Correction::Bias`] for a
    /// [centred](Gram::centred) Gram matrix, else [`Correction::None`].
    #[must_use]
    pub const fn correction(self, correction: Correction) -> Self {
        Self { correction, ..self }
    }

    /// Sets the Gram matrix of other rows, on which the error of a whole layer is measured. It changes nothing else. Default: `None`.
    #[must_use]
    pub const fn held_out(mut self, gram: Option<&'g Gram>) -> Self {
        self.held_out = gram;
        self
    }

    /// Ternarizes the rows of a layer, or of one group of a grouped convolution: aims at the effective weights, and rotates if asked to.
    pub(crate) fn layer(&self, weights: &[f32]) -> Result<LayerPart, Error> {
        self.check(weights)?;
        let mut targets = if self.effective {
            self.gram.effective_weights(weights, self.damping)?
        } else {
            weights.to_vec()
        };
        let mut grams = vec![self.gram.clone()];
        if let Some(held_out) = self.held_out {
            check_len(self.gram.inputs(), held_out.inputs())?;
            grams.push(held_out.clone());
        }
        let inputs = self.gram.inputs();
        let mut weights = wide_rows(weights, inputs);
        if let Some((width, seed)) = self.rotation {
            rotation::rotate_rows(&mut targets, inputs, width, seed)?;
            for row in &mut weights {
                rotation::rotate_rows(row, inputs, width, seed)?;
            }
            for gram in &mut grams {
                gram.rotate(width, seed)?;
            }
        }
        let gram = &grams[0];
        let rotated = OutputAware { gram, ..*self };
        Ok(LayerPart {
            fits: rotated.ternarize(&targets)?,
            weights,
            grams,
            correction: self.correction,
            rotation: self.rotation,
        })
    }

    /// Ternarizes one or many rows, with one fit for each, neither rotated nor corrected. With the feature `rayon` rows are processed in parallel, with the same bits.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] without weights; [`Error::LengthMismatch`] if they are not a whole number of rows, with the next such length;
    /// [`Error::InvalidValue`] with the index; [`Error::Shape`] for groups of 0 weights; [`Error::TooMany`];
    /// [`Error::InvalidOption`]; [`Error::NotDefinite`] for [`Method::Feedback`] with too little damping; [`Error::Unstorable`] with the
    /// number of a group in its row if its scale type cannot hold its scale: one would become infinite, or all 0.
    pub fn ternarize(&self, weights: &[f32]) -> Result<Vec<RowFit>, Error> {
        self.check(weights)?;
        let inputs = self.gram.inputs();
        // What all rows share: the damped matrix, the levels, and the factorisations that the method needs.
        let metric = Metric::new(self.gram, self.damping);
        let patterns = Patterns::new(self.codebook);
        let feeds_back = !matches!(self.method, Method::Nearest | Method::Weighted);
        let factor = feeds_back.then(|| Factor::new(&metric, self.by_activation));
        let short = inputs <= MOST_INPUTS && self.group == inputs && self.codebook.scales() == 1;
        let inverse = (self.method == Method::Optimal && short).then(|| Inverse::new(&metric));
        let problem = Problem {
            options: *self,
            metric: &metric,
            patterns: &patterns,
            importance: &metric.importance(),
            factor: factor.as_ref().and_then(Option::as_ref),
            inverse: inverse.as_ref().and_then(Option::as_ref),
        };
        // A row has a number for each input and scale.
        let numbers = inputs * inputs.div_ceil(self.group) * self.codebook.scales();
        let together = (MOST_TOGETHER / numbers.max(1)).clamp(1, TOGETHER);
        let (count, jobs) = (weights.len() / inputs, weights.chunks(together * inputs));
        threads::collect(count, jobs, |rows, fits| problem.ternarize(rows, fits))
    }

    /// How much of the output error that independent errors of the weights make is left by error feedback: from 0 to 1, small if the
    /// inputs are correlated. It follows from the Gram matrix, the rotation and the damping alone, so it tells layers apart before any
    /// is made ternary.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`]; what [`rotate`](crate::matmul::rotate) returns; [`Error::NotDefinite`] with too little damping.
    ///
    /// # Examples
    ///
    /// Two inputs that are always equal can compensate for each other, but two that have nothing in common cannot:
    ///
    /// ```
    /// use ternarize::quantize::gram::{Gram, OutputAware};
    ///
    /// let (mut equal, mut independent) = (Gram::new(2)?, Gram::new(2)?);
    /// equal.add(&[1.0, 1.0, -1.0, -1.0])?;
    /// independent.add(&[1.0, 1.0, -1.0, 1.0])?;
    /// let share = |gram| OutputAware::new(gram).share_after_feedback();
    /// assert!(share(&equal)? < 0.52 && share(&independent)? > 0.99);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn share_after_feedback(&self) -> Result<f64, Error> {
        check_damping(self.gram, self.damping)?;
        let metric = if let Some((width, seed)) = self.rotation {
            let mut rotated = self.gram.clone();
            rotated.rotate(width, seed)?;
            Metric::new(&rotated, self.damping)
        } else {
            Metric::new(self.gram, self.damping)
        };
        let factor = Factor::new(&metric, self.by_activation).ok_or(Error::NotDefinite)?;
        Ok(share(factor.remaining(), metric.trace()))
    }

    fn check(&self, weights: &[f32]) -> Result<(), Error> {
        let planes = self.codebook.planes();
        if planes == 0 || planes > MAX_PLANES {
            return Err(Error::too_many(Operand::Plane, planes, MAX_PLANES));
        }
        if self.group == 0 {
            return Err(Error::Shape(ShapeError::EmptyBlock));
        }
        check_damping(self.gram, self.damping)?;
        if weights.is_empty() {
            return Err(Error::Empty);
        }
        accumulate::check(weights, self.gram.inputs())
    }
}

/// The fits of some rows, with all that is needed to correct and to measure them.
pub(crate) struct LayerPart {
    pub fits: Vec<RowFit>,
    /// The original rows, rotated as the fits are.
    pub weights: Vec<Vec<f64>>,
    /// That of the fits, and perhaps that of held-out rows.
    pub grams: Vec<Gram>,
    pub correction: Correction,
    pub rotation: Option<(usize, u64)>,
}

/// Checks that a damping is finite, not negative, and small enough for finite products.
pub(super) fn check_damping(gram: &Gram, damping: f64) -> Result<(), Error> {
    let valid = damping >= 0.0 && damping.is_finite() && damping * gram.trace() <= MOST_DAMPING;
    valid.then_some(()).ok_or(Error::option("damping", damping))
}
