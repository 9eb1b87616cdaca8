//! The objective `S^2 / M`, without importances: magnitudes added on a 128-bit grid.
//!
//! An optimum selects no weight below `max|w| / (2 sqrt(N))`: it scores at least what the largest weight scores alone, so
//! `lambda^2 M >= max^2` and its threshold `lambda / 2` is at least `max / (2 sqrt(M))`. So all that can be selected lies within
//! a factor `2 sqrt(N)` of the largest, and a grid that begins there holds each of these weights and all their sums exactly:
//! weights in `p + log2(N) / 2 + 2` bits, which is 64 for `f32` (`p = 24`) whatever fits a memory; sums in `log2(N)` more,
//! which is 128 for 2^48 `f64` weights. Weights below are cut to the grid, always alike, whatever their order.
//!
//! The baselines' thresholds may lie lower. Their sums use the finest grid instead that the largest weight allows: exact for
//! weights down to `max|w| / N` as long as `2 log2(N) + p < 123`.

use core::cmp::Ordering;

use super::{Item, Objective, RoundedTally, Side, Support, Tally, above_one_by_one};
use crate::exact::grid::{Grid, GridSums, depth};
use crate::exact::quotient::Quotient;
use crate::weight::{FloatBits, decode, scale_by_power};

/// Weights without importance, both signs or one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GridObjective<'a, W> {
    weights: &'a [W],
    /// What to keep of the keys of positive and of negative weights: all or nothing.
    masks: [u64; 2],
    grid: Grid,
    top: u64,
}

impl Tally for GridSums {
    fn count(&self) -> usize {
        self.count
    }
}

impl<'a, W: FloatBits> GridObjective<'a, W> {
    /// Largest number of weights whose sums are exact: `p + log2(N) / 2 + 2 + log2(N) <= 128`.
    pub(crate) const MAX_LEN: u64 = {
        let bits = 2 * (126 - W::PRECISION) / 3;
        if bits < u64::BITS {
            (1 << bits) - 1
        } else {
            u64::MAX
        }
    };

    /// For the search of an optimum: exact for all that it can select.
    pub(crate) fn new(weights: &'a [W], side: Side) -> Self {
        let plain = Self::with_top(weights, side, 0);
        let top = plain.items().map(|item| item.key).max().unwrap_or(0);
        Self::with_top(weights, side, top)
    }

    /// The same where the largest key is known.
    pub(crate) fn with_top(weights: &'a [W], side: Side, top: u64) -> Self {
        Self {
            weights,
            masks: [false, true].map(|negative| u64::from(side.includes(negative)).wrapping_neg()),
            grid: Grid::coarsest(top, weights.len() as u64, W::PRECISION),
            top,
        }
    }

    /// For sums over all weights, with four bits to spare above them.
    pub(crate) fn with_all(weights: &'a [W]) -> Self {
        let plain = Self::new(weights, Side::Both);
        let grid = Grid::finest(plain.top, 16 * weights.len() as u64, W::PRECISION);
        Self { grid, ..plain }
    }

    pub(crate) fn grid(&self) -> Grid {
        self.grid
    }

    /// The sum of all magnitudes on the grid.
    pub(crate) fn total(&self) -> u128 {
        self.items().map(|item| self.grid.place(item.key)).sum()
    }

    fn item(&self, weight: W) -> Item {
        let negative = weight.is_sign_negative();
        // A mask in place of a branch: signs cannot be predicted.
        let [positives, negatives] = self.masks;
        let mask = positives ^ (positives ^ negatives) & u64::from(negative).wrapping_neg();
        Item {
            key: weight.key() & mask,
            mass: 0,
            negative,
        }
    }

    /// How many weights of a block lie above each threshold, and their sum, for weights of at most 54 bits on the grid:
    /// without a branch, for near a threshold none can be predicted.
    fn block_above<const T: usize>(&self, block: &[W], thresholds: [u64; T]) -> [(usize, u64); T] {
        let mut parts = [(0, 0); T];
        for &weight in block {
            let key = self.item(weight).key;
            let (mantissa, shift) = decode(key, W::PRECISION);
            // Of a weight that is not selected the shift may be any.
            let place = mantissa << (shift.wrapping_sub(self.grid.base) & 63);
            for ((count, sum), threshold) in parts.iter_mut().zip(thresholds) {
                let selected = key > threshold;
                *count += usize::from(selected);
                *sum += place & u64::from(selected).wrapping_neg();
            }
        }
        parts
    }
}

/// Weights whose sum fits 64 bits if each fits 54.
const BLOCK: usize = 1 << 10;

impl<W: FloatBits> Objective for GridObjective<'_, W> {
    type Weight = W;
    type Tally = GridSums;

    fn len(&self) -> usize {
        self.weights.len()
    }

    fn items(&self) -> impl Iterator<Item = Item> {
        self.weights.iter().map(move |&weight| self.item(weight))
    }

    fn empty(&self) -> GridSums {
        GridSums { count: 0, sum: 0 }
    }

    fn add(&self, tally: &mut GridSums, item: Item, times: usize) {
        tally.count += times;
        tally.sum += self.grid.place(item.key) * times as u128;
    }

    fn compare_exactly(&self, a: &GridSums, b: &GridSums) -> Ordering {
        a.compare(b)
    }

    fn mean(&self, tally: &GridSums) -> Option<Quotient> {
        tally.mean(self.grid)
    }

    fn rounded(&self, tally: &GridSums) -> RoundedTally {
        let exponent = self.grid.unit::<W>() - self.unit_exponent();
        let sum = scale_by_power(tally.sum as f64, exponent);
        RoundedTally::new(sum, tally.count as f64)
    }

    fn floor(&self) -> u64 {
        let top = self.grid.place(self.top);
        let depth = depth(self.weights.len() as u64);
        self.grid.divide(top, 1 << depth).floor_key(W::PRECISION)
    }

    fn top(&self) -> u64 {
        self.top
    }

    fn above_each<const T: usize>(&self, thresholds: [u64; T]) -> [Support<GridSums>; T] {
        let (_, shift) = decode(self.top, W::PRECISION);
        let bits_on_grid = W::PRECISION + shift - self.grid.base.min(shift);
        let (fits, floor) = (bits_on_grid + BLOCK.ilog2() <= u64::BITS, self.floor());
        if !fits || thresholds.iter().any(|&threshold| threshold < floor) {
            return thresholds.map(|threshold| above_one_by_one(self, threshold));
        }
        let mut edges = thresholds.map(|key| Support::new(key, 0, self.empty()));
        for block in self.weights.chunks(BLOCK) {
            let parts = self.block_above(block, thresholds);
            for (edge, (count, sum)) in edges.iter_mut().zip(parts) {
                edge.tally.count += count;
                edge.tally.sum += u128::from(sum);
            }
        }
        edges
    }
}
