//! [`Levels`]: the values that the scales of some planes can make, from 0 upward.
//!
//! ```text
//! level(c) = sum_k lambda_k c_k,   c in {-1, 0, 1}^K        of c and -c, the one whose level is not negative
//! ```
//!
//! A magnitude takes the nearest level; of two equally near, the lower one. Cost: `3^K / 2` combinations, sorted by insertion. Scales
//! that change little from step to step leave the order almost as it is, so sorting again is cheap.

use alloc::vec::Vec;

use super::system::{PlaneScales, PlaneTrits};
use super::{MAX_PLANES, most_levels};

#[derive(Clone, Copy, Debug, Default)]
struct Level {
    value: f64,
    trits: PlaneTrits,
}

impl Level {
    fn nonzeros(&self) -> usize {
        self.trits.iter().filter(|trit| **trit != 0).count()
    }
}

/// Levels in increasing order, the first of them 0.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    planes: usize,
    sorted: [Level; most_levels(MAX_PLANES)],
    len: usize,
}

impl Levels {
    /// The levels of so many planes with these scales, which are not negative.
    pub(super) fn new(planes: usize, scales: &PlaneScales) -> Self {
        let mut levels = Self {
            planes,
            sorted: [Level::default(); most_levels(MAX_PLANES)],
            len: most_levels(planes.min(MAX_PLANES)),
        };
        for (number, level) in levels.sorted[..levels.len].iter_mut().enumerate() {
            level.trits = balanced_digits(number);
        }
        levels.change(scales);
        levels
    }

    /// Changes the scales.
    pub(super) fn change(&mut self, scales: &PlaneScales) {
        for i in 0..self.len {
            let mut level = self.sorted[i];
            let terms = scales.iter().zip(&level.trits).take(self.planes);
            level.value = terms.fold(0.0, |sum, (scale, &trit)| sum + scale * f64::from(trit));
            if level.value < 0.0 {
                level.value = -level.value;
                level.trits = level.trits.map(|trit| -trit);
            }
            // Insertion into the sorted levels before it.
            let mut place = i;
            while place > 0 && self.sorted[place - 1].value > level.value {
                self.sorted[place] = self.sorted[place - 1];
                place -= 1;
            }
            self.sorted[place] = level;
        }
    }

    /// Without repeated values. Of combinations with equal levels the one with the fewest non-zeros stays, so that a plane with the
    /// scale 0 has only zero trits.
    pub(super) fn distinct(mut self) -> Self {
        let mut len = 0;
        for i in 0..self.len {
            let level = self.sorted[i];
            let last = self.sorted[..len].last_mut();
            match last.filter(|last| last.value >= level.value) {
                Some(last) if level.nonzeros() < last.nonzeros() => *last = level,
                Some(_) => {}
                None => {
                    self.sorted[len] = level;
                    len += 1;
                }
            }
        }
        self.len = len;
        self
    }

    /// The number of levels.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The trits of a level.
    pub(super) const fn trits(&self, level: usize) -> PlaneTrits {
        self.sorted[level].trits
    }

    /// The value of a level.
    pub(super) const fn value(&self, level: usize) -> f64 {
        self.sorted[level].value
    }

    /// Magnitudes above this take a higher level; `None` for the highest.
    pub(super) fn threshold(&self, level: usize) -> Option<f64> {
        (level + 1 < self.len).then(|| f64::midpoint(self.value(level), self.value(level + 1)))
    }

    /// The levels nearest to magnitudes.
    pub(super) fn nearest(&self, magnitudes: impl Iterator<Item = f64>) -> Vec<usize> {
        let thresholds: Vec<f64> = (0..self.len).filter_map(|l| self.threshold(l)).collect();
        // Without a branch, for none could be predicted.
        let above = |x: f64| thresholds.iter().map(|&t| usize::from(x > t)).sum();
        magnitudes.map(above).collect()
    }
}

/// The digits of a number in balanced ternary, which are trits; the last digit that is not 0 is +1.
fn balanced_digits(mut number: usize) -> PlaneTrits {
    let mut digits = [0; MAX_PLANES];
    for digit in &mut digits {
        (*digit, number) = ([0, 1, -1][number % 3], (number + 1) / 3);
    }
    digits
}
