//! Beside the search itself: single short calls, several planes, and Gram matrices.

use crate::vectors::ternarize;
use std::hint::black_box;
use ternarize::matmul::Activations;
use ternarize::quantize::gram::Gram;
use ternarize::quantize::planes::Planes;
use ternarize::tensor::{Grouping, TensorView};
use ternarize_peers::backend::{chosen, ternarizer};
use ternarize_peers::data::Kind;
use ternarize_peers::measure::{Budget, Contest};
use ternarize_peers::peers::Buffers;
use ternarize_peers::table::Goal::{AtLeast, AtMost};
use ternarize_peers::table::{Row, Table, thousands};

/// Different inputs in turn, or the processor would learn the branches of one.
const INPUTS: usize = 64;

/// How long does one short call take?
pub(crate) fn calls(budget: Budget) -> Table {
    let mut rows = Vec::new();
    for (len, goal) in [(9, 120.0), (64, 400.0)] {
        let weights = &Kind::Normal.weights(INPUTS * len)[..];
        let how = &ternarizer();
        let timings = Contest::new()
            .with("ours", |b: &mut Buffers<f32>| {
                for (weights, trits) in weights.chunks(len).zip(b.trits.chunks_mut(len)) {
                    ternarize(how, weights, trits);
                }
            })
            .with("sort_unstable", |b| {
                b.sort_each(black_box(weights), len);
                black_box(&mut b.trits);
            })
            .run(budget, &mut Buffers::new(INPUTS * len), INPUTS);
        rows.push(
            Row::new(format!("ternarize_into, {len} weights"), &timings.0)
                .figure("ns a call", timings.of("ours").median, AtMost(goal))
                .figure(
                    "x faster than sort_unstable",
                    timings.ratio("sort_unstable", "ours"),
                    None,
                ),
        );
    }
    rows.push(small_product(budget));
    Table {
        group: "calls",
        question: "How long does a single call take? Normal f32 weights, and a layer of 16 x 64 times vectors of 8-bit activations; \
            times in ns per call.".into(),
        rows,
    }
}

/// A layer of 16 x 64, beside plain loops over `f32` weights.
fn small_product(budget: Budget) -> Row {
    let (outputs, columns) = (16, 64);
    let dense = &Kind::Normal.weights(outputs * columns)[..];
    let view = TensorView::new(dense, &[outputs, columns]).expect("a matrix");
    let layer = crate::tensors::tensor(&view, Grouping::OUTPUT_CHANNEL, &ternarizer());
    let inputs = &Kind::Normal.weights(INPUTS * columns)[..];
    let xs: Vec<_> = inputs.chunks(columns).map(Activations::quantize).collect();
    let xs: Vec<_> = xs.into_iter().map(|x| x.expect("numbers")).collect();
    let (layer, xs, backend) = (&layer, &xs[..], chosen());
    let timings = Contest::new()
        .with("ours", |y: &mut Vec<f32>| {
            for x in xs {
                let x = core::slice::from_ref(black_box(x));
                layer.matmul_i8_on(backend, x, y).expect("lengths");
            }
        })
        .with("dense f32", |y| {
            for x in inputs.chunks(columns) {
                for (y, row) in y.iter_mut().zip(black_box(dense).chunks(columns)) {
                    *y = row.iter().zip(black_box(x)).map(|(w, x)| w * x).sum();
                }
            }
        })
        .run(budget, &mut vec![0.0; outputs], INPUTS);
    Row::new("matvec_i8, 16 x 64", &timings.0)
        .figure("ns a call", timings.of("ours").median, AtMost(250.0))
        .figure(
            "x faster than plain f32 loops",
            timings.ratio("dense f32", "ours"),
            None,
        )
}

/// How long do two refined planes take?
pub(crate) fn planes(budget: Budget) -> Table {
    let count = 1 << 16;
    let weights = &Kind::Normal.weights(count)[..];
    let (how, one) = (&Planes::new(2), &ternarizer());
    let rows = [256, 4096].map(|len| {
        let timings = Contest::new()
            .with("ours", |_: &mut Buffers<f32>| {
                for weights in weights.chunks(len) {
                    black_box(how.ternarize(black_box(weights)).expect("finite weights"));
                }
            })
            .with("one plane", |b| {
                for (weights, trits) in weights.chunks(len).zip(b.trits.chunks_mut(len)) {
                    ternarize(one, weights, trits);
                }
            })
            .run(budget, &mut Buffers::new(count), count);
        Row::new(format!("groups of {}", thousands(len)), &timings.0)
            .figure("ns per weight", timings.of("ours").median, AtMost(60.0))
            .figure("x one plane", timings.ratio("ours", "one plane"), None)
    });
    Table {
        group: "planes",
        question: "How long do two refined planes take? Normal f32 weights.".into(),
        rows: rows.into(),
    }
}

/// How long does a Gram matrix take, beside a dense product of `f64` numbers?
pub(crate) fn gram(budget: Budget) -> Table {
    let samples = 1024;
    let rows = [384, 768, 1536].map(|inputs| {
        let x = &Kind::Normal.weights(samples * inputs)[..];
        let wide: &[f64] = &x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let mut product = vec![0.0; inputs * inputs];
        dense_gram(wide, inputs, &mut product);
        let mut gram = Gram::new(inputs).expect("memory");
        gram.add(x).expect("whole rows");
        for (i, ours) in gram.diagonal().into_iter().enumerate() {
            let theirs = product[i * (inputs + 1)] / samples as f64;
            assert!((ours - theirs).abs() <= 1e-12 * theirs, "{ours}, {theirs}");
        }
        let timings = Contest::new()
            .with("ours", |_: &mut Vec<f64>| {
                gram.add(black_box(x)).expect("whole rows");
            })
            .with("gemm", |product| {
                dense_gram(black_box(wide), inputs, product);
            })
            .run(budget, &mut product, samples * inputs);
        let ratio = timings.ratio("gemm", "ours");
        Row::new(format!("{} inputs", thousands(inputs)), &timings.0)
            .figure("x faster than gemm", ratio, None)
            .figure("the same, per multiplication", ratio / 2.0, AtLeast(0.5))
    });
    Table {
        group: "gram",
        question: "How long does it take to add 1,024 rows of f32 inputs to a Gram matrix of f64 sums, beside a product of the same size \
            by the crate gemm? Ours computes half of the matrix, which is symmetric; times in ns per input.".into(),
        rows: rows.into(),
    }
}

/// `X^T X` by the crate `gemm`, for rows `x` of so many inputs.
#[expect(unsafe_code, reason = "the crate's only interface")]
fn dense_gram(x: &[f64], inputs: usize, product: &mut [f64]) {
    let (samples, width) = (x.len() / inputs, inputs.cast_signed());
    assert!(product.len() == inputs * inputs);
    // SAFETY: the matrices are as large as their strides say: inputs x samples, samples x inputs, inputs x inputs.
    unsafe {
        gemm::gemm(
            inputs,
            inputs,
            samples,
            product.as_mut_ptr(),
            width,
            1,
            false,
            x.as_ptr(),
            width,
            1,
            x.as_ptr(),
            1,
            width,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
