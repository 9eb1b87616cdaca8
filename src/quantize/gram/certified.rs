//! [`Certified`]: the optimum for short rows of one scale, with a proof that nothing is better.
//!
//! Branch and bound over the trits, in some order. With `M = R R^T` in that order, `R` upper triangular, and `y = R^T w`,
//!
//! ```text
//! (w - s t)^T M (w - s t) = sum_i (y_i - s z_i)^2        z_i = sum_{j <= i} R_ji t_j
//! ```
//!
//! and the first `d` terms depend on the first `d` trits alone. Their minimum over all scales `s >= 0` is a lower bound for all rows
//! that begin with these trits:
//!
//! ```text
//! a - b^2 / c  if b > 0, else a        a = sum y_i^2,  b = sum y_i z_i,  c = sum z_i^2      over i <= d
//! ```
//!
//! A trit is appended in three ways, that of the smallest bound first; what is not below the best so far is left out. The best so
//! far is that of the descent at first.
//!
//! The order decides how soon bounds rise. `R_ii^2` is what input `i` adds to those after it, so an error in the first trits costs
//! `s R_ii` and what follows cannot make up for it. The next is always the one, of those left, for which
//! `R_ii (|w_i| + mean |w| / 2)` is largest.
//!
//! Cost: seen at 25 inputs, correlated as the pixels of image patches are: 1,000 nodes, and up to 50,000, of some 60 ns.
//! Source: Schnorr and Euchner, *Lattice basis reduction* (1994), for the enumeration; the free scale is ours.

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::{Cholesky, DMatrix};

use super::fit::RowFit;
use super::metric::Metric;

/// The most inputs of a row that is certified.
pub(super) const MOST_INPUTS: usize = 64;

/// The best fit found for a row of one scale, and how far it can be from the optimum.
///
/// # Examples
///
/// ```
/// use ternarize::gram::{Gram, OutputAware};
///
/// let mut gram = Gram::new(3)?;
/// gram.add(&[1.0, 0.5, 0.25, 2.0, -0.5, 0.0, 1.0, 1.0, 1.0])?;
/// let certified = &OutputAware::new(&gram).certify(&[0.5, -0.3, 0.2], 10_000)?[0];
/// assert!(certified.proved && certified.lower_bound <= certified.objective);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Certified {
    /// The trits of the smallest objective found, with the best scale rounded to its type.
    pub fit: RowFit,
    /// The objective with the damped matrix, before the scale is rounded.
    pub objective: f64,
    /// No trits and scale have a smaller objective than this. If proved, it is the objective, less 2^-40 of `trace(M) |w|^2` for
    /// the rounding on the way.
    pub lower_bound: f64,
    /// Whether all trits were decided about within the limit.
    pub proved: bool,
    /// Partial rows that were looked into.
    pub nodes: u64,
}

/// What is known of the trits so far: `a`, `b` and `c`.
#[derive(Clone, Copy, Default)]
struct Partial {
    fixed: f64,
    along: f64,
    length: f64,
}

impl Partial {
    /// With one more term.
    fn and(self, y: f64, z: f64) -> Self {
        Self {
            fixed: self.fixed + y * y,
            along: self.along + y * z,
            length: self.length + z * z,
        }
    }

    /// The least over all scales.
    fn bound(self) -> f64 {
        if self.along > 0.0 && self.length > 0.0 {
            (self.fixed - self.along * (self.along / self.length)).max(0.0)
        } else {
            self.fixed
        }
    }
}

/// What is found.
pub(super) struct Found {
    pub trits: Vec<i8>,
    pub objective: f64,
    /// No objective is below, but for rounding.
    pub lower_bound: f64,
    pub nodes: u64,
    pub proved: bool,
}

/// Searches all trits of a row, but for those that cannot be better than the best so far.
pub(super) fn search(
    metric: &Metric,
    inverse: &Inverse,
    weights: &[f64],
    incumbent: &[i8],
    limit: u64,
) -> Found {
    let order = inverse.order(weights);
    let factor = factor(metric, &order);
    let weights: Vec<f64> = order.iter().map(|&i| weights[i]).collect();
    let incumbent: Vec<i8> = order.iter().map(|&i| incumbent[i]).collect();
    let count = weights.len();
    let mut y = vec![0.0; count];
    for (row, w) in factor.iter().zip(&weights) {
        for (y, entry) in y.iter_mut().zip(row) {
            *y += w * entry;
        }
    }
    let mut tree = Tree {
        factor,
        y,
        trits: vec![0; count],
        sums: vec![vec![0.0; count]; count + 1],
        limit,
        open: f64::INFINITY,
        found: Found {
            trits: incumbent.clone(),
            objective: 0.0,
            lower_bound: 0.0,
            nodes: 0,
            proved: false,
        },
    };
    tree.found.objective = tree.objective(&incumbent);
    tree.enter(0, Partial::default());
    let mut found = tree.found;
    found.proved = tree.open == f64::INFINITY;
    let mass: f64 = weights.iter().map(|w| w * w).sum();
    let trace: f64 = (0..count).map(|i| metric.diagonal(i)).sum();
    let rounding = trace * mass * (f64::EPSILON * 4096.0);
    let mut trits = vec![0; count];
    for (&i, &trit) in order.iter().zip(&found.trits) {
        trits[i] = trit;
    }
    found.trits = trits;
    found.lower_bound = (found.objective.min(tree.open) - rounding).max(0.0);
    found
}

