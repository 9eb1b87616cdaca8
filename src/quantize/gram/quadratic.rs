//! [`Quadratic`]: how much a group of one or two scales lowers the objective if its scales are the best: O(1) per change of a trit.
//!
//! With the coefficients `T` of the group, one column per scale, and `r` the weights minus the levels of all other groups,
//!
//! ```text
//! objective = r^T M r - gain         gain = b^T A^-1 b        A = T^T M T,  b = T^T M r
//! ```
//!
//! If row `i` of `T` changes by `d`, then `A` changes by `d u^T + u d^T + M_ii d d^T` with `u = (M T)_i`, and `b` by `(M r)_i d`.
//! If scales may not be negative and a best one is, then one of them is 0 and the other is the best alone, because the objective is
//! convex in the scales.

/// `A` and `b` of a group; for one scale, the second column is zeros. `length` is the diagonal of `A`, `overlap` the entry beside it,
/// `along` is `b`.
#[derive(Clone, Copy, Default)]
pub(super) struct Quadratic {
    pub length: [f64; 2],
    pub overlap: f64,
    pub along: [f64; 2],
}

impl Quadratic {
    /// After a change of a weight's coefficients by `step`, with `image` for `u`, `residual` for `(M r)_i` and `curvature` for `M_ii`.
    pub(super) fn changed(
        &self,
        step: [f64; 2],
        image: [f64; 2],
        residual: f64,
        curvature: f64,
    ) -> Self {
        let length = |c: usize| self.length[c] + step[c] * (2.0 * image[c] + step[c] * curvature);
        let along = |c: usize| self.along[c] + step[c] * residual;
        Self {
            length: [length(0), length(1)],
            overlap: self.overlap
                + (step[0] * image[1] + step[1] * image[0] + step[0] * step[1] * curvature),
            along: [along(0), along(1)],
        }
    }

    /// The gain and the best scales, which may be negative only if `signed`. Lengths up to `least` count as 0.
    pub(super) fn best(&self, signed: bool, least: f64) -> (f64, [f64; 2]) {
        let (length, along) = (self.length, self.along);
        // Both scales together, unless the two columns are nearly parallel.
        let determinant = length[0] * length[1] - self.overlap * self.overlap;
        if length[0] > least
            && length[1] > least
            && determinant > length[0] * length[1] * (f64::EPSILON * 64.0)
        {
            let scales = [
                (along[0] * length[1] - along[1] * self.overlap) / determinant,
                (along[1] * length[0] - along[0] * self.overlap) / determinant,
            ];
            if signed || scales.iter().all(|&scale| scale >= 0.0) {
                return (along[0] * scales[0] + along[1] * scales[1], scales);
            }
        }
        // Each scale alone; the better of the two.
        let alone = |c: usize| {
            let usable = length[c] > least && (signed || along[c] > 0.0);
            if usable { along[c] / length[c] } else { 0.0 }
        };
        let (first, second) = (alone(0), alone(1));
        let gains = [along[0] * first, along[1] * second];
        if gains[0] >= gains[1] {
            (gains[0], [first, 0.0])
        } else {
            (gains[1], [0.0, second])
        }
    }
}
