//! All rows times all vectors, block by block, on all threads. It is compiled once; the loops are in [`kernel`](super::kernel).
//!
//! ```text
//! for each panel of rows that fits the second cache:   for each few vectors:   for each few rows of the panel:   a block
//! ```

use alloc::vec::Vec;
use core::ops::Range;

use super::arrange::{Arranged, TiledVector};
use super::codes::RowCodes;
use super::kernel::{Kernels, Strip};
use super::scales::{BlockScales, LANE_PAIRS, MultiplyScales};
use crate::scale::ScaleSlice;
use crate::simd::{Backend, MOST_TILES};
use crate::threads;

/// Rows that are multiplied with some vectors before the next vectors follow. Chosen: 128 rows of 4,096 two-bit weights are
/// 128 KiB, a fraction of a second-level cache.
const PANEL: usize = 128;

/// Rows of a block with one vector. Measured with the benchmark `kernels`: four hide the latency of the additions, more run out of
/// registers.
const ROWS: usize = 4;

/// Rows and vectors of a block with several. Measured likewise: eight sums fit the registers beside the decoded codes of a row.
const ROWS_OF_MANY: usize = 2;
const VECTORS: usize = 4;

/// The least tiles of a part that is given to a thread. Derived: at about 10 ns a tile they take 40 microseconds, several times
/// what starting a thread's job costs.
const LEAST_TILES: usize = 1 << 12;

/// The scales of a matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MatrixScales<'a> {
    /// One for each row, or with step 0 one for all; the -1 trits may have others. Each vector has one.
    Rows {
        lambda_p: ScaleSlice<'a>,
        lambda_n: Option<ScaleSlice<'a>>,
        /// The index of the first row's scale.
        first: usize,
        step: usize,
    },
    /// One for each tile, or with `lanes` one for each pair of lanes.
    Blocks {
        lanes: bool,
        scales: BlockScales<'a>,
    },
}

/// A matrix whose rows are multiplied tile by tile.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TiledMatrix<'a> {
    pub(crate) backend: Backend,
    /// At least one. Their codes have the same places.
    pub(crate) planes: &'a [TiledPlane<'a>],
}

/// A plane of such a matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TiledPlane<'a> {
    pub(crate) codes: RowCodes<'a>,
    pub(crate) scales: MatrixScales<'a>,
}

/// Memory that is used again for each block.
#[derive(Default)]
struct Scratch {
    codes: Vec<u8>,
    scales: Vec<f32>,
}

impl TiledMatrix<'_> {
    /// Multiplies some rows with all vectors, on one thread or several; `ys` are as many as `xs`, each as long as there are rows.
    pub(crate) fn multiply<const P: usize>(
        &self,
        rows: Range<usize>,
        xs: &[Arranged<P>],
        ys: &mut [&mut [f32]],
    ) where
        Backend: Kernels<P>,
    {
        let tiles: usize = xs.iter().map(Arranged::len).sum();
        let work = rows.len().saturating_mul(tiles);
        // Threads are asked about last: asking may start them.
        if rows.len() > 2 * ROWS && work > 2 * LEAST_TILES && threads::pays() {
            let middle = rows.start + rows.len() / 2;
            let halves = ys.iter_mut().map(|y| y.split_at_mut(middle - rows.start));
            let (mut upper, mut lower): (Vec<_>, Vec<_>) = halves.unzip();
            threads::join(
                || self.multiply(rows.start..middle, xs, &mut upper),
                || self.multiply(middle..rows.end, xs, &mut lower),
            );
            return;
        }
        let mut part = Part::<P> {
            matrix: self,
            in_blocks: self.in_blocks::<P>(),
            first: rows.start,
            scratch: Scratch::default(),
        };
        // A panel of rows meets some vectors at a time, the last ones one by one.
        let (many, few) = xs.as_chunks::<VECTORS>();
        let (ys_of_many, ys_of_few) = ys.split_at_mut(many.len() * VECTORS);
        for start in rows.clone().step_by(PANEL) {
            let panel = start..rows.end.min(start + PANEL);
            for (xs, ys) in many.iter().zip(ys_of_many.chunks_exact_mut(VECTORS)) {
                part.panel::<ROWS_OF_MANY, VECTORS>(panel.clone(), xs, ys);
            }
            for (x, y) in few.iter().zip(ys_of_few.chunks_exact_mut(1)) {
                part.panel::<ROWS, 1>(panel.clone(), core::array::from_ref(x), y);
            }
        }
    }

    /// Whether rows can be multiplied together: base-3 rows can, and two-bit rows that begin with a byte.
    fn in_blocks<const P: usize>(&self) -> bool {
        let whole_bytes = |plane: &TiledPlane<'_>| {
            let RowCodes {
                row_len, per_byte, ..
            } = plane.codes;
            row_len.is_multiple_of(per_byte)
        };
        P != 4 || self.planes.iter().all(whole_bytes)
    }
}

