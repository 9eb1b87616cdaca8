//! What is asked: products of matrices of 4,096 columns, from the second cache, from the last, from memory; and many at once.

use crate::matrices::{COLUMNS, Matrices};
use std::hint::black_box;
use ternarize::format::FormatMatrix;
use ternarize::matmul::Activations;
use ternarize::tensor::TernaryTensor;
use ternarize::{Backend, Format};
use ternarize_peers::backend::{chosen, goal};
#[cfg(feature = "ggml")]
use ternarize_peers::ggml::Product;
use ternarize_peers::measure::{Budget, Contest};
use ternarize_peers::table::Goal::{self, AtLeast};
use ternarize_peers::table::{Row, Table};

/// Ours in several ways, each with the peer it is measured by and the goals in the second cache, in the last, and beyond: with AVX2, and
/// with AVX-512 and VNNI.
const WAYS: [(&str, &str, [[f64; 3]; 2]); 7] = [
    ("TQ2_0", "ggml TQ2_0", [[1.0, 1.05, 1.3], [1.5, 1.7, 1.8]]),
    ("TQ2_0, AVX2", "ggml TQ2_0", [[1.0, 1.05, 1.3]; 2]),
    (
        "2-bit, a scale a row",
        "ggml TQ2_0",
        [[1.35, 1.3, 1.5], [1.8; 3]],
    ),
    (
        "2-bit, two scales a 256",
        "ggml TQ2_0",
        [[0.6, 0.65, 0.9], [0.95, 0.95, 1.5]],
    ),
    (
        "two planes, a scale a row",
        "ggml TQ2_0",
        [[0.7, 0.7, 0.75]; 2],
    ),
    ("TQ1_0", "ggml TQ1_0", [[1.2, 1.2, 1.3], [1.5; 3]]),
    (
        "base-3, a scale a row",
        "ggml TQ1_0",
        [[1.2, 1.2, 1.3], [1.5; 3]],
    ),
];

/// From the second cache.
pub(crate) fn hot(budget: Budget) -> Table {
    let question = "256 rows of 4,096 weights, which lie in the second cache, times a vector.";
    ask(budget, "hot", question, &Matrices::new(256, 1), 0)
}

/// From the last cache.
pub(crate) fn outer_cache(budget: Budget) -> Table {
    let question = "4,096 rows of 4,096 weights, 4.3 MB, times a vector.";
    ask(budget, "cache", question, &Matrices::new(4096, 1), 1)
}

/// From memory.
pub(crate) fn memory(budget: Budget) -> Table {
    let copies = if budget.rounds < Budget::FULL.rounds {
        32
    } else {
        256
    };
    let matrices = Matrices::new(4095, copies);
    let question = format!(
        "{} rows of 4,096 weights, {} MB, times a vector.",
        matrices.rows,
        matrices.tq2_0.len() / 1_000_000
    );
    ask(budget, "memory", &question, &matrices, 2)
}

fn quantize(x: &[f32]) -> Activations<'static> {
    Activations::quantize(black_box(x)).expect("numbers")
}

pub(crate) fn quantize_blocks(x: &[f32]) -> Activations<'static> {
    Activations::quantize_blocks(black_box(x)).expect("numbers")
}

