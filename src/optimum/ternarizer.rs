//! [`Ternarizer`]: the knobs, and the one road from weights to trits.
//!
//! ```text
//! check the input  ->  choose the supports  ->  project for the scales  ->  write the trits, measure what is lost
//! ```
//!
//! Cost: a pass that looks for numbers that are none, the search (see [`crate::Search`]) and a pass that writes the trits; for the
//! baselines, three more. No heap, no scratch.

use crate::error::{Error, Operand};
use crate::optimum::fit::Fit;
use crate::optimum::options::{self, Knobs};
use crate::optimum::rule::{Rule, Scales};
use crate::optimum::search::Search;
use crate::optimum::solution;
use crate::simd::Backend;
use crate::weight::Weight;

/// How to ternarize: the rule and its knobs. [`Ternarizer::new`] is the paper.
///
/// A plain value: set what differs from the default, keep it, use it on as many slices as you like.
///
/// # Examples
///
/// The three heaviest weights, and the sparsest vector within 26 degrees of the weights (cosine 0.9):
///
/// ```
/// use ternarize::Ternarizer;
///
/// let weights = [0.5_f32, -0.6, 0.1, 0.05, -0.2, 0.2, 0.0];
/// let mut trits = [0; 7];
/// let fit = Ternarizer::new().nonzeros(3).ternarize_into(&weights, &mut trits)?;
/// assert_eq!((trits, fit.nonzeros), ([1, -1, 0, 0, -1, 0, 0], 3));
///
/// let fit = Ternarizer::new().target_cosine(0.9).ternarize_into(&weights, &mut trits)?;
/// assert_eq!(trits, [1, -1, 0, 0, 0, 0, 0]);
/// assert!(fit.cosine >= 0.9);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ternarizer<'a> {
    pub(crate) knobs: Knobs<'a>,
}

