//! [`Tiles`] without a multiplication, where the processor has one: an activation is kept, dropped, or its sign is turned.
//!
//! [`Portable`] does just that on every processor. Here are the same steps for AVX2, which has an instruction that gives bytes
//! the signs of others, for AVX-512, which has masks, and for NEON, where masks are bytes. Table look-ups stand for what else
//! would be multiplied.

use super::portable::Portable;
use super::{TILE, Tiles};
use crate::simd::Vector;

/// The same lines for both codes.
macro_rules! sums_that_start_at_zero {
    ($sums:ty, $zero:expr) => {
        #[inline(always)]
        fn start(self, _: &[i32; 16]) -> $sums {
            $zero
        }

        #[inline(always)]
        fn finish(self, sums: $sums) -> $sums {
            sums
        }
    };
}

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

/// A unit that only adds.
#[derive(Clone, Copy, Debug)]
pub(in crate::simd) struct Adding<T>(pub(in crate::simd) T);

impl<T: Tiles> Tiles for Adding<T> {
    type V = T::V;
    type Sums = T::Sums;

    #[inline(always)]
    fn vector(self) -> T::V {
        self.0.vector()
    }

    #[inline(always)]
    fn load_sums(self, array: &[i32; 16]) -> T::Sums {
        self.0.load_sums(array)
    }

    #[inline(always)]
    fn array(self, sums: T::Sums) -> [i32; 16] {
        self.0.array(sums)
    }

    #[inline(always)]
    fn add_sums(self, a: T::Sums, b: T::Sums) -> T::Sums {
        self.0.add_sums(a, b)
    }

    #[inline(always)]
    fn singles(self, sums: T::Sums) -> <T::V as Vector>::Singles {
        self.0.singles(sums)
    }

    #[cfg(feature = "half")]
    #[inline(always)]
    fn halves(self, bits: &[u16; 16]) -> <T::V as Vector>::Singles {
        self.0.halves(bits)
    }

    #[inline(always)]
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE] {
        Portable.fractions(numbers)
    }
}
