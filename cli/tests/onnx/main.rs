//! ONNX models: the networks of `make_graphs.py`, read, edited and cut, compared with what NumPy says of them.

#![expect(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    reason = "tests of a program, which has the standard library"
)]

mod edits;
mod hostile;
mod networks;
mod reading;
mod wire;
