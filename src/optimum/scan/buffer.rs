//! [`GatherBuffer`]: where the weights of an interval are gathered, in memory that is lent for a while: the trits that are
//! written last, or some bytes of stack.

use super::LANES;
use super::above::SignedSums;
use super::mass::{Mass, UnitMass, WeightChunk};
use super::survey::Gathered;
use crate::exact::grid::Grid;
use crate::exact::quotient::halves;
use crate::optimum::side::Side;
use crate::simd::Vector;
use crate::weight::FloatBits;

/// The bytes of an `f32`.
type MassBytes = [i8; size_of::<f32>()];

/// Places for weights, and with importances as many for masses.
pub(crate) struct GatherBuffer<'s, W: FloatBits> {
    /// The weights; with importances their magnitudes.
    pub(crate) slots: &'s mut [W::Slot],
    /// The masses; empty without importances.
    pub(crate) masses: &'s mut [MassBytes],
    /// How many were gathered, also those for which there was no place.
    pub(crate) len: usize,
}

impl<'s, W: FloatBits> GatherBuffer<'s, W> {
    /// As many places as fit some bytes.
    pub(crate) fn new<H: Mass>(bytes: &'s mut [i8]) -> Self {
        let half = bytes.len() / 2 / LANES * LANES;
        let of_slots = if H::WEIGHTED { half } else { bytes.len() };
        let (first, second) = bytes.split_at_mut(of_slots);
        let slots = W::slots(first);
        // As many masses as slots, so that both are cut at the same place.
        let masses = second.as_chunks_mut().0.get_mut(..slots.len());
        let masses = masses.unwrap_or_default();
        Self {
            slots,
            masses,
            len: 0,
        }
    }

    /// The first places, lent on; empty.
    pub(crate) fn first(&mut self, len: usize) -> GatherBuffer<'_, W> {
        let (len, masses) = (len.min(self.slots.len()), len.min(self.masses.len()));
        GatherBuffer {
            slots: self.slots.get_mut(..len).unwrap_or_default(),
            masses: self.masses.get_mut(..masses).unwrap_or_default(),
            len: 0,
        }
    }

    /// All places, lent on; empty.
    pub(crate) fn lend(&mut self) -> GatherBuffer<'_, W> {
        self.first(usize::MAX)
    }

    /// Places for the first `at` of `len` weights and for the others, as many as these are.
    pub(super) fn split(&mut self, at: usize, len: usize) -> [GatherBuffer<'_, W>; 2] {
        let (slots, more) = self.slots.split_at_mut(share(self.slots.len(), at, len));
        let (masses, more_masses) = self.masses.split_at_mut(share(self.masses.len(), at, len));
        [(slots, masses), (more, more_masses)].map(|(slots, masses)| GatherBuffer {
            slots,
            masses,
            len: 0,
        })
    }

    /// Moves what was gathered from two parts together; `None` if one part had too few places.
    pub(super) fn unite(&mut self, inside: [usize; 2], at: usize, len: usize) -> Option<usize> {
        let [first, second] = inside;
        let start = share(self.slots.len(), at, len);
        if first > start || second > self.slots.len() - start {
            return None;
        }
        self.slots.copy_within(start..start + second, first);
        if !self.masses.is_empty() {
            self.masses.copy_within(start..start + second, first);
        }
        Some(first + second)
    }

    /// Prefetches memory beyond the buffer, a cache line for each block of weights: if this is a row of a matrix, the buffer and
    /// the trits of the next row will be there.
    #[inline(always)]
    pub(super) fn prefetch<V: Vector>(&self, vector: V, block: usize) {
        // Chosen: longer rows than four times this are long enough to make up for a few cache misses.
        const ROW: usize = 1 << 12;
        let rest = self.slots.get(block * LANES..);
        let line = rest.and_then(<[_]>::first_chunk::<LANES>);
        if let Some(line) = line
            && self.slots.len() <= ROW
        {
            vector.prefetch(line, size_of_val(self.slots));
        }
    }

    /// Appends the weights of a chunk that are in a mask.
    #[inline(always)]
    pub(super) fn append<V: Vector, H: Mass>(
        &mut self,
        vector: V,
        mask: V::Mask,
        chunk: &WeightChunk<V>,
    ) {
        if !V::COMPRESSES && vector.bits(mask) == 0 {
            return;
        }
        // In the form that makes the checks of `write` needless.
        let places = self.slots.len().checked_sub(self.len);
        if places.is_some_and(|places| places >= LANES) {
            self.len += self.put::<V, H>(vector, self.len, mask, chunk);
            return;
        }
        let [mut weights, mut masses] = [[[0; 4]; LANES]; 2];
        let [x, h] = kept::<V, H>(chunk);
        let count = vector.compress(mask, x, &mut weights);
        vector.compress(mask, h, &mut masses);
        for (weight, mass) in weights.into_iter().zip(masses).take(count) {
            let slot = W::single_to_slot(mass_from_bytes(weight));
            self.push(slot, mass_from_bytes(mass));
        }
    }

    /// Writes the weights of a chunk that are in a mask from a place on; what lies behind them may be lost. Returns how many.
    #[inline(always)]
    pub(super) fn put<V: Vector, H: Mass>(
        &mut self,
        vector: V,
        start: usize,
        mask: V::Mask,
        chunk: &WeightChunk<V>,
    ) -> usize {
        if !V::COMPRESSES && vector.bits(mask) == 0 {
            return 0;
        }
        let [x, h] = kept::<V, H>(chunk);
        let count = write(vector, mask, x, W::single_slots(self.slots), start);
        if H::WEIGHTED {
            write(vector, mask, h, self.masses, start);
        }
        count
    }

    /// Appends one weight. If there are more than places, one in eight displaces another, so that what stays is a sample of all.
    #[inline(always)]
    pub(super) fn push(&mut self, slot: W::Slot, mass: f32) {
        let (slots, mut index) = (self.slots.len(), self.len);
        if index >= slots {
            let hash = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let [_, random] = halves(u128::from(hash << 3) * slots as u128);
            let kept = hash >> 61 == 0;
            let place = usize::try_from(random).ok().filter(|_| kept);
            index = place.unwrap_or(slots);
        }
        if let Some(place) = self.slots.get_mut(index) {
            *place = slot;
        }
        if let Some(place) = self.masses.get_mut(index) {
            *place = mass_to_bytes(mass);
        }
        self.len += 1;
    }

    /// Sixteen gathered weights from a place on, of a type that fits `f32`; zeros of mass 0 beyond the last.
    #[inline(always)]
    pub(super) fn load<V: Vector, H: Mass>(&self, vector: V, start: usize) -> [V::Singles; 2] {
        let x = vector.load(&load(self.slots, start, W::slot_to_single));
        if !H::WEIGHTED {
            return [x; 2];
        }
        [x, vector.load(&load(self.masses, start, mass_from_bytes))]
    }

    /// Magnitudes and masses one by one, of a type that fits `f32`.
    pub(crate) fn magnitudes(&self) -> impl Iterator<Item = (f32, f32)> + '_ {
        let slots = self.slots.iter().zip(self.masses.iter());
        slots.map(|(&x, &h)| (W::slot_to_single(x), mass_from_bytes(h)))
    }
}

