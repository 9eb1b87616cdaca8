//! All rows times all vectors, panel by panel, on all threads. It is compiled once; the loops are in [`kernel`](super::kernel).
//!
//! ```text
//! for each panel of rows that fits the second cache:   for each few vectors:   for each plane:   a loop over the rows
//! ```

use alloc::{borrow::Cow, vec, vec::Vec};
use core::ops::Range;

use super::codes::RowCodes;
use super::kernel::{Kernels, Operands, Panel, PanelSums, ScaledTiles};
use super::scales::MatrixScales;
use crate::matmul::Activations;
use crate::matmul::arrange::Arranged;
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

/// The bytes of rows whose scales are written at a time. Derived: less than the prefetch distance.
const PREFETCHED: usize = 1 << 13;

/// The least tiles of a part that is given to a thread. Derived: at about 10 ns a tile they take 40 microseconds, several times
/// what starting a thread's job costs.
const LEAST_TILES: usize = 1 << 12;

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

/// A vector in the order in which the rows of a matrix meet it.
#[derive(Clone, Debug)]
pub(crate) struct ArrangedVector<'a, const P: usize> {
    pub(super) values: Cow<'a, Arranged<P>>,
    /// The scale of the whole vector.
    only_scale: f32,
    /// The scale of each tile, for rows whose tiles are blocks of activations.
    scales: Cow<'a, [f32]>,
}

impl<'a, const P: usize> ArrangedVector<'a, P> {
    /// A vector whose values are arranged.
    pub(crate) fn new(x: &'a Activations<'_>, values: Cow<'a, Arranged<P>>) -> Self {
        let scales = match x.only_scale() {
            Some(scale) => vec![scale; values.len()].into(),
            None => x.scales().into(),
        };
        Self {
            values,
            only_scale: x.only_scale().unwrap_or_default(),
            scales,
        }
    }
}

/// Memory that is used again for each panel: for copies of codes, for scales of both signs, for sums and for results.
#[derive(Default)]
struct Scratch {
    codes: Vec<u8>,
    lambdas: [Vec<f32>; 2],
    totals: Vec<i64>,
    results: Vec<f32>,
}

impl TiledMatrix<'_> {
    /// Multiplies some rows with all vectors, on one thread or several; `ys` are as many as `xs`, each as long as there are rows.
    pub(crate) fn multiply<const P: usize>(
        &self,
        rows: Range<usize>,
        xs: &[ArrangedVector<'_, P>],
        ys: &mut [&mut [f32]],
    ) where
        Backend: Kernels<P>,
    {
        let tiles: usize = xs.iter().map(|x| x.values.len()).sum();
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
        // A panel of rows meets some vectors at a time, the last ones one by one. Where pairs of lanes have scales, multiplying by these
        // takes longer than decoding: always one by one.
        let (mut many, mut few) = xs.as_chunks::<VECTORS>();
        let of_lanes = |plane: &TiledPlane<'_>| {
            matches!(plane.scales, MatrixScales::Blocks { lanes: true, .. })
        };
        if self.planes.iter().any(of_lanes) {
            (many, few) = (&many[..0], xs);
        }
        let (ys_of_many, ys_of_few) = ys.split_at_mut(many.len() * VECTORS);
        let mut scratch = Scratch::default();
        for start in rows.clone().step_by(PANEL) {
            let panel = start..rows.end.min(start + PANEL);
            let place = (panel, rows.start);
            for (xs, ys) in many.iter().zip(ys_of_many.chunks_exact_mut(VECTORS)) {
                self.panel::<P, ROWS_OF_MANY, VECTORS>(place.clone(), xs, ys, &mut scratch);
            }
            for (x, y) in few.iter().zip(ys_of_few.chunks_exact_mut(1)) {
                let xs = core::array::from_ref(x);
                self.panel::<P, ROWS, 1>(place.clone(), xs, y, &mut scratch);
            }
        }
    }

    /// Some rows times `C` vectors, plane after plane; the results begin with that of the row `first`.
    fn panel<const P: usize, const R: usize, const C: usize>(
        &self,
        (rows, first): (Range<usize>, usize),
        xs: &[ArrangedVector<'_, P>; C],
        ys: &mut [&mut [f32]],
        scratch: &mut Scratch,
    ) where
        Backend: Kernels<P>,
    {
        for (k, plane) in self.planes.iter().enumerate() {
            plane.multiply::<P, R, C>(self.backend, rows.clone(), xs, scratch);
            let (results, _) = scratch.results.as_chunks::<C>();
            for (at, results) in (rows.start - first..).zip(results) {
                for (y, result) in ys.iter_mut().zip(results) {
                    if let Some(slot) = y.get_mut(at) {
                        *slot = if k == 0 { *result } else { *slot + result };
                    }
                }
            }
        }
    }
}

impl TiledPlane<'_> {
    /// Some rows times `C` vectors: the results of row after row.
    fn multiply<const P: usize, const R: usize, const C: usize>(
        &self,
        backend: Backend,
        rows: Range<usize>,
        xs: &[ArrangedVector<'_, P>; C],
        scratch: &mut Scratch,
    ) where
        Backend: Kernels<P>,
    {
        let (codes, tiles) = (self.codes, xs[0].values.len());
        scratch.results.clear();
        scratch.results.resize(rows.len() * C, 0.0);
        let results = scratch.results.as_chunks_mut().0;
        match &self.scales {
            MatrixScales::Rows(scales) => {
                scratch.totals.clear();
                scratch.totals.resize(rows.len() * C * 2, 0);
                let totals = scratch.totals.as_chunks_mut().0.as_chunks_mut().0;
                let two = scales.lambda_n.is_some();
                // As many tiles at a time as 32 bits can hold.
                for start in (0..tiles).step_by(MOST_TILES) {
                    let range = start..tiles.min(start + MOST_TILES);
                    backend.run_panel(Panel::<P, R, C> {
                        operands: Operands::new(codes, xs, (range, 0), &mut scratch.codes),
                        rows: rows.clone(),
                        sums: PanelSums::Exact { two, totals },
                    });
                }
                for ((row, totals), results) in rows.zip(totals).zip(results) {
                    let [lambda_p, lambda_n] = [scales.of_row(row, 0), scales.of_row(row, 1)];
                    for ((result, [plus, minus]), x) in results.iter_mut().zip(totals).zip(xs) {
                        let d = x.only_scale;
                        *result = *plus as f32 * (lambda_p * d);
                        if two {
                            *result -= *minus as f32 * (lambda_n * d);
                        }
                    }
                }
            }
            MatrixScales::Blocks { lanes, scales } => {
                // So few rows at a time that scales which are written from the blocks of a format have been prefetched with the rows before.
                let few = (PREFETCHED / codes.row_bytes.max(1)).max(R);
                let written = scales.in_blocks() && *lanes;
                let few = if written { few } else { rows.len() };
                let place = (0..tiles, scales.beside().unwrap_or_default());
                for (at, results) in results.chunks_mut(few).enumerate() {
                    let first = rows.start + at * few;
                    let rows = first..first + results.len();
                    let room = &mut scratch.lambdas;
                    let lambdas = scales.of_tiles(backend, (rows.clone(), *lanes, tiles), room);
                    backend.run_panel(Panel::<P, R, C> {
                        operands: Operands::new(codes, xs, place.clone(), &mut scratch.codes),
                        rows,
                        sums: PanelSums::Tiles {
                            two: scales.has_two(),
                            sums: ScaledTiles {
                                lambdas,
                                ds: xs.each_ref().map(|x| &x.scales[..]),
                                results,
                            },
                        },
                    });
                }
            }
        }
    }
}
