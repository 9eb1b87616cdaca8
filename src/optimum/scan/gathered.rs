//! Passes over gathered weights: `B` at some thresholds, and the weights of a smaller interval.
//!
//! Cost: one read, about `4 + 4 T` vector operations for 16 weights and `T` thresholds, or one read, one write and 16 operations.

use super::LANES;
use super::above::{LaneSums, ROUNDING};
use super::buffer::GatherBuffer;
use super::mass::{Mass, WeightChunk};
use crate::optimum::side::Side;
use crate::simd::{Job, Vector};
use crate::weight::FloatBits;

use core::marker::PhantomData;

/// Sums over all gathered weights: `sum h |w|`, `sum h`, and `sum h max(|w|, tau)` for some thresholds.
pub(crate) struct HingePass<'s, W: FloatBits, H, const T: usize> {
    pub(crate) buffer: GatherBuffer<'s, W>,
    pub(crate) taus: [f64; T],
    pub(crate) masses: PhantomData<H>,
}

/// Those sums.
pub(crate) struct HingeSums<const T: usize> {
    pub(crate) sum: f64,
    pub(crate) mass: f64,
    pub(crate) hinges: [f64; T],
}

/// The relative error of such sums over so many weights.
pub(crate) fn hinge_error(len: usize) -> f64 {
    (2 * len / LANES + 10) as f64 * ROUNDING
}

impl<W: FloatBits, H: Mass, const T: usize> Job for HingePass<'_, W, H, T> {
    type Output = HingeSums<T>;

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> HingeSums<T> {
        let (mut sum, mut mass, mut hinges) = (vector.zeros(), vector.zeros(), [vector.zeros(); T]);
        let step = if W::FITS_SINGLE { LANES } else { 8 };
        let len = self.buffer.slots.len();
        for start in (0..len).step_by(step) {
            let [x, h] = wide::<V, W, H>(vector, &self.buffer, start);
            sum = add::<V, H>(vector, sum, h, x);
            for (hinge, tau) in hinges.iter_mut().zip(self.taus) {
                let tau = vector.splat_double(tau);
                let larger = [vector.max_doubles(x[0], tau), vector.max_doubles(x[1], tau)];
                *hinge = add::<V, H>(vector, *hinge, h, larger);
            }
            if H::WEIGHTED {
                mass = vector.add_doubles(mass, vector.add_doubles(h[0], h[1]));
            }
        }
        let mut sums = HingeSums {
            sum: sum_of(vector, sum),
            mass: sum_of(vector, mass),
            hinges: [0.0; T],
        };
        for j in 0..T {
            sums.hinges[j] = sum_of(vector, hinges[j]);
            if !H::WEIGHTED {
                // What was added beyond the last weight: the threshold.
                let padding = len.div_ceil(step) * LANES - len;
                sums.hinges[j] -= padding as f64 * self.taus[j];
            }
        }
        if !H::WEIGHTED {
            sums.mass = len as f64;
        }
        sums
    }
}

/// `sum + h x` of sixteen weights.
#[inline(always)]
fn add<V: Vector, H: Mass>(
    vector: V,
    sum: V::Doubles,
    h: [V::Doubles; 2],
    x: [V::Doubles; 2],
) -> V::Doubles {
    if H::WEIGHTED {
        vector.add_product(vector.add_product(sum, h[0], x[0]), h[1], x[1])
    } else {
        vector.add_doubles(sum, vector.add_doubles(x[0], x[1]))
    }
}

/// The sum of all lanes, one after the other.
#[inline(always)]
fn sum_of<V: Vector>(vector: V, lanes: V::Doubles) -> f64 {
    let mut sum = 0.0;
    for lane in vector.doubles(lanes) {
        sum += lane;
    }
    sum
}

/// Magnitudes and masses from a place on as `f64`: sixteen, or eight of a type that does not fit `f32`; zeros beyond the last.
#[inline(always)]
fn wide<V: Vector, W: FloatBits, H: Mass>(
    vector: V,
    buffer: &GatherBuffer<'_, W>,
    start: usize,
) -> [[V::Doubles; 2]; 2] {
    if W::FITS_SINGLE {
        let [x, h] = buffer.load::<V, H>(vector, start);
        let x = vector.widen(vector.abs(x));
        return if H::WEIGHTED {
            [x, vector.widen(h)]
        } else {
            [x; 2]
        };
    }
    let mut eight = [0.0; 8];
    for (x, &slot) in eight.iter_mut().zip(buffer.slots.iter().skip(start)) {
        *x = W::from_slot(slot).widen().abs();
    }
    [[vector.load_doubles(&eight), vector.zeros()]; 2]
}

/// Which gathered weights to keep, in the first places: those of magnitude in `(low, high]`.
pub(crate) struct CompactPass<'s, W: FloatBits, H> {
    pub(crate) buffer: GatherBuffer<'s, W>,
    pub(crate) ends: [f32; 2],
    /// Exact sums are in units of two to this power.
    pub(crate) unit: i32,
    pub(crate) masses: PhantomData<H>,
}

impl<W: FloatBits, H: Mass> Job for CompactPass<'_, W, H> {
    /// How many are kept, and the sums of those above.
    type Output = (usize, H::Sums);

    #[inline(always)]
    fn run<V: Vector>(self, vector: V) -> Self::Output {
        let Self {
            mut buffer,
            ends,
            unit,
            ..
        } = self;
        let ends = [vector.splat(ends[0]), vector.splat(ends[1])];
        let mut above = H::Above::new(vector);
        let mut kept = 0;
        let len = buffer.slots.len();
        for start in (0..len).step_by(LANES) {
            let [x, h] = buffer.load::<V, H>(vector, start);
            let chunk = WeightChunk::new::<H>(vector, Side::Both, x, h);
            let inside = above.add(vector, &chunk, ends);
            // No place is written before it was read: of a chunk all are written, and overwritten by what is kept of the next.
            kept += buffer.put::<V, H>(vector, kept, inside, &chunk);
        }
        let chunks = len.div_ceil(LANES);
        (kept, above.total(vector, Side::Both, unit, chunks))
    }
}
