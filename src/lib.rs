//! Exact ternary weights without retraining.
//!
//! This crate turns trained weights into trits {-1, 0, +1} and one or two scales. Of all `3^N` ternary vectors it returns the one
//! with the **smallest angle** to the weights. Candidates are compared in exact arithmetic. The method is that of the paper *Neural
//! Networks Weights Quantization: Target None-retraining Ternary (TNT)* by Zhang, Zhu, Zhao and Shin
//! ([arXiv 1912.09236](https://arxiv.org/abs/1912.09236)).
//!
//! ```
//! # #[cfg(feature = "alloc")] {
//! let weights = [0.5_f32, -0.6, 0.1, -0.2, 0.7, 0.0];
//! let (trits, lambda_p, lambda_n) = ternarize::ternarize(&weights)?;
//! assert_eq!(trits, [1, -1, 0, 0, 1, 0]);
//! assert_eq!((lambda_p, lambda_n), (0.6, 0.6));
//! # }
//! # Ok::<(), ternarize::Error>(())
//! ```
//!
//! # Where to begin
//!
//! | to do | see |
//! |---|---|
//! | ternarize a slice | [`ternarize`](fn@ternarize); [`ternarize_into`] without a heap |
//! | use another rule, importances, a number of non-zeros, a target cosine | [`Ternarizer`] |
//! | prove an answer, or check a proof | [`Ternarizer::certify`], [`Certificate`] |
//! | see the error metrics, or the cosine for every number of non-zeros | [`Fit`], [`curve`](fn@curve) |
//! | ternarize whole tensors, with scales per channel, kernel or block | [`tensor`] |
//! | pack trits, also in flash, and multiply with them | [`PackedTrits`], [`matmul::TernaryMatrix`] |
//! | multiply tensors with f32 or 8-bit activations | [`tensor::TernaryTensor::matvec`], [`tensor::TernaryTensor::matvec_i8`] |
//! | read and write the bytes of ggml, bitnet.cpp, Hugging Face and MLX | [`mod@format`] |
//! | use several planes, 16-bit scales, calibration data or a budget of bytes | [`quantize`] |
//! | read and write whole models | [`model`] |
//!
//! # Five jobs
//!
//! **Trits of a slice**, one line: the example above.
//!
//! **A tensor with scales per output channel**, packed, as any of ggml's or our own formats:
//!
//! ```
//! # #[cfg(all(feature = "alloc", feature = "half"))] {
//! # use ternarize::{Scales, Ternarizer, format::Format, tensor::{Grouping, TensorView, TernaryTensor}};
//! # let weights = [0.5_f32, -0.4, 0.0, 0.1].repeat(128);
//! let view = TensorView::new(&weights, &[2, 256])?;
//! let (tensor, _fits) = TernaryTensor::ternarize(&view, Grouping::OUTPUT_CHANNEL, &Ternarizer::new().scales(Scales::One))?;
//! let bytes = tensor.encode(Format::Tq2_0)?;
//! # assert_eq!(bytes.len(), 2 * 66);
//! # }
//! # Ok::<(), ternarize::Error>(())
//! ```
//!
//! **A matrix in flash times a vector**, without a heap:
//!
//! ```
//! # use ternarize::{Code, PackedTrits, ScaleSlice, matmul::TernaryMatrix};
//! # static BYTES: [u8; 2] = [0b10_01_00_10, 0b01_10_10_01];
//! # let (x, mut y) = ([1.0, 2.0, 3.0, 4.0], [0.0; 2]);
//! static TRITS: PackedTrits<'_> = PackedTrits::must(Code::TwoBit, &BYTES, 8);
//! static LAYER: TernaryMatrix<'_> = TernaryMatrix::must([2, 4], &[TRITS], ScaleSlice::F32(&[0.5, 2.0]));
//! LAYER.matvec(&x, &mut y)?;
//! # assert_eq!(y, [1.5, 10.0]);
//! # Ok::<(), ternarize::Error>(())
//! ```
//!
//! **A model file**, of which every matrix that gets smaller becomes ternary:
//!
//! ```
//! # #[cfg(feature = "safetensors")] {
//! # use ternarize::{Ternarizer, model::{DenseTensor, Model, Tensor}, tensor::Grouping};
//! # let folder = tempfile::tempdir().expect("a folder");
//! # let (input, output) = (folder.path().join("dense"), folder.path().join("ternary"));
//! # let mut dense = Model::new();
//! # dense.insert("fc.weight", Tensor::Dense(DenseTensor::new(&[2, 64], &[0.5_f32; 128])?));
//! # dense.write(&input)?;
//! let mut model = Model::read(input)?;
//! let report = model.ternarize_all(Grouping::OUTPUT_CHANNEL, &Ternarizer::new())?;
//! println!("{report:?}");
//! model.write(output)?;
//! # assert!(report["fc.weight"].is_ok());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **A layer calibrated on its inputs**: planes and trits for 3.7 bits per weight, chosen by what they change at the outputs; the outputs'
//! means and deviations matched; stored, read back and multiplied. `batches` holds rows of 64 inputs:
//!
//! ```
//! # #[cfg(all(feature = "safetensors", feature = "nalgebra"))] {
//! # use ternarize::{Code, ScaleType, model::{Model, Tensor}, tensor::{Shape, TernaryTensor}};
//! # use ternarize::quantize::{Codebook, calibrate::{Correction, Pairs}, gram::{Gram, OutputAware}};
//! # let noise = |i: usize| ((i * 7919 + i * i * 31) % 1009) as f32 / 504.0 - 1.0;
//! # let weights: Vec<f32> = (0..2048).map(noise).collect();
//! # let batches: Vec<Vec<f32>> = (0..4).map(|b| (0..64 * 32).map(|i| noise(i + 4096 * b)).collect()).collect();
//! # let outputs = |x: &[f32]| -> Vec<f32> {
//! #     let dot = |w: &[f32], x: &[f32]| w.iter().zip(x).map(|(w, x)| w * x).sum();
//! #     x.chunks(64).flat_map(|x| weights.chunks(64).map(move |w| dot(w, x))).collect()
//! # };
//! # let folder = tempfile::tempdir().expect("a folder");
//! # let path = folder.path().join("layer.safetensors");
//! # let mut y = vec![0.0; 32];
//! let (mut gram, mut pairs) = (Gram::new(64)?, Pairs::new(32)?);
//! batches.iter().try_for_each(|batch| gram.add(batch))?;
//! let aware = OutputAware::new(&gram).scale_type(ScaleType::F16).codebook(Codebook::within(3.7, 64, ScaleType::F16)?);
//! let layer = TernaryTensor::from_fits(Shape::new(&[32, 64])?, &aware.ternarize(&weights)?)?.transcode(Code::Base3);
//! batches.iter().try_for_each(|batch| pairs.add(&outputs(batch), &layer.outputs(batch)?))?;
//! let layer = layer.corrected(&pairs.correct(Correction::MatchMoments))?;
//! Model::from_iter([("layer", Tensor::Ternary(layer))]).write(&path)?;
//! let Some(Tensor::Ternary(layer)) = Model::read(path)?.remove("layer") else { panic!("no layer") };
//! layer.matvec(&batches[0][..64], &mut y)?;
//! # let exact = outputs(&batches[0][..64]);
//! # let error: f32 = y.iter().zip(&exact).map(|(y, e)| (y - e) * (y - e)).sum();
//! # assert!(error < 0.05 * exact.iter().map(|e| e * e).sum::<f32>(), "{error}");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//!
//! - **Exact.** [`Rule::Tnt`] and [`Rule::TwoScale`] return the optimum of their objective for all weight types. Scales are
//!   rounded once, from the exact ratio. Among equal optima the one with the fewest non-zeros is returned.
//! - **Deterministic.** The same input gives the same bits on every target, for every feature set and number of threads.
//! - **Total.** Bad input is a typed [`Error`] that names the place. No function panics on bad input.
//! - **Small.** Without default features the crate needs neither `std` nor a heap, and is as fast.
//!
//! # Layers
//!
//! A module uses only modules before it in this list: [`Error`] and [`Weight`]; `simd` (instruction sets), `exact` (integers that
//! never round), `optimum` (the best ternary vector of one slice), [`quantize`] (beyond one vector), `code` and `packed` (trits in
//! bytes), [`matmul`] (products), [`mod@format`] (blocks of other programs), [`tensor`], [`model`]. `code`, `packed` and [`matmul`] use
//! nothing of `optimum` and [`quantize`].
//!
//! # Features
//!
//! | feature | enables | needs |
//! |---|---|---|
//! | `std` (default) | `alloc`; results and speed do not depend on it | |
//! | `alloc` | owned results, [`tensor`], [`quantize`] | |
//! | `half` | f16 and bf16 weights, [`mod@format`] | half |
//! | `heapless` | `ternarize_heapless` | heapless |
//! | `nalgebra` | [`quantize::gram`] | nalgebra |
//! | `ndarray` | tensors from and to `ndarray` arrays | ndarray |
//! | `rayon` | groups of a tensor, long slices, and rows of a product in parallel | rayon, `std` |
//! | `safetensors` | [`model`] | safetensors, serde, tempfile, thiserror, `half`, `std` |