/// One matrix times one vector, in every way.
fn ask(budget: Budget, group: &'static str, question: &str, m: &Matrices, place: usize) -> Table {
    // A dense matrix of the size that lies in no cache would take too much memory; this one does not lie in the second.
    let dense: Vec<f32> = if place == 1 {
        m.trits.iter().map(|&trit| 0.5 * f32::from(trit)).collect()
    } else {
        Vec::new()
    };
    let (backend, avx2) = (chosen(), Backend::from_name("avx2"));
    let tq2_0 = &m.format(Format::Tq2_0, &m.tq2_0);
    let tq1_0 = &m.format(Format::Tq1_0, &m.tq1_0);
    let mut contest = Contest::new()
        .with("TQ2_0", |y: &mut Vec<f32>| {
            multiply_format(tq2_0, backend, &[quantize_blocks(&m.x)], y);
        })
        .with("2-bit, a scale a row", |y| {
            multiply(&m.by_row, backend, &[quantize(&m.x)], y);
        })
        .with("2-bit, two scales a 256", |y| {
            multiply(&m.two, backend, &[quantize_blocks(&m.x)], y);
        })
        .with("two planes, a scale a row", |y| {
            multiply(&m.two_planes, backend, &[quantize(&m.x)], y);
        })
        .with("TQ1_0", |y| {
            multiply_format(tq1_0, backend, &[quantize_blocks(&m.x)], y);
        })
        .with("base-3, a scale a row", |y| {
            multiply(&m.base3, backend, &[quantize(&m.x)], y);
        })
        .with(READING, |_| {
            read_bytes(&m.tq2_0);
        });
    if let Some(avx2) = avx2 {
        contest = contest.with("TQ2_0, AVX2", move |y| {
            multiply_format(tq2_0, avx2, &[quantize_blocks(&m.x)], y);
        });
    }
    if !dense.is_empty() {
        contest = contest.with("dense f32", |y| dense_matmul(&dense, &m.x, y, 1));
    }
    #[cfg(feature = "ggml")]
    {
        let (two, one) = (Product::tq2_0(COLUMNS), Product::tq1_0(COLUMNS));
        contest = contest
            .with("ggml TQ2_0", move |y| {
                two.matvec(&m.tq2_0, &two.quantize(black_box(&m.x)), y);
            })
            .with("ggml TQ1_0", move |y| {
                one.matvec(&m.tq1_0, &one.quantize(black_box(&m.x)), y);
            });
    }
    let mut y = vec![0.0; m.rows];
    let timings = contest.run_checked(budget, &mut y, m.rows * COLUMNS, |name, y| {
        if name != READING {
            check(m, lambdas(name), y);
        }
        y.fill(f32::NAN);
    });
    let known = |name: &str| timings.0.iter().any(|timing| timing.name == name);
    let ways = WAYS.iter().filter(|(name, ..)| known(name));
    let rows = ways.map(|&(name, peer, goals)| {
        let ours = timings.of(name).named("ours");
        let gigabytes = bytes_per_weight(name) / timings.of(name).median;
        let mut row = Row::new(name, &[ours]);
        if known(peer) {
            let goal: Goal = AtLeast(goal(goals[0], goals[1])[place]);
            row = row.figure("x faster than ggml", timings.ratio(peer, name), goal);
            row.timings.push(timings.of(peer).named("ggml"));
        }
        if known("dense f32") {
            let ratio = timings.ratio("dense f32", name);
            row = row.figure("x faster than dense f32", ratio, None);
        }
        let reading = timings.ratio(READING, name) * 100.0;
        row.figure("GB/s of packed weights", gigabytes, None)
            .figure("% of the speed of reading TQ2_0", reading, None)
    });
    let rows = rows.collect();
    Table {
        group,
        question: question.into(),
        rows,
    }
}

/// How many bytes each layout has.
fn bytes_per_weight(name: &str) -> f64 {
    match name {
        "TQ1_0" => 54.0 / 256.0,
        "base-3, a scale a row" => 0.2,
        "2-bit, a scale a row" => 0.25,
        "two planes, a scale a row" => 0.5,
        "2-bit, two scales a 256" => 0.25 + 8.0 / 256.0,
        _ => 66.0 / 256.0,
    }
}

/// The floor: reading all bytes once.
fn read_bytes(bytes: &[u8]) {
    let (words, _) = bytes.as_chunks::<4>();
    let mut lanes = [0_u32; 64];
    let mut chunks = black_box(words).chunks_exact(64);
    for chunk in &mut chunks {
        for (lane, word) in lanes.iter_mut().zip(chunk) {
            *lane |= u32::from_le_bytes(*word);
        }
    }
    black_box(lanes);
}

/// A dense product, by the crate `matrixmultiply`.
#[expect(unsafe_code, reason = "the crate's only interface")]
fn dense_matmul(weights: &[f32], x: &[f32], y: &mut [f32], vectors: usize) {
    let rows = weights.len() / COLUMNS;
    assert!(x.len() == vectors * COLUMNS && y.len() == vectors * rows);
    let (rows, columns, count) = (rows.cast_signed(), COLUMNS.cast_signed(), vectors);
    // SAFETY: the matrices are as large as their strides say: rows x columns, columns x vectors, rows x vectors.
    unsafe {
        matrixmultiply::sgemm(
            rows.cast_unsigned(),
            COLUMNS,
            count,
            1.0,
            weights.as_ptr(),
            columns,
            1,
            x.as_ptr(),
            1,
            columns,
            0.0,
            y.as_mut_ptr(),
            1,
            rows,
        );
    }
}

