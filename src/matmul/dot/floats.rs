//! Sums of `f32` activations with the instructions of a [`Backend`], for several vectors of trits at once.
//!
//! The defined order has eight lanes, a [`Vector`] has sixteen: so two vectors are summed side by side, one in the first
//! eight lanes and one in the last, and as an addition takes several times as long as it keeps the unit busy, there may be
//! more such pairs in flight.
//!
//! Whatever the code, the kernel sees words of sixteen digits of two bits:
//!
//! ```text
//! of 8 bytes, and of the next one if the vector begins within a byte:
//!     2-bit     the bytes themselves, shifted down to the first digit     32 digits
//!     base 3    a table has the digits of a byte; joined, and shifted     40 digits
//! lane l of group g of a word adds x[8 g + l], its negative, or nothing
//! ```
//!
//! Nothing is moved from lane to lane, as the shift is done on the digits. What is left of a vector behind its last whole
//! block meets zeros.
//!
//! Cost: with masks about five instructions for eight elements of two vectors, without them twelve; and as many again for the
//! digits of base 3. A single vector costs as much as two: without vectors [`portable`] sums it better.

use super::portable::{self, sum_lanes};
use super::{LANES, walk};
use crate::code::{Code, base3};
use crate::error::Error;
use crate::simd::{Backend, Job, Vector};

/// The sums of one vector with the instructions of a backend: the bits of their [definition](ActivationSums::PORTABLE).
pub(crate) fn dot<S: ActivationSums>(
    backend: Backend,
    code: Code,
    bytes: &[u8],
    offset: usize,
    x: &[f32],
) -> Result<S::Sum, Error> {
    if backend == Backend::PORTABLE {
        return S::PORTABLE(code, bytes, offset, x);
    }
    walk::check_end(code, bytes, offset, x.len())?;
    let row = Row::new(code, bytes, offset);
    let what = core::marker::PhantomData;
    Ok(backend.run(One::<S> { code, row, x, what }))
}

/// Bytes in a block.
const BLOCK: usize = 8;

/// Where a vector of trits begins: in these bytes, at this place of the first. Behind their end come digits that are zeros.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    blocks: &'a [[u8; BLOCK]],
    rest: &'a [u8],
    skip: usize,
}

impl<'a> Row<'a> {
    pub(crate) fn new(code: Code, bytes: &'a [u8], offset: usize) -> Self {
        let per_byte = code.trits_per_byte();
        let bytes = bytes.get(offset / per_byte..).unwrap_or_default();
        let (blocks, rest) = bytes.as_chunks();
        let skip = offset % per_byte;
        Self { blocks, rest, skip }
    }
}

/// Sums of one vector in plain Rust.
type PlainSums<S> = fn(Code, &[u8], usize, &[f32]) -> Result<S, Error>;

/// What is summed: the activations under both signs [together](Together), or [apart](Apart).
pub(crate) trait ActivationSums {
    /// The lanes of a pair of vectors.
    type Lanes<V: Vector>: Copy;
    /// What a vector comes to.
    type Sum: Copy + Default + Send;
    /// The sums of one vector in plain Rust.
    const PORTABLE: PlainSums<Self::Sum>;

    fn start<V: Vector>(v: V) -> Self::Lanes<V>;
    /// The lanes after eight more activations, under the eight digits from `FROM` on.
    fn add<V: Vector, const FROM: usize>(
        v: V,
        lanes: Self::Lanes<V>,
        words: V::Words,
        x: V::Singles,
    ) -> Self::Lanes<V>;
    /// A sum times the scales of the +1 and of the -1 trits.
    fn scaled(sum: Self::Sum, scales: [f32; 2]) -> f32;
    /// The sums of both vectors.
    fn finish<V: Vector>(v: V, lanes: Self::Lanes<V>) -> [Self::Sum; 2];
}

/// Plus less minus.
pub(crate) struct Together;

impl ActivationSums for Together {
    type Lanes<V: Vector> = V::Singles;
    type Sum = f32;
    const PORTABLE: PlainSums<f32> = portable::dot;

    #[inline(always)]
    fn start<V: Vector>(v: V) -> V::Singles {
        v.splat(0.0)
    }

