//! How long products with packed trits take, beside a dense `f32` product of the same length.
//!
//! Data: a third of each trit, normal activations, in cache.
//!
//! ```sh
//! cargo bench --bench products
//! ```

use core::hint::black_box;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use ternarize::{Code, PackedTritsBuf};

const N: usize = 4096;

/// Which code multiplies faster, with which activations?
fn dot(c: &mut Criterion) {
    let mut rng = rand::rngs::ChaCha8Rng::seed_from_u64(1912);
    let trits: Vec<i8> = (0..N).map(|_| rng.random_range(-1..=1)).collect();
    let bytes: Vec<i8> = (0..N).map(|_| rng.random_range(-127..=127)).collect();
    let floats: Vec<f32> = bytes.iter().map(|&x| f32::from(x) / 127.0).collect();
    let dense: Vec<f32> = trits.iter().map(|&t| f32::from(t)).collect();

    let mut group = c.benchmark_group("dot of 4096");
    group.throughput(Throughput::Elements(N as u64));
    for code in [Code::TwoBit, Code::Base3] {
        let packed = PackedTritsBuf::from_trits(code, &trits).expect("trits");
        let packed = packed.as_packed();
        let id = |what| BenchmarkId::new(what, code.name());
        group.bench_function(id("f32"), |b| {
            b.iter(|| packed.dot(black_box(&floats)));
        });
        group.bench_function(id("f32 by sign"), |b| {
            b.iter(|| packed.dot_signed(black_box(&floats)));
        });
        group.bench_function(id("i8"), |b| {
            b.iter(|| packed.dot_i8(black_box(&bytes)));
        });
        group.bench_function(id("i8 by sign"), |b| {
            b.iter(|| packed.dot_signed_i8(black_box(&bytes)));
        });
    }
    group.bench_function("dense f32, one running sum", |b| {
        b.iter(|| -> f32 {
            dense
                .iter()
                .zip(black_box(&floats))
                .map(|(w, x)| w * x)
                .sum()
        });
    });
    group.finish();
}

criterion_group!(benches, dot);
criterion_main!(benches);
