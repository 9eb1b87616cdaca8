//! The work on each tensor of a model: read, ternarize, write, measure.

use std::sync::Mutex;

use anyhow::Result;
use ternarize::Weight;
use ternarize::model::{Metadata, ModelError, Tensor, TensorInfo};
use ternarize::tensor::{TensorView, TernaryTensor};

use crate::disk::{Disk, Reader};
use crate::drawing::drawing;
use crate::importance::Importances;
use crate::method::{Method, float_type};
use crate::output::{Destination, Sink};
use crate::plan::{Action, Plan};
use crate::pool;
use crate::progress::Progress;
use crate::report::{Drawing, Metrics};
use crate::with_weight_type;

/// A model to be ternarized.
pub struct Job<'a> {
    /// The input.
    pub reader: &'a Reader,
    /// What happens to each tensor.
    pub plan: Plan,
    /// Importances, if there are any.
    pub importances: Option<&'a Importances>,
    /// The metadata of the output.
    pub metadata: &'a Metadata,
    /// Whether the report has pictures.
    pub drawings: bool,
}

/// What was found of a tensor that became ternary.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its error.
    pub metrics: Metrics,
    /// What the report draws.
    pub drawing: Option<Drawing>,
}

impl Made {
    /// Compares a ternary tensor with its weights.
    ///
    /// # Errors
    ///
    /// For values of another shape.
    pub fn of<W: Weight>(
        tensor: &TernaryTensor,
        values: &[W],
        shape: &[usize],
        drawings: bool,
    ) -> Result<Self> {
        let view = TensorView::new(values, shape)?;
        let errors = tensor.error_metrics(&view)?;
        let relative_error = errors.relative_error;
        let sqnr_db = (relative_error > 0.0).then(|| -10.0 * relative_error.log10());
        let metrics = Metrics {
            cosine: errors.cosine,
            relative_error,
            sqnr_db,
            sparsity: tensor.sparsity(),
            groups: tensor.grouping().count(tensor.shape())?,
            single_nonzero_groups: single_nonzero_groups(tensor)?,
            bits_per_weight: tensor.bits_per_weight(),
        };
        let drawing = drawings.then(|| drawing(tensor, values, &metrics));
        let drawing = drawing.transpose()?;
        Ok(Self { metrics, drawing })
    }
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// For each tensor, what it became; `None` if it was kept.
    pub made: Vec<Option<Made>>,
    /// The tensors that were planned as ternary and could not be, by their numbers, with the reasons.
    pub failed: Vec<(usize, String)>,
    /// What the output holds.
    pub outputs: Vec<TensorInfo>,
    /// For each tensor, why it was kept.
    pub kept: Vec<Option<String>>,
    /// Tensors that became ternary without importances, for all or some of their weights.
    pub without_importances: Vec<String>,
}

/// Some tensors could not be ternarized: the output must be planned anew.
#[derive(Debug)]
struct Failed(Vec<(usize, String)>);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("some tensors could not be ternarized")
    }
}

impl std::error::Error for Failed {}

/// Ternarizes a model and writes it. Tensors that cannot be ternarized are left as they are.
///
/// # Errors
///
/// If the input cannot be read or the output cannot be written; [`Interrupted`](crate::failure::Interrupted).
pub fn run(
    mut job: Job<'_>,
    disk: &dyn Disk,
    to: &Destination,
    progress: &Progress,
) -> Result<Outcome> {
    let tensors: Vec<&TensorInfo> = job.reader.tensors().collect();
    let mut failed = Vec::new();
    loop {
        // The header states what each tensor is, so it is written for a plan that all tensors follow.
        let outputs = job.plan.outputs(&tensors)?;
        let written = to.write(disk, job.metadata, &outputs, |sink| {
            job.all(&tensors, sink, progress)
        });
        match written {
            Ok(made) => {
                let actions = job.plan.actions.iter();
                let kept = actions.map(|action| match action {
                    Action::Keep(reason) => Some(reason.clone()),
                    Action::Ternarize(_) => None,
                });
                return Ok(Outcome {
                    kept: kept.collect(),
                    without_importances: job.without_importances(&tensors)?,
                    made,
                    failed,
                    outputs,
                });
            }
            Err(error) => {
                let Failed(more) = error.downcast::<Failed>()?;
                for (index, reason) in &more {
                    job.plan.actions[*index] = Action::Keep(reason.clone());
                }
                failed.extend(more);
                progress.restart();
            }
        }
    }
}

