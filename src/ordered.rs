//! [`OrderedSum`]: `f64` addition in one defined order, for figures that are reported and decide nothing.
//!
//! Floating-point sums depend on their order, so this one fixes it, and picks an order that is both fast and accurate:
//! eight lanes side by side (as a vector unit adds), in blocks of 256 terms, whose totals are added pairwise.
//!
//! ```text
//! term i of a block  -> lane i mod 8
//! block total        =  ((0+4) + (2+6)) + ((1+5) + (3+7))        of the lanes
//! sum                =  blocks added like a binary counter: equals with equals
//! ```
//!
//! The relative error of a sum of N non-negative terms is at most `(35 + log2(N / 256)) 2^-53`, where a running sum would
//! have `N 2^-53`. Cost: one addition per term, 0.5 kB of stack.
//!
//! Source: Higham, The Accuracy of Floating Point Summation (1993), pairwise summation.

const LANES: usize = 8;
const BLOCK: usize = 256;
/// Enough levels for any number of terms that a `usize` counts.
const LEVELS: usize = (usize::BITS - BLOCK.ilog2()) as usize + 1;

/// A sum whose order of addition is part of its definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderedSum {
    lanes: [f64; LANES],
    in_block: usize,
    /// Total of `2^k` blocks at level `k`, wherever bit `k` of `blocks` is set.
    levels: [f64; LEVELS],
    blocks: usize,
}

impl OrderedSum {
    pub(crate) fn new() -> Self {
        Self {
            lanes: [0.0; LANES],
            in_block: 0,
            levels: [0.0; LEVELS],
            blocks: 0,
        }
    }

    /// Adds the next term.
    pub(crate) fn add(&mut self, term: f64) {
        if let Some(lane) = self.lanes.get_mut(self.in_block % LANES) {
            *lane += term;
        }
        self.in_block += 1;
        if self.in_block == BLOCK {
            self.carry();
        }
    }

    /// Moves a full block up to the first free level, taking along the totals on its way.
    fn carry(&mut self) {
        let mut total = tree(self.lanes);
        for (level, place) in self.levels.iter_mut().enumerate() {
            if self.blocks >> level & 1 == 0 {
                *place = total;
                break;
            }
            total += *place;
        }
        self.blocks += 1;
        (self.lanes, self.in_block) = ([0.0; LANES], 0);
    }

    /// The sum of all terms so far.
    pub(crate) fn total(&self) -> f64 {
        let mut total = tree(self.lanes);
        for (level, part) in self.levels.iter().enumerate() {
            if self.blocks >> level & 1 == 1 {
                total += part;
            }
        }
        total
    }
}

/// The lanes as a fixed tree.
fn tree([a, b, c, d, e, f, g, h]: [f64; LANES]) -> f64 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_equals_keeps_its_accuracy() {
        for n in [0, 1, 7, 8, 255, 256, 257, 1000, 1 << 20] {
            let mut sum = OrderedSum::new();
            (0..n).for_each(|_| sum.add(0.1));
            let exact = 0.1 * f64::from(n);
            assert!((sum.total() - exact).abs() <= 1e-15 * exact, "{n}");
        }
    }

    #[test]
    fn the_order_is_the_documented_one() {
        // 2^-53 vanishes beside 1, so where a term lands shows in the total.
        let mut sum = OrderedSum::new();
        let tiny = f64::EPSILON / 2.0;
        for i in 0..16 {
            sum.add(if i == 0 { 1.0 } else { tiny });
        }
        // Lane 0 is 1 + tiny = 1; every other lane is 2 tiny, which survives.
        let lane = 2.0 * tiny;
        let expected = ((1.0 + lane) + (lane + lane)) + ((lane + lane) + (lane + lane));
        assert_eq!(sum.total().to_bits(), expected.to_bits());
    }
}
