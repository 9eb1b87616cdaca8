//! The last pass: the trits, and for each sign the sums that scales and figures are made from.
//!
//! ```text
//! t = +1 if w > threshold_p,   -1 if -w > threshold_n,   else 0;   0 if h = 0
//! S_p = sum h w, m_p = sum h where t = +1;   S_n = sum h |w|, m_n = sum h where t = -1
//! ```
//!
//! The sums run over all weights, in the order of [`crate::exact::float_sums`], with zeros where the trit is another: so the same bits come
//! out of a plain loop. Cost: one read of weights and importances, one write of a byte each, about 30 vector operations for 16.

use super::{Chunk, LANES, Side, Visitor, Weighted};
use crate::exact::float_sums::{BLOCK, OrderedSums, total};
use crate::simd::{Job, Vector};
use crate::weight::Format;

/// Writes the trits.
pub(crate) struct Write<'a, 't, W> {
    pub(crate) weighted: Weighted<'a, W>,
    pub(crate) trits: &'t mut [i8],
    /// Of the positive weights, and of the negative ones.
    pub(crate) thresholds: [f32; 2],
}

/// The sums of one sign.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    pub(crate) count: usize,
    /// `sum h |w|`.
    pub(crate) sum: f64,
    /// `sum h`.
    pub(crate) mass: f64,
}

impl<W: Format> Job for Write<'_, '_, W> {
    /// The sums of both signs.
    type Output = [Part; 2];

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let [p, n] = self.thresholds;
        let mut writer = Writer::<V> {
            trits: self.trits,
            thresholds: [vector.splat(p), vector.splat(n), vector.splat(-n)],
            counts: [0; 2],
            sums: OrderedSums::new(),
            rest: [0.0; 4],
        };
        self.weighted.visit_all::<V, BLOCK>(vector, &mut writer);
        let sums = writer.sums.total(writer.rest);
        let part = |sign: usize| Part {
            count: writer.counts[sign],
            sum: sums[2 * sign],
            mass: sums[2 * sign + 1],
        };
        [part(0), part(1)]
    }
}

struct Writer<'t, V: Vector> {
    trits: &'t mut [i8],
    thresholds: [V::Singles; 3],
    counts: [usize; 2],
    /// `S_p, m_p, S_n, m_n`.
    sums: OrderedSums<4>,
    rest: [f64; 4],
}

impl<V: Vector, W: Format> Visitor<V, W, BLOCK> for Writer<'_, V> {
    #[inline(always)]
    fn visit(&mut self, vector: V, index: usize, weights: &[W; BLOCK], importance: &[f32; BLOCK]) {
        // In registers: sums and counts in memory would wait for each other.
        let (mut sums, mut signs) = ([vector.zeros(); 4], [0; 2]);
        let (weights, importance) = (weights.as_chunks().0, importance.as_chunks().0);
        let rest = self.trits.get_mut(index * BLOCK..).unwrap_or_default();
        let whole = rest.len() >= BLOCK;
        for (c, (weights, importance)) in weights.iter().zip(importance).enumerate() {
            let chunk = Chunk::new(vector, Side::Both, weights, importance);
            let trits = add(vector, self.thresholds, chunk, &mut sums, &mut signs);
            let places = rest.get_mut(c * LANES..).unwrap_or_default();
            if let Some(places) = places.first_chunk_mut::<LANES>() {
                *places = trits;
            } else {
                for (place, trit) in places.iter_mut().zip(trits) {
                    *place = trit;
                }
            }
        }
        let mut totals = [0.0; 4];
        for (place, lanes) in totals.iter_mut().zip(sums) {
            *place = total(&vector.doubles(lanes));
        }
        for (count, signs) in self.counts.iter_mut().zip(signs) {
            *count += signs.count_ones() as usize;
        }
        if whole {
            self.sums.carry(totals);
        } else {
            self.rest = totals;
        }
    }
}

/// Adds sixteen weights, and returns their trits.
#[inline(always)]
fn add<V: Vector>(
    vector: V,
    [above, least, below]: [V::Singles; 3],
    chunk: Chunk<V>,
    sums: &mut [V::Doubles; 4],
    signs: &mut [u64; 2],
) -> [i8; LANES] {
    let matters = vector.greater(chunk.importance, vector.splat(0.0));
    let w = vector.select(matters, chunk.singles);
    let x = vector.widen(chunk.x);
    let masks = [
        vector.greater(w, above),
        vector.greater(vector.negate(w), least),
    ];
    for sign in 0..2 {
        // Counted all at once, at the end of the block.
        signs[sign] = signs[sign] << LANES | u64::from(vector.bits(masks[sign]));
        let h = vector.widen(vector.select(masks[sign], chunk.importance));
        for half in 0..2 {
            sums[2 * sign] = vector.add_product(sums[2 * sign], h[half], x[half]);
            sums[2 * sign + 1] = vector.add_doubles(sums[2 * sign + 1], h[half]);
        }
    }
    vector.signs(w, above, below)
}
