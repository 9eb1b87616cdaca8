//! Multi-plane quantization: a group of weights as a sum of ternary vectors, each with a scale of its own.
//!
//! What one ternary vector leaves over, a second one can approximate, and so on. Planes that are found one after the other are each
//! the best for what the planes before it left. Planes that are found together do better, because the levels `a + b`, `a`, `a - b`,
//! `b` and 0 need not be those that suit the first plane alone.
//!
//! ```text
//! w ~ sum_k lambda_k t_k,   k = 1..K           at most 3^K levels per weight, for K * 1.6 bits and K scales per group
//!
//! greedy:    r = w;  K times:  (lambda_k, t_k) = the best ternary vector for r;  r = r - lambda_k t_k
//! refined:   from several starts, until nothing changes:
//!               scales fixed:  each weight takes the nearest level
//!               trits fixed:   scales from K linear equations (least squares)
//!            keep the best, greedy among them
//! optimal:   K = 2: all assignments of weights to nearest levels, for all pairs of scales
//! ```
//!
//! The levels are symmetric about 0, so the search works on magnitudes and on levels that are not negative. Sorted magnitudes take
//! sorted levels in order. A group is sorted once; after that a step needs the positions of a few thresholds and differences of
//! running sums, so it costs `O(3^K log N)` instead of `O(N)`, and many starts are cheap.
//!
//! Signal-to-error ratio in dB for groups of 128 or 32 normal weights, in brackets Laplace weights:
//!
//! | planes | greedy, 128 | refined, 128 | greedy, 32 | refined, 32 |
//! |---|---|---|---|---|
//! | 2 | 13.9 (11.3) | 15.9 (14.2) | 14.4 (12.8) | 17.2 (16.0) |
//! | 3 | 18.1 (15.7) | 25.9 (24.3) | 20.0 (18.5) | 28.3 (27.3) |
//! | 4 | 23.4 (21.9) | 35.4 (34.1) | 26.6 (25.5) | 38.2 (37.5) |
//!
//! Scales are rounded to a [`ScaleType`], and the trits are chosen again for the rounded scales. Of the rounded neighbours of each
//! scale, the combination with the smallest error is kept.
//!
//! Sources: residual planes: Ghasemzadeh, Samragh, Koushanfar, *`ReBNet`* (2018), for binary ones; alternation: Xu et al.,
//! *Alternating Multi-bit Quantization*, arXiv 1802.00150, section 3; two ternary planes: *PTQTP*, arXiv 2509.16989.

mod group;
mod levels;
mod pair;
mod refine;
mod rounded;
mod system;

use super::RowFit;
use crate::error::{Error, Operand};
use crate::optimum::weight::{PRIVATE, TypedSlice, Weight};
use crate::{ScaleType, Scales};
use group::WeightGroup;

/// The largest number of planes.
pub const MAX_PLANES: usize = crate::scale::MAX_PLANES;

/// The number of levels of so many planes that are not negative: half of `3^planes`, rounded up.
pub(super) const fn most_levels(planes: usize) -> usize {
    [1, 2, 5, 14, 41][planes]
}

/// How the planes of a group are found.
///
/// ```
/// use ternarize::quantize::planes::{PlaneMethod, Planes};
///
/// let weights = [0.9_f32, -0.8, 0.4, -0.3, 0.3, 0.2, -0.1, 0.05];
/// let error = |method| Planes::new(2).method(method).ternarize(&weights).map(|fit| fit.relative_error());
/// assert!(error(PlaneMethod::Refined)? < error(PlaneMethod::Greedy)?);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlaneMethod {
    /// One plane after the other, each the exact optimum for what the planes before it left.
    Greedy,
    /// All planes together, by alternation from several starts. Never worse than `Greedy`.
    #[default]
    Refined,
    /// The two planes with the least squared error over all trits and all scales, before the scales are rounded to their type.
    /// Supported for two planes and groups of at most 256 weights. Never worse than `Refined`. The squared error is within 2^-36 of
    /// `|w|^2` of the optimum; for weights of at most 32 bits within 2^-42.
    Optimal,
}

/// Options for multi-plane quantization: the number of planes, the method and the scale type.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::planes::Planes;
///
/// let weights = [1.25_f32, -0.25, 1.0, 0.0, -1.25, 0.75];
/// let fit = Planes::new(2).ternarize(&weights)?;
/// assert_eq!(fit.scales, [1.0, 0.25]);
/// assert_eq!(fit.plane(0), [1, 0, 1, 0, -1, 1]);
/// assert_eq!(fit.plane(1), [1, -1, 0, 0, -1, -1]);
/// assert_eq!(fit.relative_error(), 0.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planes {
    pub(crate) count: usize,
    pub(crate) method: PlaneMethod,
    pub(crate) scale_type: ScaleType,
    pub(crate) scales: Scales,
}

