//! How long ternarizing takes, question by question: one long vector, many short ones, each rule, a matrix row by row.
//!
//! All times are of the whole call: checks, search, scales, trits, and the figures of merit. Data: normal weights, seeded.
//!
//! ```sh
//! cargo bench --bench search
//! ```

use core::hint::black_box;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Rule, Scales, Search, Ternarizer};

fn normal(n: usize) -> Vec<f32> {
    let mut rng = rand::rngs::ChaCha8Rng::seed_from_u64(1912);
    StandardNormal.sample_iter(&mut rng).take(n).collect()
}

/// Does not sorting pay, and from which length on? Beside it, the cost of copying the weights: the floor.
fn one_vector(c: &mut Criterion) {
    let mut group = c.benchmark_group("one vector");
    for n in [256, 4096, 65_536, 1 << 20] {
        let weights = normal(n);
        let (mut trits, mut copy) = (vec![0; n], vec![0.0; n]);
        group.throughput(Throughput::Elements(n as u64));
        for (name, search) in [("bracket", Search::Bracket), ("sort", Search::Sort)] {
            let how = Ternarizer::new().search(search);
            group.bench_with_input(BenchmarkId::new(name, n), &weights, |b, weights| {
                b.iter(|| how.ternarize_into(black_box(weights), &mut trits));
            });
        }
        group.bench_with_input(BenchmarkId::new("copy", n), &weights, |b, weights| {
            b.iter(|| copy.copy_from_slice(black_box(weights)));
        });
    }
    group.finish();
}

/// What does the shape of many short vectors cost, through the tensor API?
fn short_vectors(c: &mut Criterion) {
    let mut group = c.benchmark_group("short vectors");
    for n in [9, 25, 32, 64, 128, 256] {
        let count = 65_536 / n;
        let weights = normal(n * count);
        group.throughput(Throughput::Elements((n * count) as u64));
        group.bench_with_input(BenchmarkId::from_parameter(n), &weights, |b, weights| {
            let view = TensorView::new(weights, &[count, n]).expect("as many weights");
            b.iter(|| TernaryTensor::ternarize(&view, Grouping::Block(n), &Ternarizer::new()));
        });
    }
    group.finish();
}

/// What does a rule cost beside the others?
fn rules(c: &mut Criterion) {
    let n = 4096;
    let (weights, mut trits) = (normal(n), vec![0; n]);
    let importance: Vec<f32> = normal(n).iter().map(|h| h * h).collect();
    let mut group = c.benchmark_group("rules at 4096");
    group.throughput(Throughput::Elements(n as u64));
    for rule in Rule::ALL {
        group.bench_function(rule.name(), |b| {
            let how = Ternarizer::new().rule(rule);
            b.iter(|| how.ternarize_into(black_box(&weights), &mut trits));
        });
    }
    for (name, how) in [
        ("tnt, one scale", Ternarizer::new().scales(Scales::One)),
        ("tnt, importance", Ternarizer::new().importance(&importance)),
        ("tnt, 1000 non-zeros", Ternarizer::new().nonzeros(1000)),
        ("tnt, cosine 0.85", Ternarizer::new().target_cosine(0.85)),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| how.ternarize_into(black_box(&weights), &mut trits));
        });
    }
    group.finish();
}

/// What does a matrix cost, with scales per row?
fn rows(c: &mut Criterion) {
    let side = 1024;
    let weights = normal(side * side);
    let view = TensorView::new(&weights, &[side, side]).expect("as many weights");
    let mut group = c.benchmark_group("rows of 1024 x 1024");
    group.throughput(Throughput::Elements((side * side) as u64));
    group.sample_size(20);
    group.bench_function("tnt", |b| {
        b.iter(|| TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &Ternarizer::new()));
    });
    group.finish();
}

criterion_group!(benches, one_vector, short_vectors, rules, rows);
criterion_main!(benches);
