//! The program `ternarize`: model files in, ternary model files out that other engines open.
//!
//! ```text
//! arguments     the command line
//! commands/     what each command does
//! plan          which tensors become ternary and how: selection (which), method (how)
//! quantize      the work on each tensor: pool (side by side), importance, drawing, output (files, whole or not at all)
//! onnx/         ONNX model files: layers, weights and parts of networks
//! report        the numbers of a result, and its page
//! ```

#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "a program, which has the standard library"
)]

pub mod arguments;
pub mod budget;
#[cfg(feature = "onnx")]
pub mod calibrate;
pub mod commands;
pub mod conversion;
pub mod disk;
pub mod drawing;
#[cfg(feature = "onnx")]
pub mod engine;
#[cfg(feature = "onnx")]
pub mod evaluate;
pub mod failure;
pub mod hash;
pub mod importance;
pub mod method;
pub mod names;
#[cfg(feature = "onnx")]
pub mod network_plan;
pub mod onnx;
pub mod output;
pub mod plan;
pub mod pool;
pub mod progress;
pub mod quantize;
pub mod report;
pub mod selection;

pub use commands::run;
