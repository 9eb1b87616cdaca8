//! A safetensors file of the reader's own: ternarized tensor by tensor, without accuracy, for its network is not known.

use std::time::Instant;

use anyhow::Result;
use ternarize::model::{Model, ModelError, Tensor};

use crate::recipe::Recipe;

/// The names of the tensors of two axes or more.
pub(crate) fn matrices(model: &Model) -> Vec<String> {
    let tensors = model.tensors();
    let matrices = tensors
        .filter(|(_, tensor)| matches!(tensor, Tensor::Dense(dense) if dense.shape().len() > 1));
    matrices.map(|(name, _)| name.to_owned()).collect()
}

/// Ternarizes those of these tensors that are floats.
pub(crate) fn ternarize(dense: &Model, names: &[String], recipe: &Recipe) -> Result<Model> {
    let mut model = dense.clone();
    println!(
        "{:>9} {:<44} {:>16} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "", "tensor", "shape", "cosine", "error", "zeros", "bits/w", "time"
    );
    for (done, name) in (1..).zip(names) {
        let start = Instant::now();
        let metrics = match model.ternarize(name, recipe.grouping, &recipe.ternarizer()) {
            // Integers are nothing to ternarize.
            Err(ModelError::NotFloat { .. }) => continue,
            other => other?,
        };
        let time = start.elapsed();
        if let Some(Tensor::Ternary(tensor)) = model.get(name) {
            println!(
                "{:>9} {name:<44} {:>16} {:>8.4} {:>8.4} {:>7.1}% {:>8.3} {:>6.0} ms",
                format!("{done}/{}", names.len()),
                tensor.shape().to_string(),
                metrics.cosine,
                metrics.relative_error,
                100.0 * tensor.sparsity(),
                tensor.bits_per_weight(),
                time.as_secs_f64() * 1e3,
            );
        }
    }
    Ok(model)
}