    #[inline(always)]
    fn add<V: Vector, const FROM: usize>(
        v: V,
        lanes: V::Singles,
        words: V::Words,
        x: V::Singles,
    ) -> V::Singles {
        v.add_trits::<FROM>(lanes, words, x)
    }

    #[inline(always)]
    fn scaled(sum: f32, [lambda, _]: [f32; 2]) -> f32 {
        lambda * sum
    }

    #[inline(always)]
    fn finish<V: Vector>(v: V, lanes: V::Singles) -> [f32; 2] {
        let mut sums = [0.0; 2];
        let lanes = v.array(lanes);
        for (sum, lanes) in sums.iter_mut().zip(lanes.as_chunks().0) {
            *sum = sum_lanes(*lanes, 0);
        }
        sums
    }
}

/// Plus and minus.
pub(crate) struct Apart;

impl ActivationSums for Apart {
    type Lanes<V: Vector> = [V::Singles; 2];
    type Sum = (f32, f32);
    const PORTABLE: PlainSums<(f32, f32)> = portable::dot_signed;

    #[inline(always)]
    fn start<V: Vector>(v: V) -> [V::Singles; 2] {
        [v.splat(0.0); 2]
    }

    #[inline(always)]
    fn add<V: Vector, const FROM: usize>(
        v: V,
        lanes: [V::Singles; 2],
        words: V::Words,
        x: V::Singles,
    ) -> [V::Singles; 2] {
        v.add_trits_apart::<FROM>(lanes, words, x)
    }

    #[inline(always)]
    fn scaled((plus, minus): (f32, f32), [lambda_p, lambda_n]: [f32; 2]) -> f32 {
        lambda_p * plus - lambda_n * minus
    }

    #[inline(always)]
    fn finish<V: Vector>(v: V, [plus, minus]: [V::Singles; 2]) -> [(f32, f32); 2] {
        let (plus, minus) = (Together::finish(v, plus), Together::finish(v, minus));
        [(plus[0], minus[0]), (plus[1], minus[1])]
    }
}

/// A single vector, twice.
struct One<'a, S> {
    code: Code,
    row: Row<'a>,
    x: &'a [f32],
    what: core::marker::PhantomData<S>,
}

impl<S: ActivationSums> Job for One<'_, S> {
    type Output = S::Sum;

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> S::Sum {
        let [[sum, _]] = sums::<V, S, 1>(v, self.code, [[self.row; 2]], self.x);
        sum
    }
}

