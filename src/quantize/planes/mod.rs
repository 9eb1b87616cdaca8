//! Residual planes: a group of weights as a sum of a few ternary vectors, each with a scale of its own.
//!
//! What one ternary vector leaves over, a second one can catch, and so on. Taken one after the other, each is the best for what
//! the ones before left; taken together, they can do better, since `a + b`, `a`, `a - b`, `b` and 0 need not be the levels that
//! the first plane had in mind.
//!
//! ```text
//! w ~ sum_k lambda_k t_k,   k = 1..K           at most 3^K levels for a weight, at K * 1.6 bits and K scales for a group
//!
//! greedy:    r = w;  K times:  (lambda_k, t_k) = the best ternary vector for r;  r = r - lambda_k t_k
//! refined:   from several starts, until nothing changes:
//!               scales fixed:  each weight takes the nearest level
//!               trits fixed:   scales from K linear equations (least squares)
//!            keep the best, greedy among them
//! optimal:   K = 2: all assignments of weights to nearest levels, for all pairs of scales
//! ```
//!
//! The levels are symmetric about 0, so magnitudes and levels that are not negative suffice. Sorted magnitudes take sorted levels
//! in order: a group is sorted once, and after that each step needs the places of a few thresholds and the sums in between,
//! which are differences of running sums. So a step costs `O(3^K log N)`, not `O(N)`, and many starts are cheap.
//!
//! Signal to error in dB, for groups of weights with a normal distribution, or (in brackets) a Laplace distribution:
//!
//! | planes | greedy, 128 | refined, 128 | greedy, 32 | refined, 32 |
//! |---|---|---|---|---|
//! | 2 | 13.9 (11.3) | 15.9 (14.2) | 14.4 (12.8) | 17.2 (16.0) |
//! | 3 | 18.1 (15.7) | 25.9 (24.3) | 20.0 (18.5) | 28.3 (27.3) |
//! | 4 | 23.4 (21.9) | 35.4 (34.1) | 26.6 (25.5) | 38.2 (37.5) |
//!
//! Scales are rounded to a [`ScaleType`], and the trits chosen again for the rounded scales; of the rounded neighbours of each
//! scale those are taken that are best together.
//!
//! Sources: residual planes: Ghasemzadeh, Samragh, Koushanfar, *`ReBNet`* (2018), for binary ones; alternation: Xu et al.,
//! *Alternating Multi-bit Quantization*, arXiv 1802.00150, section 3; two ternary planes: *PTQTP*, arXiv 2509.16989.

mod greedy;
mod group;
mod levels;
mod pair;
mod refine;
mod rounded;
mod system;

use alloc::vec::Vec;

use crate::error::{Error, Operand};
use crate::optimum::check::check_weights;
use crate::quantize::scale_type::ScaleType;
use crate::weight::{Format, Weight};
use group::Group;

/// The largest number of planes.
pub const MAX_PLANES: usize = 4;

/// How the planes of a group are found.
///
/// ```
/// use ternarize::planes::{PlaneMethod, Residual};
///
/// let weights = [0.9_f32, -0.8, 0.4, -0.3, 0.3, 0.2, -0.1, 0.05];
/// let error = |method| Residual::new(2).method(method).ternarize(&weights).map(|p| p.relative_error());
/// assert!(error(PlaneMethod::Refined)? < error(PlaneMethod::Greedy)?);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlaneMethod {
    /// Plane after plane, each the exact optimum for what the ones before left.
    Greedy,
    /// All planes together, by alternation from several starts. Never worse than `Greedy`.
    #[default]
    Refined,
    /// Two planes of least squared error over all trits and all scales, before the scales are rounded to their type: for two
    /// planes and groups of at most 256 weights. Never worse than `Refined`. Within 2^-36 of `|w|^2` of the optimum, for
    /// weights of at most 32 bits within 2^-42.
    Optimal,
}

