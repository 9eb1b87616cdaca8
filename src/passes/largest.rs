//! A pass before all others: is every number finite?
//!
//! Nothing may be written before that is known, for an error leaves the trits as they were. The largest bits tell: those of no
//! finite number are larger than those of an infinity, taken without the sign; with it, those of any negative number are larger, too.
//!
//! Cost: one read, two or three vector operations for 16 numbers; and what was read is in the cache for the next pass.

use super::{AHEAD, LANES, padded, singles};
use crate::backend::{Divisible, Job, Vector};
use crate::ordered::cut;
use crate::weight::Format;

/// Asks for the largest bits of some numbers, as singles.
#[derive(Clone, Copy)]
pub(crate) struct Largest<'a, W> {
    pub(crate) numbers: &'a [W],
    /// Whether the sign counts, as the highest bit.
    pub(crate) signed: bool,
}

/// Chunks between which nothing waits for what was before.
const AT_ONCE: usize = 4;

impl<W: Format> Job for Largest<'_, W> {
    type Output = u32;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> u32 {
        let mut largest = [vector.splat(0.0); AT_ONCE];
        let (blocks, rest) = self.numbers.as_chunks::<{ AT_ONCE * LANES }>();
        for block in blocks {
            vector.prefetch(block, AHEAD);
            self.add(vector, block, &mut largest);
        }
        if !rest.is_empty() {
            self.add(vector, &padded(rest), &mut largest);
        }
        let mut bits = 0;
        for lanes in largest {
            for lane in vector.array(lanes) {
                bits = bits.max(lane.to_bits());
            }
        }
        bits
    }
}

impl<W: Format> Largest<'_, W> {
    #[inline(always)]
    fn add<V: Vector>(
        self,
        vector: V,
        block: &[W; AT_ONCE * LANES],
        largest: &mut [V::Singles; AT_ONCE],
    ) {
        for (chunk, largest) in block.as_chunks::<LANES>().0.iter().zip(largest) {
            let x = vector.load(&singles(chunk));
            let x = if self.signed { x } else { vector.abs(x) };
            *largest = vector.max_bits(*largest, x);
        }
    }
}

impl<W: Format> Divisible for Largest<'_, W> {
    type Part<'p>
        = Self
    where
        Self: 'p;

    fn divide(&mut self) -> Option<[Self; 2]> {
        let (first, second) = self.numbers.split_at(cut(self.numbers.len())?);
        Some([first, second].map(|numbers| Self { numbers, ..*self }))
    }

    fn unite(&mut self, [first, second]: [u32; 2]) -> Option<u32> {
        Some(first.max(second))
    }
}
