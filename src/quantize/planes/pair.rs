//! The best pair of planes: all assignments of weights to nearest levels, for all pairs of scales.
//!
//! Let the scales be `a >= b >= 0`, and `q = a / 2`, `p = b / 2`. A magnitude takes one of five levels; which, four thresholds
//! decide, the midpoints between neighbouring levels. The levels come in one of two orders:
//!
//! ```text
//! far,  q >= 2p:        levels 0, b, a - b, a, a + b        thresholds p,     q, 2q - p, 2q + p
//! near, p <= q <= 2p:   levels 0, a - b, b, a, a + b        thresholds q - p, q, q + p,  2q + p
//! ```
//!
//! Each threshold is linear in `(p, q)`. So where a threshold meets a magnitude is a line in the plane of `(p, q)`, and the `4 N`
//! lines of an order cut its cone into cells. Within a cell no magnitude changes its level, so the error is that of a
//! least-squares problem of two unknowns, solved from the numbers and sums of magnitudes between thresholds. The optimum is the
//! best of all cells.
//!
//! Every cell is a polygon, and has a vertex other than the origin, unless all weights are at the level `a + b`, which one plane
//! can do as well. So it is enough to visit the vertices: two lines of different thresholds (6 pairs of thresholds, `N^2` pairs of
//! magnitudes), or a line and the border of the cone. At a vertex each magnitude that a threshold meets can be on either side of
//! it: all cells around are among these combinations. For a fixed first magnitude and a growing second one, the other two
//! thresholds grow or fall, so their places are found by walking along. Cost: `O(N^2)`.
//!
//! # The bound
//!
//! A threshold counts as meeting all magnitudes within `2^-40` of it, and takes them all or none. Between adjacent levels `l` and
//! `m` with the threshold `t` a magnitude `x` at the wrong side costs `2 (m - l) |x - t|`, at most `2^-37 x^2` there. So the answer
//! is within `2^-36 |w|^2` of the optimum. Different `f32`, `f16` and `bf16` magnitudes are never that close, and only the roundings
//! in comparing gains remain, less than `2^-42 |w|^2` for 256 weights.

use alloc::vec::Vec;

use super::MAX_PLANES;
use super::group::Group;
use super::system::Scales;

/// The largest group for which all cells are visited.
pub(super) const MAX_LEN: usize = 256;

/// Relative distance at which a threshold meets a magnitude.
const MEETS: f64 = 1.0 / (1_u64 << 40) as f64;

/// A linear form of `(p, q)`, or of two other numbers.
type Form = [f64; 2];

const fn apply(form: Form, at: Form) -> f64 {
    form[0] * at[0] + form[1] * at[1]
}

/// An order of the levels.
struct Order {
    thresholds: [Form; 4],
    /// The levels above the thresholds: how often they contain `a` and `b`.
    levels: [Form; 4],
    /// The borders of its cone as directions.
    borders: [Form; 2],
    /// Forms that are not negative in it.
    sides: [Form; 2],
}

const FAR: Order = Order {
    thresholds: [[1.0, 0.0], [0.0, 1.0], [-1.0, 2.0], [1.0, 2.0]],
    levels: [[0.0, 1.0], [1.0, -1.0], [1.0, 0.0], [1.0, 1.0]],
    borders: [[0.0, 1.0], [1.0, 2.0]],
    sides: [[1.0, 0.0], [-2.0, 1.0]],
};

const NEAR: Order = Order {
    thresholds: [[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 2.0]],
    levels: [[1.0, -1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]],
    borders: [[1.0, 2.0], [1.0, 1.0]],
    sides: [[2.0, -1.0], [-1.0, 1.0]],
};

/// The first and the last place a threshold can have among the magnitudes: so many are below it.
#[derive(Clone, Copy)]
struct Places {
    first: usize,
    last: usize,
}

impl Places {
    /// At the magnitude of this index, on either side.
    const fn beside(index: usize) -> Self {
        Self {
            first: index,
            last: index + 1,
        }
    }

    /// One place or two.
    fn both(self) -> impl Iterator<Item = usize> {
        let count = if self.first == self.last { 1 } else { 2 };
        [self.first, self.last].into_iter().take(count)
    }
}

/// The best scales of two planes, in units of the group; zeros for a group of zeros.
pub(super) fn scales(group: &Group) -> Scales {
    let mut search = Search::new(&group.sorted);
    for order in [FAR, NEAR] {
        let weights = order.weights();
        search.along_borders(&order, &weights);
        for first in 0..4 {
            for second in first + 1..4 {
                search.crossings(&order, &weights, [first, second]);
            }
        }
    }
    let mut scales = [0.0; MAX_PLANES];
    for (scale, best) in scales.iter_mut().zip(search.scales) {
        *scale = best;
    }
    scales
}

/// How the sums above the thresholds enter the equations: a row for each of `a.a`, `b.b`, `a.b`, `a`, `b`.
type Weights = [[f64; 4]; 5];

impl Order {
    /// What lies between two thresholds is what is above the lower one less what is above the upper one.
    fn weights(&self) -> Weights {
        let products = |[a, b]: Form| [a * a, b * b, a * b, a, b];
        let mut weights = [[0.0; 4]; 5];
        let mut below = [0.0; 5];
        for (place, &level) in self.levels.iter().enumerate() {
            let here = products(level);
            for (row, (here, below)) in weights.iter_mut().zip(here.iter().zip(below)) {
                row[place] = here - below;
            }
            below = here;
        }
        weights
    }
}

