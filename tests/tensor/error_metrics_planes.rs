//! The error metrics of tensors of planes against plain sums, of each group and of all.

use crate::common::twin::{members, weights};
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{ErrorMetrics, Grouping, TensorView, TernaryTensor};
use ternarize::{Code, ScaleType, Weight};

/// The metrics of some pairs of an original and a restored weight.
fn plain(pairs: &[[f64; 2]]) -> [f64; 2] {
    let sum = |term: &dyn Fn([f64; 2]) -> f64| pairs.iter().map(|&pair| term(pair)).sum::<f64>();
    let energy = sum(&|[w, _]| w * w);
    let norms = (energy * sum(&|[_, r]| r * r)).sqrt();
    [
        sum(&|[w, r]| w * r) / norms,
        sum(&|[w, r]| (w - r).powi(2)) / energy,
    ]
}

fn close(metrics: ErrorMetrics, [cosine, relative_error]: [f64; 2]) {
    assert!(
        (metrics.cosine - cosine).abs() < 1e-12,
        "{} {cosine}",
        metrics.cosine
    );
    let error = (metrics.relative_error - relative_error).abs();
    assert!(error < 1e-12, "{} {relative_error}", metrics.relative_error);
}

fn check<W: Weight>(axes: &[usize], grouping: Grouping, how: &Planes) {
    let values: Vec<W> = weights(axes.iter().product(), 5);
    let view = TensorView::new(&values, axes).unwrap();
    let made = TernaryTensor::ternarize_planes(&view, grouping, how).unwrap();
    for tensor in [made.clone(), made.transcode(Code::Base3)] {
        let restored = tensor.dequantize::<W>();
        let wide = |weight: W| weight.to_f64().unwrap();
        let pair = |i: usize| [wide(values[i]), wide(restored[i])];
        let groups = tensor.group_error_metrics(&view).unwrap();
        let members = members(axes, grouping);
        assert_eq!(groups.len(), members.len());
        for (metrics, members) in groups.into_iter().zip(members) {
            close(
                metrics,
                plain(&members.into_iter().map(pair).collect::<Vec<_>>()),
            );
        }
        let all: Vec<_> = (0..values.len()).map(pair).collect();
        close(tensor.error_metrics(&view).unwrap(), plain(&all));
    }
}

#[test]
fn planes_are_measured_as_they_are_restored() {
    let columns = Grouping::axis(1).unwrap();
    for planes in 1..=4 {
        for scale_type in ScaleType::ALL {
            let how = Planes::new(planes).scale_type(scale_type);
            for grouping in [Grouping::Tensor, Grouping::OUTPUT_CHANNEL, columns] {
                check::<f32>(&[4, 6, 5], grouping, &how);
                check::<f64>(&[3, 40], grouping, &how);
            }
            check::<f32>(&[3, 40], Grouping::Block(16), &how);
            check::<f64>(&[3, 2, 7], Grouping::Kernel, &how);
            #[cfg(feature = "half")]
            check::<half::bf16>(&[4, 6, 5], columns, &how);
        }
    }
}

/// More planes, less error; and the original itself has none.
#[test]
fn an_exact_sum_of_planes_has_no_error() {
    let values = [3.0_f32, -1.0, 2.0, 0.0, -3.0, 1.0];
    let view = TensorView::new(&values, &[2, 3]).unwrap();
    let how = Planes::new(2).scale_type(ScaleType::PowerOfTwo);
    let tensor = TernaryTensor::ternarize_planes(&view, Grouping::Tensor, &how).unwrap();
    let metrics = tensor.error_metrics(&view).unwrap();
    assert_eq!(metrics.relative_error.to_bits(), 0);
    close(metrics, [1.0, 0.0]);
}
