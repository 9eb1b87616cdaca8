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
    /// Whether each pair of lanes has a scale, or each tile.
    pub(super) lanes: bool,
    /// For each vector the scales of its tiles, a multiple of sixteen.
    pub(super) vectors: &'a [&'a [f32]],
    /// Room for the scales of one row for its tiles.
    pub(super) own: &'a mut [f32],
    /// For each row and vector the products, those of the +1 trits, and if these are others, those of the -1 trits.
    pub(super) products: &'a mut [f32],
}

impl TileJob for MultiplyScales<'_> {
    type Output = ();

    #[inline(always)]
    fn run<T: TileUnit>(self, unit: T) {
        let (vector, first_row) = (unit.vector(), self.first_row);
        match *self.weights {
            BlockScales::Slices {
                lambda_p: ScaleSlice::F32(lambda_p),
                lambda_n: Some(ScaleSlice::F32(lambda_n)),
                first,
                step,
                per_row,
                shared: 1,
            } if !self.lanes => self.each_sixteen(vector, 2, |row, kind, at| {
                // A type that the compiler knows.
                let lambdas = ScaleSlice::F32([lambda_p, lambda_n][kind]);
                let start = first + (first_row + row) * step;
                let scales = sixteen_of(unit, &lambdas, start + at..start + per_row);
                vector.multiply(scales, vector.splat([1.0, -1.0][kind]))
            }),
            // Blocks of sizes that the compiler knows: TQ2_0 and TQ1_0.
            #[cfg(feature = "half")]
            BlockScales::Halves {
                bytes,
                row_bytes,
                block: block @ (66 | 54),
                offset,
                ..
            } => self.each_sixteen(vector, 1, |row, _, at| {
                let start = (first_row + row) * row_bytes;
                let bytes = bytes.get(start + at * block..start + row_bytes);
                let bytes = bytes.unwrap_or_default();
                unit.widen_halves(&if block == 66 {
                    halves_of_blocks(bytes.as_chunks::<66>().0, offset)
                } else {
                    halves_of_blocks(bytes.as_chunks::<54>().0, offset)
                })
            }),
            _ => self.any_scales(unit),
        }
    }
}

impl MultiplyScales<'_> {
    /// One scale for each tile, sixteen at a time: for a row, a kind, and the first tile.
    #[inline(always)]
    fn each_sixteen<V: Vector>(
        self,
        vector: V,
        kinds: usize,
        sixteen: impl Fn(usize, usize, usize) -> V::Singles,
    ) {
        let length = self.own.len().max(1);
        let of_row = kinds * length * self.vectors.len();
        for (row, products) in self.products.chunks_exact_mut(of_row).enumerate() {
            for kind in 0..kinds {
                for at in (0..length).step_by(16) {
                    let scales = sixteen(row, kind, at);
                    for (c, x) in self.vectors.iter().enumerate() {
                        let place = (c * kinds + kind) * length + at;
                        multiply_sixteen(vector, scales, (x, at), (products, place));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn any_scales<T: TileUnit>(self, unit: T) {
        let Self { own, products, .. } = self;
        let kinds = if self.weights.has_two() { 2 } else { 1 };
        let length = own.len();
        let of_row = kinds * length * self.vectors.len();
        let rows = products.chunks_exact_mut(of_row.max(1));
        for (row, products) in (self.first_row..).zip(rows) {
            for kind in 0..kinds {
                self.weights.write(unit, row, kind, own);
                let products = products.get_mut(kind * length..).unwrap_or_default();
                let vectors = products.chunks_mut((kinds * length).max(1));
                for (x, products) in self.vectors.iter().zip(vectors) {
                    multiply(unit.vector(), self.lanes, own, x, products);
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

    /// How many tiles, or pairs of lanes, share a scale.
    const fn shared(&self) -> usize {
        match self {
            Self::Slices { shared, .. } => *shared,
            #[cfg(feature = "half")]
            Self::Halves { shared, .. } => *shared,
        }
    }

    /// Writes the scales of a row for its tiles, each as often as it is shared. No activation meets what is behind the last one.
    #[inline(always)]
    fn write<T: TileUnit>(&self, unit: T, row: usize, kind: usize, slots: &mut [f32]) {
        let shared = self.shared();
        for (i, slots) in slots.chunks_mut(shared.saturating_mul(16)).enumerate() {
            let scales = unit.vector().array(self.sixteen(unit, row, kind, 16 * i));
            match shared {
                1 => repeat::<1>(&scales, slots),
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

    /// Sixteen scales of a row from one on, those of the +1 trits, or if `kind` is 1, minus those of the -1 trits; zeros behind the
    /// last one.
    #[inline(always)]
    fn sixteen<T: TileUnit>(
        &self,
        unit: T,
        row: usize,
        kind: usize,
        at: usize,
    ) -> <T::V as Vector>::Singles {
        match self {
            Self::Slices {
                lambda_p,
                lambda_n,
                first,
                step,
                per_row,
                ..
            } => {
                let start = first + row * step;
                let range = start + at..start + per_row;
                match (kind, lambda_n) {
                    (1, Some(lambda_n)) => unit.vector().negate(sixteen_of(unit, lambda_n, range)),
                    _ => sixteen_of(unit, lambda_p, range),
                }
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
                unit.widen_halves(&halves_of_blocks(blocks, *offset))
            }
        }
    }
}

/// The scales of up to sixteen blocks, as bits.
#[cfg(feature = "half")]
#[inline(always)]
fn halves_of_blocks(blocks: impl IntoIterator<Item: AsRef<[u8]>>, offset: usize) -> [u16; 16] {
    let mut bits = [0; 16];
    for (bits, block) in bits.iter_mut().zip(blocks) {
        if let Some(&[low, high]) = block.as_ref().get(offset..offset + 2) {
            *bits = u16::from_le_bytes([low, high]);
        }
    }
    bits
}

/// The first sixteen scales of a range; 0 for those beyond its end.
#[inline(always)]
fn sixteen_of<T: TileUnit>(
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

/// Sixteen scales of the weights times those of tiles of activations, from one on, to products, from one on.
#[inline(always)]
fn multiply_sixteen<V: Vector>(
    vector: V,
    scales: V::Singles,
    (tiles, at): (&[f32], usize),
    (products, place): (&mut [f32], usize),
) {
    let tiles = tiles.get(at..).unwrap_or_default().first_chunk();
    let products = products.get_mut(place..).unwrap_or_default();
    let products = products.first_chunk_mut();
    if let (Some(tiles), Some(products)) = (tiles, products) {
        *products = vector.array(vector.multiply(scales, vector.load(tiles)));
    }
}

/// The scales of the weights times those of the tiles of activations.
#[inline(always)]
fn multiply<V: Vector>(vector: V, lanes: bool, own: &[f32], tiles: &[f32], products: &mut [f32]) {
    if !lanes {
        for (i, own) in own.as_chunks().0.iter().enumerate() {
            let at = 16 * i;
            multiply_sixteen(vector, vector.load(own), (tiles, at), (products, at));
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
