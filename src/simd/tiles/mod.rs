//! [`Tiles`]: the sums that products of packed trits with 8-bit activations are made of, sixty-four bytes of codes at a time.
//!
//! A *tile* is 64 bytes of codes, each of which holds `P` digits: four of two bits, or five of base 3. The activations lie in
//! `P` *planes* of 64 bytes, so that the activation of digit `p` of byte `m` is `x[p][m]`. The layout of the trits in the bytes
//! does not matter here: whoever lays out the activations knows it, and does it once for all rows of a matrix.
//!
//! ```text
//! lane j of 16:   sum over p, and over the bytes m = 4j .. 4j + 4, of   t[p][m] x[p][m]          exact, in 32 bits
//! ```
//!
//! A digit is `d = t + 1`, never negative, which is what the instructions for such sums want; `sum t x = sum d x - sum x`, and
//! the second sum is known beforehand. Activations are within -127..=127.
//!
//! Base-3 digits lie in a byte as a fraction: `v = ceil(256 b / 243)`, where `b` is the number that the digits make, the first
//! the most significant. Then each digit is what three times the byte carries over: `d = (3 v) >> 8`, and `3 v mod 256` is the
//! byte of the digits that are left.
//!
//! Two units do the same: [`Portable`](portable::Portable) is the definition. An [`Adding`](adding::Adding) one multiplies
//! nothing, also where the processor could.

#[cfg(any(
    target_arch = "x86_64",
    all(
        target_arch = "aarch64",
        target_feature = "neon",
        target_endian = "little"
    )
))]
pub(super) mod adding;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
#[cfg(all(
    target_arch = "aarch64",
    target_feature = "neon",
    target_endian = "little"
))]
pub(super) mod neon;
pub(super) mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) mod simd128;
#[cfg(all(test, feature = "alloc"))]
mod tests;
#[cfg(target_arch = "x86_64")]
pub(super) mod vnni;

use super::Vector;

/// The bytes of a tile.
pub(crate) const TILE: usize = 64;

/// The planes of a tile of activations.
pub(crate) type Planes<const P: usize> = [[i8; TILE]; P];

/// Tiles whose [running sums](Digits::Running) surely stay within 32 bits.
pub(crate) const MOST_TILES: usize = 1024;

/// Sixteen sums side by side, and what becomes of them.
pub(crate) trait Tiles: Copy {
    /// The unit for floats.
    type V: Vector;
    /// Sixteen integers of 32 bits.
    type Sums: Copy;

    fn vector(self) -> Self::V;
    fn load_sums(self, array: &[i32; 16]) -> Self::Sums;
    fn array(self, sums: Self::Sums) -> [i32; 16];
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// Rounded to the nearest single, ties to even.
    fn singles(self, sums: Self::Sums) -> <Self::V as Vector>::Singles;
    /// The singles of sixteen halves, given as bits.
    #[cfg(feature = "half")]
    fn halves(self, bits: &[u16; 16]) -> <Self::V as Vector>::Singles;
    /// `ceil(256 b / 243)` of each byte `b < 243`: the number of five digits as a fraction.
    fn fractions(self, numbers: &[u8; TILE]) -> [u8; TILE];
}

/// Tiles of `P` digits a byte: 4 of two bits, 5 of base 3.
pub(crate) trait Digits<const P: usize>: Tiles {
    /// What the codes of a tile become, for any number of vectors.
    type Weights: Copy;
    /// The codes of a tile, by sign.
    type Signs: Copy;
    /// Sums that are not finished.
    type Running: Copy;

    fn weights(self, codes: &[u8; TILE]) -> Self::Weights;
    fn signs(self, codes: &[u8; TILE]) -> Self::Signs;
    /// Sums over no tile yet, given less the sums of all activations to come.
    fn start(self, less: &[i32; 16]) -> Self::Running;
    fn add(self, sums: Self::Running, weights: &Self::Weights, x: &Planes<P>) -> Self::Running;
    /// The sums of `t x`, over at most [`MOST_TILES`].
    fn finish(self, sums: Self::Running) -> Self::Sums;
    /// The sums of `x` where `t = 1`, and where `t = -1`, over one tile; given less the sum of its activations.
    fn signed(self, signs: &Self::Signs, x: &Planes<P>, less: &[i32; 16]) -> [Self::Sums; 2];
}

/// A unit for both codes.
pub(crate) trait Unit: Digits<4> + Digits<5> {}

impl<T: Digits<4> + Digits<5>> Unit for T {}

/// A loop over tiles, compiled for each unit.
pub(crate) trait TileJob {
    /// What it computes.
    type Output;

    /// Does it. Implementations are `#[inline(always)]`, and so is all that they call in the loop.
    fn run<T: Unit>(self, unit: T) -> Self::Output;
}
