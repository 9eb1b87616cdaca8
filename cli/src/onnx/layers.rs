//! The layers of a network: which constants are matrices of weights, and how the nodes use them.
//!
//! ```text
//! MatMul      a constant on the right, in two dimensions     rows = its columns
//! Gemm        B, transposed or not                           rows = outputs
//! Conv        W, in one to three dimensions                  rows = output channels of all groups
//! LSTM, GRU   W and R, for each direction                    rows = all gates
//! ```
//!
//! A constant that several nodes use in the same way is one layer. If anything else reads it too, an edit would change that as well, so the
//! constant is left, with the reason. What lies in bodies of `If`, `Loop` and `Scan`, and in local functions, is left too.

use core::ops::Range;
use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use super::network::Reader;
use super::weights::Source;
use super::{Convolution, DataType, Network, Node};

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
    /// The value that the weight is multiplied with. [`Matrix::Hidden`] is multiplied with the state of its node; this is the input of the
    /// node there too.
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

/// A recurrent operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Four gates: input, output, forget, cell.
    Lstm,
    /// Three gates: update, reset, hidden.
    Gru,
}

impl Cell {
    /// How many gates it has.
    #[must_use]
    pub fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

/// A matrix of a recurrent node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// `W`, multiplied with the input.
    Input,
    /// `R`, multiplied with the hidden state.
    Hidden,
}

/// A node, its input that may be a weight, and the layers in it.
type Candidate = (usize, usize, Vec<Layer>);

impl Layer {
    /// The place of the weights among all values of the constant.
    pub(super) fn values(&self, count: usize) -> Result<Range<usize>> {
        let size = self.rows * self.columns;
        let start = match self.kind {
            Kind::Recurrent { direction, .. } => direction * size,
            _ => 0,
        };
        let range = start..start + size;
        ensure!(range.end <= count, "the layer is not one of this network");
        Ok(range)
    }
}

