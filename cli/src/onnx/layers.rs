//! The layers of a network.

use super::weights::Source;
use super::{DataType, Network};

/// The layers of a network, and what looks like one but is left as it is.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The layers whose weights can be read and replaced, in the order of their nodes.
    pub found: Vec<Layer>,
    /// The names of other weights or nodes, with the reason why each is left.
    pub left: Vec<(String, String)>,
}

/// A matrix of weights, and the node that multiplies with it.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The name of the weight. Those of the two directions of a recurrent node end in `.forward` and `.backward`.
    pub name: String,
    /// The node that uses the weight, as an index into [`Network::nodes`].
    pub node: usize,
    /// Further nodes that use the weight in the same way.
    pub also: Vec<usize>,
    /// How the node uses it.
    pub kind: Kind,
    /// The outputs: for convolutions the output channels of all groups, for recurrent nodes all gates of a direction.
    pub rows: usize,
    /// The weights of one output.
    pub columns: usize,
    /// The type of the stored weights.
    pub data_type: DataType,
    /// The value that the weight is multiplied with. For [`Matrix::Hidden`], which is multiplied with the state of the node, this is the
    /// input of the node too.
    pub input: String,
    /// The first output of the node.
    pub output: String,
    pub(super) source: Source,
}

/// How a node uses a weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `MatMul` with the weight on the right.
    MatMul,
    /// `Gemm` with an input that is not transposed, and factors of one.
    Gemm,
    /// `Conv` in one to three dimensions.
    Conv(Convolution),
    /// `LSTM` or `GRU`, in one direction.
    Recurrent {
        /// The operation.
        cell: Cell,
        /// Which of its matrices.
        matrix: Matrix,
        /// The direction: 0, or 1 for the second of a bidirectional node.
        direction: usize,
        /// How many directions the node has.
        directions: usize,
    },
}

/// The parameters of a convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// How many groups of channels.
    pub groups: usize,
    /// Whether each input channel is a group of its own.
    pub depthwise: bool,
    /// The extents of the kernel.
    pub kernel: Vec<usize>,
    /// The stride in each dimension.
    pub strides: Vec<usize>,
    /// The dilation in each dimension.
    pub dilations: Vec<usize>,
    /// The padding before each dimension. Of no meaning if `auto_pad` is set.
    pub begin: Vec<usize>,
    /// The padding after each dimension. Of no meaning if `auto_pad` is set.
    pub end: Vec<usize>,
    /// How the padding follows from the input.
    pub auto_pad: AutoPad,
}

/// How the padding of a convolution follows from the extents of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoPad {
    /// It is given.
    NotSet,
    /// There is none.
    Valid,
    /// As many outputs as `ceil(input / stride)`, with the odd one at the end.
    SameUpper,
    /// The same, with the odd one at the beginning.
    SameLower,
}

/// A recurrent operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Four gates: input, output, forget, cell.
    Lstm,
    /// Three gates: update, reset, hidden.
    Gru,
}

/// A matrix of a recurrent node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// `W`, multiplied with the input.
    Input,
    /// `R`, multiplied with the hidden state.
    Hidden,
}

impl Network {
    /// Finds the weights that are matrices of layers.
    #[must_use]
    pub fn layers(&self) -> Layers {
        todo!()
    }
}