/// What one thread multiplies.
struct Part<'a, const P: usize> {
    matrix: &'a TiledMatrix<'a>,
    /// Whether rows can be multiplied together.
    in_blocks: bool,
    /// The row of the first results.
    first: usize,
    scratch: Scratch,
}

impl<const P: usize> Part<'_, P>
where
    Backend: Kernels<P>,
{
    /// A panel of rows times `C` vectors: whole blocks of `R` rows, and the last rows one by one.
    fn panel<const R: usize, const C: usize>(
        &mut self,
        rows: Range<usize>,
        xs: &[Arranged<P>; C],
        ys: &mut [&mut [f32]],
    ) {
        let mut row = rows.start;
        while row + R <= rows.end && (R == 1 || self.in_blocks) {
            let results = self.block::<R, C>(row, xs);
            for (r, results) in results.iter().enumerate() {
                for (y, &result) in ys.iter_mut().zip(results) {
                    if let Some(slot) = y.get_mut(row + r - self.first) {
                        *slot = result;
                    }
                }
            }
            row += R;
        }
        if const { R > 1 } && row < rows.end {
            for (x, y) in xs.iter().zip(ys.chunks_exact_mut(1)) {
                self.panel::<1, 1>(row..rows.end, core::array::from_ref(x), y);
            }
        }
    }

    /// `R` rows from `row` on, times `C` vectors: plane after plane.
    fn block<const R: usize, const C: usize>(
        &mut self,
        row: usize,
        xs: &[Arranged<P>; C],
    ) -> [[f32; C]; R] {
        let mut y = [[0.0; C]; R];
        for (k, plane) in self.matrix.planes.iter().enumerate() {
            let mut vectors = [[&xs[0].versions[0]; C]; R];
            for (r, vectors) in vectors.iter_mut().enumerate() {
                let digit = plane.codes.first_digit(row + r);
                for (vector, x) in vectors.iter_mut().zip(xs) {
                    *vector = &x.versions[digit];
                }
            }
            let terms = self.plane(plane, row, xs, &vectors);
            if k == 0 {
                y = terms;
                continue;
            }
            let terms = terms.as_flattened();
            for (y, term) in y.as_flattened_mut().iter_mut().zip(terms) {
                *y += term;
            }
        }
        y
    }

    /// The same for one plane.
    #[inline(always)]
    fn plane<const R: usize, const C: usize>(
        &mut self,
        plane: &TiledPlane<'_>,
        row: usize,
        xs: &[Arranged<P>; C],
        vectors: &[[&TiledVector<P>; C]; R],
    ) -> [[f32; C]; R] {
        let (lambda_p, lambda_n, first, step) = match &plane.scales {
            MatrixScales::Rows {
                lambda_p,
                lambda_n,
                first,
                step,
            } => (lambda_p, lambda_n, first, step),
            MatrixScales::Blocks { lanes, scales } => {
                return self.scaled_sums(&plane.codes, row, xs, vectors, *lanes, scales);
            }
        };
        let sums = self.exact_sums(&plane.codes, row, vectors, lambda_n.is_some());
        let mut y = [[0.0; C]; R];
        for (r, (y, sums)) in y.iter_mut().zip(sums).enumerate() {
            let index = first + (row + r) * step;
            let lambda_p = lambda_p.single(index);
            let lambda_n = lambda_n.map(|lambda_n| lambda_n.single(index));
            for ((y, [plus, minus]), x) in y.iter_mut().zip(sums).zip(xs) {
                let d = x.only_scale;
                *y = plus as f32 * (lambda_p * d);
                if let Some(lambda_n) = lambda_n {
                    *y -= minus as f32 * (lambda_n * d);
                }
            }
        }
        y
    }

    /// The exact sums of each row and vector: `[sum t x, 0]`, or by sign.
    fn exact_sums<const R: usize, const C: usize>(
        &mut self,
        codes: &RowCodes<'_>,
        row: usize,
        vectors: &[[&TiledVector<P>; C]; R],
        two: bool,
    ) -> [[[i64; 2]; C]; R] {
        let backend = self.matrix.backend;
        let tiles = vectors[0][0].tiles.len();
        let mut totals = [[[0; 2]; C]; R];
        for chunk in 0..tiles.div_ceil(MOST_TILES) {
            let range = chunk * MOST_TILES..tiles.min((chunk + 1) * MOST_TILES);
            let scratch = &mut self.scratch.codes;
            let strip = Strip {
                rows: codes.tiles(backend, row, range.clone(), scratch),
                xs: of_each(vectors, |x| x.tiles.get(range.clone()).unwrap_or_default()),
                ahead: codes.ahead(),
            };
            let less = of_each(vectors, |x| x.less.get(chunk).unwrap_or(&[0; 16]));
            let sums = backend.exact_sums(strip, less, two);
            let sums = sums.as_flattened().as_flattened();
            let totals = totals.as_flattened_mut().as_flattened_mut();
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total += sum;
            }
        }
        totals
    }

    /// The sums of each row and vector, tile by tile times their scales.
    fn scaled_sums<const R: usize, const C: usize>(
        &mut self,
        codes: &RowCodes<'_>,
        row: usize,
        xs: &[Arranged<P>; C],
        vectors: &[[&TiledVector<P>; C]; R],
        lanes: bool,
        weights: &BlockScales<'_>,
    ) -> [[f32; C]; R] {
        let backend = self.matrix.backend;
        let tiles = xs[0].len();
        let kinds = if weights.has_two() { 2 } else { 1 };
        let of_row = xs[0].scales.len() * if lanes { LANE_PAIRS } else { 1 };
        // The scales of one row, and the products of each row and vector.
        let scales = &mut self.scratch.scales;
        scales.resize((1 + R * C * kinds) * of_row, 0.0);
        let (own, products) = scales.split_at_mut(of_row);
        backend.run_tiles(MultiplyScales {
            weights,
            first_row: row,
            lanes,
            vectors: &xs.each_ref().map(|x| &x.scales[..]),
            own,
            products,
        });
        let mut scales = [[[&[][..]; 2]; C]; R];
        let mut products = products.chunks_exact(of_row);
        for scales in scales.as_flattened_mut() {
            for scale in scales.iter_mut().take(kinds) {
                *scale = products.next().unwrap_or_default();
            }
        }
        let scratch = &mut self.scratch.codes;
        let strip = Strip {
            rows: codes.tiles(backend, row, 0..tiles, scratch),
            xs: of_each(vectors, |x| &x.tiles[..]),
            ahead: codes.ahead(),
        };
        backend.scaled_sums(strip, scales, (lanes, kinds == 2))
    }
}

/// A part of the vector that each row meets.
fn of_each<'x, V, T: Copy, const R: usize, const C: usize>(
    vectors: &[[&'x V; C]; R],
    part: impl Fn(&'x V) -> T,
) -> [[T; C]; R] {
    let mut parts = [[part(vectors[0][0]); C]; R];
    for (parts, vectors) in parts.iter_mut().zip(vectors) {
        for (slot, vector) in parts.iter_mut().zip(vectors) {
            *slot = part(vector);
        }
    }
    parts
}
