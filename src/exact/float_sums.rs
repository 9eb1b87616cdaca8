//! [`OrderedSums`]: `f64` addition in one defined order, for numbers that are reported and decide nothing.
//!
//! The result of a floating-point sum depends on the order. The order here is fixed, and it is fast and accurate:
//! eight lanes side by side (as a vector unit adds), in blocks of 64 terms, whose totals are added pairwise.
//!
//! ```text
//! term i of a block  -> lane i mod 8
//! block total        =  ((0+4) + (2+6)) + ((1+5) + (3+7))        of the lanes
//! sum                =  blocks added like a binary counter: equals with equals
//! ```
//!
//! The relative error of a sum of N non-negative terms is at most `(11 + log2(N / 64)) 2^-53`, where a running sum would
//! have `N 2^-53`. Cost: one addition per term, 1 kB of stack.
//!
//! Source: Higham, The Accuracy of Floating Point Summation (1993), pairwise summation.

const LANES: usize = 8;
pub(crate) const BLOCK: usize = 64;
/// Enough levels for any number of terms that a `usize` counts.
const LEVELS: usize = (usize::BITS - BLOCK.ilog2()) as usize + 1;

/// Sums the terms of a slice, each made from an element and its index.
pub(crate) fn sum<T: Copy>(elements: &[T], term: impl Fn(usize, T) -> f64) -> f64 {
    let mut sum = OrderedSums::<1>::new();
    for (b, block) in elements.chunks(BLOCK).enumerate() {
        // Making the terms and adding them are two loops, so that both can use vector instructions.
        let mut terms = [0.0; BLOCK];
        for (i, (place, &element)) in terms.iter_mut().zip(block).enumerate() {
            *place = term(b * BLOCK + i, element);
        }
        if let Some(sum) = sum.add(&terms, block.len()) {
            return sum;
        }
    }
    sum.total([0.0])[0]
}

/// Sorts numbers without a sign, the largest first, by their bits: one sort for the whole crate, as each is much code.
#[inline(never)]
pub(crate) fn sort(numbers: &mut [f64]) {
    numbers.sort_unstable_by_key(|number| !number.to_bits());
}

/// Where a slice can be cut in two so that the sum of the first part and the sum of the second, added, are the sum of all, to the
/// last bit: behind the largest power of two of blocks. `None` if it is too short for that to pay.
pub(crate) fn cut(len: usize) -> Option<usize> {
    const SHORT: usize = 1 << 16;
    let blocks = len.div_ceil(BLOCK);
    (len > SHORT).then(|| BLOCK * (blocks.next_power_of_two() / 2))
}

/// Some sums of as many terms each, side by side, whose order of addition is part of their definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderedSums<const N: usize> {
    /// Totals of `2^k` blocks at level `k`, wherever bit `k` of `blocks` is set.
    levels: [[f64; N]; LEVELS],
    blocks: usize,
}

impl<const N: usize> OrderedSums<N> {
    /// Empty sums.
    pub(crate) fn new() -> Self {
        Self {
            levels: [[0.0; N]; LEVELS],
            blocks: 0,
        }
    }

    /// Moves the totals of a block of each up to the first free level, taking along the totals on their way.
    #[inline(always)]
    pub(crate) fn carry(&mut self, mut totals: [f64; N]) {
        let full = self.blocks.trailing_ones() as usize;
        let levels = self.levels.get_mut(..=full).unwrap_or_default();
        if let Some((free, full)) = levels.split_last_mut() {
            for parts in full {
                for (total, part) in totals.iter_mut().zip(parts) {
                    *total += *part;
                }
            }
            *free = totals;
        }
        self.blocks += 1;
    }

    /// Each sum of all blocks and of the incomplete one at the end.
    pub(crate) fn total(&self, mut rest: [f64; N]) -> [f64; N] {
        let levels = (usize::BITS - self.blocks.leading_zeros()) as usize;
        for (level, parts) in self.levels.iter().enumerate().take(levels) {
            if self.blocks >> level & 1 == 1 {
                for (total, part) in rest.iter_mut().zip(parts) {
                    *total += part;
                }
            }
        }
        rest
    }
}

impl OrderedSums<1> {
    /// Adds a block. The last block, if it has fewer terms, ends the sum and returns it.
    #[inline(never)]
    fn add(&mut self, terms: &[f64; BLOCK], len: usize) -> Option<f64> {
        let sum = total(&lanes(terms));
        if len < BLOCK {
            return Some(self.total([sum])[0]);
        }
        self.carry([sum]);
        None
    }
}

/// The terms of a block in eight lanes.
fn lanes(terms: &[f64; BLOCK]) -> [f64; LANES] {
    let mut lanes = [0.0; LANES];
    for eight in terms.chunks_exact(LANES) {
        for (lane, term) in lanes.iter_mut().zip(eight) {
            *lane += term;
        }
    }
    lanes
}

/// The lanes of a block as a fixed tree.
#[inline(always)]
pub(crate) fn total(lanes: &[f64; LANES]) -> f64 {
    let pair = |i: usize| lanes[i] + lanes[i + 4];
    (pair(0) + pair(2)) + (pair(1) + pair(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;

    #[test]
    fn a_sum_of_equals_keeps_its_accuracy() {
        for n in [0, 1, 7, 8, 63, 64, 65, 1000, 1 << 18] {
            let terms = std::vec![0.1; n];
            let exact = 0.1 * n as f64;
            assert!(
                (sum(&terms, |_, x| x) - exact).abs() <= 4e-15 * exact,
                "{n}"
            );
        }
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        for n in [
            65_537,
            70_001,
            1 << 17,
            (1 << 17) + 1,
            (1 << 17) + 64,
            200_000,
        ] {
            let mut terms = std::vec![0.0; n];
            for (i, term) in terms.iter_mut().enumerate() {
                *term = (i as f64).sqrt().fract();
            }
            let at = cut(terms.len()).unwrap();
            let (first, second) = terms.split_at(at);
            let [first, second, all] = [first, second, &terms].map(|terms| sum(terms, |_, x| x));
            assert_eq!((first + second).to_bits(), all.to_bits(), "{n}");
        }
    }

    #[test]
    fn the_order_is_the_documented_one() {
        // 2^-53 vanishes beside 1, so where a term lands shows in the total.
        let tiny = f64::EPSILON / 2.0;
        let terms = [tiny; 15];
        let total = sum(&terms, |i, x| if i == 0 { 1.0 } else { x });
        // Lane 0 is 1 + tiny = 1, lane 7 has one tiny, every other two.
        let two = 2.0 * tiny;
        let expected = ((1.0 + two) + (two + two)) + ((two + two) + (two + tiny));
        assert_eq!(total.to_bits(), expected.to_bits());
    }
}