#![no_std]
// Links to modules behind features are broken only where the features are off.
#![cfg_attr(
    not(all(
        feature = "alloc",
        feature = "nalgebra",
        feature = "ndarray",
        feature = "safetensors"
    )),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "some of the linked modules are behind features"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod error;
mod threads;
mod weight;

mod scale;

mod simd;

mod rotation;

mod exact;

mod optimum;

pub mod quantize;

mod code;
mod packed;

pub mod matmul;

#[cfg(feature = "half")]
pub mod format;

#[cfg(feature = "alloc")]
pub mod tensor;

#[cfg(feature = "safetensors")]
pub mod model;

#[cfg(feature = "half")]
pub use format::Format;
#[cfg(feature = "alloc")]
pub use optimum::certificate::{Certificate, Ladder, Refusal, Step};
#[cfg(feature = "alloc")]
pub use optimum::curve::curve;
#[cfg(feature = "alloc")]
pub use optimum::options::ternarize;
#[cfg(feature = "heapless")]
pub use optimum::options::ternarize_heapless;
#[cfg(feature = "alloc")]
pub use packed::PackedTritsBuf;
pub use {
    code::Code,
    error::{Error, Operand, ShapeError},
    optimum::curve::curve_into,
    optimum::fit::Fit,
    optimum::options::{Ternarizer, ternarize_into},
    optimum::rule::{Rule, Scales},
    optimum::search::Search,
    optimum::weight::Weight,
    packed::PackedTrits,
    scale::{ScaleSlice, ScaleType},
    simd::Backend,
};

/// The README's example is a test.
#[cfg(all(doctest, feature = "alloc"))]
#[doc = include_str!("../README.md")]
struct Readme;
