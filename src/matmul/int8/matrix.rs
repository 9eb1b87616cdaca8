//! A ternary matrix in one of the codes of this crate, times vectors of 8-bit activations.

use alloc::vec::Vec;

use super::Activations;
use super::arrange::{Arranged, ElementRun, TileOrder};
use super::codes::{RowCodes, Tiling};
use super::driver::{MatrixScales, TiledMatrix};
use super::kernel::Kernels;
use super::scales::BlockScales;
use crate::code::Code;
use crate::simd::{Backend, TILE};

/// The weights of a pair of lanes in the 2-bit code, and those of a tile.
const PAIR: usize = 32;
const WEIGHTS: usize = 4 * TILE;

/// A matrix of packed trits whose rows follow each other without a gap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedRows<'a> {
    pub(crate) backend: Backend,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) code: Code,
    pub(crate) bytes: &'a [u8],
    pub(crate) lambda_p: &'a [f32],
    /// Empty if the -1 trits have the same scales.
    pub(crate) lambda_n: &'a [f32],
    pub(crate) layout: ScaleLayout,
}

/// How the scales of a matrix are assigned to its weights.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScaleLayout {
    /// One for each row; or, with step 0, one for all.
    Rows { step: usize },
    /// `per_row` groups of `len` weights, a multiple of 32.
    Blocks { per_row: usize, len: usize },
}

impl PackedRows<'_> {
    /// Multiplies with all vectors; `ys` are as many, each as long as there are rows. Returns false if there is no loop for this
    /// code and layout: then nothing has been written.
    pub(crate) fn multiply(&self, xs: &[Activations], ys: &mut [&mut [f32]]) -> bool {
        let one_scale = xs.iter().all(|x| x.only_scale().is_some());
        let whole_bytes = self.columns.is_multiple_of(4);
        match (self.layout, self.code) {
            (ScaleLayout::Rows { step }, _) if one_scale => self.exact(step, xs, ys),
            (ScaleLayout::Rows { step }, Code::TwoBit) if whole_bytes => {
                self.blocks((step, 1), self.columns.next_multiple_of(WEIGHTS), xs, ys);
            }
            (ScaleLayout::Blocks { per_row, len }, Code::TwoBit) if whole_bytes => {
                self.blocks((per_row, per_row), len, xs, ys);
            }
            _ => return false,
        }
        true
    }

    /// One scale for each vector, and one, or two, for each row.
    fn exact(&self, step: usize, xs: &[Activations], ys: &mut [&mut [f32]]) {
        let scales = MatrixScales::Rows {
            lambda_p: self.lambda_p,
            lambda_n: self.lambda_n,
            step,
        };
        match self.code {
            Code::TwoBit => self.tiled::<4>(scales, xs, ys),
            Code::Base3 => self.tiled::<5>(scales, xs, ys),
        }
    }

    /// Scales for blocks of `len` weights, a multiple of 32: from a row to the next in steps, and so many for a row.
    fn blocks(
        &self,
        (step, per_row): (usize, usize),
        len: usize,
        xs: &[Activations],
        ys: &mut [&mut [f32]],
    ) {
        let lanes = !len.is_multiple_of(WEIGHTS);
        let scales = BlockScales::Floats {
            lambda_p: self.lambda_p,
            lambda_n: self.lambda_n,
            step,
            per_row,
            shared: len / if lanes { PAIR } else { WEIGHTS },
        };
        self.tiled::<4>(MatrixScales::Blocks { lanes, scales }, xs, ys);
    }

    fn tiled<const P: usize>(
        &self,
        scales: MatrixScales<'_>,
        xs: &[Activations],
        ys: &mut [&mut [f32]],
    ) where
        Backend: Kernels<P>,
    {
        let tiling = match self.code {
            Code::TwoBit => Tiling::InPlace {
                offset: 0,
                stride: TILE,
            },
            Code::Base3 => Tiling::Numbers,
        };
        let matrix = TiledMatrix {
            backend: self.backend,
            rows: self.rows,
            codes: RowCodes {
                bytes: self.bytes,
                row_len: self.columns,
                per_byte: P,
                tiling,
            },
            scales,
        };
        matrix.multiply(&self.arrange::<P>(xs), ys);
    }

    /// The vectors, for rows that begin anywhere in a byte of `P` trits.
    fn arrange<const P: usize>(&self, xs: &[Activations]) -> Vec<Arranged<P>> {
        let run = |element| ElementRun {
            element,
            step: P,
            // The first of five digits is the least significant.
            digit: if P == 5 { 4 - element } else { element },
            byte: 0,
            len: TILE,
        };
        let order = TileOrder::new(TILE * P, (0..P).map(run));
        let mut used = [false; P];
        for row in 0..self.rows.min(P) {
            used[row * self.columns % P] = true;
        }
        let arrange = |x| Arranged::new(x, &order, &used);
        xs.iter().map(arrange).collect()
    }
}