/// How to make planes: their number and the knobs.
///
/// # Examples
///
/// ```
/// use ternarize::planes::Residual;
///
/// let weights = [1.25_f32, -0.25, 1.0, 0.0, -1.25, 0.75];
/// let planes = Residual::new(2).ternarize(&weights)?;
/// assert_eq!(planes.scales(), [1.0, 0.25]);
/// assert_eq!(planes.trits(0), [1, 0, 1, 0, -1, 1]);
/// assert_eq!(planes.trits(1), [1, -1, 0, 0, -1, -1]);
/// assert_eq!(planes.relative_error(), 0.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residual {
    pub(crate) planes: usize,
    pub(crate) method: PlaneMethod,
    pub(crate) scale_type: ScaleType,
}

impl Residual {
    /// So many planes, from 1 to [`MAX_PLANES`]; another number is an error when it is used.
    ///
    /// ```
    /// use ternarize::{Operand, Error, planes::Residual};
    /// let error = Residual::new(5).ternarize(&[1.0_f32]).unwrap_err();
    /// assert_eq!(error, Error::TooMany { what: Operand::Plane, given: 5, max: 4 });
    /// ```
    #[must_use]
    pub const fn new(planes: usize) -> Self {
        Self {
            planes,
            method: PlaneMethod::Refined,
            scale_type: ScaleType::F32,
        }
    }

    /// Sets how they are found; [`PlaneMethod::Refined`] at first.
    ///
    /// ```
    /// use ternarize::planes::{PlaneMethod, Residual};
    /// let planes = Residual::new(1).method(PlaneMethod::Greedy).ternarize(&[0.5_f32, -0.5, 0.1])?;
    /// assert_eq!(planes.trits(0), [1, -1, 0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn method(self, method: PlaneMethod) -> Self {
        Self { method, ..self }
    }

    /// Sets the type of the scales; [`ScaleType::F32`] at first.
    ///
    /// ```
    /// use ternarize::{planes::Residual, scale_type::ScaleType};
    /// let shifts = Residual::new(2).scale_type(ScaleType::PowerOfTwo);
    /// let planes = shifts.ternarize(&[0.8_f32, -0.5, 0.2, 0.3])?;
    /// assert_eq!(planes.scales(), [0.5, 0.25]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn scale_type(self, scale_type: ScaleType) -> Self {
        Self { scale_type, ..self }
    }

    /// Makes the planes of one group of weights.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`]; [`Error::InvalidValue`] with the index; [`Error::TooMany`]; for [`PlaneMethod::Optimal`]
    /// [`Error::Conflict`] with more than two planes and [`Error::TooMany`] beyond 256 weights; else [`Error::TooMany`] beyond 2^48
    /// `f64` weights.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::planes::Residual;
    ///
    /// let weights = [0.3_f32, -0.8, 0.5, 0.1, -0.2, 0.9];
    /// let errors = (1..=3).map(|k| Ok(Residual::new(k).ternarize(&weights)?.relative_error()));
    /// let errors: Vec<f64> = errors.collect::<Result<_, ternarize::Error>>()?;
    /// assert!(errors[0] > errors[1] && errors[1] > errors[2]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize<W: Weight>(&self, weights: &[W]) -> Result<Planes, Error> {
        check_weights(weights)?;
        self.check(weights.len())?;
        let group = Group::new(weights, self.scale_type);
        let greedy = greedy::planes(&group, self.planes);
        let found = match self.method {
            // One plane is exact already.
            _ if self.planes == 1 => greedy,
            PlaneMethod::Greedy => greedy,
            PlaneMethod::Refined => refine::planes(&group, greedy),
            PlaneMethod::Optimal => {
                let refined = refine::planes(&group, greedy);
                refine::from(&group, self.planes, pair::scales(&group), refined)
            }
        };
        Ok(found.with_type(self.scale_type))
    }

    /// Checks that so many weights can be made into so many planes in this way.
    pub(crate) fn check(&self, len: usize) -> Result<(), Error> {
        match (self.method, self.planes) {
            (_, 1) | (PlaneMethod::Greedy | PlaneMethod::Refined, 2..=MAX_PLANES) => Ok(()),
            (PlaneMethod::Optimal, 2) if len <= pair::MAX_LEN => Ok(()),
            (PlaneMethod::Optimal, 2) => Err(Error::TooMany {
                what: Operand::Weight,
                given: len,
                max: pair::MAX_LEN,
            }),
            (PlaneMethod::Optimal, 3..=MAX_PLANES) => Err(Error::Conflict {
                this: "the optimal method",
                that: "more than two planes",
            }),
            (_, planes) => Err(Error::TooMany {
                what: Operand::Plane,
                given: planes,
                max: MAX_PLANES,
            }),
        }
    }
}

