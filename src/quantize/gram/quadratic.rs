//! What a group of one or two scales lowers the objective by, its scales being the best: O(1) for each change of a trit.
//!
//! With the coefficients `T` of the group, one column for each scale, and `r` the weights minus the levels of all other groups,
//!
//! ```text
//! objective = r^T M r - gain         gain = b^T A^-1 b        A = T^T M T,  b = T^T M r
//! ```
//!
//! If row `i` of `T` changes by `d`, then `A` changes by `d u^T + u d^T + M_ii d d^T` with `u = (M T)_i`, and `b` by `(M r)_i d`.
//! Where scales may not be negative and the best ones are, one of them is 0 and the other the best alone: the objective is convex
//! in the scales.

/// `A` and `b` of a group. For one scale the second column is zeros.
#[derive(Clone, Copy, Default)]
pub(super) struct Quadratic {
    pub length: [f64; 2],
    pub overlap: f64,
    pub along: [f64; 2],
}

impl Quadratic {
    /// After a change by `step` of the coefficients of a weight, where `image` is `u`, `residual` is `(M r)_i`.
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

    /// The best scales and the gain; `signed` if they may be negative. Lengths up to `least` count as 0.
    pub(super) fn best(&self, signed: bool, least: f64) -> (f64, [f64; 2]) {
        let (length, along) = (self.length, self.along);
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
        let alone = |c: usize| {
            if length[c] > least && (signed || along[c] > 0.0) {
                along[c] / length[c]
            } else {
                0.0
            }
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
