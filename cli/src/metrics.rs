//! The error of ternary weights.
//!
//! The library measures a group at once, with two copies of it in `f64`: 16 bytes for each weight. Of a group as large as a tensor that
//! would be several times the tensor itself, so large groups are summed piece by piece here.

use anyhow::Result;
use ternarize::tensor::{TensorView, TernaryTensor};
use ternarize::{ScaleType, Weight};

/// Tensors with groups of more weights, on average, are measured piece by piece.
const LARGE: usize = 1 << 18;

/// The weights of a piece. The sums of pieces are added up, so that roundings do not.
const PIECE: usize = 1 << 12;

/// The cosine and the relative error of a tensor, compared with the weights from which it was made, of the float type `own`.
///
/// # Errors
///
/// Those of [`TernaryTensor::error_metrics`].
pub fn cosine_and_error<W: Weight>(
    tensor: &TernaryTensor,
    values: &[W],
    own: ScaleType,
) -> Result<(f64, f64)> {
    let groups = tensor.grouping().count(tensor.shape())?;
    // Squares of `f64` may be out of its range, which the library avoids.
    if own == ScaleType::F64 || values.len() / groups.max(1) <= LARGE {
        let view = TensorView::new(values, tensor.shape().axes())?;
        let errors = tensor.error_metrics(&view)?;
        return Ok((errors.cosine, errors.relative_error));
    }
    piecewise(tensor, values, groups)
}

fn piecewise<W: Weight>(tensor: &TernaryTensor, values: &[W], groups: usize) -> Result<(f64, f64)> {
    let (lambda_p, lambda_n) = (tensor.lambda_p(), tensor.lambda_n());
    let mut sums = [0.0; 4];
    let mut restored = Vec::new();
    for (run, group) in tensor.runs(0..values.len())? {
        for start in run.clone().step_by(PIECE) {
            let piece = start..run.end.min(start + PIECE);
            restored.clear();
            restored.resize(piece.len(), 0.0);
            for (plane, trits) in tensor.planes().enumerate() {
                let place = plane * groups + group;
                let levels = [-lambda_n[place], 0.0, lambda_p[place]];
                let trits = trits.slice(piece.clone())?;
                for (sum, trit) in restored.iter_mut().zip(trits.iter()) {
                    *sum += levels[usize::from(trit.cast_unsigned().wrapping_add(1))];
                }
            }
            let of_piece = products(&values[piece], &restored);
            for (sum, part) in sums.iter_mut().zip(of_piece) {
                *sum += part;
            }
        }
    }
    let [weights, both, restored, lost] = sums;
    let norms = weights.sqrt() * restored.sqrt();
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    Ok((share(both, norms).clamp(-1.0, 1.0), share(lost, weights)))
}

/// `w . w`, `w . w'`, `w' . w'` and `|w - w'|^2`, with restored weights `w'` as the type of the weights holds them.
fn products<W: Weight>(values: &[W], restored: &[f64]) -> [f64; 4] {
    let mut sums = [0.0; 4];
    for (value, restored) in values.iter().zip(restored) {
        let w = value.to_f64().unwrap_or(0.0);
        let r = W::from(*restored).and_then(|r| r.to_f64()).unwrap_or(0.0);
        for (sum, term) in sums
            .iter_mut()
            .zip([w * w, w * r, r * r, (w - r) * (w - r)])
        {
            *sum += term;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use ternarize::Ternarizer;
    use ternarize::quantize::planes::Planes;
    use ternarize::tensor::Grouping;

    #[test]
    fn pieces_give_the_metrics_of_the_library() {
        let values: Vec<half::bf16> = (0..3 * 1500)
            .map(|i| half::bf16::from_f32((i as f32 * 0.7).sin() * 0.02))
            .collect();
        let view = TensorView::new(&values, &[3, 1500]).unwrap();
        let planes = Planes::new(3).scale_type(ScaleType::Bf16);
        for grouping in [
            Grouping::Tensor,
            Grouping::OUTPUT_CHANNEL,
            Grouping::Axes(2),
        ] {
            let one = TernaryTensor::ternarize(&view, grouping, &Ternarizer::new());
            let several = TernaryTensor::ternarize_planes(&view, grouping, &planes);
            for tensor in [one.unwrap().0, several.unwrap()] {
                let groups = grouping.count(tensor.shape()).unwrap();
                let (cosine, error) = piecewise(&tensor, &values, groups).unwrap();
                let expected = tensor.error_metrics(&view).unwrap();
                assert!((cosine - expected.cosine).abs() < 1e-13);
                assert!((error - expected.relative_error).abs() < 1e-13);
            }
        }
    }
}
