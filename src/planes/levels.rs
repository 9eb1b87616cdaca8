//! [`Levels`]: the values that some scales can make, from 0 upward.
//!
//! ```text
//! level(c) = sum_k lambda_k c_k,   c in {-1, 0, 1}^K        of c and -c, the one whose level is not negative
//! ```
//!
//! Of codes with equal levels the one with the fewest non-zeros stays, so a plane with the scale 0 has no trits. A magnitude
//! takes the nearest level, the lower one of two as near. Cost: 3^K / 2 codes, sorted.

use super::MAX_PLANES;

/// A trit for each plane.
pub(super) type Code = [i8; MAX_PLANES];

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

/// Different values in increasing order, the first of them 0.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    levels: [Level; MOST],
    len: usize,
}

impl Levels {
    /// The levels of some scales, which are not negative.
    pub(super) fn of(scales: &[f64]) -> Self {
        let mut levels = [Level::default(); MOST];
        let count = half_of_codes(scales.len()).min(MOST);
        for (number, level) in levels[..count].iter_mut().enumerate() {
            level.code = code(number);
            for (scale, &trit) in scales.iter().zip(&level.code) {
                level.value += scale * f64::from(trit);
            }
            if level.value < 0.0 {
                level.value = -level.value;
                level.code = level.code.map(|trit| -trit);
            }
        }
        levels[..count].sort_unstable_by(|a, b| {
            let by_nonzeros = a.nonzeros().cmp(&b.nonzeros());
            // Zeros come without a sign from here on, and codes are all different: this decides.
            let value = (a.value + 0.0).total_cmp(&(b.value + 0.0));
            value.then(by_nonzeros).then(b.code.cmp(&a.code))
        });
        let mut len = 1;
        for i in 1..count {
            if levels[i].value > levels[len - 1].value {
                levels[len] = levels[i];
                len += 1;
            }
        }
        Self { levels, len }
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
