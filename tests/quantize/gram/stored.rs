//! Scales as they are stored.

use super::data::{CODEBOOKS, all_trits, gram, level, levels, objective, weights};
use ternarize::ScaleType;
use ternarize::quantize::RowFit;
use ternarize::quantize::gram::{Method, OutputAware};
use ternarize::{Error, Operand};

/// Scales are values of their type, and a descent is never worse than what it begins with.
#[test]
fn scales_are_of_their_type_and_descents_still_never_lose() {
    for scale_type in ScaleType::ALL {
        let storable = |&s: &f64| scale_type.round(s).to_bits() == s.to_bits();
        for (seed, group) in [(1, None), (2, Some(7))] {
            let gram = gram(60, 20, seed, false);
            let row = weights(20, seed + 5);
            for codebook in CODEBOOKS {
                let aware = OutputAware::new(&gram).codebook(codebook).group(group);
                let aware = aware.scale_type(scale_type);
                let fits = Method::ALL.map(|m| aware.method(m).ternarize(&row).unwrap().remove(0));
                for fit in &fits {
                    assert!(fit.scales.iter().all(storable), "{fit:?}");
                    assert!(fits[4].objective <= fit.objective + 1e-10 * fit.energy);
                }
            }
        }
    }
}

/// A group must not vanish, or be cut off, because of the type of its scales. Those of all zeros stay. With error feedback a group
/// makes up for the errors of others, so its own weights do not decide.
#[test]
fn scales_beyond_the_range_are_refused() {
    let gram = gram(60, 20, 1, false);
    for codebook in CODEBOOKS {
        for method in Method::ALL {
            let aware = OutputAware::new(&gram).codebook(codebook).group(Some(5));
            let aware = aware.method(method).scale_type(ScaleType::F16);
            for (factor, group) in [(1e7, 2), (1e-10, 1)] {
                let mut row = weights(20, 5);
                row[..5].fill(0.0);
                for weight in &mut row[5 * group..][..5] {
                    *weight *= factor;
                }
                let found = aware.ternarize(&row);
                if method == Method::Feedback {
                    assert_eq!(found.is_err(), factor > 1.0);
                    continue;
                }
                let (what, index) = (Operand::Scale, group);
                let refused = Err(Error::Unstorable { what, index });
                assert_eq!(found, refused, "{codebook:?} {method:?}");
            }
        }
    }
}

/// Neither another pattern for a weight nor another storable value for a scale lowers the objective.
#[test]
fn no_single_change_to_storable_values_helps() {
    let gram = gram(60, 18, 4, false);
    let row = weights(18, 6);
    for scale_type in ScaleType::ALL {
        for codebook in CODEBOOKS {
            let aware = OutputAware::new(&gram).codebook(codebook).group(Some(9));
            let fit = &aware.scale_type(scale_type).ternarize(&row).unwrap()[0];
            let holds = |levels: &[f64]| {
                let other = objective(&gram, &row, levels, 0.01);
                assert!(
                    other >= fit.objective - 1e-9 * fit.energy,
                    "{scale_type:?} {fit:?}"
                );
            };
            let mut changed = levels(fit);
            for i in 0..row.len() {
                let own = changed[i];
                for trits in all_trits(codebook.planes()) {
                    changed[i] = level(fit, i / fit.group, &trits);
                    holds(&changed);
                }
                changed[i] = own;
            }
            for scale in 0..fit.scales.len() {
                for factor in [0.0, 0.5, 0.999, 1.001, 2.0] {
                    let mut other: RowFit = fit.clone();
                    other.scales[scale] = scale_type.round(fit.scales[scale] * factor);
                    holds(&levels(&other));
                }
            }
        }
    }
}
