//! The scales of the weights, tile by tile or lane by lane.

use crate::simd::Tiles;

/// The pairs of lanes of a tile: where a byte has four trits of a row, one after the other, a pair sums 32 weights.
pub(crate) const LANE_PAIRS: usize = 8;

/// How the scales of a row vary.
pub(crate) trait Scaling: Copy + Sync {
    /// Singles for each tile: 1, or [`LANE_PAIRS`].
    const SINGLES: usize;
    /// Whether the -1 trits have a scale of their own.
    const TWO: bool;

    /// Writes the scales of a row for its tiles; those of the -1 trits negative, if they are others.
    fn write<T: Tiles>(&self, unit: T, row: usize, plus: &mut [f32], minus: &mut [f32]);
}

/// A scale as it is kept, in whatever type.
pub(crate) trait Lambda: Copy + Sync {
    /// The nearest single.
    fn nearest(self) -> f32;
}

/// Scales in slices of their own, `per_row` for each row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Groups<'a, L, const SINGLES: usize, const TWO: bool> {
    pub(crate) lambda_p: &'a [L],
    pub(crate) lambda_n: &'a [L],
    pub(crate) per_row: usize,
    /// How many tiles, or pairs of lanes, share a scale.
    pub(crate) shared: usize,
}

impl<L: Lambda, const SINGLES: usize, const TWO: bool> Scaling for Groups<'_, L, SINGLES, TWO> {
    const SINGLES: usize = SINGLES;
    const TWO: bool = TWO;

    #[inline(always)]
    fn write<T: Tiles>(&self, _: T, row: usize, plus: &mut [f32], minus: &mut [f32]) {
        let range = row * self.per_row..(row + 1) * self.per_row;
        let lambda_p = self.lambda_p.get(range.clone()).unwrap_or_default();
        repeat(lambda_p, self.shared, 1.0, plus);
        if TWO {
            let lambda_n = self.lambda_n.get(range).unwrap_or_default();
            repeat(lambda_n, self.shared, -1.0, minus);
        }
    }
}

/// Each scale as often as it is shared, times a sign.
#[inline(always)]
fn repeat<L: Lambda>(lambdas: &[L], shared: usize, sign: f32, slots: &mut [f32]) {
    match shared {
        1 => repeat_few::<L, 1>(lambdas, sign, slots),
        2 => repeat_few::<L, 2>(lambdas, sign, slots),
        4 => repeat_few::<L, 4>(lambdas, sign, slots),
        8 => repeat_few::<L, 8>(lambdas, sign, slots),
        _ => {
            for (slots, &lambda) in slots.chunks_mut(shared).zip(lambdas) {
                slots.fill(lambda.nearest() * sign);
            }
        }
    }
}

/// For a number of repetitions that the compiler knows.
#[inline(always)]
fn repeat_few<L: Lambda, const SHARED: usize>(lambdas: &[L], sign: f32, slots: &mut [f32]) {
    let (wholes, rest) = slots.as_chunks_mut::<SHARED>();
    for (slots, &lambda) in wholes.iter_mut().zip(lambdas) {
        *slots = [lambda.nearest() * sign; SHARED];
    }
    if let Some(lambda) = lambdas.get(wholes.len()) {
        rest.fill(lambda.nearest() * sign);
    }
}
