//! [`Kind`]: the weights that are measured. All are made from one seed, and are the same on every machine.
//!
//! Signs are random and independent of the magnitudes. Kinds in an order (level, power law, clusters) are shuffled.

use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1, StandardNormal, StudentT};

/// The seed of everything.
pub const SEED: u64 = 1912;

/// A kind of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Normal, of variance 1: what the others are compared with.
    Normal,
    /// Uniform in -1..1.
    Uniform,
    /// Laplace: exponential magnitudes.
    Laplace,
    /// Student's t with 3 degrees of freedom: heavy tails.
    StudentT,
    /// Nine zeros on each normal weight.
    Sparse,
    /// Ternary already: -1/2, 0, 1/2.
    Ternary,
    /// Normal weights, and one of 1000.
    Outlier,
    /// `sqrt(i + 1) - sqrt(i)`: every number of non-zeros scores the same, but for rounding.
    Level,
    /// `i^-1/2`: almost level.
    PowerLaw,
    /// Multiples of 1/8 up to 15/8: a sixteenth of the weights at each magnitude.
    Ties,
    /// `r^-j`, about `r^2j` times, with `r = 1.25`: heaps of equals, each as heavy as all before it.
    Clusters,
    /// `2^u` with `u` uniform in -126..127: every exponent a normal `f32` can have.
    LogUniform,
}

impl Kind {
    /// What trained weights look like, or what may be asked of them.
    pub const ORDINARY: [Self; 6] = [
        Self::Uniform,
        Self::Laplace,
        Self::StudentT,
        Self::Sparse,
        Self::Ternary,
        Self::Outlier,
    ];

    /// What is hard on a search that narrows.
    pub const ADVERSARIAL: [Self; 5] = [
        Self::Level,
        Self::PowerLaw,
        Self::Ties,
        Self::Clusters,
        Self::LogUniform,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Uniform => "uniform",
            Self::Laplace => "Laplace",
            Self::StudentT => "Student t(3)",
            Self::Sparse => "90 % zeros",
            Self::Ternary => "already ternary",
            Self::Outlier => "one outlier",
            Self::Level => "level",
            Self::PowerLaw => "power law",
            Self::Ties => "ties",
            Self::Clusters => "clusters",
            Self::LogUniform => "log-uniform",
        }
    }

    /// So many weights of this kind.
    #[must_use]
    pub fn weights(self, n: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut weights = self.magnitudes(n, &mut rng);
        for weight in &mut weights {
            if rng.random() {
                *weight = -*weight;
            }
        }
        if matches!(self, Self::Level | Self::PowerLaw | Self::Clusters) {
            weights.shuffle(&mut rng);
        }
        weights
    }

    /// The weights but for their signs; a sign that is there already does no harm.
    fn magnitudes(self, n: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let t3 = StudentT::new(3.0_f32).expect("three degrees of freedom");
        match self {
            Self::Normal => draw(n, rng, |rng| StandardNormal.sample(rng)),
            Self::Uniform => draw(n, rng, RngExt::random),
            Self::Laplace => draw(n, rng, |rng| Exp1.sample(rng)),
            Self::StudentT => draw(n, rng, |rng| t3.sample(rng)),
            Self::Sparse => draw(n, rng, |rng| {
                if rng.random_range(0..10) == 0 {
                    StandardNormal.sample(rng)
                } else {
                    0.0
                }
            }),
            Self::Ternary => draw(n, rng, |rng| {
                if rng.random_range(0..3) == 0 {
                    0.0
                } else {
                    0.5
                }
            }),
            Self::Outlier => {
                let mut weights = draw(n, rng, |rng| StandardNormal.sample(rng));
                weights[n / 2] = 1000.0;
                weights
            }
            Self::Level => ranked(n, |i| 1.0 / ((i + 1.0).sqrt() + i.sqrt())),
            Self::PowerLaw => ranked(n, |i| 1.0 / (i + 1.0).sqrt()),
            Self::Ties => draw(n, rng, |rng| f32::from(rng.random_range(0..16_u8)) / 8.0),
            Self::Clusters => clusters(n, 1.25),
            Self::LogUniform => draw(n, rng, |rng| rng.random_range(-126.0..127.0_f32).exp2()),
        }
    }
}

/// Independent weights.
fn draw(n: usize, rng: &mut ChaCha8Rng, one: impl Fn(&mut ChaCha8Rng) -> f32) -> Vec<f32> {
    (0..n).map(|_| one(rng)).collect()
}

/// The weights by their rank, from 0.
fn ranked(n: usize, weight: impl Fn(f64) -> f64) -> Vec<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
    #[expect(clippy::cast_precision_loss, reason = "ranks are below 2^53")]
    (0..n).map(|i| weight(i as f64) as f32).collect()
}

/// Heaps of equals, each as heavy as all before it.
fn clusters(n: usize, ratio: f64) -> Vec<f32> {
    let (mut magnitude, mut until) = (1.0, 1.0);
    let mut weights = ranked(n, |_| 0.0);
    for (i, weight) in weights.iter_mut().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "ranks are below 2^53")]
        if i as f64 >= until {
            magnitude /= ratio;
            until *= ratio * ratio;
        }
        #[expect(clippy::cast_possible_truncation, reason = "weights are f32")]
        {
            *weight = magnitude as f32;
        }
    }
    weights
}

/// Importances: positive, of mean 1, as squares of activations are.
#[must_use]
pub fn importance(n: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED + 1);
    draw(n, &mut rng, |rng| {
        let x: f32 = StandardNormal.sample(rng);
        x * x
    })
}