/// What is gathered of a chunk, and the masses.
#[inline(always)]
fn kept<V: Vector, H: Mass>(chunk: &WeightChunk<V>) -> [V::Singles; 2] {
    let x = if H::WEIGHTED { chunk.x } else { chunk.singles };
    [x, chunk.masses]
}

/// Writes the numbers in a mask from a place on, or as many as there are places for; what lies behind them may be lost.
#[inline(always)]
fn write<V: Vector>(
    vector: V,
    mask: V::Mask,
    x: V::Singles,
    places: &mut [MassBytes],
    start: usize,
) -> usize {
    let rest = places.get_mut(start..).unwrap_or_default();
    if let Some(places) = rest.first_chunk_mut() {
        return vector.compress(mask, x, places);
    }
    let mut all = [[0; 4]; LANES];
    let count = vector.compress(mask, x, &mut all);
    for (place, number) in rest.iter_mut().zip(all) {
        *place = number;
    }
    count
}

#[inline(always)]
fn mass_to_bytes(mass: f32) -> MassBytes {
    mass.to_ne_bytes().map(u8::cast_signed)
}

#[inline(always)]
fn mass_from_bytes(bytes: MassBytes) -> f32 {
    f32::from_ne_bytes(bytes.map(i8::cast_unsigned))
}

/// Sixteen numbers from a place on, and zeros beyond the last.
#[inline(always)]
fn load<T: Copy>(places: &[T], start: usize, number: impl Fn(T) -> f32) -> [f32; LANES] {
    let rest = places.get(start..).unwrap_or_default();
    let mut chunk = [0.0; LANES];
    if let Some(places) = rest.first_chunk::<LANES>() {
        for l in 0..LANES {
            chunk[l] = number(places[l]);
        }
        return chunk;
    }
    for (single, &place) in chunk.iter_mut().zip(rest) {
        *single = number(place);
    }
    chunk
}

/// As much of some places as `at` is of `len` weights.
fn share(places: usize, at: usize, len: usize) -> usize {
    let first = places as u128 * at as u128 / (len as u128).max(1);
    usize::try_from(first).unwrap_or(places).min(places)
}

/// Gathers weights that do not fit `f32`, one by one.
pub(crate) fn gather_one_by_one<W: FloatBits>(
    weights: &[W],
    side: Side,
    [low, high]: [f32; 2],
    mut buffer: GatherBuffer<'_, W>,
    grid: Grid,
) -> Gathered<UnitMass> {
    let [low, high] = [low, high].map(f64::from);
    let mut above = SignedSums::default();
    for &weight in weights {
        let signed = weight.widen();
        let (x, negative) = (signed.abs(), signed.is_sign_negative());
        if !side.includes(negative) || x <= low {
            continue;
        }
        if x <= high {
            buffer.push(weight.to_slot(), 1.0);
        } else {
            above.add_if(true, grid.place(weight.key()), negative);
        }
    }
    Gathered {
        inside: buffer.len,
        above,
    }
}
