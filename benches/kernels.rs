//! How long products with packed trits take: a vector, a matrix with 8-bit activations, and many of them.
//!
//! Data: a third of each trit, in cache. The program `kernels` in `benches/peers` compares with other crates.
//!
//! ```sh
//! cargo bench -p ternarize-benches --bench kernels
//! ```

use core::hint::black_box;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{RngExt, SeedableRng};
use ternarize::matmul::Activations;
use ternarize::tensor::{Grouping, Shape, TernaryTensor};
use ternarize::{Backend, Code, PackedTritsBuf, ScaleSlice};

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

const ROWS: usize = 256;

/// Trits in a code, with scales for groups.
fn matrix(code: Code, grouping: Grouping, two: bool) -> TernaryTensor {
    let mut rng = rand::rngs::ChaCha8Rng::seed_from_u64(1912);
    let trits: Vec<i8> = (0..ROWS * N).map(|_| rng.random_range(-1..=1)).collect();
    let shape = Shape::new(&[ROWS, N]).expect("a shape");
    let groups = grouping.count(&shape).expect("groups");
    let packed = PackedTritsBuf::from_trits(code, &trits).expect("trits");
    let (lambda_p, lambda_n) = (vec![0.5_f32; groups], vec![0.375_f32; groups]);
    let lambda_n = two.then_some(ScaleSlice::F32(&lambda_n));
    let lambda_p = ScaleSlice::F32(&lambda_p);
    TernaryTensor::from_parts(shape, grouping, vec![packed], lambda_p, lambda_n).expect("a tensor")
}

/// With one scale, or one for each block.
fn activations(blocks: bool) -> Activations<'static> {
    let mut rng = rand::rngs::ChaCha8Rng::seed_from_u64(1913);
    let x: Vec<f32> = (0..N).map(|_| rng.random_range(-1.0..1.0)).collect();
    let x = if blocks {
        Activations::quantize_blocks(&x)
    } else {
        Activations::quantize(&x)
    };
    x.expect("numbers")
}

/// Which instructions, which layout, which scales multiply 256 rows of 4,096 with 8-bit activations how fast?
fn matvec_i8(c: &mut Criterion) {
    let mut group = c.benchmark_group("256 x 4096 with i8");
    group.throughput(Throughput::Elements((ROWS * N) as u64));
    let block = Grouping::Block(256);
    let rows = Grouping::OUTPUT_CHANNEL;
    for (name, code, grouping, two) in [
        ("2-bit, rows", Code::TwoBit, rows, false),
        ("2-bit, rows, two scales", Code::TwoBit, rows, true),
        ("2-bit, blocks of 256", Code::TwoBit, block, false),
        (
            "2-bit, blocks of 256, two scales",
            Code::TwoBit,
            block,
            true,
        ),
        ("base-3, rows", Code::Base3, rows, false),
    ] {
        let x = activations(grouping == block);
        let matrix = matrix(code, grouping, two);
        let mut y = vec![0.0; ROWS];
        for backend in Backend::available() {
            group.bench_function(BenchmarkId::new(name, backend.name()), |b| {
                b.iter(|| {
                    matrix.matmul_i8_on(backend, core::slice::from_ref(black_box(&x)), &mut y)
                });
            });
        }
    }
    group.finish();
}

/// What do many vectors at once bring, for each of them?
fn matmul_i8(c: &mut Criterion) {
    let matrix = matrix(Code::TwoBit, Grouping::OUTPUT_CHANNEL, false);
    let mut group = c.benchmark_group("256 x 4096 with several i8 vectors");
    for count in [1, 4, 64] {
        let xs = vec![activations(false); count];
        let mut y = vec![0.0; ROWS * count];
        group.throughput(Throughput::Elements((ROWS * N * count) as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| matrix.matmul_i8(black_box(&xs), &mut y));
        });
    }
    group.finish();
}

/// A matrix in the 2-bit code with a scale for each row, and activations for it.
fn layer([rows, columns]: [usize; 2]) -> (TernaryTensor, Activations<'static>) {
    let mut rng = rand::rngs::ChaCha8Rng::seed_from_u64(1914);
    let trits: Vec<i8> = (0..rows * columns)
        .map(|_| rng.random_range(-1..=1))
        .collect();
    let packed = PackedTritsBuf::from_trits(Code::TwoBit, &trits).expect("trits");
    let shape = Shape::new(&[rows, columns]).expect("a shape");
    let scales = vec![0.5_f32; rows];
    let (rows, scales) = (Grouping::OUTPUT_CHANNEL, ScaleSlice::F32(&scales));
    let tensor = TernaryTensor::from_parts(shape, rows, vec![packed], scales, None);
    let x: Vec<f32> = (0..columns).map(|_| rng.random_range(-1.0..1.0)).collect();
    let x = Activations::quantize(&x).expect("numbers");
    (tensor.expect("a tensor"), x)
}

/// What does a small layer take? Up to 128 columns several rows share a tile.
fn small(c: &mut Criterion) {
    let mut group = c.benchmark_group("small layers with i8");
    for shape @ [rows, columns] in [[16, 64], [64, 64], [64, 128], [64, 256], [64, 320]] {
        let (matrix, x) = layer(shape);
        let mut y = vec![0.0; rows];
        group.throughput(Throughput::Elements((rows * columns) as u64));
        let name = format!("{rows} x {columns}");
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            // A copy is arranged anew.
            b.iter(|| matrix.matvec_i8(&black_box(&x).clone(), &mut y));
        });
    }
    group.finish();
}

/// What does it save that the matrices of an attention layer share a vector, which is arranged once? There are as many copies both times.
fn shared(c: &mut Criterion) {
    let mut group = c.benchmark_group("q, k and v with i8");
    for [columns, keys] in [[576, 192], [2048, 256]] {
        let x = layer([1, columns]).1;
        let layers = [columns, keys, keys].map(|rows| layer([rows, columns]).0);
        let mut y = vec![0.0; columns];
        for (name, step) in [("one vector", 0), ("copies", 1)] {
            group.bench_function(BenchmarkId::new(name, columns), |b| {
                b.iter(|| {
                    let xs = [(); 3].map(|()| black_box(&x).clone());
                    for (i, layer) in layers.iter().enumerate() {
                        let y = &mut y[..layer.shape().axes()[0]];
                        layer.matvec_i8(&xs[i * step], y).expect("lengths");
                    }
                });
            });
        }
    }
    group.finish();
}

/// What does it take to round activations to 8 bits?
fn quantize(c: &mut Criterion) {
    let x = vec![0.5_f32; N];
    let mut group = c.benchmark_group("rounding 4096 activations to i8");
    group.throughput(Throughput::Elements(N as u64));
    group.bench_function("one scale", |b| {
        b.iter(|| Activations::quantize(black_box(&x)));
    });
    group.bench_function("a scale for each block", |b| {
        b.iter(|| Activations::quantize_blocks(black_box(&x)));
    });
    group.finish();
}

criterion_group!(benches, dot, matvec_i8, matmul_i8, small, shared, quantize);
criterion_main!(benches);
