//! [`Tiles`]: sums of packed trits times 8-bit activations, 64 bytes of codes at a time.
//!
//! A *tile* is 64 bytes of codes. Each byte holds `P` digits: four of two bits, or five of base 3. The activations are stored in
//! `P` *planes* of 64 bytes: the activation of digit `p` of byte `m` is `x[p][m]`. The order of the trits in the bytes
//! does not matter here: the caller knows it and arranges the activations once for all rows of a matrix.
//!
//! ```text
//! lane j of 16:   sum over p, and over the bytes m = 4j .. 4j + 4, of   t[p][m] x[p][m]          exact, in 32 bits
//! ```
//!
//! A digit is `d = t + 1`, which is never negative: the instructions for such sums need that. `sum t x = sum d x - sum x`, and
//! the second sum is known beforehand. Activations are within -127..=127.
//!
//! Base-3 digits are stored in a byte as a fraction: `v = ceil(256 b / 243)`, where `b` is the number that the digits make, the first
//! digit the most significant. Each digit is the carry of three times the byte: `d = (3 v) >> 8`, and `3 v mod 256` is the
//! byte of the remaining digits.
//!
//! [`Portable`](portable::Portable) is the definition. It multiplies nothing: it adds, subtracts and masks. All other
//! implementations return the same sums.

pub(super) mod portable;
#[cfg(feature = "alloc")]
mod rows;
#[cfg(all(test, feature = "alloc"))]
mod tests;

#[cfg(feature = "alloc")]
pub(crate) use rows::{EqualSlices, TileRows};

use super::Vector;

/// The bytes of a tile.
pub(crate) const TILE: usize = 64;

/// The activations of a tile.
pub(crate) type DigitPlanes<const P: usize> = [[i8; TILE]; P];

/// The most tiles whose [running sums](Digits::Running) are certain to fit in 32 bits: base 3 on VNNI needs
/// `3 * 1024 * (5 planes * 4 bytes) * 255 * 127 < 2^31`; all others need less.
pub(crate) const MOST_TILES: usize = 1024;

/// An array of 64 bytes without padding.
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "wasm32")),
    allow(
        dead_code,
        reason = "for backends that load and store 64 bytes by one pointer"
    )
)]
pub(super) trait SixtyFour {}

impl SixtyFour for [u8; TILE] {}
impl SixtyFour for [i8; TILE] {}
impl SixtyFour for [i32; 16] {}

/// Sixteen sums of 32 bits, and their conversions.
pub(crate) trait Tiles: Copy {
    /// The backend's operations on floats.
    type V: Vector;
    /// Sixteen integers of 32 bits.
    type Sums: Copy;
    /// Whether several rows and vectors at once are faster than one. Without vector registers they only take longer to compile.
    const SHARES: bool = true;

    fn vector(self) -> Self::V;
    fn load_sums(self, array: &[i32; 16]) -> Self::Sums;
    fn array(self, sums: Self::Sums) -> [i32; 16];
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// The nearest f32 of each sum, ties to even.
    fn to_floats(self, sums: Self::Sums) -> <Self::V as Vector>::Singles;
    /// The f32 of sixteen f16, given as bits.
    fn widen_halves(self, bits: &[u16; 16]) -> <Self::V as Vector>::Singles;
    /// `ceil(256 b / 243)` of each byte `b < 243`: the number of five digits as a fraction.
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE];

    /// Sixteen zeros, whatever the activations: where a sum is over trits instead of digits.
    #[inline(always)]
    fn zero_sums(self, _: &[i32; 16]) -> Self::Sums {
        self.load_sums(&[0; 16])
    }
}

/// Tiles of `P` digits a byte: 4 of two bits, 5 of base 3.
pub(crate) trait Digits<const P: usize>: Tiles {
    /// The decoded codes of a tile.
    type Weights: Copy;
    /// The decoded codes of a tile, by sign.
    type Signs: Copy;
    /// Unfinished sums.
    type Running: Copy;

    fn weights(self, codes: &[u8; TILE]) -> Self::Weights;
    fn signs(self, codes: &[u8; TILE]) -> Self::Signs;
    /// The sums over no tile yet; `less` is minus the sum of all activations that will follow.
    fn start(self, less: &[i32; 16]) -> Self::Running;
    fn add(self, sums: Self::Running, weights: &Self::Weights, x: &DigitPlanes<P>)
    -> Self::Running;
    /// The sums of `t x`, over at most [`MOST_TILES`].
    fn finish(self, sums: Self::Running) -> Self::Sums;
    /// The sums of `x` where `t = 1`, and where `t = -1`, over one tile; `less` is minus the sum of its activations.
    fn signed(self, signs: &Self::Signs, x: &DigitPlanes<P>, less: &[i32; 16]) -> [Self::Sums; 2];
}

/// The items of [`Digits`] for a backend that has a `dot` of decoded codes with activations: how it decodes a tile, how it
/// decodes one by sign, and with what its sums start.
macro_rules! digits_by_dot {
    ($planes:literal, $weights_type:ty, $signs_type:ty: $weights:ident, $signs:ident, $start:ident) => {
        type Weights = $weights_type;
        type Signs = $signs_type;
        type Running = Self::Sums;

        #[inline(always)]
        fn weights(self, codes: &[u8; TILE]) -> Self::Weights {
            self.$weights(codes)
        }

        digits_by_dot!(signs $planes: $signs);

        #[inline(always)]
        fn start(self, less: &[i32; 16]) -> Self::Sums {
            self.$start(less)
        }

        #[inline(always)]
        fn add(self, sums: Self::Sums, weights: &Self::Weights, x: &DigitPlanes<$planes>) -> Self::Sums {
            self.dot(sums, weights, x)
        }

        #[inline(always)]
        fn finish(self, sums: Self::Sums) -> Self::Sums {
            sums
        }
    };
    (signs $planes:literal: $signs:ident) => {
        #[inline(always)]
        fn signs(self, codes: &[u8; TILE]) -> Self::Signs {
            self.$signs(codes)
        }

        #[inline(always)]
        fn signed(self, signs: &Self::Signs, x: &DigitPlanes<$planes>, less: &[i32; 16]) -> [Self::Sums; 2] {
            self.dot_by_sign(signs, x, less)
        }
    };
}
pub(super) use digits_by_dot;

/// A backend for both codes.
pub(crate) trait TileUnit: Digits<4> + Digits<5> {}

impl<T: Digits<4> + Digits<5>> TileUnit for T {}

/// A loop over tiles, compiled for each backend.
pub(crate) trait TileJob {
    /// What it computes.
    type Output;

    /// Does it. Implementations are `#[inline(always)]`, and so are all functions that they call in the loop.
    fn run<T: TileUnit>(self, unit: T) -> Self::Output;
}
