//! [`Codebook`]: the levels a weight may take, as combinations of its group's scales.
//!
//! A *pattern* is one coefficient for each scale of the group, and its level is `sum coefficient scale`. So one code serves all:
//!
//! ```text
//! one scale     (0) (1) (-1)
//! two scales    (0, 0) (1, 0) (0, -1)                      the scales are lambda_p and lambda_n
//! K planes      all of {-1, 0, 1}^K
//! ```
//!
//! Patterns are numbered by the number of their non-zeros, then in the order +1, -1, 0 plane by plane. Of levels that are equally
//! good, the one of the smaller number is taken.

use alloc::vec::Vec;

use crate::quantize::planes::MAX_PLANES;

/// Which levels the weights of a group may take.
///
/// # Examples
///
/// ```
/// use ternarize::gram::Codebook;
///
/// assert_eq!(Codebook::TwoScales.scales(), 2);
/// assert_eq!((Codebook::Planes(3).planes(), Codebook::Planes(3).scales()), (3, 3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codebook {
    /// `-lambda`, 0 and `lambda`.
    #[default]
    OneScale,
    /// `-lambda_n`, 0 and `lambda_p`, neither scale below 0.
    TwoScales,
    /// Sums of this many ternary planes, 1 to 4, each with a scale of its own.
    Planes(u8),
}

impl Codebook {
    /// The number of trits that a weight takes.
    #[must_use]
    pub const fn planes(self) -> usize {
        match self {
            Self::OneScale | Self::TwoScales => 1,
            Self::Planes(planes) => planes as usize,
        }
    }

    /// The number of scales of a group.
    #[must_use]
    pub const fn scales(self) -> usize {
        match self {
            Self::TwoScales => 2,
            Self::OneScale | Self::Planes(_) => self.planes(),
        }
    }
}

/// What a method decides for a row: a pattern for each weight, and the scales, group after group.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub patterns: Vec<usize>,
    pub scales: Vec<f64>,
}

impl Choice {
    /// The level of each weight.
    pub(super) fn levels(&self, patterns: &Patterns, group: usize) -> Vec<f64> {
        let mut levels = Vec::new();
        let mut values = Vec::with_capacity(self.patterns.len());
        let groups = self.patterns.chunks(group);
        for (chosen, scales) in groups.zip(self.scales.chunks(patterns.scales())) {
            patterns.levels(scales, &mut levels);
            values.extend(chosen.iter().map(|&pattern| levels[pattern]));
        }
        values
    }
}

/// The patterns of a codebook.
pub(super) struct Patterns {
    codebook: Codebook,
    /// For each pattern its coefficients; those beyond the scales are 0.
    coefficients: Vec<[i8; MAX_PLANES]>,
}

impl Patterns {
    pub(super) fn new(codebook: Codebook) -> Self {
        let coefficients = match codebook {
            Codebook::TwoScales => [[0; 4], [1, 0, 0, 0], [0, -1, 0, 0]].to_vec(),
            Codebook::OneScale | Codebook::Planes(_) => all(codebook.planes()),
        };
        Self {
            codebook,
            coefficients,
        }
    }

    /// The number of scales of a group.
    pub(super) const fn scales(&self) -> usize {
        self.codebook.scales()
    }

    pub(super) const fn planes(&self) -> usize {
        self.codebook.planes()
    }

    /// Whether a scale may be negative: then its trits can take the sign.
    pub(super) const fn signed(&self) -> bool {
        !matches!(self.codebook, Codebook::TwoScales)
    }

    pub(super) const fn codebook(&self) -> Codebook {
        self.codebook
    }

    /// The coefficient of a scale in a pattern.
    pub(super) fn coefficient(&self, pattern: usize, scale: usize) -> i8 {
        self.coefficients[pattern][scale]
    }

    /// The number of patterns.
    pub(super) const fn count(&self) -> usize {
        self.coefficients.len()
    }

    /// How the first two coefficients change between patterns.
    pub(super) fn step(&self, from: usize, to: usize) -> [f64; 2] {
        let (from, to) = (&self.coefficients[from], &self.coefficients[to]);
        [f64::from(to[0] - from[0]), f64::from(to[1] - from[1])]
    }

    /// The trit of a plane in a pattern.
    pub(super) fn trit(&self, pattern: usize, plane: usize) -> i8 {
        let coefficients = &self.coefficients[pattern];
        if self.signed() {
            coefficients[plane]
        } else {
            coefficients[0] + coefficients[1]
        }
    }

    /// The level of each pattern, for the scales of a group.
    pub(super) fn levels(&self, scales: &[f64], levels: &mut Vec<f64>) {
        levels.clear();
        levels.extend(self.coefficients.iter().map(|coefficients| {
            let terms = coefficients.iter().zip(scales);
            terms.map(|(&c, scale)| f64::from(c) * scale).sum::<f64>()
        }));
    }

    /// The pattern of these coefficients; that of zeros if there is none.
    pub(super) fn find(&self, coefficients: [i8; MAX_PLANES]) -> usize {
        let number = self.coefficients.iter().position(|c| *c == coefficients);
        number.unwrap_or(0)
    }

    /// The same pattern with one coefficient replaced by its product with `sign`: -1, or 0 to drop it.
    pub(super) fn turned(&self, pattern: usize, scale: usize, sign: i8) -> usize {
        let mut coefficients = self.coefficients[pattern];
        coefficients[scale] *= sign;
        self.find(coefficients)
    }
}

/// The level nearest to a value, the first of several.
pub(super) fn nearest(levels: &[f64], value: f64) -> usize {
    let mut best = (f64::INFINITY, 0);
    for (number, level) in levels.iter().enumerate() {
        let distance = (level - value).abs();
        if distance < best.0 {
            best = (distance, number);
        }
    }
    best.1
}

/// All of {-1, 0, 1}^K, in the order of the patterns.
fn all(planes: usize) -> Vec<[i8; MAX_PLANES]> {
    let count = (0..planes).fold(1, |count, _| 3 * count);
    let digits = |number: usize| {
        let mut rest = number;
        core::array::from_fn(|_| {
            let digit = rest % 3;
            rest /= 3;
            [0, 1, -1][digit]
        })
    };
    let mut patterns: Vec<[i8; MAX_PLANES]> = (0..count).map(digits).collect();
    patterns.sort_by_key(|pattern| {
        let nonzeros = pattern.iter().filter(|&&c| c != 0).count();
        (
            nonzeros,
            pattern.map(|c| [2, 0, 1][c.unsigned_abs() as usize * (1 + usize::from(c < 0))]),
        )
    });
    patterns
}
