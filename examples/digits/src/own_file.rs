//! A safetensors file of the reader's own: ternarized tensor by tensor, without accuracy, for its network is not known.

use std::time::Instant;

use anyhow::{Error, Result};
use ternarize::model::{Model, Tensor};

use crate::recipe::Recipe;

/// Ternarizes the matrices of a model. Returns their names, too, and says of each other tensor of two axes or more why it stays as it is.
pub(crate) fn ternarize(dense: &Model, recipe: &Recipe) -> Result<(Model, Vec<String>)> {
    let (mut model, mut names, start) = (dense.clone(), Vec::new(), Instant::now());
    let found = model.ternarize_all(recipe.grouping, &recipe.ternarizer())?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{:<44} {:>16} {:>8} {:>8} {:>8} {:>8}",
        "tensor", "shape", "cosine", "error", "zeros", "bits/w"
    );
    let all = found.len();
    for (name, metrics) in found {
        match (metrics, model.get(&name)) {
            (Ok(metrics), Some(Tensor::Ternary(tensor))) => println!(
                "{name:<44} {:>16} {:>8.4} {:>8.4} {:>7.1}% {:>8.3}",
                tensor.shape().to_string(),
                metrics.cosine,
                metrics.relative_error,
                100.0 * tensor.sparsity(),
                tensor.bits_per_weight(),
            ),
            (Err(reason), _) => {
                println!("{name:<44} stays as it is: {:#}", Error::from(reason));
                continue;
            }
            _ => continue,
        }
        names.push(name);
    }
    println!(
        "{} of {all} tensors are ternary; {seconds:.1} s",
        names.len()
    );
    Ok((model, names))
}
