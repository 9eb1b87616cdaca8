//! [`System`]: the scales of least squared error for given trits.
//!
//! ```text
//! G lambda = u,    G_jk = t_j . t_k,    u_j = t_j . w            what is gained: lambda . u
//! ```
//!
//! `G` holds whole numbers, so its sums are exact. It is solved by elimination, which for such a matrix needs no exchange of rows
//! (the pivots are those of the Cholesky factors, squared). A plane whose pivot vanishes is a sum of planes before it: its scale
//! becomes 0, and the error is as small as with any other.

use super::MAX_PLANES;

/// A trit for each plane.
pub(super) type Code = [i8; MAX_PLANES];

/// Scales of the planes, in units of the group; zeros beyond their number.
pub(super) type Scales = [f64; MAX_PLANES];

/// Scales, and how much smaller the squared error is with them than without planes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Solution {
    pub(super) scales: Scales,
    pub(super) gain: f64,
}

impl Solution {
    /// No planes.
    pub(super) const NONE: Self = Self {
        scales: [0.0; MAX_PLANES],
        gain: 0.0,
    };

    /// The one with the larger gain; the first of equals.
    pub(super) fn better(self, other: Self) -> Self {
        if other.gain > self.gain { other } else { self }
    }
}

/// The equations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct System {
    gram: [[f64; MAX_PLANES]; MAX_PLANES],
    sums: Scales,
}

impl System {
    /// Adds some magnitudes with the same trits.
    pub(super) fn add(&mut self, code: Code, count: f64, sum: f64) {
        for (j, &a) in code.iter().enumerate() {
            if a == 0 {
                continue;
            }
            let a = f64::from(a);
            self.sums[j] += a * sum;
            for (k, &b) in code.iter().enumerate() {
                self.gram[j][k] += a * f64::from(b) * count;
            }
        }
    }

    /// How much smaller the squared error is with these scales than without planes.
    pub(super) fn gain(&self, scales: &Scales) -> f64 {
        let mut gain = 0.0;
        for (j, row) in self.gram.iter().enumerate() {
            let product: f64 = row.iter().zip(scales).map(|(g, scale)| g * scale).sum();
            gain += scales[j] * (2.0 * self.sums[j] - product);
        }
        gain
    }

    /// The best scales, and what they gain. A negative scale comes as a magnitude: its plane's trits are to be turned.
    pub(super) fn solve(&self) -> Solution {
        let (mut gram, mut sums) = (self.gram, self.sums);
        let mut alive = [true; MAX_PLANES];
        for j in 0..MAX_PLANES {
            alive[j] = gram[j][j] > 1e-9 * self.gram[j][j];
            if !alive[j] {
                continue;
            }
            for i in j + 1..MAX_PLANES {
                let factor = gram[i][j] / gram[j][j];
                let pivot_row = gram[j];
                for (place, pivot) in gram[i].iter_mut().zip(pivot_row).skip(j) {
                    *place -= factor * pivot;
                }
                sums[i] -= factor * sums[j];
            }
        }
        let mut scales = [0.0; MAX_PLANES];
        for j in (0..MAX_PLANES).rev().filter(|&j| alive[j]) {
            let known: f64 = (j + 1..MAX_PLANES).map(|k| gram[j][k] * scales[k]).sum();
            scales[j] = (sums[j] - known) / gram[j][j];
        }
        let gain = scales
            .iter()
            .zip(&self.sums)
            .map(|(scale, sum)| scale * sum);
        Solution {
            gain: gain.sum(),
            scales: scales.map(f64::abs),
        }
    }
}