/// The sums of pairs of vectors, all in the same code and as long as `x`.
#[inline(always)]
pub(crate) fn sums<V: Vector, S: ActivationSums, const PAIRS: usize>(
    v: V,
    code: Code,
    rows: [[Row<'_>; 2]; PAIRS],
    x: &[f32],
) -> [[S::Sum; 2]; PAIRS] {
    let aligned = rows.as_flattened().iter().all(|row| row.skip == 0);
    let lanes = match code {
        Code::TwoBit if aligned => fold::<V, S, TwoBit, 4, PAIRS>(v, rows, x),
        Code::TwoBit => fold::<V, S, Shifted, 4, PAIRS>(v, rows, x),
        Code::Base3 => fold::<V, S, Base3, 5, PAIRS>(v, rows, x),
    };
    let mut sums = [[S::Sum::default(); 2]; PAIRS];
    for (sums, lanes) in sums.iter_mut().zip(lanes) {
        *sums = S::finish(v, lanes);
    }
    sums
}

/// How the digits of a block come out of its bytes.
trait CodeDigits {
    /// The first 32 or 40 digits from place `skip` of the first byte on, of a block and the byte behind it.
    fn words(bytes: [u8; BLOCK], next: u8, skip: usize) -> [u32; 3];
}

/// The 2-bit code from a byte border on.
struct TwoBit;

impl CodeDigits for TwoBit {
    #[inline(always)]
    fn words(bytes: [u8; BLOCK], _: u8, _: usize) -> [u32; 3] {
        little_endian(&bytes)
    }
}

/// The 2-bit code from anywhere on.
struct Shifted;

impl CodeDigits for Shifted {
    #[inline(always)]
    fn words(bytes: [u8; BLOCK], next: u8, skip: usize) -> [u32; 3] {
        // In two steps, as no shift goes by 64 bits.
        let next = u64::from(next) << (62 - 2 * skip) << 2;
        let digits = u64::from_le_bytes(bytes) >> (2 * skip) | next;
        little_endian(&digits.to_le_bytes())
    }
}

/// The base-3 code.
struct Base3;

impl CodeDigits for Base3 {
    #[inline(always)]
    fn words(bytes: [u8; BLOCK], next: u8, skip: usize) -> [u32; 3] {
        let (low, high) = bytes.split_at(6);
        let (low, high) = (ten_bits(low), ten_bits(high) | ten_bits(&[next]) << 20);
        let digits = (u128::from(low) | u128::from(high) << 60) >> (2 * skip);
        little_endian(&digits.to_le_bytes())
    }
}

/// The digits of up to six bytes of the base-3 code, five in ten bits.
#[inline(always)]
fn ten_bits(bytes: &[u8]) -> u64 {
    let mut digits = 0;
    for (place, &byte) in bytes.iter().enumerate() {
        digits |= u64::from(base3::DIGITS[usize::from(byte)]) << (10 * place);
    }
    digits
}

/// The first three words of some bytes.
#[inline(always)]
fn little_endian(bytes: &[u8]) -> [u32; 3] {
    let mut words = [0; 3];
    for (word, &bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_le_bytes(bytes);
    }
    words
}

/// The lanes of pairs of vectors, of which `GROUPS` groups of eight digits are in a block.
#[inline(always)]
fn fold<V: Vector, S: ActivationSums, D: CodeDigits, const GROUPS: usize, const PAIRS: usize>(
    v: V,
    rows: [[Row<'_>; 2]; PAIRS],
    x: &[f32],
) -> [S::Lanes<V>; PAIRS] {
    let mut lanes = [S::start(v); PAIRS];
    let blocks = x.as_chunks::<LANES>().0.as_chunks::<GROUPS>().0;
    for (block, x) in blocks.iter().enumerate() {
        add_block::<V, S, D, GROUPS, PAIRS>(v, &mut lanes, &rows, block, x);
    }
    let rest = x.get(blocks.len() * GROUPS * LANES..).unwrap_or_default();
    if !rest.is_empty() {
        let mut padded = [[0.0; LANES]; GROUPS];
        for (place, &x) in padded.as_flattened_mut().iter_mut().zip(rest) {
            *place = x;
        }
        add_block::<V, S, D, GROUPS, PAIRS>(v, &mut lanes, &rows, blocks.len(), &padded);
    }
    lanes
}

#[inline(always)]
fn add_block<
    V: Vector,
    S: ActivationSums,
    D: CodeDigits,
    const GROUPS: usize,
    const PAIRS: usize,
>(
    v: V,
    lanes: &mut [S::Lanes<V>; PAIRS],
    rows: &[[Row<'_>; 2]; PAIRS],
    block: usize,
    x: &[[f32; LANES]; GROUPS],
) {
    for pair in 0..PAIRS {
        let [first, last] = rows[pair];
        let (first, last) = (words::<D>(first, block), words::<D>(last, block));
        for (group, x) in x.iter().enumerate() {
            let words = v.words(first[group / 2], last[group / 2]);
            let x = v.load_twice(x);
            lanes[pair] = if group % 2 == 0 {
                S::add::<V, 0>(v, lanes[pair], words, x)
            } else {
                S::add::<V, LANES>(v, lanes[pair], words, x)
            };
        }
    }
}

/// The digits of a block of a vector.
#[inline(always)]
fn words<D: CodeDigits>(row: Row<'_>, block: usize) -> [u32; 3] {
    let Some(bytes) = row.blocks.get(block) else {
        return D::words(padded(row, block), 0, row.skip);
    };
    let next = match (row.blocks.get(block + 1), row.rest) {
        (Some([next, ..]), _) | (None, [next, ..]) => *next,
        (None, []) => 0,
    };
    D::words(*bytes, next, row.skip)
}

/// A block behind the whole ones.
#[cold]
fn padded(row: Row<'_>, block: usize) -> [u8; BLOCK] {
    let mut bytes = [0; BLOCK];
    if block == row.blocks.len() {
        for (place, &byte) in bytes.iter_mut().zip(row.rest) {
            *place = byte;
        }
    }
    bytes
}
