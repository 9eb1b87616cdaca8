//! One scale, or two, for each row, and one for the vector: the sums are exact, and scaled once.

#![expect(
    clippy::needless_range_loop,
    reason = "several arrays side by side; iterators would be closures, compiled without the instructions of a backend"
)]

use alloc::vec::Vec;

use super::kernel::{Accumulate, Product, Versions, for_each_tile, versions};
use super::lay_out::{Laid, Tile};
use super::source::Source;
use crate::simd::{Digits, MOST_TILES, TILE};

/// One scale, or two, for each row, and one for the vector: the sums are exact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exact<'a, S, const TWO: bool> {
    pub(crate) source: S,
    pub(crate) lambda_p: &'a [f32],
    pub(crate) lambda_n: &'a [f32],
    /// 1 if each row has scales, 0 if all share one.
    pub(crate) step: usize,
}

impl<S: Source, const TWO: bool, const P: usize> Product<P> for Exact<'_, S, TWO> {
    #[inline(always)]
    fn block<T: Digits<P>, const R: usize, const C: usize>(
        &self,
        unit: T,
        row: usize,
        xs: [&Laid<P>; C],
        _: &mut Vec<f32>,
    ) -> [[f32; C]; R] {
        let versions = versions::<S, P, R, C>(&self.source, row, xs);
        let mut y = [[0.0; C]; R];
        let sums = if TWO {
            totals::<Signed<T, P, R, C>, _, _, _, _, _>(unit, &self.source, row, versions)
        } else {
            totals::<Plain<T, P, R, C>, _, _, _, _, _>(unit, &self.source, row, versions)
        };
        for r in 0..R {
            let at = (row + r) * self.step;
            let scale = |lambdas: &[f32]| lambdas.get(at).copied().unwrap_or_default();
            for c in 0..C {
                let d = xs[c].only_scale;
                let [plus, minus] = sums[r][c];
                y[r][c] = plus as f32 * (scale(self.lambda_p) * d);
                if TWO {
                    y[r][c] -= minus as f32 * (scale(self.lambda_n) * d);
                }
            }
        }
        y
    }
}

/// Exact sums of the trits of a row times a vector: of all, or by sign.
type Sums<const R: usize, const C: usize> = [[[i64; 2]; C]; R];

/// Sums over at most [`MOST_TILES`], in 32 bits a lane.
trait Partial<T: Digits<P>, const P: usize, const R: usize, const C: usize>:
    Accumulate<T, P, R, C>
{
    /// Over no tile of a chunk yet.
    fn start(unit: T, versions: Versions<'_, P, R, C>, chunk: usize) -> Self;

    fn add_to(self, unit: T, totals: &mut Sums<R, C>);
}

/// The sums over all tiles of some rows, for some vectors.
#[inline(always)]
fn totals<A, T, S, const P: usize, const R: usize, const C: usize>(
    unit: T,
    source: &S,
    row: usize,
    versions: Versions<'_, P, R, C>,
) -> Sums<R, C>
where
    A: Partial<T, P, R, C>,
    T: Digits<P>,
    S: Source,
{
    let mut totals = [[[0; 2]; C]; R];
    let tiles = versions[0][0].tiles.len();
    for chunk in 0..versions[0][0].less.len() {
        let mut sums = A::start(unit, versions, chunk);
        let range = chunk * MOST_TILES..tiles.min((chunk + 1) * MOST_TILES);
        for_each_tile(unit, source, row, versions, range, &mut sums);
        sums.add_to(unit, &mut totals);
    }
    totals
}

/// `sum t x`, with zero beside it.
struct Plain<T: Digits<P>, const P: usize, const R: usize, const C: usize> {
    running: [[T::Running; C]; R],
}

impl<T: Digits<P>, const P: usize, const R: usize, const C: usize> Accumulate<T, P, R, C>
    for Plain<T, P, R, C>
{
    #[inline(always)]
    fn add(&mut self, unit: T, r: usize, _: usize, codes: &[u8; TILE], xs: [&Tile<P>; C]) {
        let weights = unit.weights(codes);
        for c in 0..C {
            self.running[r][c] = unit.add(self.running[r][c], &weights, &xs[c].x);
        }
    }
}

impl<T: Digits<P>, const P: usize, const R: usize, const C: usize> Partial<T, P, R, C>
    for Plain<T, P, R, C>
{
    #[inline(always)]
    fn start(unit: T, versions: Versions<'_, P, R, C>, chunk: usize) -> Self {
        let mut running = [[unit.start(&[0; 16]); C]; R];
        for r in 0..R {
            for c in 0..C {
                running[r][c] = unit.start(&versions[r][c].less[chunk]);
            }
        }
        Self { running }
    }

    #[inline(always)]
    fn add_to(self, unit: T, totals: &mut Sums<R, C>) {
        for r in 0..R {
            for c in 0..C {
                totals[r][c][0] += total(unit.array(unit.finish(self.running[r][c])));
            }
        }
    }
}

/// The sums of `x` over the +1 trits, and over the -1 trits.
struct Signed<T: Digits<P>, const P: usize, const R: usize, const C: usize> {
    sums: [[[T::Sums; 2]; C]; R],
}

impl<T: Digits<P>, const P: usize, const R: usize, const C: usize> Accumulate<T, P, R, C>
    for Signed<T, P, R, C>
{
    #[inline(always)]
    fn add(&mut self, unit: T, r: usize, _: usize, codes: &[u8; TILE], xs: [&Tile<P>; C]) {
        let signs = unit.signs(codes);
        for c in 0..C {
            let Tile { x, less } = xs[c];
            let [plus, minus] = unit.signed(&signs, x, less);
            let sums = &mut self.sums[r][c];
            *sums = [unit.add_sums(sums[0], plus), unit.add_sums(sums[1], minus)];
        }
    }
}

impl<T: Digits<P>, const P: usize, const R: usize, const C: usize> Partial<T, P, R, C>
    for Signed<T, P, R, C>
{
    #[inline(always)]
    fn start(unit: T, _: Versions<'_, P, R, C>, _: usize) -> Self {
        let sums = [[[unit.load_sums(&[0; 16]); 2]; C]; R];
        Self { sums }
    }

    #[inline(always)]
    fn add_to(self, unit: T, totals: &mut Sums<R, C>) {
        for r in 0..R {
            for c in 0..C {
                for sign in 0..2 {
                    totals[r][c][sign] += total(unit.array(self.sums[r][c][sign]));
                }
            }
        }
    }
}

#[inline(always)]
fn total(lanes: [i32; 16]) -> i64 {
    let mut total = 0;
    for lane in lanes {
        total += i64::from(lane);
    }
    total
}
