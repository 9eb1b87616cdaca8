//! The last pass: the trits, and for each sign the sums that scales and figures are made from.
//!
//! ```text
//! t = +1 if w > threshold_p,   -1 if -w > threshold_n,   else 0;   0 if h = 0
//! S_p = sum h w, m_p = sum h where t = +1;   S_n = sum h |w|, m_n = sum h where t = -1
//! ```
//!
//! The sums run over all weights, in the order of [`crate::ordered`], with zeros where the trit is another: so the same bits come
//! out of a plain loop. Cost: one read of weights and importances, one write of a byte each, about 30 vector operations for 16.

use super::{Chunk, Side, Visitor, Weighted};
use crate::backend::{Job, Vector};
use crate::ordered::{BLOCK, OrderedSum, total};
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
            sums: [OrderedSum::new(); 4],
            rest: [0.0; 4],
        };
        self.weighted.visit_all::<V, BLOCK>(vector, &mut writer);
        let part = |sign: usize| Part {
            count: writer.counts[sign],
            sum: writer.sums[2 * sign].total(writer.rest[2 * sign]),
            mass: writer.sums[2 * sign + 1].total(writer.rest[2 * sign + 1]),
        };
        [part(0), part(1)]
    }
}

struct Writer<'t, V: Vector> {
    trits: &'t mut [i8],
    thresholds: [V::Singles; 3],
    counts: [usize; 2],
    /// `S_p, m_p, S_n, m_n`.
    sums: [OrderedSum; 4],
    rest: [f64; 4],
}

impl<V: Vector, W: Format> Visitor<V, W, BLOCK> for Writer<'_, V> {
    #[inline(always)]
    fn visit(&mut self, vector: V, index: usize, weights: &[W; BLOCK], importance: &[f32; BLOCK]) {
        let mut sums = [vector.zeros(); 4];
        let mut trits = [[0; super::LANES]; BLOCK / super::LANES];
        let (weights, importance) = (weights.as_chunks().0, importance.as_chunks().0);
        for c in 0..trits.len() {
            let chunk = Chunk::new(vector, Side::Both, &weights[c], &importance[c]);
            trits[c] = self.add(vector, chunk, &mut sums);
        }
        let rest = self.trits.get_mut(index * BLOCK..).unwrap_or_default();
        let trits = trits.as_flattened();
        if let Some(places) = rest.first_chunk_mut::<BLOCK>() {
            places.copy_from_slice(trits);
            for j in 0..4 {
                self.sums[j].carry(total(&vector.doubles(sums[j])));
            }
        } else {
            for (place, &trit) in rest.iter_mut().zip(trits) {
                *place = trit;
            }
            for j in 0..4 {
                self.rest[j] = total(&vector.doubles(sums[j]));
            }
        }
    }
}

impl<V: Vector> Writer<'_, V> {
    /// Adds sixteen weights, and returns their trits.
    #[inline(always)]
    fn add(
        &mut self,
        vector: V,
        chunk: Chunk<V>,
        sums: &mut [V::Doubles; 4],
    ) -> [i8; super::LANES] {
        let [positive, negative, below] = self.thresholds;
        let matters = vector.greater(chunk.importance, vector.splat(0.0));
        let singles = vector.select(matters, chunk.singles);
        let x = vector.widen(chunk.x);
        let masks = [
            vector.greater(singles, positive),
            vector.greater(vector.negate(singles), negative),
        ];
        for sign in 0..2 {
            self.counts[sign] += vector.bits(masks[sign]).count_ones() as usize;
            let h = vector.widen(vector.select(masks[sign], chunk.importance));
            for half in 0..2 {
                sums[2 * sign] = vector.add_product(sums[2 * sign], h[half], x[half]);
                sums[2 * sign + 1] = vector.add_doubles(sums[2 * sign + 1], h[half]);
            }
        }
        vector.signs(singles, positive, below)
    }
}
