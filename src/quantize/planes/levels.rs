//! [`Levels`]: the values that some scales can make, from 0 upward.
//!
//! ```text
//! level(c) = sum_k lambda_k c_k,   c in {-1, 0, 1}^K        of c and -c, the one whose level is not negative
//! ```
//!
//! A magnitude takes the nearest level, the lower one of two as near. Cost: 3^K / 2 codes, sorted by insertion: scales that change
//! little from step to step leave the order almost as it is.

use super::MAX_PLANES;
use super::system::{Code, Scales};

/// The most levels that there can be.
const MOST: usize = half_of_codes(MAX_PLANES);

/// Half of `3^planes`, rounded up.
const fn half_of_codes(planes: usize) -> usize {
    let (mut codes, mut plane) = (1, 0);
    while plane < planes {
        codes *= 3;
        plane += 1;
    }
    codes / 2 + 1
}

#[derive(Clone, Copy, Debug, Default)]
struct Level {
    value: f64,
    code: Code,
}

impl Level {
    fn nonzeros(&self) -> usize {
        self.code.iter().filter(|trit| **trit != 0).count()
    }
}

/// Levels in increasing order, the first of them 0.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    levels: [Level; MOST],
    len: usize,
}

impl Levels {
    /// The levels of so many planes with these scales, which are not negative.
    pub(super) fn new(planes: usize, scales: &Scales) -> Self {
        let mut levels = [Level::default(); MOST];
        let len = half_of_codes(planes).min(MOST);
        for (number, level) in levels[..len].iter_mut().enumerate() {
            level.code = code(number);
        }
        let mut levels = Self { levels, len };
        levels.change(scales);
        levels
    }

    /// Changes the scales.
    pub(super) fn change(&mut self, scales: &Scales) {
        for i in 0..self.len {
            let mut level = self.levels[i];
            let terms = scales.iter().zip(&level.code);
            level.value = terms.fold(0.0, |sum, (scale, &trit)| sum + scale * f64::from(trit));
            if level.value < 0.0 {
                level.value = -level.value;
                level.code = level.code.map(|trit| -trit);
            }
            let mut place = i;
            while place > 0 && self.levels[place - 1].value > level.value {
                self.levels[place] = self.levels[place - 1];
                place -= 1;
            }
            self.levels[place] = level;
        }
    }

    /// Without repeated values. Of codes with equal levels the one with the fewest non-zeros stays, so that a plane with the scale 0
    /// has no trits.
    pub(super) fn distinct(mut self) -> Self {
        let mut len = 0;
        for i in 0..self.len {
            let level = self.levels[i];
            let last = self.levels[..len].last_mut();
            match last.filter(|last| last.value >= level.value) {
                Some(last) if level.nonzeros() < last.nonzeros() => *last = level,
                Some(_) => {}
                None => {
                    self.levels[len] = level;
                    len += 1;
                }
            }
        }
        self.len = len;
        self
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The trits of a level.
    pub(super) const fn code(&self, level: usize) -> Code {
        self.levels[level].code
    }

    /// The value of a level.
    pub(super) const fn value(&self, level: usize) -> f64 {
        self.levels[level].value
    }

    /// Magnitudes above this take a higher level; `None` for the highest.
    pub(super) fn threshold(&self, level: usize) -> Option<f64> {
        (level + 1 < self.len).then(|| f64::midpoint(self.value(level), self.value(level + 1)))
    }

    /// The level nearest to a magnitude.
    pub(super) fn nearest(&self, magnitude: f64) -> usize {
        (0..self.len)
            .take_while(|&level| self.threshold(level).is_some_and(|t| magnitude > t))
            .count()
    }
}

/// The digits of a number in balanced ternary, whose digits are trits; the last digit that is not 0 is +1.
fn code(mut number: usize) -> Code {
    let mut code = [0; MAX_PLANES];
    for trit in &mut code {
        (*trit, number) = match number % 3 {
            0 => (0, number / 3),
            1 => (1, number / 3),
            _ => (-1, number / 3 + 1),
        };
    }
    code
}
