//! Random weights: `X` of [`Law`], drawn N times, rounded to `f32`.
//!
//! Every series of vectors has a stream of its own of one generator, so the numbers depend on the seed alone and not on
//! which thread draws first.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1, StandardNormal, StudentT};

use crate::law::{DENSITY, Law};

/// A source of vectors of one law.
pub(crate) struct Source {
    law: Law,
    student: StudentT<f64>,
    generator: ChaCha8Rng,
}

impl Source {
    /// The source of this law and this stream of the generator.
    pub(crate) fn new(law: Law, seed: u64, stream: u64) -> anyhow::Result<Self> {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Ok(Self {
            law,
            student: StudentT::new(3.0)?,
            generator,
        })
    }

    /// Overwrites the weights with new ones.
    ///
    /// A vector of zeros has no direction, hence no cosine: such a draw (two in five of the sparse law at N = 9) is drawn
    /// again.
    pub(crate) fn fill(&mut self, weights: &mut [f32]) {
        loop {
            weights.fill_with(|| self.weight());
            if weights.iter().any(|&weight| weight != 0.0) {
                return;
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the weights are f32: rounding is the purpose"
    )]
    fn weight(&mut self) -> f32 {
        let generator = &mut self.generator;
        let weight = match self.law {
            Law::Uniform => generator.random_range(-1.0..1.0),
            Law::Normal => StandardNormal.sample(generator),
            Law::Laplace => laplace(generator),
            Law::Student => self.student.sample(generator),
            Law::Sparse if generator.random_bool(DENSITY) => StandardNormal.sample(generator),
            Law::Sparse => 0.0,
        };
        weight as f32
    }
}

/// An exponential magnitude with a random sign.
fn laplace<R: Rng>(generator: &mut R) -> f64 {
    let magnitude: f64 = Exp1.sample(generator);
    if generator.random() {
        magnitude
    } else {
        -magnitude
    }
}
