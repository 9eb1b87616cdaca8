//! The laws that the weights are drawn from, and what the theory says about each.
//!
//! Let the weights be drawn from a law `X`, and let N grow. Selecting all magnitudes above a threshold `tau`, the law of
//! large numbers gives
//!
//! ```text
//! M / N  ->  p(tau) = P(|X| > tau)        S_M / N  ->  e(tau) = E[|X|; |X| > tau]        |w|^2 / N  ->  v = E[X^2]
//!
//! cos = S_M / (sqrt(M) |w|)  ->  e(tau) / sqrt(p(tau) v)
//! ```
//!
//! | law | `p` | `e` | `v` | best `tau` | limit |
//! |---|---|---|---|---|---|
//! | uniform on (-1, 1) | `1 - tau` | `(1 - tau^2) / 2` | `1/3` | `1/3` | `sqrt(8/9)` |
//! | normal | `2 (1 - Phi(tau))` | `2 phi(tau)` | `1` | 0.6120 | 0.8999 |
//! | Laplace | `exp(-tau)` | `(1 + tau) exp(-tau)` | `2` | `1` | `2 exp(-1/2) / sqrt(2)` |
//! | Student t, 3 degrees of freedom, `u = tau / sqrt(3)` | `1 - 2/pi (atan u + u / (1 + u^2))` | `2 sqrt(3) / (pi (1 + u^2))` | `3` | 1.1433 | 0.7651 |
//! | sparse: 0 in nine cases of ten, else normal | the normal's, each divided by 10 | | | 0.6120 | 0.8999 |
//!
//! The factor of the sparse law cancels: the limit does not know of zeros. For Student's law the limit exists, but it is
//! approached slowly: `X^2` has no variance, so at N = 10^6 the length of `w` still wanders by about a percent.

use core::f64::consts::{PI, SQRT_2};
use core::fmt;

/// How often a weight of the sparse law is not zero.
pub(crate) const DENSITY: f64 = 0.1;

/// A law of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Law {
    Uniform,
    Normal,
    Laplace,
    Student,
    Sparse,
}

/// What a threshold selects, per weight.
struct Tail {
    /// `p`: how many.
    mass: f64,
    /// `e`: the sum of their magnitudes.
    sum: f64,
}

impl Law {
    pub(crate) const ALL: [Self; 5] = [
        Self::Uniform,
        Self::Normal,
        Self::Laplace,
        Self::Student,
        Self::Sparse,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Normal => "normal",
            Self::Laplace => "Laplace",
            Self::Student => "Student t, 3 d.o.f.",
            Self::Sparse => "sparse, 90 % zeros",
        }
    }

    /// The cosine in the limit of large N, if all magnitudes above `tau` are selected.
    pub(crate) fn cosine(self, tau: f64) -> f64 {
        let Tail { mass, sum } = self.tail(tau);
        sum / (mass * self.second_moment()).sqrt()
    }

    /// `M / N` in the limit of large N, if all magnitudes above `tau` are selected.
    pub(crate) fn share(self, tau: f64) -> f64 {
        self.tail(tau).mass
    }

    /// The best threshold.
    ///
    /// The optimum keeps what lies above half its scale, `tau = e(tau) / (2 p(tau))`. The right side never decreases with
    /// `tau`, so iterating it from 0 climbs to its first fixed point; these laws have no other. The normal law, for one,
    /// solves `tau (1 - Phi(tau)) = phi(tau) / 2`: where the derivative of `phi^2 / (1 - Phi)` is zero.
    pub(crate) fn best_threshold(self) -> f64 {
        (0..200).fold(0.0, |tau, _| {
            let Tail { mass, sum } = self.tail(tau);
            sum / (2.0 * mass)
        })
    }

    /// The limit of the largest cosine.
    pub(crate) fn limit(self) -> f64 {
        self.cosine(self.best_threshold())
    }

    /// The limit that the simulation must meet, in symbols and as a number.
    ///
    /// The normal law's has no closed form but that of a maximum over `tau`, which is computed.
    pub(crate) fn promised(self) -> Option<(&'static str, f64)> {
        match self {
            Self::Uniform => Some(("sqrt(8/9)", (8.0_f64 / 9.0).sqrt())),
            Self::Normal => Some(("max 2 phi(tau) / sqrt(2 (1 - Phi(tau)))", self.limit())),
            Self::Laplace => Some(("2 exp(-1/2) / sqrt(2)", SQRT_2 * (-0.5_f64).exp())),
            Self::Student | Self::Sparse => None,
        }
    }

    /// `E|X|`, from which the baselines take their thresholds.
    pub(crate) fn mean_magnitude(self) -> f64 {
        self.tail(0.0).sum
    }

    fn second_moment(self) -> f64 {
        match self {
            Self::Uniform => 1.0 / 3.0,
            Self::Normal => 1.0,
            Self::Laplace => 2.0,
            Self::Student => 3.0,
            Self::Sparse => DENSITY,
        }
    }

    fn tail(self, tau: f64) -> Tail {
        match self {
            Self::Uniform => Tail {
                mass: 1.0 - tau,
                sum: (1.0 - tau * tau) / 2.0,
            },
            Self::Normal => Tail {
                mass: libm::erfc(tau / SQRT_2),
                sum: (2.0 / PI).sqrt() * (-tau * tau / 2.0).exp(),
            },
            Self::Laplace => Tail {
                mass: (-tau).exp(),
                sum: (1.0 + tau) * (-tau).exp(),
            },
            Self::Student => {
                let u = tau / 3.0_f64.sqrt();
                let bell = 1.0 + u * u;
                Tail {
                    mass: 1.0 - 2.0 / PI * (u.atan() + u / bell),
                    sum: 2.0 * 3.0_f64.sqrt() / (PI * bell),
                }
            }
            Self::Sparse => {
                let Tail { mass, sum } = Self::Normal.tail(tau);
                Tail {
                    mass: DENSITY * mass,
                    sum: DENSITY * sum,
                }
            }
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
