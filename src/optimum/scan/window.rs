//! [`Window`]: where the weights of an interval are gathered, in memory that is lent for a while.

use super::LANES;
use crate::exact::quotient::halves;
use crate::simd::Vector;
use crate::weight::Format;

/// The weights gathered so far.
pub(super) struct Window<'s, W: Format> {
    slots: &'s mut [W::Slot],
    /// How many there were, also those for which there was no slot.
    pub(super) len: usize,
}

impl<'s, W: Format> Window<'s, W> {
    pub(super) fn new(slots: &'s mut [W::Slot]) -> Self {
        Self { slots, len: 0 }
    }

    /// Asks for memory beyond the window, a cache line for each block of weights: if this is a row of a matrix, that is where the
    /// window and the trits of the next row will be.
    #[inline(always)]
    pub(super) fn prefetch<V: Vector>(&self, vector: V, block: usize) {
        const ROW: usize = 1 << 12;
        let line = self
            .slots
            .get(block * LANES..)
            .and_then(<[_]>::first_chunk::<LANES>);
        if let Some(line) = line
            && self.slots.len() <= ROW
        {
            vector.prefetch(line, size_of_val(self.slots));
        }
    }

    /// Appends those of sixteen singles that are in a mask.
    #[inline(always)]
    pub(super) fn append<V: Vector>(&mut self, vector: V, mask: V::Mask, singles: V::Singles) {
        let bits = vector.bits(mask);
        if !V::COMPRESSES && bits == 0 {
            return;
        }
        let (len, first) = (
            bits.count_ones() as usize,
            vector.array(vector.compress(mask, singles)),
        );
        let rest = self.slots.get_mut(self.len..);
        if let Some(places) = rest.and_then(<[_]>::first_chunk_mut::<LANES>) {
            // All of them: what is too much is overwritten by the next.
            for l in 0..LANES {
                places[l] = W::single_to_slot(first[l]);
            }
            self.len += len;
        } else {
            for &single in first.iter().take(len) {
                self.push(W::single_to_slot(single));
            }
        }
    }

    /// Appends one. If there are more than slots, one in eight displaces another, so that what stays is a sample of all.
    #[inline(always)]
    pub(super) fn push(&mut self, slot: W::Slot) {
        let (slots, mut index) = (self.slots.len(), self.len);
        if index >= slots {
            let hash = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let [_, random] = halves(u128::from(hash << 3) * slots as u128);
            let kept = hash >> 61 == 0;
            index = usize::try_from(random)
                .ok()
                .filter(|_| kept)
                .unwrap_or(slots);
        }
        if let Some(place) = self.slots.get_mut(index) {
            *place = slot;
        }
        self.len += 1;
    }
}