/// Many vectors at once.
pub(crate) fn batch(budget: Budget) -> Table {
    const VECTORS: usize = 64;
    let (matrices, backend) = (Matrices::new(4096, 1), chosen());
    let m = &matrices;
    let tq2_0 = &m.format(Format::Tq2_0, &m.tq2_0);
    let x: Vec<f32> = m.x.repeat(VECTORS);
    let vectors = |how: fn(&[f32]) -> Activations<'static>| -> Vec<_> {
        x.chunks_exact(COLUMNS).map(how).collect()
    };
    let dense: Vec<f32> = m.trits.iter().map(|&trit| 0.5 * f32::from(trit)).collect();
    let contest = Contest::new()
        .with("TQ2_0", |y: &mut Vec<f32>| {
            multiply_format(tq2_0, backend, &vectors(quantize_blocks), y);
        })
        .with("2-bit, a scale a row", |y| {
            multiply(&m.by_row, backend, &vectors(quantize), y);
        })
        .with("dense f32", |y| dense_matmul(&dense, &x, y, VECTORS));
    #[cfg(feature = "ggml")]
    let contest = {
        let product = Product::tq2_0(COLUMNS);
        let x = &x;
        contest.with("ggml TQ2_0", move |y: &mut Vec<f32>| {
            for (x, y) in x.chunks_exact(COLUMNS).zip(y.chunks_exact_mut(4096)) {
                product.matvec(&m.tq2_0, &product.quantize(black_box(x)), y);
            }
        })
    };
    let mut y = vec![0.0; 4096 * VECTORS];
    let weights = 4096 * COLUMNS * VECTORS;
    let timings = contest.run_checked(budget, &mut y, weights, |name, y| {
        for y in y.chunks_exact(4096) {
            check(m, lambdas(name), y);
        }
        y.fill(f32::NAN);
    });
    let goals = goal([1.5, 1.8], [3.0; 2]);
    let ways = [("TQ2_0", goals[0]), ("2-bit, a scale a row", goals[1])];
    let rows = ways.map(|(name, least)| {
        let mut row = Row::new(name, &[timings.of(name).named("ours")]);
        if cfg!(feature = "ggml") {
            let ratio = timings.ratio("ggml TQ2_0", name);
            row = row.figure("x faster than ggml", ratio, AtLeast(least));
            row.timings.push(timings.of("ggml TQ2_0").named("ggml"));
        }
        row.figure(
            "x faster than dense f32",
            timings.ratio("dense f32", name),
            None,
        )
    });
    Table {
        group: "batch",
        question:
            "4,096 rows of 4,096 weights times 64 vectors; ggml multiplies one after the other."
                .into(),
        rows: rows.into(),
    }
}

/// The name of the floor.
const READING: &str = "reading TQ2_0";

fn multiply(m: &TernaryTensor, backend: Backend, xs: &[Activations<'_>], y: &mut [f32]) {
    m.matmul_i8_on(backend, xs, y).expect("lengths");
}

fn multiply_format(m: &FormatMatrix<'_>, backend: Backend, xs: &[Activations<'_>], y: &mut [f32]) {
    m.matmul_i8_on(backend, xs, y).expect("lengths");
}

/// What a contestant's +1 and -1 trits stand for.
fn lambdas(name: &str) -> [f64; 2] {
    match name {
        "2-bit, two scales a 256" => [0.5, 0.375],
        "two planes, a scale a row" => [1.0, 1.0],
        _ => [0.5, 0.5],
    }
}

/// That results are what they should be, but for the rounding of activations.
pub(crate) fn check(matrices: &Matrices, lambdas: [f64; 2], y: &[f32]) {
    for (y, exact) in y.iter().zip(matrices.exact(lambdas)) {
        let error = (f64::from(*y) - exact).abs();
        assert!(error < lambdas[0], "{y} for {exact}");
    }
}
