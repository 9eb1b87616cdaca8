//! ONNX model files: read, edited and written, without an engine that runs them.
//!
//! ```text
//! protobuf   the wire format: fields as ranges of the file
//! tensor     numbers: of every type that weights have (number), inside the file or beside it (external)
//! node       an operation with its attributes, and what the bodies inside it take from outside
//! network    the graph: nodes in an order in which they can run, inputs and outputs (values), constants
//! layers     which constants are weights of products (also convolution); weights: their values, along a path of transposes
//! bias       the bias of a layer, also where there was none
//! part       some of the nodes as a model of their own
//! int2       ternary layers as an operator of onnxruntime; dense: constants as tensors of other model files
//! write      the file with its edits
//! ```
//!
//! A network is the bytes of the file and a list of edits: ranges and what replaces them. Everything else is written as it was read, so
//! fields that are unknown here survive. Edits do not move nodes: an index into [`Network::nodes`] stays valid.

mod bias;
mod convolution;
mod dense;
mod external;
mod int2;
mod layers;
mod network;
mod node;
mod number;
mod part;
mod protobuf;
mod sums;
mod tensor;
mod values;
mod weights;
mod write;

pub use convolution::{AutoPad, Convolution};
pub use int2::int2_bytes;
pub use layers::{Cell, Kind, Layer, Layers, Matrix};
pub use network::Network;
pub use node::Node;
pub use number::DataType;
pub use tensor::Tensor;
pub use values::ValueInfo;
