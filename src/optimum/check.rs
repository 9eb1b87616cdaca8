//! Every way in which options or input can be wrong.

use crate::error::{Error, Operand};
use crate::optimum::objective::GridObjective;
use crate::optimum::options::Ternarizer;
use crate::optimum::rule::{Rule, Scales};
use crate::weight::FloatBits;

/// Checks options and lengths. The values of the weights and importances are checked by the pass that reads them first.
pub(crate) fn check<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
    trits: &[i8],
) -> Result<(), Error> {
    check_len(weights)?;
    // Of several faults the first to be reported is a weight that is not finite, the next an importance.
    if let Some(importance) = options.importance
        && let Err(error) = check_importance_len(importance, weights.len())
    {
        return check_finite(weights).and(Err(error));
    }
    check_others(options, weights.len(), trits.len())
        .or_else(|error| check_values(options, weights).and(Err(error)))
}

/// Checks that the weights are finite, and the importances finite and not negative.
pub(crate) fn check_values<W: FloatBits>(
    options: &Ternarizer<'_>,
    weights: &[W],
) -> Result<(), Error> {
    check_finite(weights)?;
    options.importance.map_or(Ok(()), check_importance_values)
}

/// Checks the options, and that there are as many trits as weights.
fn check_others(options: &Ternarizer<'_>, len: usize, trits: usize) -> Result<(), Error> {
    check_options(options)?;
    if trits == len {
        Ok(())
    } else {
        Err(Error::LengthMismatch {
            expected: len,
            actual: trits,
        })
    }
}

/// Checks that the options are in range and do not exclude each other.
pub(crate) fn check_options(options: &Ternarizer<'_>) -> Result<(), Error> {
    if options.min_nonzeros > options.max_nonzeros {
        return Err(Error::TooMany {
            what: Operand::Nonzero,
            given: options.min_nonzeros,
            max: options.max_nonzeros,
        });
    }
    if let Some(target) = options.target_cosine
        && !(target > 0.0 && target <= 1.0)
    {
        return Err(Error::InvalidOption {
            name: "target_cosine",
            value: target,
        });
    }
    check_conflicts(options)
}

/// Checks that there are weights, not too many, and that they are finite.
pub(crate) fn check_weights<W: FloatBits>(weights: &[W]) -> Result<(), Error> {
    check_len(weights)?;
    check_finite(weights)
}

/// Checks that there are weights, and not too many.
fn check_len<W: FloatBits>(weights: &[W]) -> Result<(), Error> {
    if weights.is_empty() {
        return Err(Error::Empty);
    }
    check_count::<W>(weights.len())
}

/// Checks that the weights are finite.
pub(crate) fn check_finite<W: FloatBits>(weights: &[W]) -> Result<(), Error> {
    match weights.iter().position(|weight| !weight.is_finite()) {
        Some(index) => Err(Error::InvalidValue {
            what: Operand::Weight,
            index,
        }),
        None => Ok(()),
    }
}

fn check_count<W: FloatBits>(len: usize) -> Result<(), Error> {
    let max = usize::try_from(GridObjective::<W>::MAX_LEN).unwrap_or(usize::MAX);
    if len > max {
        Err(Error::TooMany {
            what: Operand::Weight,
            given: len,
            max,
        })
    } else {
        Ok(())
    }
}

/// Checks that there is one importance for each weight, finite and not negative.
#[cfg(feature = "alloc")]
pub(crate) fn check_importance(importance: &[f32], expected: usize) -> Result<(), Error> {
    check_importance_len(importance, expected)?;
    check_importance_values(importance)
}

fn check_importance_len(importance: &[f32], expected: usize) -> Result<(), Error> {
    if importance.len() == expected {
        Ok(())
    } else {
        Err(Error::LengthMismatch {
            expected,
            actual: importance.len(),
        })
    }
}

fn check_importance_values(importance: &[f32]) -> Result<(), Error> {
    match importance
        .iter()
        .position(|h| !(h.is_finite() && *h >= 0.0))
    {
        Some(index) => Err(Error::InvalidValue {
            what: Operand::Importance,
            index,
        }),
        None => Ok(()),
    }
}

/// Options that exclude each other.
fn check_conflicts(options: &Ternarizer<'_>) -> Result<(), Error> {
    let counted = options.min_nonzeros > 0 || options.max_nonzeros != usize::MAX;
    let control = match (options.target_cosine, counted) {
        (Some(_), _) => Some("a target cosine"),
        (None, true) => Some("a number of non-zeros"),
        (None, false) => None,
    };
    let exact = matches!(options.rule, Rule::Tnt | Rule::TwoScale);
    match (control, options.importance, options.rule, options.scales) {
        (_, _, Rule::TwoScale, Scales::One) => Err(Error::Conflict {
            this: "the rule two-scale",
            that: "one scale",
        }),
        (Some(this), Some(_), ..) => Err(Error::Conflict {
            this,
            that: "importance",
        }),
        (Some(this), _, rule, _) if rule != Rule::Tnt => Err(Error::Conflict {
            this,
            that: rule.name(),
        }),
        (_, Some(_), rule, _) if !exact => Err(Error::Conflict {
            this: "importance",
            that: rule.name(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_weights_than_exact_sums_can_hold_are_refused() {
        if let Ok(len) = usize::try_from(1_u64 << 48) {
            assert_eq!(
                check_count::<f64>(len),
                Err(Error::TooMany {
                    what: Operand::Weight,
                    given: len,
                    max: len - 1
                })
            );
            assert_eq!(check_count::<f64>(len - 1), Ok(()));
            assert_eq!(check_count::<f32>(len), Ok(()));
        }
    }
}
