//! Short vectors, sixteen at a time: kernels of 3 x 3, blocks of 32 to 256.
//!
//! A short vector is over before a search has begun: what costs is not the arithmetic but the branches, which nobody can
//! predict. So sixteen vectors lie side by side, one in each lane, and all are sorted and searched by the same instructions:
//!
//! ```text
//! transpose;  sort all lanes by a network                                        (network)
//! S_m = S_{m-1} + b_m;  keep the m of the largest S_m^2 / m, lane by lane        (best)
//! scales, threshold, trits, cosine, error, as everywhere                         (here)
//! ```
//!
//! A lane is in doubt where two prefixes score alike up to 1e-12, where magnitudes are extreme, or where a quotient in doubles
//! cannot tell to which side its exact value would be rounded. Its vector is ternarized once more, by the ordinary search: so
//! the answer is the same to the last bit, and doubts are rare on ordinary data.

mod best;
mod network;
mod spread;

use alloc::vec::Vec;

use crate::backend::Backend;
use crate::error::Error;
use crate::fit::{self, Fit};
use crate::knobs::{Knobs, check_knobs};
use crate::objective::{Rounded, Side};
use crate::rule::{Rule, Scales};
use crate::solve;
use crate::weight::{Weight, floor, scale_by_power, unit_exponent};
use best::{Best, Lanes, Positive, Support};
use network::Sort;
use spread::{Fill, Spread, Trits};

/// The longest vectors that are sorted in lanes.
pub(crate) const MOST: usize = 256;

/// Whether vectors of this length are a case for lanes.
pub(crate) fn suits<W: Weight>(knobs: &Knobs<'_>, len: usize) -> bool {
    W::FITS_SINGLE
        && (1..=MOST).contains(&len)
        && knobs.seek_optimum(len)
        && check_knobs(knobs).is_ok()
}

/// Memory for sixteen vectors.
#[repr(align(64))]
struct Desk {
    rows: [[f32; 16]; MOST],
    flat: [f32; 16 * MOST + 16],
    trits: [i8; 16 * MOST + 16],
}

/// Ternarizes vectors of `len` weights, one after the other.
pub(crate) fn ternarize<W: Weight>(
    knobs: &Knobs<'_>,
    len: usize,
    weights: &[W],
    trits: &mut [i8],
    fits: &mut Vec<Fit<W>>,
) -> Result<(), Error> {
    let backend = knobs.backend();
    #[expect(
        clippy::large_stack_arrays,
        reason = "36 kB, once for all vectors, and only where there is an allocator"
    )]
    let mut desk = Desk {
        rows: [[0.0; 16]; MOST],
        flat: [0.0; 16 * MOST + 16],
        trits: [0; 16 * MOST + 16],
    };
    for (weights, trits) in weights.chunks(16 * len).zip(trits.chunks_mut(16 * len)) {
        let found = desk.search(knobs, backend, len, weights);
        let first = fits.len();
        desk.write(backend, len, &found, trits);
        let vectors = weights.chunks(len).zip(trits.chunks_mut(len));
        for (lane, (weights, trits)) in vectors.enumerate() {
            let fit = match found.fit(knobs, lane, weights, trits) {
                Some(fit) => fit,
                None => solve::solve(knobs, weights, trits)?,
            };
            fits.push(fit);
        }
        debug_assert_eq!(fits.len(), first + weights.len() / len);
    }
    Ok(())
}

/// What the lanes found.
struct All {
    energy: Lanes,
    both: Support,
    positive: Support,
    negative: Support,
    doubt: u32,
    /// For positive and for negative weights: what is selected lies beyond.
    thresholds: [[f32; 16]; 2],
}

/// `S / m`, 0 for the empty support.
fn mean(support: &Support) -> [f64; 16] {
    let (sum, mass) = (support.sum.as_flattened(), support.mass.as_flattened());
    core::array::from_fn(|lane| sum[lane] / mass[lane].max(1.0))
}

/// The largest single not above half the scale.
fn threshold(support: &Support) -> [f32; 16] {
    mean(support).map(|mean| floor::<f32>(0.5 * mean))
}

/// The exact difference of two supports, one of which is in the other.
fn difference(a: &Support, b: &Support) -> Support {
    let minus = |a: &Lanes, b: &Lanes| {
        core::array::from_fn(|h| core::array::from_fn(|l| a[h][l] - b[h][l]))
    };
    Support {
        sum: minus(&a.sum, &b.sum),
        mass: minus(&a.mass, &b.mass),
    }
}

impl Desk {
    /// Sorts the weights of one sign, or of both, and finds the best prefix; the energy beside it.
    fn best(&mut self, backend: Backend, len: usize, side: Side) -> (Support, u32, Lanes) {
        let rows = &mut self.rows[..len.next_power_of_two().max(16)];
        let energy = backend.run(Spread {
            flat: &self.flat[..],
            len,
            side,
            rows,
        });
        backend.run(Sort { rows, len });
        let (support, doubt) = backend.run(Best { rows: &rows[..len] });
        (support, doubt, energy)
    }

