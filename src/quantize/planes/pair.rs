//! The best pair of planes: all assignments of weights to nearest levels, for all pairs of scales.
//!
//! Let the scales be `a >= b >= 0`, `q = a / 2` and `p = b / 2`. A magnitude takes one of five levels. Four thresholds, the midpoints
//! between neighbouring levels, decide which. The levels come in one of two orders:
//!
//! ```text
//! far,  q >= 2p:        levels 0, b, a - b, a, a + b        thresholds p,     q, 2q - p, 2q + p
//! near, p <= q <= 2p:   levels 0, a - b, b, a, a + b        thresholds q - p, q, q + p,  2q + p
//! ```
//!
//! Each threshold is linear in `(p, q)`. So the points where a threshold equals a magnitude form a line in the plane of `(p, q)`, and
//! the `4 N` lines of an order cut its cone into cells. Within a cell no magnitude changes its level. There the error is that of a
//! least-squares problem with two unknowns, solved from the counts and sums of the magnitudes between thresholds. The optimum is the
//! best of all cells.
//!
//! Every cell is a polygon with a vertex other than the origin, unless all weights are at the level `a + b`, which one plane can
//! represent as well. So it is enough to visit the vertices: crossings of lines of two different thresholds (6 pairs of thresholds,
//! `N^2` pairs of magnitudes), and crossings of a line with the border of the cone. At a vertex each magnitude that a threshold equals
//! can be on either side of it; the combinations include all cells around the vertex. For a fixed first magnitude and a growing
//! second one, the other two thresholds grow or fall steadily, so their positions are found by stepping. Cost: `O(N^2)`.
//!
//! # The bound
//!
//! A threshold counts as equal to all magnitudes within `2^-40` of it, and takes them all or none. Between adjacent levels `l` and
//! `m` with the threshold `t`, a magnitude `x` on the wrong side costs `2 (m - l) |x - t|`, here at most `2^-37 x^2`. So the answer
//! is within `2^-36 |w|^2` of the optimum. Different `f32`, `f16` and `bf16` magnitudes are never that close. For them only the
//! rounding errors in comparing gains remain: less than `2^-42 |w|^2` for 256 weights.

use alloc::vec::Vec;

use super::group::WeightGroup;
use super::system::PlaneScales;

/// The largest group for which all cells are visited. Chosen: the time grows with the square of the length.
pub(super) const MAX_LEN: usize = 256;

/// Relative distance within which a threshold counts as equal to a magnitude. Derived: see the bound above.
const MEETS: f64 = 1.0 / (1_u64 << 40) as f64;

/// A linear form of two numbers, `(p, q)` or `(a, b)`: its coefficients.
type Form = [f64; 2];

const fn apply(form: Form, at: Form) -> f64 {
    form[0] * at[0] + form[1] * at[1]
}

/// One of the two orders of the levels.
struct LevelOrder {
    thresholds: [Form; 4],
    /// The levels above the thresholds, as forms of `(a, b)`.
    levels: [Form; 4],
    /// The borders of its cone, as directions of `(p, q)`.
    borders: [Form; 2],
    /// Forms that are not negative within the cone.
    sides: [Form; 2],
}

const FAR: LevelOrder = LevelOrder {
    thresholds: [[1.0, 0.0], [0.0, 1.0], [-1.0, 2.0], [1.0, 2.0]],
    levels: [[0.0, 1.0], [1.0, -1.0], [1.0, 0.0], [1.0, 1.0]],
    borders: [[0.0, 1.0], [1.0, 2.0]],
    sides: [[1.0, 0.0], [-2.0, 1.0]],
};

const NEAR: LevelOrder = LevelOrder {
    thresholds: [[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0], [1.0, 2.0]],
    levels: [[1.0, -1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]],
    borders: [[1.0, 2.0], [1.0, 1.0]],
    sides: [[2.0, -1.0], [-1.0, 1.0]],
};

/// The range of places that a threshold can have among the magnitudes, first and last: the number of magnitudes below it.
type ThresholdPlaces = [usize; 2];

/// The one or two places of a range.
fn both(places: &ThresholdPlaces) -> impl Iterator<Item = usize> {
    let count = 1 + usize::from(places[0] != places[1]);
    places.iter().copied().take(count)
}

/// The best scales of two planes, in units of the group; zeros for a group of zeros.
pub(super) fn scales(group: &WeightGroup) -> PlaneScales {
    let mut search = PairSearch::new(&group.sorted);
    for order in [FAR, NEAR] {
        let factors = order.factors();
        search.along_borders(&order, &factors);
        for first in 0..4 {
            for second in first + 1..4 {
                search.crossings(&order, &factors, [first, second]);
            }
        }
    }
    let [a, b] = search.scales;
    [a, b, 0.0, 0.0]
}

