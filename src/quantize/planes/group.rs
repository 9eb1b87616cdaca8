//! [`WeightGroup`]: the weights of a group, prepared so that the steps of the search are cheap.
//!
//! Sorted magnitudes take sorted levels in order. So the group is sorted once, and a step needs only the positions of a few
//! thresholds, by bisection, and differences of running sums: `O(3^K log N)`.

use alloc::vec;
use alloc::vec::Vec;

use super::levels::Levels;
use super::system::{PlaneScales, System};
use crate::ScaleType;
use crate::error::Error;
use crate::exact::float_sums;
use crate::optimum::fit::share;
use crate::optimum::weight::TypedSlice;
use crate::quantize::scale_type::{BestScale, ScaledWeights, trits_and_loss, widened};
use crate::quantize::{Codebook, RowFit};
use crate::weight::scale_by_power;

/// The weights of a group, sorted magnitudes with their running sums, and what planes are wanted.
pub(super) struct WeightGroup {
    /// In units of a power of two, so that all magnitudes are below 1.
    pub(super) weights: ScaledWeights,
    /// The magnitudes in increasing order.
    pub(super) sorted: Vec<f64>,
    /// The sum of the first i magnitudes at place i.
    sums: Vec<f64>,
    /// The number of planes.
    pub(super) planes: usize,
    pub(super) scale_type: ScaleType,
}

impl WeightGroup {
    pub(super) fn new(
        weights: TypedSlice<'_>,
        planes: usize,
        scale_type: ScaleType,
    ) -> Result<Self, Error> {
        let weights = ScaledWeights::of(widened(weights))?;
        let mut sorted: Vec<f64> = weights.values.iter().map(|w| w.abs()).collect();
        float_sums::sort(&mut sorted);
        sorted.reverse();
        let mut sums = vec![0.0];
        sums.extend(sorted.iter().scan(0.0, |sum, magnitude| {
            *sum += magnitude;
            Some(*sum)
        }));
        Ok(Self {
            weights,
            sorted,
            sums,
            planes,
            scale_type,
        })
    }

    /// The least-squares equations if each magnitude takes its nearest level.
    pub(super) fn system(&self, levels: &Levels) -> System {
        let mut system = System::new(self.planes);
        let mut first = 0;
        for level in 0..levels.len() {
            let (above, threshold) = (&self.sorted[first..], levels.threshold(level));
            let within = threshold.map(|threshold| above.partition_point(|&x| x <= threshold));
            let end = first + within.unwrap_or(above.len());
            let sum = self.sums[end] - self.sums[first];
            system.add(levels.trits(level), (end - first) as f64, sum);
            first = end;
        }
        system
    }

    /// One plane with a scale for each sign: the optimum, as each sign's trits and scale are that of its own.
    ///
    /// Errors: [`Error::Unstorable`] with the number of the group.
    pub(super) fn two_scales(&self, number: usize) -> Result<RowFit, Error> {
        let (p, n) = BestScale::of_each_sign(&self.weights, self.scale_type);
        let scales = vec![p.stored, n.stored];
        self.scale_type
            .check(number, &[p.wanted, n.wanted], &scales)?;
        let (trits, lost) = trits_and_loss(&self.weights.values, p, n);
        Ok(RowFit {
            codebook: Codebook::TwoScales,
            ..self.fit(trits, scales, lost)
        })
    }

    /// Plane after plane: each is the exact optimum, with a stored scale, for what the planes before it left.
    pub(super) fn greedy(&self) -> RowFit {
        let mut left = self.weights.values.clone();
        // The magnitudes of what is left, in an order that is almost sorted again.
        let mut ordered: Vec<f64> = self.sorted.iter().rev().copied().collect();
        let mut trits = Vec::with_capacity(self.planes * left.len());
        let mut stored = Vec::with_capacity(self.planes);
        for _ in 0..self.planes {
            let best = BestScale::search(ordered.clone(), self.weights.unit, self.scale_type);
            for x in &mut ordered {
                *x = (*x - best.value(*x)).abs();
            }
            trits.extend(left.iter().map(|x| best.trit(*x)));
            for x in &mut left {
                *x -= best.value(*x);
            }
            stored.push(best.stored);
        }
        self.fit(trits, stored, float_sums::sum(&left, |_, x| x * x))
    }

    /// Each weight at its nearest level for stored scales; the plane with the largest scale comes first.
    pub(super) fn assign(&self, mut stored: PlaneScales) -> RowFit {
        float_sums::sort(&mut stored);
        let scales = stored.map(|stored| self.weights.scaled(stored));
        let levels = Levels::new(self.planes, &scales).distinct();
        let weights = &self.weights.values;
        let places = levels.nearest(weights.iter().map(|w| w.abs()));
        let mut trits = Vec::with_capacity(weights.len() * self.planes);
        for plane in 0..self.planes {
            trits.extend(weights.iter().zip(&places).map(|(&weight, &place)| {
                levels.trits(place)[plane] * (1 - 2 * i8::from(weight < 0.0))
            }));
        }
        let lost = float_sums::sum(weights, |i, w| {
            let lost = w.abs() - levels.value(places[i]);
            lost * lost
        });
        self.fit(trits, stored[..self.planes].to_vec(), lost)
    }

    /// Checks that the range of the scale type did not cut a scale off: that not all are 0, and none is the largest value beside weights
    /// that are larger. Errors: [`Error::Unstorable`] with the number of the group.
    pub(super) fn check(&self, number: usize, fit: &RowFit) -> Result<(), Error> {
        let most = self.sorted.last().map_or(0.0, |&x| self.weights.stored(x));
        let mut wanted = fit.scales.clone();
        // If there is no scale, one is wanted unless all weights are 0.
        if fit.scales.iter().all(|&scale| scale == 0.0) {
            wanted.push(most);
        }
        // Where a weight is beyond it, the largest scale is wanted as large as is best with the others as they are.
        let largest = self.scale_type.largest();
        let cut = |scale: f64| scale >= largest && most > largest;
        for (plane, scale) in wanted.iter_mut().enumerate().filter(|(_, s)| cut(**s)) {
            let (trits, levels) = (fit.plane(plane), fit.levels());
            let left = float_sums::sum(&self.weights.values, |i, w| {
                f64::from(trits[i]) * (w - self.weights.scaled(levels[i]))
            });
            let selected = trits.iter().filter(|&&trit| trit != 0).count();
            *scale += self.weights.stored(share(left, selected as f64));
        }
        self.scale_type.check(number, &wanted, &fit.scales)
    }

    /// The result of trits, stored scales and a squared error in units of the group.
    fn fit(&self, trits: Vec<i8>, scales: Vec<f64>, lost: f64) -> RowFit {
        let [error, energy] =
            [lost, self.weights.energy].map(|sum| scale_by_power(sum, 2 * self.weights.unit));
        RowFit {
            codebook: Codebook::Planes(u8::try_from(self.planes).unwrap_or(u8::MAX)),
            group: self.weights.values.len(),
            scale_type: self.scale_type,
            trits,
            scales,
            error,
            objective: error,
            energy,
            lower_bound: 0.0,
            proved: false,
            nodes: 0,
            relative_error: share(lost, self.weights.energy),
        }
    }
}
