//! Short vectors, sixteen at a time: kernels of 3 x 3, blocks of 32 to 256.
//!
//! In the search of a short vector the arithmetic is cheap, and mispredicted branches are expensive. So sixteen vectors lie side by side,
//! one in each lane, and all are sorted and searched by the same instructions, without branches:
//!
//! ```text
//! transpose;  sort all lanes by a network                                        (network)
//! S_m = S_{m-1} + b_m;  keep the m of the largest S_m^2 / m, lane by lane        (best)
//! scales, threshold, cosine, error, as everywhere, and the trits                 (figures, spread)
//! ```
//!
//! A lane is in doubt where two prefixes score alike up to 1e-12, where magnitudes are extreme, or where a quotient in `f64`
//! cannot tell to which side its exact value would be rounded. Its vector is ternarized once more, by the ordinary search. So
//! the result has the same bits. Doubts are rare on ordinary data.

#![expect(
    clippy::needless_bitwise_bool,
    clippy::manual_range_contains,
    reason = "a branch would keep a loop over lanes from becoming vectors"
)]

mod best;
mod figures;
mod network;
mod spread;
mod stored;

use alloc::vec::Vec;

use crate::error::Error;
use crate::optimum::check::check_options;
use crate::optimum::fit::{self, Fit};
use crate::optimum::options::Ternarizer;
use crate::optimum::route::{LONGEST_IN_LANES, Route, route};
use crate::optimum::rule::Rule;
use crate::optimum::side::Side;
use crate::optimum::solution;
use crate::simd::{Backend, Job, Vector};
use crate::weight::{FloatBits, scale_by_power, unit_exponent};
use best::{BestPrefix, BestPrefixPass, Lanes};
use figures::{Decided, Figures};
use network::SortPass;
use spread::{LaneTritPass, SpreadPass};
pub(crate) use stored::ternarize_stored;

/// The longest vectors that are sorted in lanes.
pub(crate) const MOST: usize = LONGEST_IN_LANES;

/// Whether many vectors of this length are searched in lanes.
pub(crate) fn suits<W: FloatBits>(options: &Ternarizer<'_>, len: usize) -> bool {
    check_options(options).is_ok() && route::<W>(options, len, true) == Route::Lanes
}

/// Memory for sixteen vectors, and what is found of them.
#[repr(align(64))]
struct Batch {
    rows: [[f32; 16]; MOST],
    sorted: [[f32; 16]; MOST],
    energy: Lanes,
    /// One for both signs, or the positive one and the negative one.
    best: [BestPrefix; 2],
}

/// Ternarizes vectors of `len` weights, one after the other.
pub(crate) fn ternarize<W: FloatBits>(
    options: &Ternarizer<'_>,
    len: usize,
    mut weights: &[W],
    mut trits: &mut [i8],
    fits: &mut Vec<Fit<W>>,
) -> Result<(), Error> {
    if const { !W::FITS_SINGLE } {
        // No route leads here, so nothing of what follows is compiled.
        return Err(Error::Empty);
    }
    let backend = options.instructions();
    let mut batch = Batch::zeros();
    // All that is left is shown to each sixteen vectors, so that whole registers can be read and written.
    while weights.len() >= len {
        let unsure = batch.search(options, backend, len, weights);
        let (count, first) = ((weights.len() / len).min(16), fits.len());
        let (doubts, cancelled) = backend.run(Finish {
            weights,
            len,
            count,
            batch: &batch,
            options,
            trits,
            fits,
        });
        let doubts = unsure | doubts;
        let open = doubts | cancelled;
        // Mostly there are none to look for.
        let looked_at = if open == 0 { 0 } else { count };
        for lane in (0..looked_at).filter(|lane| open >> lane & 1 == 1) {
            let vector = lane * len..(lane + 1) * len;
            let (weights, trits) = (&weights[vector.clone()], &mut trits[vector]);
            let fit = &mut fits[first + lane];
            if doubts >> lane & 1 == 1 {
                *fit = solution::ternarize_into(options, weights, trits)?;
            } else {
                fit.relative_error = error_by_weights(fit, weights, trits, batch.energy[lane]);
            }
        }
        weights = &weights[count * len..];
        trits = &mut trits[count * len..];
    }
    Ok(())
}

