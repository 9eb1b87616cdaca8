//! What every batch of rows is checked for.

use crate::Error;
use crate::error::{Operand, ShapeError};

/// The rows of a batch: whole ones, of finite values.
pub(crate) fn check(values: &[f32], channels: usize) -> Result<(), Error> {
    let whole = match channels {
        0 => values.is_empty(),
        _ => values.len().is_multiple_of(channels),
    };
    if !whole {
        return Err(Error::Shape(ShapeError::Ragged {
            len: values.len(),
            group: channels,
        }));
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::InvalidValue {
            what: Operand::Activation,
            index,
        }),
        None => Ok(()),
    }
}

/// `sum(d e) - sum(d) sum(e) / n` over `n`: a covariance from sums of differences; 0 of nothing.
pub(crate) fn covariance(count: u64, both: f64, (first, second): (f64, f64)) -> f64 {
    if count == 0 {
        return 0.0;
    }
    let n = count as f64;
    (both - first * (second / n)) / n
}
