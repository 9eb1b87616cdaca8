//! The scales of the weights, tile by tile or lane by lane.

use crate::scale::ScaleSlice;
use crate::simd::{TileJob, TileUnit, Vector};
use core::ops::Range;

/// The pairs of lanes of a tile: where a byte has four consecutive trits of a row, a pair sums 32 weights.
pub(crate) const LANE_PAIRS: usize = 8;

/// Where the scales of the weights are stored, if a row has several or the vectors do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BlockScales<'a> {
    /// In slices of their own.
    Slices {
        lambda_p: ScaleSlice<'a>,
        /// Those of the -1 trits, if they have others.
        lambda_n: Option<ScaleSlice<'a>>,
        /// The index of the first row's first scale.
        first: usize,
        /// From the first scale of a row to that of the next.
        step: usize,
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

/// Multiplies the scales of some rows by those of some vectors.
pub(super) struct MultiplyScales<'a> {
    pub(super) weights: &'a BlockScales<'a>,
    pub(super) first_row: usize,
    pub(super) rows: usize,
    /// Whether each pair of lanes has a scale, or each tile.
    pub(super) lanes: bool,
    /// For each vector the scales of its tiles.
    pub(super) vectors: &'a [&'a [f32]],
    /// The scales of one row for its tiles: those of the +1 trits, and if they are others, those of the -1 trits.
    pub(super) own: &'a mut [f32],
    /// For each row and vector the products, as many as `own` has.
    pub(super) products: &'a mut [f32],
}

impl TileJob for MultiplyScales<'_> {
    type Output = ();

    #[inline(always)]
    fn run<T: TileUnit>(self, unit: T) {
        let Self { own, products, .. } = self;
        let kinds = if self.weights.has_two() { 2 } else { 1 };
        let length = (own.len() / kinds).max(1);
        let mut products = products.chunks_exact_mut(length);
        for row in self.first_row..self.first_row + self.rows {
            // No activation meets the entries that are not written, but they must be numbers.
            own.fill(0.0);
            for (kind, own) in own.chunks_exact_mut(length).enumerate() {
                self.weights.write(unit, row, kind, own);
            }
            for x in self.vectors {
                for (own, products) in own.chunks_exact(length).zip(&mut products) {
                    multiply(self.lanes, own, x, products);
                }
            }
        }
    }
}

impl BlockScales<'_> {
    /// Whether the -1 trits have a scale of their own.
    pub(super) const fn has_two(&self) -> bool {
        match self {
            Self::Slices { lambda_n, .. } => lambda_n.is_some(),
            #[cfg(feature = "half")]
            Self::Halves { .. } => false,
        }
    }

    /// Writes the scales of a row for its tiles: those of the +1 trits, or if `kind` is 1, minus those of the -1 trits.
    #[inline(always)]
    fn write<T: TileUnit>(&self, unit: T, row: usize, kind: usize, slots: &mut [f32]) {
        match self {
            Self::Slices {
                lambda_p,
                lambda_n,
                first,
                step,
                per_row,
                shared,
            } => {
                let (lambdas, sign) = match (kind, lambda_n) {
                    (1, Some(lambda_n)) => (lambda_n, -1.0),
                    _ => (lambda_p, 1.0),
                };
                let start = first + row * step;
                let range = start..start + per_row;
                match lambdas {
                    _ if *per_row == 1 => slots.fill(lambdas.single(start) * sign),
                    ScaleSlice::F32(lambdas) => {
                        repeat(lambdas.get(range).unwrap_or_default(), *shared, sign, slots);
                    }
                    _ => {
                        for (at, slots) in slots.chunks_mut(16 * shared).enumerate() {
                            let range = start + 16 * at..range.end;
                            repeat(&sixteen(unit, lambdas, range), *shared, sign, slots);
                        }
                    }
                }
            }
            #[cfg(feature = "half")]
            Self::Halves {
                bytes,
                row_bytes,
                block,
                offset,
                shared,
            } => {
                let bytes = bytes.get(row * row_bytes..(row + 1) * row_bytes);
                let mut blocks = bytes.unwrap_or_default().chunks_exact(*block.max(&1));
                for slots in slots.chunks_mut(16 * shared) {
                    let mut bits = [0; 16];
                    for (bits, block) in bits.iter_mut().zip(&mut blocks) {
                        let scale = block.get(*offset..).unwrap_or_default().first_chunk();
                        *bits = u16::from_le_bytes(*scale.unwrap_or(&[0; 2]));
                    }
                    let scales = unit.vector().array(unit.widen_halves(&bits));
                    repeat(&scales, *shared, 1.0, slots);
                }
            }
        }
    }
}

/// The first sixteen scales of a range; 0 for those beyond its end.
#[inline(always)]
fn sixteen<T: TileUnit>(unit: T, scales: &ScaleSlice<'_>, range: Range<usize>) -> [f32; 16] {
    if let ScaleSlice::F16(halves) = scales {
        let mut bits = [0; 16];
        let halves = halves.get(range).unwrap_or_default();
        for (bits, &half) in bits.iter_mut().zip(halves) {
            *bits = half;
        }
        return unit.vector().array(unit.widen_halves(&bits));
    }
    let mut singles = [0.0; 16];
    for (single, index) in singles.iter_mut().zip(range) {
        *single = scales.single(index);
    }
    singles
}

/// Each scale as often as it is shared, times a sign.
#[inline(always)]
fn repeat(lambdas: &[f32], shared: usize, sign: f32, slots: &mut [f32]) {
    match shared {
        1 => repeat_few::<1>(lambdas, sign, slots),
        2 => repeat_few::<2>(lambdas, sign, slots),
        4 => repeat_few::<4>(lambdas, sign, slots),
        8 => repeat_few::<8>(lambdas, sign, slots),
        _ => {
            for (slots, &lambda) in slots.chunks_mut(shared.max(1)).zip(lambdas) {
                slots.fill(lambda * sign);
            }
        }
    }
}

/// The same for a number of repetitions that the compiler knows.
#[inline(always)]
fn repeat_few<const SHARED: usize>(lambdas: &[f32], sign: f32, slots: &mut [f32]) {
    let (wholes, rest) = slots.as_chunks_mut::<SHARED>();
    for (slots, &lambda) in wholes.iter_mut().zip(lambdas) {
        *slots = [lambda * sign; SHARED];
    }
    if let Some(lambda) = lambdas.get(wholes.len()) {
        rest.fill(lambda * sign);
    }
}

/// The scales of the weights times those of the tiles of activations.
#[inline(always)]
fn multiply(lanes: bool, own: &[f32], tiles: &[f32], products: &mut [f32]) {
    if !lanes {
        for ((product, own), d) in products.iter_mut().zip(own).zip(tiles) {
            *product = own * d;
        }
        return;
    }
    let (products, _) = products.as_chunks_mut::<LANE_PAIRS>();
    let (own, _) = own.as_chunks::<LANE_PAIRS>();
    for ((products, own), d) in products.iter_mut().zip(own).zip(tiles) {
        for (product, own) in products.iter_mut().zip(own) {
            *product = own * d;
        }
    }
}
