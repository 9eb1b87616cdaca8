//! How long ternarizing takes, question by question. `benches/peers` asks the same questions beside other quantizers, and prints
//! ratios; this one is to see whether a change helps.
//!
//! All times are of the whole call: checks, search, scales, trits, and the figures of merit. Data: seeded, normal `f32` weights
//! where nothing else is said; on one thread but for the question about threads.
//!
//! ```sh
//! cargo bench -p ternarize-benches --bench search
//! cargo bench -p ternarize-benches --bench search --features half,rayon -- threads
//! ```

#[path = "common/data.rs"]
#[expect(unreachable_pub, reason = "shared with benches/peers")]
mod data;
#[path = "common/sorting.rs"]
#[expect(unreachable_pub, reason = "shared with benches/peers")]
mod sorting;

use core::hint::black_box;
use core::time::Duration;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use criterion::{criterion_group, criterion_main};
use data::{Kind, importance};
use sorting::{Sortable, ternarize_sorting};
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Backend, Rule, Scales, Ternarizer};

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// A group of measurements that take this many weights each.
fn group<'a>(c: &'a mut Criterion, name: &str, weights: usize) -> Group<'a> {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(weights as u64));
    group
}

/// Measures a whole call, into one buffer.
fn slice<W: Sortable>(group: &mut Group<'_>, id: BenchmarkId, how: &Ternarizer<'_>, weights: &[W]) {
    let mut trits = vec![0; weights.len()];
    group.bench_function(id, |b| {
        b.iter(|| how.ternarize_into(black_box(weights), &mut trits));
    });
}

/// Measures the peer: sort, and try every prefix.
fn sorted<W: Sortable>(group: &mut Group<'_>, id: BenchmarkId, weights: &[W], len: usize) {
    let (mut keys, mut trits) = (vec![W::Key::default(); len], vec![0; weights.len()]);
    group.bench_function(id, |b| {
        b.iter(|| {
            let vectors = black_box(weights).chunks_exact(len);
            for (weights, trits) in vectors.zip(trits.chunks_exact_mut(len)) {
                ternarize_sorting(weights, &mut keys, trits, <[_]>::sort_unstable);
            }
            black_box(&mut trits);
        });
    });
}

/// Measures a tensor, with its own storage.
fn tensor(group: &mut Group<'_>, id: BenchmarkId, view: &TensorView<'_, f32>, grouping: Grouping) {
    group.bench_function(id, |b| {
        b.iter(|| TernaryTensor::ternarize(black_box(view), grouping, &Ternarizer::new()));
    });
}

fn backend() -> &'static str {
    Backend::detect().name()
}

/// How long does one vector take, beside sorting and copying it?
fn long_vectors(c: &mut Criterion) {
    for n in [4096, 65_536, 1 << 20, 1 << 24] {
        let (weights, mut copy) = (Kind::Normal.weights(n), vec![0.0; n]);
        let mut group = group(c, "long vectors", n);
        let ours = BenchmarkId::new(backend(), n);
        slice(&mut group, ours, &Ternarizer::new(), &weights);
        let sort = BenchmarkId::new("sort_unstable", n);
        sorted(&mut group, sort, &weights, n);
        group.bench_function(BenchmarkId::new("copy", n), |b| {
            b.iter(|| {
                copy.copy_from_slice(black_box(&weights));
                black_box(&mut copy);
            });
        });
    }
}

/// Does the kind of weights matter?
fn kinds(c: &mut Criterion) {
    for n in [65_536, 1 << 20] {
        let mut group = group(c, "kinds of weights", n);
        for kind in [Kind::Normal].into_iter().chain(Kind::ORDINARY) {
            let id = BenchmarkId::new(kind.name(), n);
            slice(&mut group, id, &Ternarizer::new(), &kind.weights(n));
        }
    }
}

/// Can weights be made that ruin the search? Beside sorting the same.
fn adversarial(c: &mut Criterion) {
    let n = 65_536;
    let mut group = group(c, "adversarial weights", n);
    for kind in Kind::ADVERSARIAL {
        let weights = kind.weights(n);
        let ours = BenchmarkId::new(kind.name(), backend());
        slice(&mut group, ours, &Ternarizer::new(), &weights);
        let sort = BenchmarkId::new(kind.name(), "sort_unstable");
        sorted(&mut group, sort, &weights, n);
    }
}

/// How long do other types take?
fn types(c: &mut Criterion) {
    for n in [4096, 65_536, 1 << 20] {
        let weights = Kind::Normal.weights(n);
        let mut group = group(c, "types", n);
        of_type(&mut group, "f64", &weights, f64::from);
        #[cfg(feature = "half")]
        of_type(&mut group, "f16", &weights, half::f16::from_f32);
        #[cfg(feature = "half")]
        of_type(&mut group, "bf16", &weights, half::bf16::from_f32);
    }
}

fn of_type<W: Sortable>(group: &mut Group<'_>, name: &str, weights: &[f32], to: fn(f32) -> W) {
    let weights: Vec<W> = weights.iter().map(|&weight| to(weight)).collect();
    let id = BenchmarkId::new(name, weights.len());
    slice(group, id, &Ternarizer::new(), &weights);
}

