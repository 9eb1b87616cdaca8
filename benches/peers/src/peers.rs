//! Other ways to get a ternary vector, and the floors: copying the weights, and reading them once.

use crate::sorting::{Sortable, ternarize_sorting};
use std::hint::black_box;
use tritium_quantize::{JointFitConfig, JointFitMetric, Plane, absmean_ternary, fit_joint_ternary};

/// What contestants share: one output for all, and what copies and sorts need.
#[derive(Clone, Debug)]
pub struct Buffers<W: Sortable> {
    /// One trit for each weight.
    pub trits: Vec<i8>,
    /// Where the weights are copied to.
    pub copy: Vec<W>,
    /// Where they are sorted.
    pub keys: Vec<W::Key>,
}

impl<W: Sortable> Buffers<W> {
    /// For so many weights.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self {
            trits: vec![0; n],
            copy: vec![W::zero(); n],
            keys: vec![W::Key::default(); n],
        }
    }

    /// Sorts with the standard library, and tries every prefix.
    pub fn sort(&mut self, weights: &[W]) {
        let (keys, trits) = (&mut self.keys[..weights.len()], &mut self.trits);
        ternarize_sorting(weights, keys, trits, <[_]>::sort_unstable);
    }

    /// Sorts by radix, with the crate `radsort`: of three such crates the fastest on one thread.
    pub fn radix_sort(&mut self, weights: &[W])
    where
        W::Key: radsort::Key,
    {
        let (keys, trits) = (&mut self.keys[..weights.len()], &mut self.trits);
        ternarize_sorting(weights, keys, trits, radsort::sort);
    }

    /// Sorts each of many short vectors.
    pub fn sort_each(&mut self, weights: &[W], len: usize) {
        let vectors = weights.chunks_exact(len);
        for (weights, trits) in vectors.zip(self.trits.chunks_exact_mut(len)) {
            let keys = &mut self.keys[..len];
            ternarize_sorting(weights, keys, trits, <[_]>::sort_unstable);
        }
    }

    /// The floor of whatever reads all weights and writes as much.
    pub fn copy(&mut self, weights: &[W]) {
        self.copy.copy_from_slice(black_box(weights));
        black_box(&mut self.copy);
    }
}

/// The floor of whatever reads all weights: one pass, in as many running results as keep a core busy.
pub fn read(weights: &[f32]) {
    let mut lanes = [0_u32; 64];
    let mut chunks = black_box(weights).chunks_exact(64);
    for chunk in &mut chunks {
        for (lane, weight) in lanes.iter_mut().zip(chunk) {
            *lane |= weight.to_bits();
        }
    }
    black_box((lanes, chunks.remainder()));
}

/// Trits and their one scale, as the crate `tritium-quantize` fits them: from four first guesses it improves scale and trits in
/// turn, until nothing changes. That ends where no step helps, which need not be the optimum. Its sums are over all pairs of
/// weights, so it is for blocks.
///
/// # Panics
///
/// If it refuses the weights.
#[must_use]
pub fn tritium_fit(weights: &[f32]) -> (Vec<i8>, f32) {
    let config = JointFitConfig::default();
    let fit = fit_joint_ternary(weights, JointFitMetric::Identity, config);
    let mut fit = fit.expect("finite weights, one plane");
    (fit.trits.swap_remove(0), fit.scales[0])
}

/// The trits of what `tritium-quantize` uses by default, in linear time: the nearest to the weights over their mean magnitude, as
/// BitNet has it. It looks for no optimum.
#[must_use]
pub fn tritium_absmean(weights: &[f32]) -> Plane {
    absmean_ternary(weights)
}