impl Default for Ternarizer<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Ternarizer<'a> {
    /// The paper: largest cosine, then `lambda_p` and `lambda_n` by projection.
    ///
    /// ```
    /// let mut trits = [0; 3];
    /// ternarize::Ternarizer::new().ternarize_into(&[0.3_f32, -0.4, 0.0], &mut trits)?;
    /// assert_eq!(trits, [1, -1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        let knobs = Knobs {
            rule: Rule::Tnt,
            scales: Scales::Two,
            min: 0,
            max: usize::MAX,
            target: None,
            importance: None,
            search: Search::Bracket,
            backend: None,
        };
        Self { knobs }
    }

    /// Sets the rule; [`Rule::Tnt`] at first.
    ///
    /// ```
    /// use ternarize::{Rule, Ternarizer};
    /// let mut trits = [0; 3];
    /// Ternarizer::new().rule(Rule::AbsMax).ternarize_into(&[1.0_f32, 0.5, 0.4], &mut trits)?;
    /// assert_eq!(trits, [1, 1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn rule(self, rule: Rule) -> Self {
        let knobs = Knobs { rule, ..self.knobs };
        Self { knobs }
    }

    /// Sets how many scales to return; [`Scales::Two`] at first.
    ///
    /// [`Rule::AbsMean`] and [`Rule::AbsMax`] prescribe one scale, whatever is set here. [`Rule::TwoScale`] with
    /// [`Scales::One`] is an [`Error::Conflict`]: with one scale, [`Rule::Tnt`] is the optimum.
    ///
    /// ```
    /// use ternarize::{Scales, Ternarizer};
    /// let mut trits = [0; 2];
    /// let fit = Ternarizer::new()
    ///     .scales(Scales::One)
    ///     .ternarize_into(&[1.0_f32, -0.5], &mut trits)?;
    /// assert_eq!((fit.lambda_p, fit.lambda_n), (0.75, 0.75));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn scales(self, scales: Scales) -> Self {
        let knobs = Knobs {
            scales,
            ..self.knobs
        };
        Self { knobs }
    }

    /// Asks for exactly this many non-zeros: the heaviest weights, the first in order among equals. Never more than there are
    /// weights that are not zero.
    ///
    /// Only with [`Rule::Tnt`], without importance; else an [`Error::Conflict`].
    ///
    /// ```
    /// let mut trits = [0; 3];
    /// let one = ternarize::Ternarizer::new().nonzeros(1);
    /// one.ternarize_into(&[0.3_f32, -0.4, 0.4], &mut trits)?;
    /// assert_eq!(trits, [0, -1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn nonzeros(self, count: usize) -> Self {
        let knobs = Knobs {
            min: count,
            max: count,
            ..self.knobs
        };
        Self { knobs }
    }

    /// Asks for at least this many non-zeros, or as many as there are weights that are not zero.
    ///
    /// One large outlier makes a single non-zero the true optimum; a minimum is the way to ask for more. The same
    /// restrictions hold as for [`nonzeros`](Self::nonzeros).
    ///
    /// ```
    /// let weights = [100.0_f32, 1.0, -1.0, 1.0];
    /// let mut trits = [0; 4];
    /// assert_eq!(ternarize::ternarize_into(&weights, &mut trits)?.nonzeros, 1);
    /// let fit = ternarize::Ternarizer::new().min_nonzeros(3).ternarize_into(&weights, &mut trits)?;
    /// assert_eq!(fit.nonzeros, 3);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn min_nonzeros(self, count: usize) -> Self {
        let knobs = Knobs {
            min: count,
            ..self.knobs
        };
        Self { knobs }
    }

    /// Asks for at most this many non-zeros. The same restrictions hold as for [`nonzeros`](Self::nonzeros).
    ///
    /// ```
    /// let mut trits = [0; 3];
    /// let sparse = ternarize::Ternarizer::new().max_nonzeros(2);
    /// assert_eq!(sparse.ternarize_into(&[1.0_f32, 1.0, 1.0], &mut trits)?.nonzeros, 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn max_nonzeros(self, count: usize) -> Self {
        let knobs = Knobs {
            max: count,
            ..self.knobs
        };
        Self { knobs }
    }

    /// Asks for the sparsest ternary vector whose cosine with the weights is at least `target`, in `(0, 1]`, among the
    /// numbers of non-zeros asked for. Reached is reached up to rounding, 2^-48 of it. If none reaches it, [`Error::TargetUnreachable`] says how far one gets. The same
    /// restrictions hold as for [`nonzeros`](Self::nonzeros).
    ///
    /// ```
    /// use ternarize::{Error, Ternarizer};
    /// let mut trits = [0; 3];
    /// let strict = Ternarizer::new().target_cosine(0.999);
    /// let error = strict.ternarize_into(&[3.0_f32, 2.0, 1.0], &mut trits).unwrap_err();
    /// assert!(matches!(error, Error::TargetUnreachable { best, .. } if best < 0.95));
    /// ```
    #[must_use]
    pub const fn target_cosine(self, target: f64) -> Self {
        let knobs = Knobs {
            target: Some(target),
            ..self.knobs
        };
        Self { knobs }
    }

    /// Minimises `sum h_i (w_i - w'_i)^2` with these importances `h`, one for each weight, finite and not negative.
    ///
    /// Exact, for [`Rule::Tnt`] and [`Rule::TwoScale`]. A weight of importance 0 becomes 0. If all importances are 0, so are all
    /// trits and scales, and nothing counts as lost.
    ///
    /// ```
    /// let weights = [0.9_f32, 0.5, -0.4];
    /// let mut trits = [0; 3];
    /// let heavy_tail = ternarize::Ternarizer::new().importance(&[0.1, 1.0, 1.0]);
    /// let fit = heavy_tail.ternarize_into(&weights, &mut trits)?;
    /// assert_eq!(trits, [1, 1, -1]);
    /// assert!(fit.lambda < 0.5);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn importance(self, importance: &'a [f32]) -> Self {
        let knobs = Knobs {
            importance: Some(importance),
            ..self.knobs
        };
        Self { knobs }
    }

    /// Sets how the optimum is searched; every way gives the same bits.
    ///
    /// ```
    /// use ternarize::{Search, Ternarizer};
    /// let mut trits = [0; 2];
    /// Ternarizer::new().search(Search::Bracket).ternarize_into(&[1.0_f32, 0.1], &mut trits)?;
    /// assert_eq!(trits, [1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn search(self, search: Search) -> Self {
        let knobs = Knobs {
            search,
            ..self.knobs
        };
        Self { knobs }
    }

    /// Sets which instructions are used; all give the same bits. Without it, the fastest that the processor has.
    ///
    /// ```
    /// use ternarize::{Backend, Ternarizer};
    /// let mut trits = [0; 2];
    /// let plain = Ternarizer::new().backend(Backend::PORTABLE);
    /// plain.ternarize_into(&[1.0_f32, 0.1], &mut trits)?;
    /// assert_eq!(trits, [1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn backend(self, backend: Backend) -> Self {
        let knobs = Knobs {
            backend: Some(backend),
            ..self.knobs
        };
        Self { knobs }
    }

    /// Writes a trit for each weight, and returns the scales and how close they come. No heap; with the feature `rayon`, slices of more
    /// than 65,536 weights are divided between the threads of its pool, which has one.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`]; [`Error::LengthMismatch`] if `trits` or the importances are not as long as `weights`;
    /// [`Error::InvalidValue`] and [`Error::InvalidValue`] with the index; [`Error::TooMany`] beyond 2^48 `f64` weights;
    /// [`Error::Conflict`], [`Error::InvalidOption`], [`Error::TargetUnreachable`]; [`Error::Conflict`] for knobs that
    /// exclude each other. Then `trits` is as it was.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Rule, Ternarizer};
    ///
    /// let mut trits = [0; 4];
    /// let two_scale = Ternarizer::new().rule(Rule::TwoScale);
    /// let fit = two_scale.ternarize_into(&[1.0_f32, 0.1, -0.2, -0.2], &mut trits)?;
    /// assert_eq!(trits, [1, 0, -1, -1]);
    /// assert_eq!((fit.lambda_p, fit.lambda_n), (1.0, 0.2));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize_into<W: Weight>(
        &self,
        weights: &[W],
        trits: &mut [i8],
    ) -> Result<Fit<W>, Error> {
        options::check(&self.knobs, weights, trits)?;
        solution::solve(&self.knobs, weights, trits)
    }

    /// The trits, with the scales and how close they come.
    ///
    /// # Errors
    ///
    /// As [`ternarize_into`](Self::ternarize_into).
    ///
    /// # Examples
    ///
    /// ```
    /// let (trits, fit) = ternarize::Ternarizer::new().ternarize(&[0.5_f32, 0.0, -0.5])?;
    /// assert_eq!(trits, [1, 0, -1]);
    /// assert_eq!((fit.lambda, fit.cosine), (0.5, 1.0));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn ternarize<W: Weight>(
        &self,
        weights: &[W],
    ) -> Result<(alloc::vec::Vec<i8>, Fit<W>), Error> {
        let mut trits = alloc::vec![0; weights.len()];
        let fit = self.ternarize_into(weights, &mut trits)?;
        Ok((trits, fit))
    }
}

