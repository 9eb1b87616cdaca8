//! The curves of a model's weight tensors, each taken whole: what the plot shows.

use anyhow::Result;
use ternarize::model::{DenseTensor, Model, Tensor};
use ternarize::{Weight, curve, ternarize_into};

use crate::plot::Panel;

/// More panels than this nobody would look at.
const MOST: usize = 12;

/// The curves of the first few of these tensors, those that are floats and hold anything.
pub(crate) fn panels<'a>(
    model: &Model,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Panel>> {
    let dense = names.into_iter().filter_map(|name| match model.get(name) {
        Some(Tensor::Dense(dense)) if !dense.as_bytes().is_empty() => Some((name, dense)),
        _ => None,
    });
    let panels = dense.filter_map(|(name, dense)| match dense.dtype() {
        "F16" => panel::<half::f16>(name, dense),
        "BF16" => panel::<half::bf16>(name, dense),
        "F32" => panel::<f32>(name, dense),
        "F64" => panel::<f64>(name, dense),
        _ => None,
    });
    panels.take(MOST).collect()
}

fn panel<W: Weight>(name: &str, dense: &DenseTensor) -> Option<Result<Panel>> {
    let weights: Vec<W> = dense.values()?;
    let mut trits = vec![0; weights.len()];
    let panel = ternarize_into(&weights, &mut trits).and_then(|fit| {
        let (name, cosines) = (name.to_owned(), curve(&weights)?);
        Ok(Panel {
            name,
            cosines,
            chosen: fit.nonzeros,
        })
    });
    Some(panel.map_err(anyhow::Error::from))
}
