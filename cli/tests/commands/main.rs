//! The program `ternarize`, run as its users run it.

#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "tests of a program, which has the standard library"
)]

#[cfg(feature = "onnx")]
mod arrays;
mod carried;
mod checkpoints;
mod compared;
mod converted;
#[cfg(feature = "onnx")]
mod evaluated;
mod files;
mod hostile;
mod inputs;
mod inspected;
mod interrupted;
mod memory;
#[cfg(feature = "onnx")]
mod networks;
#[cfg(feature = "onnx")]
mod networks_refused;
mod planned;
mod quantized;
mod shards;
mod tool;
mod unreliable;
mod usage;
mod verified;