/// The paper in one call: `(t, lambda_p, lambda_n)`.
///
/// `t` is the ternary vector of largest cosine with the weights; `lambda_p` is the mean of the weights where `t` is +1,
/// `lambda_n` the mean magnitude of those where it is -1.
///
/// # Errors
///
/// [`Error::Empty`]; [`Error::InvalidValue`] with the index of a NaN or an infinity; [`Error::TooMany`] beyond 2^48 `f64` weights.
///
/// # Examples
///
/// ```
/// let (trits, lambda_p, lambda_n) = ternarize::ternarize(&[0.5_f32, -0.6, 0.1, -0.2, 0.7, 0.0])?;
/// assert_eq!(trits, [1, -1, 0, 0, 1, 0]);
/// assert_eq!((lambda_p, lambda_n), (0.6, 0.6));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[cfg(feature = "alloc")]
pub fn ternarize<W: Weight>(weights: &[W]) -> Result<(alloc::vec::Vec<i8>, W, W), Error> {
    let (trits, fit) = Ternarizer::new().ternarize(weights)?;
    Ok((trits, fit.lambda_p, fit.lambda_n))
}

/// The paper into a slice of yours: no heap.
///
/// # Errors
///
/// As [`ternarize`](crate::Ternarizer::ternarize_into), and [`Error::LengthMismatch`] if `trits` is not as long as `weights`.
///
/// # Examples
///
/// ```
/// let mut trits = [0; 3];
/// let fit = ternarize::ternarize_into(&[1.0_f64, -2.0, 0.25], &mut trits)?;
/// assert_eq!(trits, [1, -1, 0]);
/// assert_eq!((fit.lambda_p, fit.lambda_n), (1.0, 2.0));
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn ternarize_into<W: Weight>(weights: &[W], trits: &mut [i8]) -> Result<Fit<W>, Error> {
    Ternarizer::new().ternarize_into(weights, trits)
}

/// The paper into a vector of fixed capacity: `(t, lambda_p, lambda_n)`.
///
/// # Errors
///
/// [`Error::TooMany`] if there are more than `N` weights, and as [`ternarize_into`].
///
/// # Examples
///
/// ```
/// let (trits, lambda_p, lambda_n) = ternarize::ternarize_heapless::<f32, 8>(&[0.5, -0.25, 0.0])?;
/// assert_eq!(trits, [1, -1, 0]);
/// assert_eq!((lambda_p, lambda_n), (0.5, 0.25));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[cfg(feature = "heapless")]
pub fn ternarize_heapless<W: Weight, const N: usize>(
    weights: &[W],
) -> Result<(heapless::Vec<i8, N>, W, W), Error> {
    let mut trits = heapless::Vec::new();
    trits.resize(weights.len(), 0).map_err(|_| Error::TooMany {
        what: Operand::Element,
        given: weights.len(),
        max: N,
    })?;
    let fit = ternarize_into(weights, &mut trits)?;
    Ok((trits, fit.lambda_p, fit.lambda_n))
}
