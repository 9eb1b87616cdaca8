//! The rules, which decide the weights that are selected: the exact ones, and the baselines they are compared with.
//!
//! | rule | a weight is selected if | scale |
//! |---|---|---|
//! | [`Rule::Tnt`] | it is in the support of largest cosine | projection |
//! | [`Rule::TwoScale`] | it is in the best support of its own sign | projection of each sign |
//! | [`Rule::Twn`] | its magnitude is above `0.7 mean` | projection |
//! | [`Rule::AbsMean`] | its magnitude is above `mean / 2` | `mean` |
//! | [`Rule::AbsMax`] | its magnitude is at least `max / 2` | `max` |
//!
//! `mean` and `max` are those of all magnitudes. The baselines are evaluated exactly too (means are cut to a grid of 128
//! bits, the same for any order of the weights), so that a comparison compares the rules and not their rounding.
//!
//! Sources: TNT, arXiv 1912.09236; TWN, arXiv 1605.04711, section 2.3; BitNet b1.58, arXiv 2402.17764, section 2; ggml's
//! `TQ1_0` and `TQ2_0` writers round `w / max`.

use core::fmt;

use crate::optimum::objective::{GridObjective, Objective};
use crate::weight::FloatBits;

/// Which weights become 0, and which scale the others get.
///
/// # Examples
///
/// ```
/// use ternarize::{Rule, Ternarizer};
///
/// let weights = [0.5_f32, -0.6, 0.1, 0.05, -0.2, 0.2, 0.0];
/// let mut trits = [0; 7];
/// let tnt = Ternarizer::new().rule(Rule::Tnt).ternarize_into(&weights, &mut trits)?;
/// let absmax = Ternarizer::new().rule(Rule::AbsMax).ternarize_into(&weights, &mut trits)?;
/// assert!(tnt.cosine >= absmax.cosine);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The paper: the ternary vector of largest cosine, one support for both scales. Exact.
    #[default]
    Tnt,
    /// The least squared error with two scales: each sign has its own support. Exact, and never worse than `Tnt`.
    TwoScale,
    /// Ternary Weight Networks: threshold `0.7 mean|w|`, least-squares scale. A baseline.
    Twn,
    /// BitNet b1.58: round `w / mean|w|` to the nearest trit (ties to zero), scale `mean|w|`. A baseline.
    AbsMean,
    /// Round `w / max|w|` to the nearest trit (ties away from zero), scale `max|w|`. A baseline.
    AbsMax,
}

impl Rule {
    /// All rules, the exact ones first.
    pub const ALL: [Self; 5] = [
        Self::Tnt,
        Self::TwoScale,
        Self::Twn,
        Self::AbsMean,
        Self::AbsMax,
    ];

    /// The rule's name as written in files and on command lines.
    ///
    /// ```
    /// assert_eq!(ternarize::Rule::TwoScale.name(), "two-scale");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tnt => "tnt",
            Self::TwoScale => "two-scale",
            Self::Twn => "twn",
            Self::AbsMean => "absmean",
            Self::AbsMax => "absmax",
        }
    }

    /// Whether the rule says what the scale is; else the scales are projections.
    ///
    /// ```
    /// assert!(ternarize::Rule::AbsMax.prescribes_scale() && !ternarize::Rule::Tnt.prescribes_scale());
    /// ```
    #[must_use]
    pub const fn prescribes_scale(self) -> bool {
        matches!(self, Self::AbsMean | Self::AbsMax)
    }

    /// The rule of this name.
    ///
    /// ```
    /// use ternarize::Rule;
    /// assert_eq!(Rule::from_name("tnt"), Some(Rule::Tnt));
    /// assert_eq!(Rule::from_name("nearest"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One scale for both signs, or one for each.
///
/// # Examples
///
/// ```
/// use ternarize::{Scales, Ternarizer};
///
/// let weights = [1.0_f32, 0.8, -0.6, 0.1];
/// let mut trits = [0; 4];
/// let one = Ternarizer::new().scales(Scales::One).ternarize_into(&weights, &mut trits)?;
/// assert_eq!((one.lambda_p, one.lambda_n), (0.8, 0.8));
/// let two = Ternarizer::new().scales(Scales::Two).ternarize_into(&weights, &mut trits)?;
/// assert_eq!((two.lambda_p, two.lambda_n), (0.9, 0.6));
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scales {
    /// `lambda_p = lambda_n = lambda`.
    One,
    /// The mean of the selected positive weights, and the mean magnitude of the selected negative ones.
    #[default]
    Two,
}

/// What a baseline prescribes: a threshold, and a scale unless it is the projection. An exact rule prescribes nothing, which is that
/// nothing is selected. Needs the objective [`GridObjective::with_all`].
pub(crate) fn prescribe<W: FloatBits>(
    rule: Rule,
    plain: &GridObjective<'_, W>,
) -> (u64, Option<W>) {
    let (grid, count) = (plain.grid(), plain.len() as u64);
    match rule {
        Rule::Tnt | Rule::TwoScale => (plain.top(), None),
        Rule::Twn => {
            let threshold = grid.divide(7 * plain.total(), 10 * count);
            (threshold.floor_key(W::PRECISION), None)
        }
        Rule::AbsMean => {
            let mean = grid.divide(plain.total(), count);
            let scale = W::from_key(mean.nearest_key(W::PRECISION));
            (mean.half().floor_key(W::PRECISION), Some(scale))
        }
        Rule::AbsMax => {
            // Below max/2, not at it: one unit of the grid less than the maximum, then halved and cut.
            let below = grid.place(plain.top()).saturating_sub(1);
            let threshold = grid.divide(below, 2).floor_key(W::PRECISION);
            (threshold, Some(W::from_key(plain.top())))
        }
    }
}