/// The state of the search.
struct Tree {
    /// The rows of `R`.
    factor: Vec<Vec<f64>>,
    y: Vec<f64>,
    trits: Vec<i8>,
    /// For each depth, what the trits so far contribute to each `z`.
    sums: Vec<Vec<f64>>,
    limit: u64,
    /// The smallest bound that was left unexplored.
    open: f64,
    found: Found,
}

impl Tree {
    /// The objective of a whole row of trits.
    fn objective(&self, trits: &[i8]) -> f64 {
        let mut partial = Partial::default();
        for (i, &y) in self.y.iter().enumerate() {
            let terms = self.factor.iter().zip(trits).take(i + 1);
            let z = terms.map(|(row, &t)| row[i] * f64::from(t)).sum();
            partial = partial.and(y, z);
        }
        partial.bound()
    }

    /// All rows that begin with the first `depth` trits.
    fn enter(&mut self, depth: usize, partial: Partial) {
        let Some(&y) = self.y.get(depth) else {
            if partial.bound() < self.found.objective {
                self.found.objective = partial.bound();
                self.found.trits.clone_from(&self.trits);
            }
            return;
        };
        if self.found.nodes >= self.limit {
            self.open = self.open.min(partial.bound());
            return;
        }
        self.found.nodes += 1;
        let (diagonal, sum) = (self.factor[depth][depth], self.sums[depth][depth]);
        let child = |trit: i8| (trit, partial.and(y, sum + diagonal * f64::from(trit)));
        let mut children = [0, 1, -1].map(child);
        children.sort_by(|a, b| a.1.bound().total_cmp(&b.1.bound()));
        for (trit, partial) in children {
            if partial.bound() >= self.found.objective {
                break;
            }
            self.trits[depth] = trit;
            let (before, after) = self.sums.split_at_mut(depth + 1);
            let places = after[0].iter_mut().zip(&before[depth]);
            for ((new, old), entry) in places.zip(&self.factor[depth]).skip(depth + 1) {
                *new = old + f64::from(trit) * entry;
            }
            self.enter(depth + 1, partial);
        }
    }
}

/// The inverse of a metric, a little damped, as the orders of the weights need it.
pub(super) struct Inverse(DMatrix<f64>);

impl Inverse {
    /// `None` if it is not to be had.
    pub(super) fn new(metric: &Metric) -> Option<Self> {
        let count = metric.inputs();
        let trace: f64 = (0..count).map(|i| metric.diagonal(i)).sum();
        let mut matrix = DMatrix::from_fn(count, count, |i, j| metric.row(i)[j]);
        for i in 0..count {
            matrix[(i, i)] += 1e-9 * trace / count as f64;
        }
        Some(Self(Cholesky::new(matrix)?.inverse()))
    }

    /// The order in which the trits of a row are decided.
    fn order(&self, weights: &[f64]) -> Vec<usize> {
        let count = weights.len();
        let half = weights.iter().map(|w| w.abs()).sum::<f64>() / (2 * count) as f64;
        let mut inverse = self.0.clone();
        let mut left: Vec<usize> = (0..count).collect();
        let mut order = Vec::with_capacity(count);
        // R_ii^2 is the reciprocal of the entry in the inverse for what is left.
        while let Some(place) = (0..left.len()).reduce(|best, place| {
            let rank = |place: usize| {
                let i = left[place];
                let size = weights[i].abs() + half;
                size * (size / inverse[(i, i)])
            };
            if rank(place) > rank(best) {
                place
            } else {
                best
            }
        }) {
            let next = left.remove(place);
            order.push(next);
            for &i in &left {
                let factor = inverse[(i, next)] / inverse[(next, next)];
                for &j in &left {
                    inverse[(i, j)] -= factor * inverse[(next, j)];
                }
            }
        }
        order
    }
}

/// `R`, for a matrix that may be singular: a column without length of its own is 0 from the diagonal on.
fn factor(metric: &Metric, order: &[usize]) -> Vec<Vec<f64>> {
    let count = metric.inputs();
    let mut factor = vec![vec![0.0; count]; count];
    // From the last column to the first: M_jk = sum_{q >= max(j, k)} R_jq R_kq.
    for k in (0..count).rev() {
        for j in (0..=k).rev() {
            let known = factor[j][k + 1..].iter().zip(&factor[k][k + 1..]);
            let rest = metric.row(order[j])[order[k]] - known.map(|(a, b)| a * b).sum::<f64>();
            factor[j][k] = if j < k {
                let pivot = factor[k][k];
                if pivot > 0.0 { rest / pivot } else { 0.0 }
            } else if rest > metric.diagonal(order[k]) * (f64::EPSILON * 256.0) {
                num_traits::Float::sqrt(rest)
            } else {
                0.0
            };
        }
    }
    factor
}
