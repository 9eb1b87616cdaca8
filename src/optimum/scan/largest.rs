//! The pass before all others: whether every number is finite.
//!
//! Nothing may be written before that is known, because an error leaves the trits unchanged. The largest bits decide: without the sign
//! bit, those of an infinity or a NaN are larger than those of any finite number. With the sign bit, those of any negative
//! number are, too.
//!
//! Cost: one read, two or three vector operations for 16 numbers. What was read is in the cache for the next pass.

use super::{AHEAD, LANES, largest_bits, padded, singles};
use crate::exact::float_sums::cut;
use crate::simd::{Divisible, Job, Vector};
use crate::weight::FloatBits;

/// Finds the largest bits of some numbers, as `f32`.
#[derive(Clone, Copy)]
pub(crate) struct LargestPass<'a, W> {
    pub(crate) numbers: &'a [W],
    /// Whether the sign counts, as the highest bit.
    pub(crate) signed: bool,
}

/// Chunks that are worked on side by side, so that none waits for the one before.
const AT_ONCE: usize = 4;

impl<W: FloatBits> Job for LargestPass<'_, W> {
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
            self.add(vector, &padded(rest, W::from_key(0)), &mut largest);
        }
        let mut bits = 0;
        for lanes in largest {
            bits = bits.max(largest_bits(vector, lanes));
        }
        bits
    }
}

impl<W: FloatBits> LargestPass<'_, W> {
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

impl<W: FloatBits> Divisible for LargestPass<'_, W> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Backend;

    /// The largest bits, which all backends agree on.
    fn largest(numbers: &[f32], signed: bool) -> u32 {
        let question = LargestPass { numbers, signed };
        let bits = Backend::PORTABLE.run(question);
        for backend in Backend::available() {
            assert_eq!(backend.run(question), bits, "{}", backend.name());
            assert_eq!(backend.run_divided(question), bits, "{}", backend.name());
        }
        bits
    }

    #[test]
    fn a_number_that_is_none_is_seen() {
        let infinity = f32::INFINITY.to_bits();
        for len in [1, 15, 64, 65, 1500] {
            let mut numbers = [0.0; 1500];
            for (i, number) in numbers.iter_mut().enumerate() {
                *number = i as f32 - 700.0;
            }
            let numbers = &mut numbers[..len];
            let top = numbers.iter().fold(0.0, |top: f32, x| top.max(x.abs()));
            assert_eq!(largest(numbers, false), top.to_bits());
            assert!(largest(numbers, true) > infinity);
            for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for place in [0, len / 2, len - 1] {
                    let good = core::mem::replace(&mut numbers[place], bad);
                    assert!(largest(numbers, false) >= infinity, "{bad} at {place}");
                    numbers[place] = good;
                }
            }
        }
    }
}
