//! A [`TernaryMatrix`] times vectors of 8-bit activations, tile by tile.

use alloc::vec::Vec;
use core::ops::BitOr;

use super::codes::{RowCodes, Tiling};
use super::driver::{ArrangedVector, TiledMatrix, TiledPlane};
use super::kernel::Kernels;
use super::scales::{BlockScales, LANE_PAIRS, MatrixScales, SliceScales};
use crate::code::Code;
use crate::matmul::arrange::{Arranged, Order};
use crate::matmul::integer::RowSum;
use crate::matmul::{Activations, TernaryMatrix};
use crate::scale::MAX_PLANES;
use crate::simd::{Backend, TILE};

/// The weights of a tile in the 2-bit code.
const WEIGHTS: usize = 4 * TILE;

impl TernaryMatrix<'_> {
    /// Multiplies with all vectors; `ys` are as many, each as long as there are rows. Rows are not added up run by run, and all planes
    /// begin with a byte.
    pub(in crate::matmul) fn multiply_tiles<const P: usize>(
        &self,
        (backend, way): (Backend, RowSum),
        xs: &[Activations<'_>],
        ys: &mut [&mut [f32]],
    ) where
        Backend: Kernels<P>,
    {
        let mut planes = [self.tiled_plane(0, way); MAX_PLANES];
        for (plane, slot) in planes.iter_mut().enumerate().take(self.planes()) {
            *slot = self.tiled_plane(plane, way);
        }
        let matrix = TiledMatrix {
            backend,
            planes: planes.get(..self.planes()).unwrap_or_default(),
        };
        matrix.multiply(0..self.rows(), &self.arrange::<P>(backend, xs), ys);
        for y in ys {
            self.add_bias(0, 1, y);
        }
    }

    fn tiled_plane(&self, plane: usize, way: RowSum) -> TiledPlane<'_> {
        let (code, slices) = (self.code(), self.slice_scales(plane));
        let scales = if way == RowSum::Exact {
            MatrixScales::Rows(slices)
        } else {
            // A row is one block, or its blocks are whole tiles or whole pairs of lanes.
            let lanes = self.block < self.columns() && !self.block.is_multiple_of(WEIGHTS);
            let unit = WEIGHTS / if lanes { LANE_PAIRS } else { 1 };
            let scales = BlockScales::Slices {
                slices,
                per_row: self.columns().div_ceil(self.block),
                shared: self.block.div_ceil(unit),
            };
            MatrixScales::Blocks { lanes, scales }
        };
        let tiling = match code {
            Code::TwoBit => Tiling::InPlace { stride: TILE },
            Code::Base3 => Tiling::Numbers,
        };
        let codes = RowCodes {
            bytes: self.trits(plane).as_bytes(),
            row_bytes: self.columns() / code.trits_per_byte(),
            row_digits: self.columns() % code.trits_per_byte(),
            tiling,
        };
        TiledPlane { codes, scales }
    }

    /// The scales of a plane.
    pub(super) fn slice_scales(&self, plane: usize) -> SliceScales<'_> {
        SliceScales {
            lambda_p: self.lambda_p,
            lambda_n: self.lambda_n,
            first: self.scale_index(plane, 0),
            step: self.step,
        }
    }

    /// The vectors, for rows that begin anywhere in a byte of `P` trits.
    fn arrange<'x, const P: usize>(
        &self,
        backend: Backend,
        xs: &'x [Activations<'_>],
    ) -> Vec<ArrangedVector<'x, P>> {
        let starts = (0..self.rows().min(P)).map(|row| 1 << (row * self.columns() % P));
        let used = starts.fold(0, BitOr::bitor);
        let arrange = |x: &'x Activations<'_>| {
            let values = || Arranged::for_rows(backend, x.values(), used);
            ArrangedVector::new(x, x.kept.get(Order::Rows(used), values))
        };
        xs.iter().map(arrange).collect()
    }
}