/// How long does a matrix take, with scales for each row? As a tensor, and row by row into one buffer; beside reading it once.
fn rows(c: &mut Criterion) {
    let side = 4096;
    let weights = Kind::Normal.weights(side * side);
    let view = TensorView::new(&weights, &[side, side]).expect("as many weights");
    let mut group = group(c, "rows of 4096 x 4096", side * side);
    let id = |name| BenchmarkId::new(name, backend());
    tensor(&mut group, id("tensor"), &view, Grouping::OUTPUT_CHANNEL);
    let (how, mut trits) = (Ternarizer::new(), vec![0; side * side]);
    group.bench_function(id("row by row"), |b| {
        b.iter(|| {
            let rows = black_box(&weights).chunks_exact(side);
            for (row, trits) in rows.zip(trits.chunks_exact_mut(side)) {
                let _ = black_box(how.ternarize_into(row, trits));
            }
        });
    });
    group.bench_function("reading once", |b| {
        b.iter(|| {
            let mut lanes = [0; 64];
            for chunk in black_box(&weights).chunks_exact(64) {
                for (lane, weight) in lanes.iter_mut().zip(chunk) {
                    *lane |= weight.to_bits();
                }
            }
            lanes
        });
    });
}

/// How long do many short vectors take, as a tensor, beside sorting each?
fn short_vectors(c: &mut Criterion) {
    for n in [9, 25, 32, 64, 128, 256] {
        let count = (1 << 18) / n;
        let weights = Kind::Normal.weights(count * n);
        let view = TensorView::new(&weights, &[count, n]).expect("as many weights");
        let mut group = group(c, "short vectors", count * n);
        let ours = BenchmarkId::new(backend(), n);
        tensor(&mut group, ours, &view, Grouping::Block(n));
        let sort = BenchmarkId::new("sort_unstable", n);
        sorted(&mut group, sort, &weights, n);
    }
}

/// What does a rule, what does a knob cost beside the others?
fn rules(c: &mut Criterion) {
    for n in [65_536, 1 << 20] {
        let (weights, h) = (Kind::Normal.weights(n), importance(n));
        let mut group = group(c, "rules", n);
        for rule in Rule::ALL {
            let how = Ternarizer::new().rule(rule);
            let id = BenchmarkId::new(rule.name(), n);
            slice(&mut group, id, &how, &weights);
        }
        let two_scale = Ternarizer::new().rule(Rule::TwoScale);
        for (name, how) in [
            ("tnt, one scale", Ternarizer::new().scales(Scales::One)),
            ("tnt, importance", Ternarizer::new().importance(&h)),
            ("two-scale, importance", two_scale.importance(&h)),
            ("tnt, n / 4 non-zeros", Ternarizer::new().nonzeros(n / 4)),
            ("tnt, cosine 0.85", Ternarizer::new().target_cosine(0.85)),
        ] {
            let id = BenchmarkId::new(name, n);
            slice(&mut group, id, &how, &weights);
        }
    }
}

/// What does a second thread bring?
#[cfg(feature = "rayon")]
fn threads(c: &mut Criterion) {
    let side = 4096;
    let weights = Kind::Normal.weights(side * side);
    let view = TensorView::new(&weights, &[side, side]).expect("as many weights");
    let (how, mut trits) = (Ternarizer::new(), vec![0; side * side]);
    let mut group = group(c, "threads on 64 MiB", side * side);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().expect("threads");
        for (name, grouping) in [
            ("rows", Grouping::OUTPUT_CHANNEL),
            ("one vector, as a tensor", Grouping::Tensor),
        ] {
            group.bench_function(BenchmarkId::new(name, threads), |b| {
                b.iter(|| {
                    pool.install(|| TernaryTensor::ternarize(black_box(&view), grouping, &how))
                });
            });
        }
        group.bench_function(BenchmarkId::new("one vector, as a slice", threads), |b| {
            b.iter(|| pool.install(|| how.ternarize_into(black_box(&weights), &mut trits)));
        });
    }
}

/// There is one thread only.
#[cfg(not(feature = "rayon"))]
fn threads(_: &mut Criterion) {}

/// What do instructions bring?
fn backends(c: &mut Criterion) {
    for n in [65_536, 1 << 20] {
        let weights = Kind::Normal.weights(n);
        let mut group = group(c, "backends", n);
        for backend in Backend::available() {
            let how = Ternarizer::new().backend(backend);
            slice(
                &mut group,
                BenchmarkId::new(backend.name(), n),
                &how,
                &weights,
            );
        }
    }
}

/// Short measurements: there are many. And one thread, for tensors would use all.
fn config() -> Criterion {
    #[cfg(feature = "rayon")]
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global()
        .expect("the first to ask for threads");
    Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = benches;
    config = config();
    targets = long_vectors, kinds, adversarial, types, rows, short_vectors, rules, threads, backends
}
criterion_main!(benches);