impl Network {
    /// Finds the weights that are matrices of layers.
    #[must_use]
    pub fn layers(&self) -> Layers {
        let mut layers = Layers::default();
        // The candidates for each constant.
        let mut constants: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            self.leave_bodies(node, &mut layers.left);
            for &input in weight_inputs(node) {
                match self.candidates(index, input) {
                    Ok(found) => {
                        let name = found.first().map(|layer| layer.source.constant.clone());
                        let candidates = constants.entry(name.unwrap_or_default()).or_default();
                        candidates.push((index, input, found));
                    }
                    Err(reason) => {
                        let left = (node.label().into(), format!("{reason:#}"));
                        // The two matrices of a recurrent node are often left for the same reason.
                        if layers.left.last() != Some(&left) {
                            layers.left.push(left);
                        }
                    }
                }
            }
        }
        for (constant, candidates) in constants {
            match self.shared(&constant, candidates) {
                Ok(found) => layers.found.extend(found),
                Err(reason) => layers.left.push((constant, format!("{reason:#}"))),
            }
        }
        layers.found.sort_by_key(|layer| layer.node);
        layers
    }

    /// Says what is not looked at.
    fn leave_bodies(&self, node: &Node, left: &mut Vec<(String, String)>) {
        for name in &node.inside {
            let (label, op) = (node.label().escape_debug(), node.op_type.escape_debug());
            left.push((name.clone(), format!("it is in a body of `{label}` ({op})")));
        }
        let function = (node.domain.clone(), node.op_type.clone());
        if self.functions.contains(&function) {
            left.push((
                node.label().into(),
                "it is a call of a local function".into(),
            ));
        }
    }

    /// Makes layers of the candidates for a constant, if nothing else reads it and all use it in the same way.
    fn shared(&self, constant: &str, candidates: Vec<Candidate>) -> Result<Vec<Layer>> {
        for reader in self.readers_of(constant) {
            let node = match reader {
                Reader::Input(node, input)
                    if candidates.iter().any(|own| (own.0, own.1) == (node, input)) =>
                {
                    continue;
                }
                Reader::Input(node, _) | Reader::Body(node) => &self.nodes[node],
                Reader::Output => bail!("it is an output of the network too"),
            };
            let (label, op) = (node.label().escape_debug(), node.op_type.escape_debug());
            bail!("it is read by `{label}` ({op}) too");
        }
        let mut candidates = candidates.into_iter();
        let mut layers = candidates
            .next()
            .map(|(.., layers)| layers)
            .unwrap_or_default();
        for (node, _, others) in candidates {
            let same = layers
                .iter()
                .map(Layer::way)
                .eq(others.iter().map(Layer::way));
            let label = self.nodes[node].label().escape_debug();
            ensure!(same, "`{label}` uses it in another way");
            for layer in &mut layers {
                layer.also.push(node);
            }
        }
        Ok(layers)
    }

    /// The layers in an input of a node.
    fn candidates(&self, index: usize, input: usize) -> Result<Vec<Layer>> {
        let node = &self.nodes[index];
        let name = node.inputs.get(input).context("it has no weights")?;
        let mut source = self.source(name).context(match node.inputs.first() {
            Some(left) if node.is("MatMul") && self.source(left).is_ok() => {
                "its weights are on the left"
            }
            _ => "its weights are not constant floats",
        })?;
        let [first, .., last] = source.dims[..] else {
            bail!("its weights have {} dimensions", source.dims.len());
        };
        let whole = source.dims.iter().product::<usize>();
        ensure!(whole > 0, "its weights are empty");
        let (kind, rows) = match node.op_type.as_str() {
            "MatMul" | "Gemm" => {
                let rank = source.dims.len();
                ensure!(rank == 2, "its weights have {rank} dimensions");
                let (kind, rows_first) = product(node)?;
                if !rows_first {
                    source.transpose(vec![1, 0])?;
                }
                (kind, if rows_first { first } else { last })
            }
            "Conv" => (Kind::Conv(Convolution::new(node, &source.dims)?), first),
            _ => return self.recurrent(index, input, &source),
        };
        Ok(vec![self.layer(index, kind, [rows, whole / rows], source)])
    }

    /// The layers in `W` or `R` of a recurrent node: one for each direction.
    fn recurrent(&self, index: usize, input: usize, source: &Source) -> Result<Vec<Layer>> {
        let cell = if self.nodes[index].is("LSTM") {
            Cell::Lstm
        } else {
            Cell::Gru
        };
        let [directions @ 1..=2, rows, columns] = source.dims[..] else {
            bail!("its weights are of shape {:?}", source.dims);
        };
        ensure!(
            rows.is_multiple_of(cell.gates()),
            "{rows} rows for {} gates",
            cell.gates()
        );
        let matrix = if input == 1 {
            Matrix::Input
        } else {
            Matrix::Hidden
        };
        let layer = |direction| {
            let kind = Kind::Recurrent {
                cell,
                matrix,
                direction,
                directions,
            };
            let mut layer = self.layer(index, kind, [rows, columns], source.clone());
            if directions == 2 {
                layer.name += [".forward", ".backward"][direction];
            }
            layer
        };
        Ok((0..directions).map(layer).collect())
    }

    fn layer(
        &self,
        index: usize,
        kind: Kind,
        [rows, columns]: [usize; 2],
        source: Source,
    ) -> Layer {
        let node = &self.nodes[index];
        let stored = self.constant(&source.constant).ok().flatten();
        Layer {
            name: source.constant.clone(),
            node: index,
            also: Vec::new(),
            kind,
            rows,
            columns,
            data_type: stored.map_or(source.data_type, |stored| stored.data_type),
            input: node.inputs.first().cloned().unwrap_or_default(),
            output: node.outputs.first().cloned().unwrap_or_default(),
            source,
        }
    }
}

impl Layer {
    /// The groups of a convolution; 1 for all else.
    #[must_use]
    pub fn groups(&self) -> usize {
        match &self.kind {
            Kind::Conv(convolution) => convolution.groups,
            _ => 1,
        }
    }

    /// What must agree if two nodes share a weight.
    fn way(&self) -> impl PartialEq {
        let Self {
            kind,
            rows,
            columns,
            source,
            ..
        } = self;
        (
            kind.clone(),
            *rows,
            *columns,
            source.transposes.clone(),
            source.data_type,
        )
    }
}

/// The kind of a product of matrices, and whether the outputs are the first axis of its weights.
fn product(node: &Node) -> Result<(Kind, bool)> {
    if node.is("MatMul") {
        return Ok((Kind::MatMul, false));
    }
    let is_transposed = |name| node.integer(name).unwrap_or(0) != 0;
    ensure!(!is_transposed("transA"), "its input is transposed");
    let is_one = |name| {
        node.float(name)
            .is_none_or(|factor| factor.to_bits() == 1.0_f32.to_bits())
    };
    ensure!(is_one("alpha") && is_one("beta"), "it has a factor");
    Ok((Kind::Gemm, is_transposed("transB")))
}

/// The inputs of a node that may be weights.
fn weight_inputs(node: &Node) -> &'static [usize] {
    if ["MatMul", "Gemm", "Conv"].iter().any(|op| node.is(op)) {
        &[1]
    } else if ["LSTM", "GRU"].iter().any(|op| node.is(op)) {
        &[1, 2]
    } else {
        &[]
    }
}
