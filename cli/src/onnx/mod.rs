//! ONNX model files: read, edited and written, without an engine that runs them.
//!
//! ```text
//! protobuf   the wire format: fields as ranges of the file
//! tensor     numbers: inside the file or in a file beside it, of every type that weights have
//! node       an operation with its attributes, and what the bodies inside it take from outside
//! network    the graph: nodes in an order in which they can run, inputs, outputs, constants
//! layers     which constants are weights of matrix products; weights: their values, along a path of reshapes and transposes
//! bias       the bias of a layer, also where there was none
//! part       some of the nodes as a model of their own
//! write      the file with its edits
//! ```
//!
//! A network is the bytes of the file and a list of edits: ranges and what replaces them. Everything else is written as it was read, so
//! fields that are unknown here survive. Edits do not move nodes: an index into [`Network::nodes`] stays valid.

mod bias;
mod layers;
mod network;
mod node;
mod part;
mod protobuf;
mod tensor;
mod weights;
mod write;

pub use layers::{AutoPad, Cell, Convolution, Kind, Layer, Layers, Matrix};
pub use network::{Network, ValueInfo};
pub use node::Node;
pub use tensor::{DataType, Tensor};
