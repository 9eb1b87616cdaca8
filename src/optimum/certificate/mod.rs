//! [`Certificate`]: why an answer is optimal, in a form that anyone can check without a search.
//!
//! # The idea
//!
//! A ternary vector is worth what it takes off the squared error. Fix a half scale `tau`; then each weight adds at most
//! `4 tau (|w| - tau)`, if that is positive, whatever the vector. So all vectors together lie below one curve, and that curve below
//! the chords between a few of its points. A certificate is a list of thresholds with what lies above each; where every chord
//! stays below the answer's score, nothing beats the answer. No threshold in between needs to be looked at.
//!
//! # The theorem
//!
//! Importances `h` are 1 if there are none; weights of importance 0 aside. For a support with mass `m = sum h`, sum
//! `S = sum h |w|` and half scale `tau = S / 2m`
//!
//! ```text
//! score = S^2 / m = 4 tau (S - m tau) = 4 tau sum over the support of h (|w| - tau)
//!                                    <= 4 tau B(tau),        B(tau) = sum over all weights of h (|w| - tau)+         (1)
//! ```
//!
//! and signs other than those of the weights only make it less. `B` is convex. Let `t_0 = 0 < t_1 < ... < t_k` be thresholds, above
//! the last of which there is nothing, and `m_i`, `S_i` mass and sum of the weights above `t_i`, so that `B(t_i) = S_i - m_i t_i`.
//! From `t_i` to `t_{i+1}` the curve `B` lies below its chord `a - b tau`, and by (1) every score with a half scale there is at most
//!
//! ```text
//! max 4 tau (a - b tau) = a^2 / b,      b = (B(t_i) - B(t_{i+1})) / (t_{i+1} - t_i),    a = B(t_i) + b t_i           (2)
//! ```
//!
//! (In terms of counts and sums this is fact 3 of the search: `a^2 / b` is the score where the two tangents to `S(m)` meet.)
//!
//! **Theorem.** Let the support above `t_j`, not empty, have the score `S*^2 / m*`. If `a^2 / b <= S*^2 / m*` in every interval, and
//! not equal in those above `t_{j+1}`, then it is an optimum, and every other optimum has more non-zeros.
//!
//! *Proof.* By (1) and (2) no score is larger. Let a support `T` have the same score, so with its half scale `tau` all is equal in
//! (1) and (2): `T` takes everything above `tau` and nothing below. It has nothing **at** `tau` either: without that it would have
//! the same `S - m tau` and a larger half scale, so a larger score. So `T` is `{|w| > tau}`, but for weights of importance 0, of which
//! a smallest optimum has none. As (2) is equal, `tau < t_{j+1}`. If `tau < t_j`, then `T` contains the support above `t_j`. Else `B`
//! touches its chord inside the interval, and being convex lies on all of it: no weight lies strictly inside, and `T` is the support
//! above `t_j`. ∎
//!
//! Such a certificate always exists: with every magnitude a threshold, `B` is its own chords, and `a^2 / b = S_i^2 / m_i`. And it is
//! short: far from the optimum long intervals are excluded at once, towards it they shrink like a geometric series. See [`make`]
//! for how it is found and [`check`] for how it is verified.
//!
//! The two-scale rule has two supports, each the optimum of its sign: two lists. Where nothing can be selected the list is the
//! threshold 0 with nothing above it.

mod check;
pub(super) mod make;
mod refusal;

use alloc::vec::Vec;
use core::fmt;
use core::slice;

pub use refusal::Refusal;

use crate::exact::limbs::{bit_length, to_f64};
use crate::optimum::fit::Fit;
use crate::optimum::weight::{PRIVATE, Weight};
use crate::weight::scale_by_power;

/// Why an answer of [`Rule::Tnt`](crate::Rule::Tnt) or [`Rule::TwoScale`](crate::Rule::TwoScale) is the optimum:
/// [made](crate::Ternarizer::certify) with it, [checked](Self::check) without any search.
///
/// All fields are public. Nobody has to trust them, because the checker adds every sum again. Let `m` be the mass and `S` the sum above a threshold `tau`, and `B = S - m tau`. The support above the step
/// `best` is the optimum, with `m*` and `S*`, if for all neighbours `p`, `q` among the steps
///
/// ```text
/// (B_p tau_q - B_q tau_p)^2 m*  <=  (B_p - B_q) (tau_q - tau_p) S*^2         and not equal where p is above the step best
/// ```
///
/// because no ternary vector with half its scale between `tau_p` and `tau_q` scores more than what this says. A certificate has a
/// dozen or two steps for ordinary weights, even for a million of them. Where nearly all candidates have the same score, it has one step for
/// each magnitude.
///
/// # Examples
///
/// ```
/// let weights = [0.9_f32, -0.8, 0.1, 0.7, -0.05];
/// let (trits, fit, certificate) = ternarize::Ternarizer::new().certify(&weights)?;
/// assert_eq!(certificate.check(&weights, None, &trits, &fit), Ok(()));
/// println!("{certificate}");
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Certificate<W> {
    /// One support for both signs: [`Rule::Tnt`](crate::Rule::Tnt).
    Joint(Ladder<W>),
    /// One for the positive weights and one for the negative ones: [`Rule::TwoScale`](crate::Rule::TwoScale).
    BySign([Ladder<W>; 2]),
}

