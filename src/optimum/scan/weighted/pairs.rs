//! [`Pairs`]: weights of an interval with their importances, gathered in memory that is lent for a while; and the passes over
//! them.

use super::{Above, LANES, ROUNDING, lanes};
use crate::simd::{Job, Vector};

/// The bytes of a single.
type Slot = [i8; size_of::<f32>()];

/// Magnitudes and importances, side by side.
#[derive(Debug)]
pub(crate) struct Pairs<'s> {
    x: &'s mut [Slot],
    h: &'s mut [Slot],
}

#[inline(always)]
fn from_slot(slot: Slot) -> f32 {
    f32::from_ne_bytes(slot.map(i8::cast_unsigned))
}

#[inline(always)]
fn to_slot(single: f32) -> Slot {
    single.to_ne_bytes().map(u8::cast_signed)
}

/// Sixteen singles from a slot on, and zeros beyond the last.
#[inline(always)]
fn load(slots: &[Slot], start: usize) -> [f32; LANES] {
    let rest = slots.get(start..).unwrap_or_default();
    let mut chunk = [0.0; LANES];
    if let Some(slots) = rest.first_chunk::<LANES>() {
        for l in 0..LANES {
            chunk[l] = from_slot(slots[l]);
        }
        return chunk;
    }
    for (single, &slot) in chunk.iter_mut().zip(rest) {
        *single = from_slot(slot);
    }
    chunk
}

/// Writes sixteen singles, or as many as there are slots for.
#[inline(always)]
fn store(slots: &mut [Slot], start: usize, singles: [f32; LANES]) {
    let rest = slots.get_mut(start..).unwrap_or_default();
    if let Some(places) = rest.first_chunk_mut::<LANES>() {
        // All at once: slot by slot the compiler takes the vector apart.
        let mut slots = [[0; size_of::<f32>()]; LANES];
        for (slot, single) in slots.iter_mut().zip(singles) {
            *slot = to_slot(single);
        }
        *places = slots;
        return;
    }
    for (place, single) in rest.iter_mut().zip(singles) {
        *place = to_slot(single);
    }
}

impl<'s> Pairs<'s> {
    /// As many as fit into some bytes.
    pub(crate) fn new(bytes: &'s mut [i8]) -> Self {
        let slots = bytes.as_chunks_mut().0;
        let (x, h) = slots.split_at_mut(slots.len() / 2);
        Self { x, h }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.x.len()
    }

    /// The same memory, lent on.
    pub(crate) fn reborrow(&mut self) -> Pairs<'_> {
        Pairs {
            x: self.x,
            h: self.h,
        }
    }

    /// The first of them.
    pub(crate) fn first(&mut self, len: usize) -> Pairs<'_> {
        let len = len.min(self.x.len());
        Pairs {
            x: self.x.get_mut(..len).unwrap_or_default(),
            h: self.h.get_mut(..len).unwrap_or_default(),
        }
    }

    /// Magnitudes and importances, one by one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (f32, f32)> + '_ {
        let slots = self.x.iter().zip(self.h.iter());
        slots.map(|(&x, &h)| (from_slot(x), from_slot(h)))
    }

    /// Writes those of sixteen that are in a mask, from a place on, and what lies behind them may be lost; returns how many.
    #[inline(always)]
    pub(super) fn put<V: Vector>(
        &mut self,
        vector: V,
        start: usize,
        mask: V::Mask,
        [x, h]: [V::Singles; 2],
    ) -> usize {
        let bits = vector.bits(mask);
        if !V::COMPRESSES && bits == 0 {
            return 0;
        }
        store(self.x, start, vector.array(vector.compress(mask, x)));
        store(self.h, start, vector.array(vector.compress(mask, h)));
        bits.count_ones() as usize
    }
}

/// `sum h max(|w|, tau)` of pairs at some thresholds, and `sum h`.
pub(crate) struct Hinges<'s, const T: usize> {
    pub(crate) pairs: Pairs<'s>,
    pub(crate) thresholds: [f32; T],
}

impl<const T: usize> Job for Hinges<'_, T> {
    type Output = ([f64; T], f64);

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let (mut sums, mut masses) = ([[vector.zeros(); 2]; T], [vector.zeros(); 2]);
        for start in (0..self.pairs.x.len()).step_by(LANES) {
            let x = vector.load(&load(self.pairs.x, start));
            let h = vector.widen(vector.load(&load(self.pairs.h, start)));
            for (sums, &threshold) in sums.iter_mut().zip(&self.thresholds) {
                let hinge = vector.widen(vector.max(x, vector.splat(threshold)));
                for half in 0..2 {
                    sums[half] = vector.add_product(sums[half], h[half], hinge[half]);
                }
            }
            for half in 0..2 {
                masses[half] = vector.add_doubles(masses[half], h[half]);
            }
        }
        let mut hinges = [0.0; T];
        for (hinge, sums) in hinges.iter_mut().zip(sums) {
            *hinge = lanes(vector, sums);
        }
        (hinges, lanes(vector, masses))
    }
}

/// The relative error of sums over so many pairs.
pub(crate) fn error(len: usize) -> f64 {
    (len / LANES + 8) as f64 * ROUNDING
}

/// Which pairs to keep, in the first places: those of magnitude in `(low, high]`.
pub(crate) struct Compact<'s> {
    pub(crate) pairs: Pairs<'s>,
    pub(crate) ends: [f32; 2],
}

impl Job for Compact<'_> {
    /// How many are kept, and the sums of those above.
    type Output = (usize, Above);

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let Self { mut pairs, ends } = self;
        let [low, high] = [vector.splat(ends[0]), vector.splat(ends[1])];
        let (mut sum, mut mass) = ([vector.zeros(); 2], [vector.zeros(); 2]);
        let (mut kept, len) = (0, pairs.x.len());
        for start in (0..len).step_by(LANES) {
            let x = vector.load(&load(pairs.x, start));
            let h = vector.load(&load(pairs.h, start));
            let above = vector.greater(x, high);
            let inside = vector.and_not(vector.greater(x, low), above);
            let (wide, chosen) = (vector.widen(x), vector.widen(vector.select(above, h)));
            for half in 0..2 {
                sum[half] = vector.add_product(sum[half], chosen[half], wide[half]);
                mass[half] = vector.add_doubles(mass[half], chosen[half]);
            }
            // No place is written before it was read: of a chunk all are written, and overwritten by what is kept of the next.
            kept += pairs.put(vector, kept, inside, [x, h]);
        }
        let above = Above {
            sum: lanes(vector, sum),
            mass: lanes(vector, mass),
            error: error(len),
        };
        (kept, above)
    }
}