/// The magnitudes, and the best assignment so far.
struct Search {
    /// Different magnitudes in increasing order, without 0.
    magnitudes: Vec<f64>,
    /// The number and the sum of the magnitudes from each place on.
    above: Vec<(f64, f64)>,
    gain: f64,
    scales: [f64; 2],
}

impl Search {
    fn new(sorted: &[f64]) -> Self {
        let mut magnitudes = Vec::with_capacity(sorted.len());
        let mut above = alloc::vec![(0.0, 0.0)];
        let (mut count, mut sum) = (0.0, 0.0);
        for &magnitude in sorted.iter().rev().filter(|x| **x > 0.0) {
            count += 1.0;
            sum += magnitude;
            if magnitudes.last() == Some(&magnitude) {
                above.pop();
            } else {
                magnitudes.push(magnitude);
            }
            above.push((count, sum));
        }
        magnitudes.reverse();
        above.reverse();
        Self {
            magnitudes,
            above,
            gain: 0.0,
            scales: [0.0; 2],
        }
    }

    /// Where lines meet the borders of the cone.
    fn along_borders(&mut self, order: &Order, weights: &Weights) {
        for border in order.borders {
            let rates = order.thresholds.map(|form| apply(form, border));
            for rate in rates.iter().filter(|rate| **rate > 0.0) {
                for i in 0..self.magnitudes.len() {
                    let at = self.magnitudes[i] / rate;
                    let places = rates.map(|rate| self.places(rate * at, 0));
                    self.visit(weights, places);
                }
            }
        }
    }

    /// Where the lines of two thresholds meet within the cone.
    fn crossings(&mut self, order: &Order, weights: &Weights, pair: [usize; 2]) {
        let [f, g] = pair.map(|threshold| order.thresholds[threshold]);
        // From the magnitudes that the two thresholds meet to (p, q), and on to any form of that.
        let determinant = f[0] * g[1] - f[1] * g[0];
        let in_magnitudes = |h: Form| {
            [h[0] * g[1] - h[1] * g[0], h[1] * f[0] - h[0] * f[1]]
                .map(|factor| factor / determinant)
        };
        let sides = order.sides.map(in_magnitudes);
        let thresholds = order.thresholds.map(in_magnitudes);
        for i in 0..self.magnitudes.len() {
            let mut places = [Places { first: 0, last: 0 }; 4];
            places[pair[0]] = Places::beside(i);
            for j in 0..self.magnitudes.len() {
                let at = [self.magnitudes[i], self.magnitudes[j]];
                if sides.iter().any(|&side| apply(side, at) < 0.0) {
                    continue;
                }
                places[pair[1]] = Places::beside(j);
                for k in (0..4).filter(|k| !pair.contains(k)) {
                    places[k] = self.places(apply(thresholds[k], at), places[k].first);
                }
                self.visit(weights, places);
            }
        }
    }

    /// The places of a threshold, looked for from a place on that may be near.
    fn places(&self, threshold: f64, near: usize) -> Places {
        let x = &self.magnitudes;
        let (low, high) = (threshold * (1.0 - MEETS), threshold * (1.0 + MEETS));
        let mut first = near;
        while first < x.len() && x[first] < low {
            first += 1;
        }
        while first > 0 && x[first - 1] >= low {
            first -= 1;
        }
        let mut last = first;
        while last < x.len() && x[last] <= high {
            last += 1;
        }
        Places { first, last }
    }

    /// All cells around a vertex.
    fn visit(&mut self, weights: &Weights, places: [Places; 4]) {
        for first in places[0].both() {
            for second in places[1].both().filter(|&place| place >= first) {
                for third in places[2].both().filter(|&place| place >= second) {
                    for fourth in places[3].both().filter(|&place| place >= third) {
                        self.consider(weights, [first, second, third, fourth]);
                    }
                }
            }
        }
    }

    /// Solves a cell: the two scales by Cramer's rule, the gain `(u^2 B - 2 u v C + v^2 A) / (A B - C^2)`.
    fn consider(&mut self, weights: &Weights, cuts: [usize; 4]) {
        let above = cuts.map(|cut| self.above[cut]);
        let [counts, sums] = [above.map(|above| above.0), above.map(|above| above.1)];
        let total = |row: usize, parts: &[f64; 4]| -> f64 {
            let [a, b, c, d] = weights[row];
            (a * parts[0] + b * parts[1]) + (c * parts[2] + d * parts[3])
        };
        let [aa, bb, ab] = [0, 1, 2].map(|row| total(row, &counts));
        let [u, v] = [3, 4].map(|row| total(row, &sums));
        // Whole numbers: either the planes are parallel, and one of them does as well, or this is at least 1.
        let determinant = aa * bb - ab * ab;
        let numerator = u * (u * bb - v * ab) + v * (v * aa - u * ab);
        if determinant > 0.5 && numerator > self.gain * determinant {
            self.gain = numerator / determinant;
            self.scales = [u * bb - v * ab, v * aa - u * ab].map(|x| x.abs() / determinant);
        }
    }
}