/// Thresholds from 0 up to one that nothing is above, and which of them is the optimum's.
///
/// # Examples
///
/// ```
/// let (_, _, certificate) = ternarize::Ternarizer::new().certify(&[1.0_f32, -0.9, 0.2])?;
/// let ladder = &certificate.ladders()[0];
/// assert_eq!((ladder.steps[ladder.best].threshold, ladder.steps[ladder.best].count), (0.2, 2));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder<W> {
    /// The thresholds in increasing order.
    pub steps: Vec<Step<W>>,
    /// Index of the step above which the optimum's weights are.
    pub best: usize,
}

/// A threshold, and the exact sums of the weights whose magnitude is above it (and whose importance is not 0).
///
/// Mass and sum are whole numbers in limbs of 64 bits, the least significant first, leading zeros or not. Without importances the
/// mass is the count, and the sum is in units of the smallest subnormal number of the weights' type. With importances
/// the mass is in units of the smallest subnormal `f32`, and the sum in units of the product of both.
///
/// # Examples
///
/// ```
/// let (_, _, certificate) = ternarize::Ternarizer::new().certify(&[1.0_f32, -0.5])?;
/// let first = &certificate.ladders()[0].steps[0];
/// assert_eq!((first.threshold, first.count, &first.mass[..]), (0.0, 2, &[2][..]));
/// // 1.5 = 3 * 2^-1 = 3 * 2^148 * 2^-149, and 148 = 2 * 64 + 20.
/// assert_eq!(first.sum, [0, 0, 3 << 20]);
/// assert_eq!(first.mean(), 0.75);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Step<W> {
    /// The threshold: finite, not negative.
    pub threshold: W,
    /// How many weights are above it.
    pub count: usize,
    /// `sum h` over them.
    pub mass: Vec<u64>,
    /// `sum h|w|` over them.
    pub sum: Vec<u64>,
}

impl<W> Certificate<W> {
    /// The ladder for both signs, or that for the positive and that for the negative weights.
    ///
    /// ```
    /// use ternarize::{Rule, Ternarizer};
    /// let (_, _, certificate) = Ternarizer::new().rule(Rule::TwoScale).certify(&[1.0_f32, -0.5])?;
    /// assert_eq!(certificate.ladders().len(), 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn ladders(&self) -> &[Ladder<W>] {
        match self {
            Self::Joint(ladder) => slice::from_ref(ladder),
            Self::BySign(ladders) => ladders,
        }
    }
}

impl<W: Weight> Certificate<W> {
    /// Whether this proves that `trits` and `fit` are the answer for these weights and importances: of all `3^N` ternary vectors
    /// the best one, of equals the one with the fewest non-zeros, and the scales its projections (one for both signs, or one
    /// for each).
    ///
    /// The maker of the certificate and of the answer need not be trusted: everything is decided in whole
    /// numbers. The error metrics `cosine` and `relative_error` are not checked; `lambda` under
    /// [`Rule::TwoScale`](crate::Rule::TwoScale), which is only informative, may be eight units in the last place off.
    ///
    /// # Errors
    ///
    /// The first [`Refusal`] found.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Refusal, Ternarizer};
    ///
    /// let weights = [0.5_f32, -0.6, 0.1, -0.2, 0.7, 0.0];
    /// let (mut trits, fit, certificate) = Ternarizer::new().certify(&weights)?;
    /// assert_eq!(certificate.check(&weights, None, &trits, &fit), Ok(()));
    /// trits[3] = -1;
    /// assert_eq!(certificate.check(&weights, None, &trits, &fit), Err(Refusal::Trit { index: 3 }));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[inline]
    pub fn check(
        &self,
        weights: &[W],
        importance: Option<&[f32]>,
        trits: &[i8],
        fit: &Fit<W>,
    ) -> Result<(), Refusal> {
        W::check(self, (weights, importance), (trits, fit), PRIVATE)
    }
}

impl<W: Weight> Step<W> {
    /// The mean magnitude above the threshold, rounded: the scale of that support. 0 if nothing is there.
    ///
    /// ```
    /// let (_, _, certificate) = ternarize::Ternarizer::new().certify(&[1.0_f32, -0.5])?;
    /// assert_eq!(certificate.ladders()[0].steps[0].mean(), 0.75);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn mean(&self) -> f64 {
        let [sum, mass] = [&self.sum, &self.mass].map(|limbs| bit_length(limbs) as i32);
        if mass == 0 {
            return 0.0;
        }
        // Both near 1, so that neither overflows.
        let ratio = to_f64(&self.sum, -sum) / to_f64(&self.mass, -mass);
        scale_by_power(ratio, sum - mass + W::least_exponent(PRIVATE))
    }
}

/// A table for people: a line for each threshold, the optimum's with a star.
impl<W: Weight> fmt::Display for Certificate<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: &[&str] = match self {
            Self::Joint(_) => &["all weights"],
            Self::BySign(_) => &["positive weights", "negative weights"],
        };
        for (name, ladder) in names.iter().zip(self.ladders()) {
            write!(f, "{name}:\n{ladder}")?;
        }
        Ok(())
    }
}

impl<W: Weight> fmt::Display for Ladder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  {:>16} {:>12} {:>16}",
            "threshold", "above", "mean / 2"
        )?;
        for (i, step) in self.steps.iter().enumerate() {
            let star = if i == self.best { '*' } else { ' ' };
            let (threshold, above) = (step.threshold.to_value(PRIVATE), step.count);
            let half = step.mean() / 2.0;
            writeln!(f, "{star} {threshold:>16.9e} {above:>12} {half:>16.9e}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    #[test]
    fn the_checker_has_at_most_a_hundred_lines() {
        let lines = include_str!("check.rs").lines().map(str::trim);
        let code = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
        let count = code.count();
        assert!(count <= 100, "{count}");
    }
}