impl Planes {
    /// Options for so many planes, from 1 to [`MAX_PLANES`], with [`PlaneMethod::Refined`] and [`ScaleType::F32`]. Another number is
    /// an error when the options are used.
    ///
    /// ```
    /// use ternarize::{Error, Operand, quantize::planes::Planes};
    /// let error = Planes::new(5).ternarize(&[1.0_f32]).unwrap_err();
    /// assert_eq!(error, Error::TooMany { what: Operand::Plane, given: 5, max: 4 });
    /// ```
    #[must_use]
    pub const fn new(planes: usize) -> Self {
        Self {
            count: planes,
            method: PlaneMethod::Refined,
            scale_type: ScaleType::F32,
            scales: Scales::One,
        }
    }

    /// Sets how the planes are found. Default: [`PlaneMethod::Refined`].
    ///
    /// ```
    /// use ternarize::quantize::planes::{PlaneMethod, Planes};
    /// let fit = Planes::new(1).method(PlaneMethod::Greedy).ternarize(&[0.5_f32, -0.5, 0.1])?;
    /// assert_eq!(fit.trits, [1, -1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn method(self, method: PlaneMethod) -> Self {
        Self { method, ..self }
    }

    /// Sets the type of the scales. Default: [`ScaleType::F32`].
    ///
    /// ```
    /// use ternarize::{ScaleType, quantize::planes::Planes};
    /// let shifts = Planes::new(2).scale_type(ScaleType::PowerOfTwo);
    /// let fit = shifts.ternarize(&[0.8_f32, -0.5, 0.2, 0.3])?;
    /// assert_eq!(fit.scales, [0.5, 0.25]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn scale_type(self, scale_type: ScaleType) -> Self {
        Self { scale_type, ..self }
    }

    /// Sets whether each sign has a scale of its own, which is supported for one plane. The trits and both scales are then the optimum
    /// together, as by [`Rule::TwoScale`](crate::Rule::TwoScale). Default: [`Scales::One`].
    ///
    /// ```
    /// use ternarize::{Scales, ScaleType, quantize::planes::Planes};
    /// let two = Planes::new(1).scales(Scales::Two).scale_type(ScaleType::F16);
    /// assert_eq!(two.ternarize(&[1.0_f32, -0.25, 1.0, 0.0])?.scales, [1.0, 0.25]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn scales(self, scales: Scales) -> Self {
        Self { scales, ..self }
    }

    /// Ternarizes one group of weights.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`]; [`Error::InvalidValue`] with the index; [`Error::TooMany`]; [`Error::TooMany`] beyond 2^48 weights. For
    /// [`PlaneMethod::Optimal`] also [`Error::Conflict`] with more than two planes and [`Error::TooMany`] beyond 256 weights.
    /// [`Error::Conflict`] for a scale of each sign with more than one plane.
    /// [`Error::Unstorable`] with the index 0 if a scale is beyond the largest value of its type, or if the weights are not all 0 but so
    /// small that all scales become 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::planes::Planes;
    ///
    /// let weights = [0.3_f32, -0.8, 0.5, 0.1, -0.2, 0.9];
    /// let errors = (1..=3).map(|k| Ok(Planes::new(k).ternarize(&weights)?.relative_error()));
    /// let errors: Vec<f64> = errors.collect::<Result<_, ternarize::Error>>()?;
    /// assert!(errors[0] > errors[1] && errors[1] > errors[2]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize<W: Weight>(&self, weights: &[W]) -> Result<RowFit, Error> {
        self.ternarize_group(0, W::typed(weights, PRIVATE))
    }

    /// [`ternarize`](Self::ternarize), for errors that name the group.
    pub(crate) fn ternarize_group(
        &self,
        number: usize,
        weights: TypedSlice<'_>,
    ) -> Result<RowFit, Error> {
        let group = WeightGroup::new(weights, self.count, self.scale_type)?;
        self.check(group.sorted.len())?;
        if self.scales == Scales::Two {
            return group.two_scales(number);
        }
        let greedy = group.greedy();
        let fit = match self.method {
            // One plane is exact already.
            _ if self.count == 1 => greedy,
            PlaneMethod::Greedy => greedy,
            PlaneMethod::Refined => refine::planes(&group, greedy),
            PlaneMethod::Optimal => {
                let refined = refine::planes(&group, greedy);
                refine::from(&group, pair::scales(&group), refined)
            }
        };
        group.check(number, &fit).map(|()| fit)
    }

    /// Checks that these options can be applied to so many weights.
    pub(crate) fn check(&self, len: usize) -> Result<(), Error> {
        let too_many = |what, given, max| Err(Error::too_many(what, given, max));
        if self.scales == Scales::Two && self.count > 1 {
            return Err(Error::conflict("a scale for each sign", "several planes"));
        }
        match (self.method, self.count) {
            (_, 1) | (PlaneMethod::Greedy | PlaneMethod::Refined, 2..=MAX_PLANES) => Ok(()),
            (PlaneMethod::Optimal, 2) if len <= pair::MAX_LEN => Ok(()),
            (PlaneMethod::Optimal, 2) => too_many(Operand::Weight, len, pair::MAX_LEN),
            (PlaneMethod::Optimal, 3..=MAX_PLANES) => Err(Error::conflict(
                "the optimal method",
                "more than two planes",
            )),
            (_, planes) => too_many(Operand::Plane, planes, MAX_PLANES),
        }
    }
}
