//! [`Ternarizer`]: the options, and the functions that ternarize a slice.
//!
//! The way from weights to trits:
//!
//! ```text
//! check the options and lengths -> choose the search (route) -> search the support -> solution: scales, thresholds -> trits, Fit
//! ```
//!
//! The public functions are generic over the type of the weights and thin: they call functions that are compiled in this crate, one
//! for each type (`Sealed` in [`weight`](super::weight)).

use super::fit::Fit;
use super::rule::{Rule, Scales};
use super::search::Search;
use super::weight::{PRIVATE, Weight};
use crate::error::Error;
#[cfg(feature = "heapless")]
use crate::error::Operand;
use crate::simd::Backend;

/// How to ternarize: the rule and its options. [`Ternarizer::new`] is the paper.
///
/// A plain value: set what differs from the default, keep it, and use it for as many slices as you like.
///
/// # Examples
///
/// The three largest weights, and the sparsest ternary vector whose cosine with the weights is at least 0.9:
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
    pub(crate) rule: Rule,
    pub(crate) scales: Scales,
    /// The smallest number of non-zeros.
    pub(crate) min_nonzeros: usize,
    /// The largest number of non-zeros.
    pub(crate) max_nonzeros: usize,
    /// The cosine to be reached.
    pub(crate) target_cosine: Option<f64>,
    pub(crate) importance: Option<&'a [f32]>,
    pub(crate) search: Search,
    /// The instruction set to use; `None` for the fastest.
    pub(crate) backend: Option<Backend>,
}

impl Default for Ternarizer<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Ternarizer<'a> {
    /// The paper: the largest cosine, then `lambda_p` and `lambda_n` by projection.
    ///
    /// ```
    /// let mut trits = [0; 3];
    /// ternarize::Ternarizer::new().ternarize_into(&[0.3_f32, -0.4, 0.0], &mut trits)?;
    /// assert_eq!(trits, [1, -1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rule: Rule::Tnt,
            scales: Scales::Two,
            min_nonzeros: 0,
            max_nonzeros: usize::MAX,
            target_cosine: None,
            importance: None,
            search: Search::Auto,
            backend: None,
        }
    }

    /// Sets the rule. The default is [`Rule::Tnt`].
    ///
    /// ```
    /// use ternarize::{Rule, Ternarizer};
    /// let mut trits = [0; 3];
    /// Ternarizer::new().rule(Rule::AbsMax).ternarize_into(&[1.0_f32, 0.5, 0.4], &mut trits)?;
    /// assert_eq!(trits, [1, 1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn rule(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// Sets how many scales to return. The default is [`Scales::Two`].
    ///
    /// [`Rule::AbsMean`] and [`Rule::AbsMax`] prescribe one scale, whatever is set here. [`Rule::TwoScale`] with [`Scales::One`] is an
    /// [`Error::Conflict`]: with one scale, [`Rule::Tnt`] is the optimum.
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
    pub const fn scales(mut self, scales: Scales) -> Self {
        self.scales = scales;
        self
    }

    /// Sets the number of non-zeros. The weights of the largest magnitudes are selected, of equal magnitudes the first in order. If fewer
    /// weights are different from zero, all of these are selected.
    ///
    /// Supported for [`Rule::Tnt`] without importances; other combinations are an [`Error::Conflict`].
    ///
    /// ```
    /// let mut trits = [0; 3];
    /// let one = ternarize::Ternarizer::new().nonzeros(1);
    /// one.ternarize_into(&[0.3_f32, -0.4, 0.4], &mut trits)?;
    /// assert_eq!(trits, [0, -1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn nonzeros(mut self, count: usize) -> Self {
        self.min_nonzeros = count;
        self.max_nonzeros = count;
        self
    }

    /// Sets the smallest number of non-zeros. If fewer weights are different from zero, all of these are selected.
    ///
    /// Use it where a large outlier makes a single non-zero the optimum. Supported in the same combinations as
    /// [`nonzeros`](Self::nonzeros).
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
    pub const fn min_nonzeros(mut self, count: usize) -> Self {
        self.min_nonzeros = count;
        self
    }

    /// Sets the largest number of non-zeros. Supported in the same combinations as [`nonzeros`](Self::nonzeros).
    ///
    /// ```
    /// let mut trits = [0; 3];
    /// let sparse = ternarize::Ternarizer::new().max_nonzeros(2);
    /// assert_eq!(sparse.ternarize_into(&[1.0_f32, 1.0, 1.0], &mut trits)?.nonzeros, 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn max_nonzeros(mut self, count: usize) -> Self {
        self.max_nonzeros = count;
        self
    }

    /// Asks for the sparsest ternary vector whose cosine with the weights is at least `target`, which is in `(0, 1]`.
    ///
    /// Only the numbers of non-zeros that the other options allow are considered. The target counts as reached if the cosine is within
    /// a relative 2^-48 of it. If no vector reaches it, [`Error::TargetUnreachable`] states the largest cosine. Supported in the
    /// same combinations as [`nonzeros`](Self::nonzeros).
    ///
    /// ```
    /// use ternarize::{Error, Ternarizer};
    /// let mut trits = [0; 3];
    /// let strict = Ternarizer::new().target_cosine(0.999);
    /// let error = strict.ternarize_into(&[3.0_f32, 2.0, 1.0], &mut trits).unwrap_err();
    /// assert!(matches!(error, Error::TargetUnreachable { best, .. } if best < 0.95));
    /// ```
    #[must_use]
    pub const fn target_cosine(mut self, target: f64) -> Self {
        self.target_cosine = Some(target);
        self
    }

    /// Minimises `sum h_i (w_i - w'_i)^2` with these importances `h`: one for each weight, finite and not negative.
    ///
    /// Supported for [`Rule::Tnt`] and [`Rule::TwoScale`]; the result is exact. A weight of importance 0 gets the trit 0. If all
    /// importances are 0, all trits, scales and errors are 0.
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
    pub const fn importance(mut self, importance: &'a [f32]) -> Self {
        self.importance = Some(importance);
        self
    }

    /// Sets how the optimum is searched. All searches give the same bits; the default is [`Search::Auto`].
    ///
    /// ```
    /// use ternarize::{Search, Ternarizer};
    /// let mut trits = [0; 2];
    /// Ternarizer::new().search(Search::Auto).ternarize_into(&[1.0_f32, 0.1], &mut trits)?;
    /// assert_eq!(trits, [1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn search(mut self, search: Search) -> Self {
        self.search = search;
        self
    }

    /// Sets the instruction set. All backends give the same bits; the default is the fastest that the processor has.
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
    pub const fn backend(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// The instruction set to use.
    pub(crate) fn instructions(&self) -> Backend {
        self.backend.unwrap_or_else(Backend::detect)
    }

    /// Writes a trit for each weight; returns the scales and the error metrics. Needs no heap.
    ///
    /// With the feature `rayon`, slices of more than 65,536 weights are divided between the threads of its pool.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`]; [`Error::LengthMismatch`] if `trits` or the importances are not as long as `weights`;
    /// [`Error::InvalidValue`] with the index of a weight that is not finite, or of an importance that is not finite or negative;
    /// [`Error::TooMany`] beyond 2^48 `f64` weights; [`Error::InvalidOption`] for a target cosine that is not in `(0, 1]`;
    /// [`Error::TargetUnreachable`]; [`Error::Conflict`] for options that exclude each other. After an error `trits` is unchanged.
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
    #[inline]
    pub fn ternarize_into<W: Weight>(
        &self,
        weights: &[W],
        trits: &mut [i8],
    ) -> Result<Fit<W>, Error> {
        W::ternarize_into(self, weights, trits, PRIVATE)
    }

    /// Returns the trits, the scales and the error metrics.
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
    #[inline]
    pub fn ternarize<W: Weight>(
        &self,
        weights: &[W],
    ) -> Result<(alloc::vec::Vec<i8>, Fit<W>), Error> {
        let mut trits = alloc::vec![0; weights.len()];
        let fit = self.ternarize_into(weights, &mut trits)?;
        Ok((trits, fit))
    }
}

