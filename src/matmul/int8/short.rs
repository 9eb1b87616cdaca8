//! Matrices with short rows in the 2-bit code times a vector: a tile has several rows, and nothing is allocated.
//!
//! ```text
//! codes of 12 bytes a row    row 0     row 1     row 2     row 3     row 4     4 bytes of row 5
//! lanes of the tile          0, 1, 2   3, 4, 5   6, 7, 8   9 to 11   12 to 14  15
//! planes of activations      x         x         x         x         x         zeros
//! ```

use super::scales::SliceScales;
use crate::code::Code;
use crate::matmul::arrange::{every_fourth, subtract_lanes};
use crate::matmul::{Activations, TernaryMatrix};
use crate::simd::{ActivationTile, Backend, Digits, TILE, TileJob, TileUnit};
use crate::threads;

/// The bytes of a lane, and the weights in them.
const LANE: usize = 4;
const WEIGHTS: usize = 4 * LANE;

/// Rows of at most so many lanes are short, however many there are.
const SHORT: usize = TILE / LANE / 2;

/// Rows of up to a tile are short if there are at most so many. Measured: for more the loops over several rows are faster.
const FEW: usize = 64;

/// The least rows that are given to a thread. Derived: at 6 ns a row they take 25 microseconds, several times what starting a thread's job
/// costs.
const LEAST: usize = 1 << 12;

impl TernaryMatrix<'_> {
    /// Whether several rows share a tile, or there are few rows of a tile; then a row has one scale, and lanes of its own.
    pub(in crate::matmul) fn has_short_rows(&self) -> bool {
        let (columns, lanes) = (self.columns(), self.columns() / WEIGHTS);
        let short = lanes <= SHORT || lanes <= TILE / LANE && self.rows() <= FEW;
        short
            && columns > 0
            && columns == lanes * WEIGHTS
            && self.block >= columns
            && self.code() == Code::TwoBit
            && self.begins_with_bytes()
    }

    /// Multiplies [short](Self::has_short_rows) rows from the `first` on with a vector of one scale, on one thread or several. Each row
    /// has its place in `y`.
    pub(in crate::matmul) fn multiply_short_rows(
        &self,
        backend: Backend,
        x: &Activations<'_>,
        first: usize,
        y: &mut [f32],
    ) {
        if y.len() > 2 * LEAST && threads::pays() {
            let middle = y.len() / 2;
            let (upper, lower) = y.split_at_mut(middle);
            threads::join(
                || self.multiply_short_rows(backend, x, first, upper),
                || self.multiply_short_rows(backend, x, first + middle, lower),
            );
            return;
        }
        for plane in 0..self.planes() {
            backend.run_tiles(ShortRows {
                codes: self.trits(plane).as_bytes(),
                x: x.values(),
                scales: self.slice_scales(plane),
                d: x.only_scale().unwrap_or_default(),
                first,
                add: plane > 0,
                y,
            });
        }
        self.add_bias(first, 1, y);
    }
}

/// A plane of short rows times a vector.
struct ShortRows<'a> {
    codes: &'a [u8],
    x: &'a [i8],
    scales: SliceScales<'a>,
    /// The scale of the vector.
    d: f32,
    first: usize,
    /// Whether the products are added to those of another plane.
    add: bool,
    y: &'a mut [f32],
}

impl TileJob for ShortRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<T: TileUnit>(self, unit: T) {
        let lanes = self.x.len() / WEIGHTS;
        let rows = TILE / LANE / lanes;
        let tile = repeat(self.x, lanes);
        let two = self.scales.lambda_n.is_some();
        for (at, results) in self.y.chunks_mut(rows).enumerate() {
            // The codes of these rows, and what follows them: it meets zeros, or its sums are not read.
            let row = self.first + at * rows;
            let bytes = self.codes.get(row * lanes * LANE..);
            let (bytes, mut copy) = (bytes.unwrap_or_default(), [0; TILE]);
            let codes = if let Some(codes) = bytes.first_chunk() {
                codes
            } else {
                copy[..bytes.len()].copy_from_slice(bytes);
                &copy
            };
            // The sums of all lanes, and from them those of each row: exact.
            let sums = if two {
                let [[plus, minus]] = Digits::<4>::tiles_by_sign(unit, [codes], [[&tile]]);
                [prefix(unit.array(plus)), prefix(unit.array(minus))]
            } else {
                let [sums] = Digits::<4>::tiles(unit, [codes], [[&tile]]);
                [prefix(unit.array(sums)), [0; 17]]
            };
            for (r, y) in results.iter_mut().enumerate() {
                let mut terms = [0.0; 2];
                for sign in 0..if two { 2 } else { 1 } {
                    let sum = sums[sign][(r + 1) * lanes] - sums[sign][r * lanes];
                    terms[sign] = sum as f32 * (self.scales.of_row(row + r, sign) * self.d);
                }
                let product = if two { terms[0] - terms[1] } else { terms[0] };
                *y = if self.add { *y + product } else { product };
            }
        }
    }
}

/// A vector, as often as a tile has so many lanes.
#[inline(always)]
fn repeat(x: &[i8], lanes: usize) -> ActivationTile<4> {
    let mut tile = ActivationTile {
        x: [[0; TILE]; 4],
        less: [0; 16],
    };
    for (digit, plane) in tile.x.iter_mut().enumerate() {
        every_fourth(x, digit, plane);
        let (words, _) = plane.as_chunks_mut::<LANE>();
        for lane in lanes..TILE / LANE / lanes * lanes {
            words[lane] = words[lane - lanes];
        }
    }
    subtract_lanes(&mut tile);
    tile
}

/// The sums of all lanes before each.
#[inline(always)]
fn prefix(sums: [i32; 16]) -> [i32; 17] {
    let mut before = [0; 17];
    for lane in 0..16 {
        before[lane + 1] = before[lane] + sums[lane];
    }
    before
}
