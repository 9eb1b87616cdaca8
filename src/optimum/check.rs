//! Every way in which options or input can be wrong.

use crate::error::{Error, Operand, check_each, check_len};
use crate::optimum::objective::GridObjective;
use crate::optimum::options::Ternarizer;
use crate::optimum::route::{LONGEST_DIRECT, Route, STREAMS};
use crate::optimum::rule::{Rule, Scales};
use crate::optimum::scan::mass::MassedWeights;
use crate::optimum::scan::norms::{NormPass, Norms};
use crate::weight::{FloatBits, first_not_finite};

/// Checks the input and the options. Of several faults the first to be reported is a weight that is not finite, the next an
/// importance. Returns the norms of long vectors, and of those that are streamed.
pub(crate) fn check<W: FloatBits>(
    options: &Ternarizer<'_>,
    route: Route,
    weights: &[W],
    trits: &[i8],
) -> Result<Option<Norms>, Error> {
    let len = weights.len();
    check_count::<W>(len)?;
    let importance_len = options.importance.map_or(len, <[f32]>::len);
    if importance_len != len {
        return check_finite(weights)
            .and(check_len(len, importance_len))
            .map(|()| None);
    }
    // One fast pass over many numbers. `f64` may be too large for `f32`: where it finds something, the exact checks decide.
    let many = STREAMS && (len > LONGEST_DIRECT || route == Route::Streamed);
    let norms = many.then(|| {
        let backend = options.instructions();
        match options.importance {
            None => backend.run_divided(NormPass(MassedWeights::unit(weights))),
            Some(masses) => backend.run_divided(NormPass(MassedWeights { weights, masses })),
        }
    });
    if !norms.is_some_and(|norms| norms.are_valid()) {
        check_finite(weights)?;
        options.importance.map_or(Ok(()), check_importance_values)?;
    }
    check_options(options)?;
    check_len(len, trits.len())?;
    Ok(norms)
}

/// Checks that the options are in range and do not exclude each other.
pub(crate) fn check_options(options: &Ternarizer<'_>) -> Result<(), Error> {
    let (min, max) = (options.min_nonzeros, options.max_nonzeros);
    if min > max {
        return Err(Error::too_many(Operand::Nonzero, min, max));
    }
    if let Some(value) = options.target_cosine
        && !(value > 0.0 && value <= 1.0)
    {
        let name = "target_cosine";
        return Err(Error::option(name, value));
    }
    check_conflicts(options)
}

/// Checks that there are weights, not too many, and that they are finite.
pub(crate) fn check_weights<W: FloatBits>(weights: &[W]) -> Result<(), Error> {
    check_count::<W>(weights.len())?;
    check_finite(weights)
}

/// Checks that there are weights, and not too many.
fn check_count<W: FloatBits>(len: usize) -> Result<(), Error> {
    let max = usize::try_from(GridObjective::<W>::MAX_LEN).unwrap_or(usize::MAX);
    match len {
        0 => Err(Error::Empty),
        _ if len > max => Err(Error::too_many(Operand::Weight, len, max)),
        _ => Ok(()),
    }
}

/// Checks that the weights are finite.
pub(crate) fn check_finite<W: FloatBits>(weights: &[W]) -> Result<(), Error> {
    let error = |index| Err(Error::invalid(Operand::Weight, index));
    first_not_finite(weights).map_or(Ok(()), error)
}

/// Checks that there is one importance for each weight, finite and not negative.
#[cfg(feature = "alloc")]
pub(crate) fn check_importance(importance: &[f32], expected: usize) -> Result<(), Error> {
    check_len(expected, importance.len())?;
    check_importance_values(importance)
}

fn check_importance_values(importance: &[f32]) -> Result<(), Error> {
    let valid = |h: &f32| h.is_finite() && *h >= 0.0;
    check_each(Operand::Importance, importance, valid)
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
    let error = match (control, options.importance, options.rule, options.scales) {
        (_, _, Rule::TwoScale, Scales::One) => Error::conflict("the rule two-scale", "one scale"),
        (Some(this), Some(_), ..) => Error::conflict(this, "importance"),
        (Some(this), _, rule, _) if rule != Rule::Tnt => Error::conflict(this, rule.name()),
        (_, Some(_), rule, _) if !exact => Error::conflict("importance", rule.name()),
        _ => return Ok(()),
    };
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_weights_than_exact_sums_can_hold_are_refused() {
        if let Ok(len) = usize::try_from(1_u64 << 48) {
            let error = Error::too_many(Operand::Weight, len, len - 1);
            assert_eq!(check_count::<f64>(len), Err(error));
            assert_eq!(check_count::<f64>(len - 1), Ok(()));
            assert_eq!(check_count::<f32>(len), Ok(()));
        }
    }
}