    fn search<W: Weight>(
        &mut self,
        knobs: &Knobs<'_>,
        backend: Backend,
        len: usize,
        weights: &[W],
    ) -> All {
        let flat = &mut self.flat[..16 * len + 16];
        backend.run(Fill { weights, flat });
        if knobs.rule == Rule::TwoScale {
            let (positive, p, energy) = self.best(backend, len, Side::Positive);
            let (negative, n, _) = self.best(backend, len, Side::Negative);
            let plus = |a: &Lanes, b: &Lanes| {
                core::array::from_fn(|h| core::array::from_fn(|l| a[h][l] + b[h][l]))
            };
            let both = Support {
                sum: plus(&positive.sum, &negative.sum),
                mass: plus(&positive.mass, &negative.mass),
            };
            return All {
                energy,
                both,
                thresholds: [threshold(&positive), threshold(&negative)],
                positive,
                negative,
                doubt: p | n,
            };
        }
        let (both, doubt, energy) = self.best(backend, len, Side::Both);
        let thresholds = threshold(&both);
        let most = both
            .mass
            .as_flattened()
            .iter()
            .fold(0.0, |a, &b| f64::max(a, b));
        #[expect(clippy::cast_possible_truncation, reason = "a count up to 256")]
        let rows = &self.rows[..(most as usize).min(len)];
        let positive = backend.run(Positive { rows, thresholds });
        All {
            energy,
            negative: difference(&both, &positive),
            positive,
            both,
            doubt,
            thresholds: [thresholds; 2],
        }
    }

    /// Writes the trits of all vectors.
    fn write(&mut self, backend: Backend, len: usize, found: &All, trits: &mut [i8]) {
        let [p, n] = found.thresholds;
        backend.run(Trits {
            flat: &self.flat,
            len,
            thresholds: [p, n.map(|threshold| -threshold)],
            places: &mut self.trits[..],
        });
        let len = trits.len();
        trits.copy_from_slice(&self.trits[..len]);
    }
}

/// The scale of a support and half of it rounded down; `None` where doubles cannot tell.
fn scale<W: Weight>(support: Rounded) -> Option<(W, W)> {
    let mean = support.sum / support.mass.max(1.0);
    // A number of so few bits could be a weight or a tie; and its product with a count is exact.
    let few = mean.to_bits() & ((1 << (52 - W::PRECISION)) - 1) == 0;
    let product = mean * support.mass.max(1.0);
    if few && product.to_bits() != support.sum.to_bits() {
        return None;
    }
    Some((W::narrow(mean), floor(0.5 * mean)))
}

impl All {
    /// The fit of a lane; `None` if in doubt.
    #[expect(clippy::cast_possible_truncation, reason = "counts of a short vector")]
    #[inline]
    fn fit<W: Weight>(
        &self,
        knobs: &Knobs<'_>,
        lane: usize,
        weights: &[W],
        trits: &[i8],
    ) -> Option<Fit<W>> {
        let (h, l) = (lane / 8 % 2, lane % 8);
        let of = |support: &Support| Rounded {
            sum: support.sum[h][l],
            mass: support.mass[h][l],
        };
        let energy = self.energy[h][l];
        if self.doubt >> (lane % 32) & 1 == 1 || !energy.is_finite() {
            return None;
        }
        let (both, p, n) = (of(&self.both), of(&self.positive), of(&self.negative));
        let (lambda, lambda_p, lambda_n, threshold_p, threshold_n);
        if knobs.rule == Rule::TwoScale {
            lambda = W::narrow(both.sum / both.mass.max(1.0));
            (lambda_p, threshold_p) = scale(p)?;
            (lambda_n, threshold_n) = scale(n)?;
        } else {
            (lambda, threshold_p) = scale(both)?;
            threshold_n = threshold_p;
            (lambda_p, lambda_n) = match knobs.scales {
                Scales::One => (lambda, lambda),
                Scales::Two => (scale(p)?.0, scale(n)?.0),
            };
        }
        let parts = [(p, lambda_p.widen()), (n, lambda_n.widen())];
        let relative_error = if let Some(lost) = fit::lost(energy, parts) {
            fit::share(lost, energy)
        } else {
            let top = weights.iter().fold(0, |top, w| top.max(w.key()));
            let unit = unit_exponent::<W>(top);
            let lost = fit::residual(weights, trits, (lambda_p, lambda_n), None, unit);
            fit::share(lost, scale_by_power(energy, -2 * unit))
        };
        Some(Fit {
            lambda,
            lambda_p,
            lambda_n,
            nonzeros: both.mass as usize,
            positives: p.mass as usize,
            len: weights.len(),
            threshold: if threshold_p < threshold_n {
                threshold_p
            } else {
                threshold_n
            },
            threshold_p,
            threshold_n,
            cosine: both.cosine(energy),
            relative_error,
        })
    }
}
