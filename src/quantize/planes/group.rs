//! [`Group`]: weights prepared for many questions, and [`Found`], an answer.

use alloc::vec::Vec;

use super::Planes;
use super::levels::Levels;
use super::system::{Scales, System};
use crate::exact::float_sums;
use crate::optimum::fit::share;
use crate::quantize::scale_type::ScaleType;
use crate::weight::{Weight, scale_by_power, unit_exponent};

/// The weights of a group in units of a power of two, so that all magnitudes are below 1; and their magnitudes, sorted.
pub(super) struct Group {
    pub(super) weights: Vec<f64>,
    /// In increasing order.
    pub(super) sorted: Vec<f64>,
    /// The sum of the first i magnitudes at place i.
    sums: Vec<f64>,
    pub(super) energy: f64,
    unit: i32,
    pub(super) scale_type: ScaleType,
}

impl Group {
    pub(super) fn new<W: Weight>(weights: &[W], scale_type: ScaleType) -> Self {
        let top = weights.iter().map(|weight| weight.key()).max().unwrap_or(0);
        let unit = unit_exponent::<W>(top);
        let scaled = weights.iter().map(|w| scale_by_power(w.widen(), -unit));
        let weights: Vec<f64> = scaled.collect();
        let mut sorted: Vec<f64> = weights.iter().map(|w| w.abs()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut sums = Vec::with_capacity(sorted.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for magnitude in &sorted {
            sum += magnitude;
            sums.push(sum);
        }
        Self {
            energy: float_sums::sum(&weights, |_, w| w * w),
            weights,
            sorted,
            sums,
            unit,
            scale_type,
        }
    }

    /// A scale as it is stored, from the units of the group.
    pub(super) fn stored(&self, scale: f64) -> f64 {
        scale_by_power(scale, self.unit)
    }

    /// A stored scale in the units of the group.
    pub(super) fn scaled(&self, stored: f64) -> f64 {
        scale_by_power(stored, -self.unit)
    }

    /// The exponent of the unit.
    pub(super) const fn unit(&self) -> i32 {
        self.unit
    }

    /// The least-squares equations of the nearest levels.
    pub(super) fn system(&self, levels: &Levels) -> System {
        let mut system = System::default();
        let mut first = 0;
        for level in 0..levels.len() {
            let end = match levels.threshold(level) {
                Some(threshold) => {
                    first + self.sorted[first..].partition_point(|&x| x <= threshold)
                }
                None => self.sorted.len(),
            };
            let sum = self.sums[end] - self.sums[first];
            system.add(levels.code(level), (end - first) as f64, sum);
            first = end;
        }
        system
    }

    /// Each weight at its nearest level, the plane with the largest scale first.
    pub(super) fn assign(&self, planes: usize, mut stored: Scales) -> Found {
        stored.sort_unstable_by(|a, b| b.total_cmp(a));
        let scales = stored.map(|stored| self.scaled(stored));
        let levels = Levels::new(planes, &scales).distinct();
        let mut trits = alloc::vec![0; self.weights.len() * planes];
        let places: Vec<usize> = self
            .weights
            .iter()
            .map(|w| levels.nearest(w.abs()))
            .collect();
        for (plane, trits) in trits.chunks_exact_mut(self.weights.len()).enumerate() {
            for ((trit, &place), &weight) in trits.iter_mut().zip(&places).zip(&self.weights) {
                let magnitude = levels.code(place)[plane];
                *trit = if weight < 0.0 { -magnitude } else { magnitude };
            }
        }
        let lost = float_sums::sum(&self.weights, |i, w| {
            let lost = w.abs() - levels.value(places[i]);
            lost * lost
        });
        Found {
            trits,
            stored: stored[..planes].to_vec(),
            relative_error: share(lost, self.energy),
        }
    }
}

/// Trits, plane after plane, with stored scales.
pub(super) struct Found {
    pub(super) trits: Vec<i8>,
    pub(super) stored: Vec<f64>,
    pub(super) relative_error: f64,
}

impl Found {
    /// The result for the caller.
    pub(super) fn with_type(self, scale_type: ScaleType) -> Planes {
        Planes {
            len: self.trits.len() / self.stored.len(),
            trits: self.trits,
            scales: self.stored,
            scale_type,
            relative_error: self.relative_error,
        }
    }
}
