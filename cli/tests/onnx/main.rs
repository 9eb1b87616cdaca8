//! ONNX models: the networks of `make_graphs.py`, read, edited and cut, compared with what NumPy says of them.

mod edits;
mod hostile;
mod int2;
mod networks;
mod reading;
mod wire;
