//! [`System`]: the scales of least squared error for given trits.
//!
//! ```text
//! G lambda = u,    G_jk = t_j . t_k,    u_j = t_j . w            the squared error falls by lambda . u
//! ```
//!
//! `G` holds whole numbers, so its sums are exact. The system is solved by elimination without exchanging rows: `G` is positive
//! semidefinite, and its pivots are the squared pivots of the Cholesky factor. A plane whose pivot vanishes is a sum of the planes
//! before it. Its scale becomes 0, and the error is as small as with any other scale.

use super::MAX_PLANES;

/// A trit for each plane.
pub(super) type PlaneTrits = [i8; MAX_PLANES];

/// A scale for each plane; 0 for planes that do not exist.
pub(super) type PlaneScales = [f64; MAX_PLANES];

/// Scales, and how much they lower the squared error.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScaleCandidate {
    pub(super) scales: PlaneScales,
    pub(super) gain: f64,
}

impl ScaleCandidate {
    /// All scales 0.
    pub(super) const NONE: Self = Self {
        scales: [0.0; MAX_PLANES],
        gain: 0.0,
    };

    /// The candidate with the larger gain; the first of equals.
    pub(super) fn better(self, other: Self) -> Self {
        if other.gain > self.gain { other } else { self }
    }
}

/// The equations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct System {
    /// How many planes there are: what lies beyond is 0.
    planes: usize,
    gram: [[f64; MAX_PLANES]; MAX_PLANES],
    sums: PlaneScales,
}

impl System {
    /// Without magnitudes.
    pub(super) fn new(planes: usize) -> Self {
        Self {
            planes: planes.min(MAX_PLANES),
            ..Self::default()
        }
    }

    /// Adds magnitudes with the same trits: their number and their sum.
    #[inline]
    pub(super) fn add(&mut self, trits: PlaneTrits, count: f64, sum: f64) {
        let trits = &trits[..self.planes];
        for (j, &a) in trits.iter().enumerate() {
            if a == 0 {
                continue;
            }
            let a = f64::from(a);
            self.sums[j] += a * sum;
            for (k, &b) in trits.iter().enumerate() {
                self.gram[j][k] += a * f64::from(b) * count;
            }
        }
    }

    /// How much these scales lower the squared error.
    pub(super) fn gain(&self, scales: &PlaneScales) -> f64 {
        let mut gain = 0.0;
        for (j, row) in self.gram.iter().enumerate().take(self.planes) {
            let product: f64 = row.iter().zip(scales).map(|(g, scale)| g * scale).sum();
            gain += scales[j] * (2.0 * self.sums[j] - product);
        }
        gain
    }

    /// The best scales and their gain. A negative scale is returned as a magnitude: the nearest levels turn the trits of its plane.
    pub(super) fn solve(&self) -> ScaleCandidate {
        // Forward elimination; the tolerance is far above rounding and far below any pivot of whole numbers.
        let (mut gram, mut sums) = (self.gram, self.sums);
        let mut alive = [true; MAX_PLANES];
        let planes = self.planes;
        for j in 0..planes {
            alive[j] = gram[j][j] > 1e-9 * self.gram[j][j];
            if !alive[j] {
                continue;
            }
            for i in j + 1..planes {
                let factor = gram[i][j] / gram[j][j];
                let pivot_row = gram[j];
                for (place, pivot) in gram[i].iter_mut().zip(pivot_row).take(planes).skip(j) {
                    *place -= factor * pivot;
                }
                sums[i] -= factor * sums[j];
            }
        }
        // Back substitution.
        let mut scales = [0.0; MAX_PLANES];
        for j in (0..planes).rev().filter(|&j| alive[j]) {
            let known: f64 = (j + 1..planes).map(|k| gram[j][k] * scales[k]).sum();
            scales[j] = (sums[j] - known) / gram[j][j];
        }
        let pairs = scales.iter().zip(&self.sums);
        let gain = pairs.map(|(scale, sum)| scale * sum);
        ScaleCandidate {
            gain: gain.sum(),
            scales: scales.map(f64::abs),
        }
    }
}