/// The relative error from what each weight loses.
fn error_by_weights<W: FloatBits>(fit: &Fit<W>, weights: &[W], trits: &[i8], energy: f64) -> f64 {
    let top = weights.iter().fold(0, |top, w| top.max(w.key()));
    let unit = unit_exponent::<W>(top);
    let scales = (fit.lambda_p, fit.lambda_n);
    let lost = fit::residual(weights, trits, scales, None, unit);
    fit::share(lost, scale_by_power(energy, -2 * unit))
}

impl Batch {
    /// 33 kB, once for all vectors, and only where there is an allocator.
    fn zeros() -> Self {
        Self {
            rows: [[0.0; 16]; MOST],
            sorted: [[0.0; 16]; MOST],
            energy: [0.0; 16],
            best: [BestPrefix::default(); 2],
        }
    }

    /// Finds the best supports by an exact rule; returns the lanes in doubt as bits.
    fn search<W: FloatBits>(
        &mut self,
        options: &Ternarizer<'_>,
        backend: Backend,
        len: usize,
        weights: &[W],
    ) -> u32 {
        self.spread(backend, len, weights);
        if options.rule == Rule::TwoScale {
            self.best(backend, len, Side::Positive) | self.best(backend, len, Side::Negative)
        } else {
            self.best(backend, len, Side::Both)
        }
    }

    /// Writes vectors row by row, and their energies.
    fn spread<W: FloatBits>(&mut self, backend: Backend, len: usize, weights: &[W]) {
        let (rows, energy) = (&mut self.rows[..len.next_multiple_of(16)], &mut self.energy);
        backend.run(SpreadPass {
            weights,
            len,
            rows,
            energy,
        });
    }

    /// Sorts the weights of one sign, or of both, and finds the best prefix; returns the lanes in doubt as bits.
    fn best(&mut self, backend: Backend, len: usize, side: Side) -> u32 {
        let (rows, sorted) = (&self.rows, &mut self.sorted);
        backend.run(SortPass {
            rows,
            len,
            side,
            sorted,
        });
        let best = &mut self.best[usize::from(side == Side::Negative)];
        let rows = &sorted[..len];
        backend.run(BestPrefixPass { rows, best })
    }
}

/// Turns what was found into trits and fits.
struct Finish<'a, 'o, W> {
    weights: &'a [W],
    len: usize,
    /// How many vectors there are, up to sixteen.
    count: usize,
    batch: &'a Batch,
    options: &'a Ternarizer<'o>,
    trits: &'a mut [i8],
    fits: &'a mut Vec<Fit<W>>,
}

impl<W: FloatBits> Job for Finish<'_, '_, W> {
    /// As bits, the lanes in doubt, and those whose error has cancelled too many digits.
    type Output = (u32, u32);

    #[inline(always)]
    fn run<V: Vector>(self, v: V) -> Self::Output {
        let (len, batch) = (self.len, self.batch);
        let (rows, [first, second]) = (&batch.rows[..len], &batch.best);
        let decided = if self.options.rule == Rule::TwoScale {
            Decided::of_signs(v, &first.support, &second.support)
        } else {
            Decided::of_both(v, rows, &first.support, self.options.scales)
        };
        let (figures, doubt) = Figures::of(v, decided, &batch.energy);
        let write = LaneTritPass {
            weights: self.weights,
            len,
            count: self.count,
            thresholds: figures.decided.thresholds.each_ref(),
            trits: self.trits,
        };
        v.apart(write);
        for lane in 0..self.count.min(16) {
            self.fits.push(figures.fit(lane, len));
        }
        (doubt, figures.cancelled)
    }
}
