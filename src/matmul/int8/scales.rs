//! The scales of the weights: of rows, of tiles, or of pairs of lanes of tiles.

use alloc::vec::Vec;
use core::ops::Range;

use crate::scale::ScaleSlice;
use crate::simd::{Backend, TileJob, TileUnit, Tiles, Vector};

/// The pairs of lanes of a tile: where a byte has four consecutive trits of a row, a pair sums 32 weights.
pub(crate) const LANE_PAIRS: usize = 8;

/// The scales of a matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MatrixScales<'a> {
    /// One for each row. Each vector has one.
    Rows(SliceScales<'a>),
    /// One for each tile, or with `lanes` one for each pair of lanes.
    Blocks {
        lanes: bool,
        scales: BlockScales<'a>,
    },
}

/// Scales in slices of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SliceScales<'a> {
    pub(crate) lambda_p: ScaleSlice<'a>,
    /// Those of the -1 trits, if they have others.
    pub(crate) lambda_n: Option<ScaleSlice<'a>>,
    /// The index of the first row's first scale.
    pub(crate) first: usize,
    /// From the first scale of a row to that of the next: 0 if all rows have the same.
    pub(crate) step: usize,
}

/// Where the scales of the weights are stored, if a row has several or the vectors do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BlockScales<'a> {
    Slices {
        slices: SliceScales<'a>,
        /// How many there are for a row.
        per_row: usize,
        /// How many tiles, or pairs of lanes, share a scale: at least 1.
        shared: usize,
    },
    /// In the blocks of a format, as f16 bits.
    #[cfg(feature = "half")]
    Halves {
        bytes: &'a [u8],
        row_bytes: usize,
        /// The bytes of a block, and the offset of the scale.
        block: usize,
        offset: usize,
        /// How many tiles, or pairs of lanes, a block has.
        shared: usize,
    },
}

impl SliceScales<'_> {
    /// The scales of the +1 trits, or if `kind` is 1, those of the -1 trits.
    #[inline(always)]
    fn of(&self, kind: usize) -> &ScaleSlice<'_> {
        match &self.lambda_n {
            Some(lambda_n) if kind == 1 => lambda_n,
            _ => &self.lambda_p,
        }
    }

    /// The one scale of a row.
    #[inline(always)]
    pub(super) fn of_row(&self, row: usize, kind: usize) -> f32 {
        self.of(kind).single(self.first + row * self.step)
    }
}

impl BlockScales<'_> {
    /// Whether the -1 trits have a scale of their own.
    pub(super) const fn has_two(&self) -> bool {
        matches!(self, Self::Slices { slices, .. } if slices.lambda_n.is_some())
    }

    /// Whether they are stored in blocks, beside the codes.
    pub(super) const fn in_blocks(&self) -> bool {
        !matches!(self, Self::Slices { .. })
    }

    /// From the beginning of a tile's codes to its scale, if each tile has one beside its codes.
    pub(super) fn beside(&self) -> Option<usize> {
        match self {
            #[cfg(feature = "half")]
            Self::Halves { offset, .. } if self.shared() == 1 => Some(*offset),
            _ => None,
        }
    }

    /// The scales of so many tiles of some rows, or with `lanes` those of the pairs of their lanes.
    pub(super) fn of_tiles<'r>(
        &'r self,
        backend: Backend,
        (rows, lanes, tiles): (Range<usize>, bool, usize),
        room: &'r mut [Vec<f32>; 2],
    ) -> TileScales<'r> {
        if self.beside().is_some() {
            return TileScales::Beside;
        }
        let count = tiles * if lanes { LANE_PAIRS } else { 1 };
        let [room_p, room_n] = room;
        let positive = self.of_rows(backend, (rows.clone(), 0), count, room_p);
        let scales = if self.has_two() {
            [positive, self.of_rows(backend, (rows, 1), count, room_n)]
        } else {
            [positive; 2]
        };
        if lanes {
            TileScales::Lanes(scales)
        } else {
            TileScales::Tiles(scales)
        }
    }

    /// The scales of some rows, `count` for each row and its tiles or pairs of lanes: those of the +1 trits, or if `kind` is 1, those of
    /// the -1 trits. Where they are not stored like that, they are written to `room`, each as often as it is shared.
    fn of_rows<'r>(
        &'r self,
        backend: Backend,
        (rows, kind): (Range<usize>, usize),
        count: usize,
        room: &'r mut Vec<f32>,
    ) -> RowScales<'r> {
        if let Self::Slices {
            slices,
            per_row,
            shared: 1,
        } = self
            && let ScaleSlice::F32(all) = slices.of(kind)
            && count <= *per_row
        {
            let start = slices.first + rows.start * slices.step;
            return RowScales {
                all: all.get(start..).unwrap_or_default(),
                step: slices.step,
            };
        }
        let step = count.next_multiple_of(16);
        room.resize(rows.len() * step, 0.0);
        backend.run_tiles(WriteScales {
            scales: self,
            first_row: rows.start,
            kind,
            step,
            slots: room,
        });
        RowScales { all: room, step }
    }

    /// Sixteen scales of a row from one on; zeros behind the last one.
    #[inline(always)]
    fn sixteen<T: Tiles>(
        &self,
        unit: T,
        row: usize,
        kind: usize,
        at: usize,
    ) -> <T::V as Vector>::Singles {
        match self {
            Self::Slices {
                slices, per_row, ..
            } => {
                let start = slices.first + row * slices.step;
                sixteen_of(unit, slices.of(kind), start + at..start + per_row)
            }
            #[cfg(feature = "half")]
            Self::Halves {
                bytes,
                row_bytes,
                block,
                offset,
                ..
            } => {
                let end = (row + 1) * row_bytes;
                let bytes = bytes.get(end - row_bytes + at * block..end);
                let blocks = bytes.unwrap_or_default().chunks_exact(*block.max(&1));
                let mut bits = [0; 16];
                for (bits, block) in bits.iter_mut().zip(blocks) {
                    if let Some(&[low, high]) = block.get(*offset..offset + 2) {
                        *bits = u16::from_le_bytes([low, high]);
                    }
                }
                unit.widen_halves(&bits)
            }
        }
    }

    /// How many tiles, or pairs of lanes, share a scale.
    const fn shared(&self) -> usize {
        match self {
            Self::Slices { shared, .. } => *shared,
            #[cfg(feature = "half")]
            Self::Halves { shared, .. } => *shared,
        }
    }
}