/// The factors with which the sums above the thresholds enter the equations: a row for each of `a.a`, `b.b`, `a.b`, `a`, `b`.
type SumFactors = [[f64; 4]; 5];

impl LevelOrder {
    /// The sum between two thresholds is the sum above the lower one minus the sum above the upper one.
    fn factors(&self) -> SumFactors {
        let mut factors = [[0.0; 4]; 5];
        let mut below = [0.0; 5];
        for (place, &[a, b]) in self.levels.iter().enumerate() {
            let here = [a * a, b * b, a * b, a, b];
            for (row, (here, below)) in factors.iter_mut().zip(here.iter().zip(below)) {
                row[place] = here - below;
            }
            below = here;
        }
        factors
    }
}

/// The magnitudes and the best scales so far.
struct PairSearch {
    /// Different magnitudes in increasing order, without 0.
    magnitudes: Vec<f64>,
    /// The number and the sum of the magnitudes from each place on.
    above: Vec<(f64, f64)>,
    gain: f64,
    scales: [f64; 2],
}

impl PairSearch {
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

    /// Visits the crossings of lines with the borders of the cone.
    fn along_borders(&mut self, order: &LevelOrder, factors: &SumFactors) {
        for border in order.borders {
            let rates = order.thresholds.map(|form| apply(form, border));
            for rate in rates.iter().filter(|rate| **rate > 0.0) {
                for i in 0..self.magnitudes.len() {
                    let at = self.magnitudes[i] / rate;
                    let places = rates.map(|rate| self.places(rate * at, 0));
                    self.visit(factors, places);
                }
            }
        }
    }

    /// Visits the crossings of the lines of two thresholds within the cone.
    fn crossings(&mut self, order: &LevelOrder, factors: &SumFactors, pair: [usize; 2]) {
        let [f, g] = pair.map(|threshold| order.thresholds[threshold]);
        // Expresses forms of (p, q) by the two magnitudes that the two thresholds equal.
        let determinant = f[0] * g[1] - f[1] * g[0];
        let in_magnitudes = |h: Form| {
            [h[0] * g[1] - h[1] * g[0], h[1] * f[0] - h[0] * f[1]]
                .map(|factor| factor / determinant)
        };
        let sides = order.sides.map(in_magnitudes);
        let thresholds = order.thresholds.map(in_magnitudes);
        for i in 0..self.magnitudes.len() {
            let mut places = [[0; 2]; 4];
            places[pair[0]] = [i, i + 1];
            for j in 0..self.magnitudes.len() {
                let at = [self.magnitudes[i], self.magnitudes[j]];
                if sides.iter().any(|&side| apply(side, at) < 0.0) {
                    continue;
                }
                places[pair[1]] = [j, j + 1];
                for k in (0..4).filter(|k| !pair.contains(k)) {
                    places[k] = self.places(apply(thresholds[k], at), places[k][0]);
                }
                self.visit(factors, places);
            }
        }
    }

    /// The places of a threshold, searched from a place nearby.
    fn places(&self, threshold: f64, near: usize) -> ThresholdPlaces {
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
        [first, last]
    }

    /// Considers all cells around a vertex.
    fn visit(&mut self, factors: &SumFactors, places: [ThresholdPlaces; 4]) {
        for first in both(&places[0]) {
            for second in both(&places[1]).filter(|&place| place >= first) {
                for third in both(&places[2]).filter(|&place| place >= second) {
                    for fourth in both(&places[3]).filter(|&place| place >= third) {
                        self.consider(factors, [first, second, third, fourth]);
                    }
                }
            }
        }
    }

    /// Solves a cell: the two scales by Cramer's rule, the gain `(u^2 B - 2 u v C + v^2 A) / (A B - C^2)`.
    fn consider(&mut self, factors: &SumFactors, cuts: [usize; 4]) {
        let above = cuts.map(|cut| self.above[cut]);
        let [counts, sums] = [above.map(|above| above.0), above.map(|above| above.1)];
        let total = |row: usize, parts: &[f64; 4]| -> f64 {
            let [a, b, c, d] = factors[row];
            (a * parts[0] + b * parts[1]) + (c * parts[2] + d * parts[3])
        };
        let [aa, bb, ab] = [0, 1, 2].map(|row| total(row, &counts));
        let [u, v] = [3, 4].map(|row| total(row, &sums));
        // A whole number: 0 if the planes are parallel, and then one plane does as well; else at least 1.
        let determinant = aa * bb - ab * ab;
        let numerator = u * (u * bb - v * ab) + v * (v * aa - u * ab);
        if determinant > 0.5 && numerator > self.gain * determinant {
            self.gain = numerator / determinant;
            self.scales = [u * bb - v * ab, v * aa - u * ab].map(|x| x.abs() / determinant);
        }
    }
}
