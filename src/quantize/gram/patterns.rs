//! [`Patterns`]: the combinations of a group's scales that a codebook allows.
//!
//! A *pattern* has one coefficient for each scale of the group; its level is `sum coefficient scale`. So the same code serves all
//! codebooks:
//!
//! ```text
//! one scale     (0) (1) (-1)
//! two scales    (0, 0) (1, 0) (0, -1)                      the scales are lambda_p and lambda_n
//! K planes      all of {-1, 0, 1}^K
//! ```
//!
//! Patterns are ordered by the number of their non-zeros, then by +1, -1, 0 plane by plane. Of equally good levels, the one with the
//! smaller pattern number is taken.

use alloc::vec::Vec;

use crate::quantize::Codebook;
use crate::quantize::planes::{MAX_PLANES, most_levels};

/// The result of a method for a row: a pattern for each weight, and the scales, group after group.
#[derive(Clone, Debug)]
pub(super) struct RowChoice {
    pub patterns: Vec<usize>,
    pub scales: Vec<f64>,
}

impl RowChoice {
    /// The level of each weight.
    pub(super) fn levels(&self, patterns: &Patterns, group: usize) -> Vec<f64> {
        let mut values = Vec::with_capacity(self.patterns.len());
        let groups = self.patterns.chunks(group);
        for (chosen, scales) in groups.zip(self.scales.chunks(patterns.scales())) {
            let levels = patterns.levels(scales);
            values.extend(chosen.iter().map(|&pattern| levels[pattern]));
        }
        values
    }
}

/// The patterns of a codebook.
pub(super) struct Patterns {
    pub codebook: Codebook,
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

    /// Whether a scale may be negative: then its trits take the sign.
    pub(super) const fn signed(&self) -> bool {
        !matches!(self.codebook, Codebook::TwoScales)
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
        [0, 1].map(|c| f64::from(self.coefficient(to, c) - self.coefficient(from, c)))
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
    pub(super) fn levels(&self, scales: &[f64]) -> Vec<f64> {
        let level = |coefficients: &[i8; MAX_PLANES]| {
            let terms = coefficients.iter().zip(scales);
            terms.map(|(&c, scale)| f64::from(c) * scale).sum::<f64>()
        };
        self.coefficients.iter().map(level).collect()
    }

    /// The pattern with these coefficients; pattern 0, all zeros, if there is none.
    pub(super) fn find(&self, coefficients: [i8; MAX_PLANES]) -> usize {
        let number = self.coefficients.iter().position(|c| *c == coefficients);
        number.unwrap_or(0)
    }

    /// The pattern of a trit where there is one plane.
    pub(super) fn of_trit(&self, trit: i8) -> usize {
        match trit {
            -1 if !self.signed() => self.find([0, -1, 0, 0]),
            _ => self.find([trit, 0, 0, 0]),
        }
    }

    /// The same pattern with one coefficient multiplied by `sign`: -1, or 0 to drop it.
    pub(super) fn turned(&self, pattern: usize, scale: usize, sign: i8) -> usize {
        let mut coefficients = self.coefficients[pattern];
        coefficients[scale] *= sign;
        self.find(coefficients)
    }
}

/// The level nearest to a value; the first of several.
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
    let digits = |number: usize| {
        let mut rest = number;
        core::array::from_fn(|_| {
            let digit = rest % 3;
            rest /= 3;
            [0, 1, -1][digit]
        })
    };
    let count = 2 * most_levels(planes) - 1;
    let mut patterns: Vec<[i8; MAX_PLANES]> = (0..count).map(digits).collect();
    patterns.sort_by_key(|pattern| {
        let nonzeros = pattern.iter().filter(|&&c| c != 0).count();
        // +1, -1, 0
        (nonzeros, pattern.map(|c| (2 + c) % 3))
    });
    patterns
}