/// The scales of the tiles of some rows.
#[derive(Clone, Copy)]
pub(super) enum TileScales<'a> {
    /// One for each tile: those of the +1 trits, and those of the -1 trits, which may be the same.
    Tiles([RowScales<'a>; 2]),
    /// One for each pair of lanes, likewise.
    Lanes([RowScales<'a>; 2]),
    /// One for each tile, as f16 bits beside its codes.
    Beside,
}

/// The scales of rows, `step` apart.
#[derive(Clone, Copy)]
pub(super) struct RowScales<'a> {
    all: &'a [f32],
    step: usize,
}

impl<'a> RowScales<'a> {
    /// The scales of a row, and what follows them.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &'a [f32] {
        self.all.get(row * self.step..).unwrap_or_default()
    }
}

/// Writes the scales of rows, each as often as it is shared. No activation meets what is behind the last one of a row.
struct WriteScales<'a> {
    scales: &'a BlockScales<'a>,
    first_row: usize,
    kind: usize,
    /// The slots of a row.
    step: usize,
    slots: &'a mut [f32],
}

impl TileJob for WriteScales<'_> {
    type Output = ();

    #[inline(always)]
    fn run<T: TileUnit>(self, unit: T) {
        let shared = self.scales.shared();
        let rows = self.slots.chunks_mut(self.step.max(1));
        for (row, slots) in (self.first_row..).zip(rows) {
            if shared == 1 {
                for (i, slots) in slots.as_chunks_mut().0.iter_mut().enumerate() {
                    let scales = self.scales.sixteen(unit, row, self.kind, 16 * i);
                    *slots = unit.vector().array(scales);
                }
                continue;
            }
            for (i, slots) in slots.chunks_mut(shared.saturating_mul(16)).enumerate() {
                let scales = self.scales.sixteen(unit, row, self.kind, 16 * i);
                let scales = unit.vector().array(scales);
                match shared {
                    2 => repeat::<2>(&scales, slots),
                    4 => repeat::<4>(&scales, slots),
                    8 => repeat::<8>(&scales, slots),
                    _ => {
                        for (slots, &lambda) in slots.chunks_mut(shared.max(1)).zip(&scales) {
                            slots.fill(lambda);
                        }
                    }
                }
            }
        }
    }
}

/// The first sixteen scales of a range; 0 for those beyond its end.
#[inline(always)]
fn sixteen_of<T: Tiles>(
    unit: T,
    scales: &ScaleSlice<'_>,
    range: Range<usize>,
) -> <T::V as Vector>::Singles {
    match scales {
        ScaleSlice::F16(halves) => {
            let halves = halves.get(range).unwrap_or_default();
            unit.widen_halves(&first_sixteen(halves))
        }
        ScaleSlice::F32(singles) => {
            let singles = singles.get(range).unwrap_or_default();
            unit.vector().load(&first_sixteen(singles))
        }
        _ => {
            let mut singles = [0.0; 16];
            for (single, index) in singles.iter_mut().zip(range) {
                *single = scales.single(index);
            }
            unit.vector().load(&singles)
        }
    }
}

#[inline(always)]
fn first_sixteen<T: Copy + Default>(from: &[T]) -> [T; 16] {
    if let Some(sixteen) = from.first_chunk() {
        return *sixteen;
    }
    let mut sixteen = [T::default(); 16];
    sixteen[..from.len()].copy_from_slice(from);
    sixteen
}

/// Each scale several times.
#[inline(always)]
fn repeat<const SHARED: usize>(lambdas: &[f32; 16], slots: &mut [f32]) {
    let (wholes, rest) = slots.as_chunks_mut::<SHARED>();
    for (slots, &lambda) in wholes.iter_mut().zip(lambdas) {
        *slots = [lambda; SHARED];
    }
    if let Some(&lambda) = lambdas.get(wholes.len()) {
        rest.fill(lambda);
    }
}
