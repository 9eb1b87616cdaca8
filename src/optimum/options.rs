//! [`Knobs`]: what a caller can ask for, and every way that, or the input, can be wrong.

use crate::error::{Error, Operand};
use crate::optimum::objective::Plain;
use crate::optimum::rule::{Rule, Scales};
use crate::optimum::search::Search;
use crate::simd::Backend;
use crate::weight::Weight;

/// The settings of a [`Ternarizer`](crate::Ternarizer).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Knobs<'a> {
    pub(crate) rule: Rule,
    pub(crate) scales: Scales,
    /// The least number of non-zeros.
    pub(crate) min: usize,
    /// The largest number of non-zeros.
    pub(crate) max: usize,
    /// The cosine to be reached.
    pub(crate) target: Option<f64>,
    pub(crate) importance: Option<&'a [f32]>,
    pub(crate) search: Search,
    /// The instructions to use; those of the processor if `None`.
    pub(crate) backend: Option<Backend>,
}

impl Knobs<'_> {
    /// The instructions to use.
    pub(crate) fn backend(&self) -> Backend {
        self.backend.unwrap_or_else(Backend::detect)
    }

    /// Whether the caller leaves the number of non-zeros to the rule.
    pub(crate) fn is_free(&self, len: usize) -> bool {
        self.target.is_none() && self.min <= 1 && self.max >= len
    }

    /// Whether the optimum without importances is wanted, found in whatever way.
    pub(crate) fn seek_optimum(&self, len: usize) -> bool {
        self.importance.is_none() && self.seek_any_optimum(len)
    }

    /// Whether the optimum with importances is wanted, found in whatever way.
    pub(crate) fn seek_weighted_optimum(&self, len: usize) -> bool {
        self.importance.is_some() && self.seek_any_optimum(len)
    }

    fn seek_any_optimum(&self, len: usize) -> bool {
        matches!(self.rule, Rule::Tnt | Rule::TwoScale)
            && self.search == Search::Bracket
            && self.is_free(len)
    }
}

/// Every way the input can be wrong, but that a weight may not be finite and an importance not finite or negative: whoever
/// reads them first looks for that.
pub(crate) fn check<W: Weight>(
    knobs: &Knobs<'_>,
    weights: &[W],
    trits: &[i8],
) -> Result<(), Error> {
    check_len(weights)?;
    // Of several faults the first to be reported is a weight that is not finite, the next an importance.
    if let Some(importance) = knobs.importance
        && let Err(error) = check_importance_len(importance, weights.len())
    {
        return check_finite(weights).and(Err(error));
    }
    check_others(knobs, weights.len(), trits.len())
        .or_else(|error| check_values(knobs, weights).and(Err(error)))
}

/// Weights that are finite, and importances that are finite and not negative.
pub(crate) fn check_values<W: Weight>(knobs: &Knobs<'_>, weights: &[W]) -> Result<(), Error> {
    check_finite(weights)?;
    knobs.importance.map_or(Ok(()), check_importance_values)
}

/// Every way the input can be wrong beside the weights and the importances.
fn check_others(knobs: &Knobs<'_>, len: usize, trits: usize) -> Result<(), Error> {
    check_knobs(knobs)?;
    if trits == len {
        Ok(())
    } else {
        Err(Error::LengthMismatch {
            expected: len,
            actual: trits,
        })
    }
}

/// Knobs that say something, and the same.
pub(crate) fn check_knobs(knobs: &Knobs<'_>) -> Result<(), Error> {
    if knobs.min > knobs.max {
        return Err(Error::TooMany {
            what: Operand::Nonzero,
            given: knobs.min,
            max: knobs.max,
        });
    }
    if let Some(target) = knobs.target
        && !(target > 0.0 && target <= 1.0)
    {
        return Err(Error::InvalidOption {
            name: "target_cosine",
            value: target,
        });
    }
    check_conflicts(knobs)
}

/// Weights that there are, that are finite, and that are not too many.
pub(crate) fn check_weights<W: Weight>(weights: &[W]) -> Result<(), Error> {
    check_len(weights)?;
    check_finite(weights)
}

/// Neither no weights nor too many.
fn check_len<W: Weight>(weights: &[W]) -> Result<(), Error> {
    if weights.is_empty() {
        return Err(Error::Empty);
    }
    check_count::<W>(weights.len())
}

/// Weights that are finite.
pub(crate) fn check_finite<W: Weight>(weights: &[W]) -> Result<(), Error> {
    match weights.iter().position(|weight| !weight.is_finite()) {
        Some(index) => Err(Error::InvalidValue {
            what: Operand::Weight,
            index,
        }),
        None => Ok(()),
    }
}

fn check_count<W: Weight>(len: usize) -> Result<(), Error> {
    let max = usize::try_from(Plain::<W>::MAX_LEN).unwrap_or(usize::MAX);
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

/// One importance for each weight, each finite and not negative.
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

/// Knobs that no exact search serves together.
fn check_conflicts(knobs: &Knobs<'_>) -> Result<(), Error> {
    let counted = knobs.min > 0 || knobs.max != usize::MAX;
    let control = match (knobs.target, counted) {
        (Some(_), _) => Some("a target cosine"),
        (None, true) => Some("a number of non-zeros"),
        (None, false) => None,
    };
    let exact = matches!(knobs.rule, Rule::Tnt | Rule::TwoScale);
    match (control, knobs.importance, knobs.rule, knobs.scales) {
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