impl Job<'_> {
    /// All tensors, side by side.
    fn all(
        &self,
        tensors: &[&TensorInfo],
        sink: &Sink<'_>,
        progress: &Progress,
    ) -> Result<Vec<Option<Made>>> {
        let actions = self.plan.actions.iter();
        // What is kept is copied piece by piece.
        let weights = |info: &TensorInfo| match self.importances {
            None => info.bytes(),
            Some(_) => info
                .bytes()
                .saturating_add(info.weights().saturating_mul(4)),
        };
        let bytes = actions.zip(tensors).map(|(action, info)| match action {
            Action::Keep(_) => 1 << 20,
            Action::Ternarize(_) => weights(info),
        });
        let bytes: Vec<u64> = bytes.collect();
        let failed = Mutex::new(Vec::new());
        let made = pool::in_order(&bytes, pool::threads(), |index| {
            let method = match &self.plan.actions[index] {
                Action::Keep(_) => {
                    sink.copy(self.reader, index, |bytes| progress.advance(bytes))?;
                    return Ok(None);
                }
                Action::Ternarize(method) => method,
            };
            let found = self.one(index, tensors[index], method, sink);
            progress.advance(tensors[index].bytes())?;
            found.map(|found| {
                let made = found.map_err(|reason| pool::locked(&failed).push((index, reason)));
                made.ok()
            })
        })?;
        let mut failed = failed.into_inner().unwrap_or_default();
        failed.sort();
        if failed.is_empty() {
            return Ok(made);
        }
        Err(Failed(failed).into())
    }

    /// Ternarizes and writes a tensor, or says why it cannot be.
    fn one(
        &self,
        index: usize,
        info: &TensorInfo,
        method: &Method,
        sink: &Sink<'_>,
    ) -> Result<Result<Made, String>> {
        let float = method.working_type(float_type(info).unwrap_or_default());
        let importance = match self.importances.map(|all| all.of(info, method.per)) {
            None => None,
            Some(Ok(found)) => found.map(|(importance, _)| importance),
            Some(Err(error)) => return Ok(Err(error.to_string())),
        };
        with_weight_type!(float, W => {
            let values = self.reader.read_values::<W>(index)?;
            let found = method.ternarize(&values, info.shape(), float, importance.as_deref());
            drop(importance);
            let tensor = match found {
                Ok(tensor) => tensor,
                Err(error) => return Ok(Err(error.to_string())),
            };
            let made = Made::of(&tensor, &values, info.shape(), self.drawings)?;
            drop(values);
            put(sink, info.name(), tensor).map(|reason| reason.map_or(Ok(made), Err))
        })
    }

    /// The names of tensors that became ternary without importances, for all or some of their weights.
    fn without_importances(&self, tensors: &[&TensorInfo]) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for (info, action) in tensors.iter().zip(&self.plan.actions) {
            if let (Some(all), Action::Ternarize(method)) = (self.importances, action)
                && all.of(info, method.per)?.is_none_or(|(_, missing)| missing)
            {
                names.push(info.name().to_string());
            }
        }
        Ok(names)
    }
}

/// Writes a tensor; `Some` reason if the format cannot hold its scales.
fn put(sink: &Sink<'_>, name: &str, tensor: TernaryTensor) -> Result<Option<String>> {
    let Err(error) = sink.put(name, &Tensor::Ternary(tensor)) else {
        return Ok(None);
    };
    match error.downcast::<ModelError>()? {
        ModelError::Unfit { reason, .. } => Ok(Some(reason)),
        other => Err(other.into()),
    }
}

/// The groups of the first plane with one trit that is not 0.
fn single_nonzero_groups(tensor: &TernaryTensor) -> Result<usize> {
    let groups = tensor.grouping().count(tensor.shape())?;
    let mut nonzeros = vec![0_usize; groups];
    for (run, group) in tensor.runs(0..tensor.shape().len())? {
        nonzeros[group] += tensor.trits().slice(run)?.count_nonzeros();
    }
    Ok(nonzeros.into_iter().filter(|&count| count == 1).count())
}