/// Some ternary vectors with a scale each: made by [`Residual::ternarize`].
///
/// # Examples
///
/// ```
/// use ternarize::planes::Residual;
///
/// let planes = Residual::new(2).ternarize(&[3.0_f32, -1.0, 2.0, 0.0])?;
/// let mut restored = [0.0_f32; 4];
/// planes.reconstruct_into(&mut restored)?;
/// assert_eq!(restored, [3.0, -1.0, 2.0, 0.0]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Planes {
    /// Plane after plane.
    trits: Vec<i8>,
    scales: Vec<f64>,
    len: usize,
    scale_type: ScaleType,
    relative_error: f64,
}

impl Planes {
    /// The number of planes.
    ///
    /// ```
    /// # use ternarize::planes::Residual;
    /// assert_eq!(Residual::new(3).ternarize(&[1.0_f32])?.planes(), 3);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn planes(&self) -> usize {
        self.scales.len()
    }

    /// The number of weights.
    ///
    /// ```
    /// # use ternarize::planes::Residual;
    /// assert_eq!(Residual::new(3).ternarize(&[1.0_f32, 2.0])?.len(), 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is at least one weight")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The trits of a plane, counted from 0; none of a plane that does not exist.
    ///
    /// ```
    /// # use ternarize::planes::Residual;
    /// let planes = Residual::new(1).ternarize(&[1.0_f32, -1.0])?;
    /// assert_eq!(planes.trits(0), [1, -1]);
    /// assert!(planes.trits(1).is_empty());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn trits(&self, plane: usize) -> &[i8] {
        self.trits
            .chunks_exact(self.len)
            .nth(plane)
            .unwrap_or_default()
    }

    /// The scale of each plane, a value of the [scale type](Self::scale_type). A plane with nothing to say has the scale 0 and no
    /// trit but 0.
    ///
    /// ```
    /// # use ternarize::planes::Residual;
    /// let planes = Residual::new(2).ternarize(&[1.0_f32, -1.0])?;
    /// assert_eq!(planes.scales(), [1.0, 0.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn scales(&self) -> &[f64] {
        &self.scales
    }

    /// The type of the scales.
    ///
    /// ```
    /// # use ternarize::{planes::Residual, scale_type::ScaleType};
    /// assert_eq!(Residual::new(2).ternarize(&[1.0_f32])?.scale_type(), ScaleType::F32);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn scale_type(&self) -> ScaleType {
        self.scale_type
    }

    /// `|w - w'|^2 / |w|^2` with `w' = sum_k lambda_k t_k`, not rounded to a type of weights; 0 if all weights are 0.
    ///
    /// ```
    /// # use ternarize::planes::Residual;
    /// let planes = Residual::new(1).ternarize(&[3.0_f32, 4.0])?;
    /// assert_eq!(planes.relative_error(), 0.02);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn relative_error(&self) -> f64 {
        self.relative_error
    }

    /// Writes the restored weights: `sum_k lambda_k t_k`, added in `f64` from the first plane to the last, then rounded once.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `weights` is not as long as the planes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::planes::Residual;
    /// let mut restored = [0.0_f64; 2];
    /// Residual::new(2).ternarize(&[0.75_f64, -0.5])?.reconstruct_into(&mut restored)?;
    /// assert_eq!(restored, [0.75, -0.5]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn reconstruct_into<W: Weight>(&self, weights: &mut [W]) -> Result<(), Error> {
        if weights.len() != self.len {
            return Err(Error::LengthMismatch {
                expected: self.len,
                actual: weights.len(),
            });
        }
        for (i, weight) in weights.iter_mut().enumerate() {
            let places = self.trits.iter().skip(i).step_by(self.len);
            let value = self
                .scales
                .iter()
                .zip(places)
                .fold(0.0, |sum, (scale, &trit)| sum + scale * f64::from(trit));
            *weight = <W as Format>::narrow(value)
                .min(W::max_value())
                .max(W::min_value());
        }
        Ok(())
    }
}
