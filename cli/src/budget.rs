//! A budget of bits or bytes: for each tensor the way to store it that lowers the error of the model most.
//!
//! Each tensor is ternarized in every way once, to measure it, and once more with the way that was chosen.

use anyhow::{Result, bail};
use ternarize::model::TensorInfo;
use ternarize::quantize::budget::allocate;
use ternarize::tensor::TensorView;
use ternarize::{Code, Scales};

use crate::disk::Reader;
use crate::failure::Usage;
use crate::method::{Method, float_type};
use crate::names::Target;
use crate::plan::{Action, Plan};
use crate::pool;
use crate::progress::Progress;
use crate::with_weight_type;

/// What the bytes of ternary tensors are limited to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// Bits for each weight.
    Bits(f64),
    /// Bytes in all.
    Bytes(u64),
}

/// The ways to store a tensor, the smallest first.
const WAYS: [(usize, Scales, Code); 5] = [
    (1, Scales::One, Code::Base3),
    (1, Scales::Two, Code::Base3),
    (2, Scales::One, Code::Base3),
    (3, Scales::One, Code::Base3),
    (4, Scales::One, Code::Base3),
];

/// Chooses a method for each tensor that the plan ternarizes. A tensor that cannot be ternarized stays as planned.
///
/// # Errors
///
/// [`Usage`] if even the smallest ways take more, with the range that can be reached; an error if the model cannot be read.
pub fn spend(budget: Budget, reader: &Reader, plan: &mut Plan, quiet: bool) -> Result<()> {
    let infos: Vec<&TensorInfo> = reader.tensors().collect();
    let planned = infos.iter().zip(&plan.actions).enumerate();
    let chosen = planned.filter_map(|(index, (info, action))| match action {
        Action::Ternarize(method) => Some((index, *info, ways(*method))),
        Action::Keep(_) => None,
    });
    let chosen: Vec<_> = chosen.collect();
    let weights: u64 = chosen.iter().map(|(_, info, _)| info.weights()).sum();
    // The bytes of each way are known beforehand.
    let bytes = |info: &TensorInfo, method: &Method| {
        let encoding = method.encoding(Target::Safetensors);
        TensorInfo::new(info.name(), info.shape(), encoding).map(|info| info.bytes())
    };
    let sum = |way: usize| {
        let bytes = chosen.iter().map(|(_, info, ways)| bytes(info, &ways[way]));
        bytes.sum::<Result<u64, _>>()
    };
    let (least, most) = (sum(0)?, sum(WAYS.len() - 1)?);
    let allowed = allowed(budget, weights, least, most)?;
    // Measure.
    let total = chosen.iter().map(|(_, info, _)| info.bytes()).sum();
    let progress = Progress::of_bytes("measuring", total, quiet);
    let sizes: Vec<u64> = chosen.iter().map(|(_, info, _)| info.bytes()).collect();
    let measured = pool::in_order(&sizes, pool::threads(), |place| {
        let (index, info, ways) = &chosen[place];
        let errors = errors(reader, *index, info, ways)?;
        progress.advance(info.bytes())?;
        let bytes = ways.iter().map(|way| bytes(info, way));
        let bytes = bytes.collect::<Result<Vec<_>, _>>()?;
        Ok(bytes.into_iter().zip(errors).collect::<Vec<_>>())
    })?;
    let allocation = allocate(&measured, allowed)?;
    for ((index, _, ways), choice) in chosen.into_iter().zip(allocation.choices) {
        plan.actions[index] = Action::Ternarize(ways[choice]);
    }
    Ok(())
}

/// The bytes that a budget allows, if it can be kept.
fn allowed(budget: Budget, weights: u64, least: u64, most: u64) -> Result<u64> {
    let bits = |bytes: u64| bytes as f64 * 8.0 / weights.max(1) as f64;
    let allowed = match budget {
        Budget::Bytes(bytes) => bytes,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number of bytes, rounded down"
        )]
        Budget::Bits(bits) => (bits * weights as f64 / 8.0) as u64,
    };
    if allowed >= least {
        return Ok(allowed);
    }
    let (low, high) = (bits(least), bits(most));
    let range = match budget {
        Budget::Bits(_) => format!("--bits from {:.3} to {:.3}", low + 0.0005, high),
        Budget::Bytes(_) => format!("--bytes from {least} to {most}"),
    };
    bail!(Usage(format!(
        "the budget is too small: this model can be stored with {range}"
    )))
}

/// The ways to store a tensor.
fn ways(method: Method) -> [Method; WAYS.len()] {
    WAYS.map(|(planes, scales, code)| Method {
        scales,
        planes,
        code,
        ..method
    })
}

/// The squared error of each way as a share of the tensor's squares, times its weights: so all tensors count by their sizes. That of a
/// tensor that cannot be ternarized is 0, and it takes the smallest way until it is found to be left.
fn errors(reader: &Reader, index: usize, info: &TensorInfo, ways: &[Method]) -> Result<Vec<f64>> {
    let float = float_type(info).unwrap_or_default();
    // All ways have scales of one type.
    let float = ways.first().map_or(float, |way| way.working_type(float));
    with_weight_type!(float, W => {
        let values = reader.read_values::<W>(index)?;
        let view = TensorView::new(&values, info.shape())?;
        let error = |way: &Method| match way.ternarize(&values, info.shape(), float, None) {
            Ok(tensor) => Ok(tensor.error_metrics(&view)?.relative_error),
            Err(_) => Ok(0.0),
        };
        let weighted = |way| error(way).map(|error: f64| error * info.weights() as f64);
        ways.iter().map(weighted).collect()
    })
}

/// Checks a target of bits.
///
/// # Errors
///
/// [`Usage`] for a number that is no size.
pub fn check_bits(bits: f64) -> Result<Budget> {
    if !(bits.is_finite() && bits > 0.0) {
        bail!(Usage("--bits must be a number above 0".into()));
    }
    Ok(Budget::Bits(bits))
}