/// Ternarizes a slice as the paper does: returns the trits, `lambda_p` and `lambda_n`.
///
/// The trits are the ternary vector of the largest cosine with the weights. `lambda_p` is the mean of the weights whose trit
/// is +1, `lambda_n` the mean magnitude of those whose trit is -1. [`Ternarizer::ternarize`] also returns the error metrics.
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
#[inline]
pub fn ternarize<W: Weight>(weights: &[W]) -> Result<(alloc::vec::Vec<i8>, W, W), Error> {
    let mut trits = alloc::vec![0; weights.len()];
    let fit = W::ternarize_into(&Ternarizer::new(), weights, &mut trits, PRIVATE)?;
    Ok((trits, fit.lambda_p, fit.lambda_n))
}

/// Ternarizes a slice as the paper does and writes the trits to a slice. Needs no heap.
///
/// # Errors
///
/// As [`ternarize`](fn@crate::ternarize), and [`Error::LengthMismatch`] if `trits` is not as long as `weights`.
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
#[inline]
pub fn ternarize_into<W: Weight>(weights: &[W], trits: &mut [i8]) -> Result<Fit<W>, Error> {
    Ternarizer::new().ternarize_into(weights, trits)
}

/// Ternarizes a slice as the paper does; returns the trits in a vector of fixed capacity. Needs no heap.
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
#[inline]
pub fn ternarize_heapless<W: Weight, const N: usize>(
    weights: &[W],
) -> Result<(heapless::Vec<i8, N>, W, W), Error> {
    let mut trits = heapless::Vec::new();
    let len = weights.len();
    let resized = trits.resize(len, 0);
    resized.map_err(|_| Error::too_many(Operand::Element, len, N))?;
    let fit = ternarize_into(weights, &mut trits)?;
    Ok((trits, fit.lambda_p, fit.lambda_n))
}
