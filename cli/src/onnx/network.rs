//! The graph of a model file: nodes in an order in which they can run, inputs, outputs and constants.

use core::cmp::Reverse;
use core::ops::Range;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::node::{sparse_name, text_in};
use super::protobuf::{Field, LARGEST, fields};
use super::{Node, Tensor};

/// A network: a model file, and edits of it.
#[derive(Clone, Debug)]
pub struct Network {
    pub(super) file: Vec<u8>,
    /// Where external data lies.
    pub(super) folder: Option<PathBuf>,
    /// The message of the graph.
    pub(super) graph: Range<usize>,
    pub(super) nodes: Vec<Node>,
    /// Whether the outputs of each node depend on the inputs of the network, or are random.
    pub(super) varies: Vec<bool>,
    /// The node that makes each value.
    pub(super) makers: HashMap<String, usize>,
    pub(super) readers: HashMap<String, Vec<Reader>>,
    pub(super) constants: HashMap<String, Constant>,
    /// The messages that describe values.
    pub(super) described: HashMap<String, Range<usize>>,
    /// The names of the inputs that are no initializers.
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) functions: Functions,
    opset: i64,
    /// The fields that are replaced, by their first byte, and what replaces them.
    pub(super) edits: BTreeMap<usize, Vec<u8>>,
    /// New initializers, as fields of the graph.
    pub(super) new: BTreeMap<String, Vec<u8>>,
    /// The new initializers that are added behind nodes.
    pub(super) added: HashMap<usize, String>,
}

/// The domains and names of local functions.
type Functions = HashSet<(String, String)>;

/// What reads a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// A node, as one of its inputs.
    Input(usize, usize),
    /// A body of a node.
    Body(usize),
    /// The caller: it is an output of the network.
    Output,
}

/// Where a constant is stored.
#[derive(Clone, Debug)]
pub(super) enum Constant {
    /// The field of a tensor.
    Tensor(Range<usize>),
    /// The attribute of a `Constant` node with this name that is no tensor.
    Attribute(Range<usize>, String),
    /// A sparse tensor.
    Sparse(Range<usize>),
}

impl Network {
    /// Reads a model file. External data is read when it is needed.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is no ONNX model.
    pub fn open(path: &Path) -> Result<Self> {
        let read = || -> Result<Self> {
            let mut bytes = Vec::new();
            let file = File::open(path)?;
            file.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
            let mut network = Self::parse(bytes)?;
            let folder = path.parent().filter(|folder| *folder != Path::new(""));
            network.folder = Some(folder.unwrap_or(Path::new(".")).into());
            Ok(network)
        };
        read().with_context(|| format!("`{}`", path.display()))
    }

    /// Reads a model from memory. It cannot have external data.
    ///
    /// # Errors
    ///
    /// If it is no ONNX model.
    pub fn parse(file: Vec<u8>) -> Result<Self> {
        ensure!(
            file.len() <= LARGEST,
            "more than 2 GiB, which no ONNX model has"
        );
        let (graph, opset, functions) = around(&file)?;
        let mut network = Self {
            file,
            folder: None,
            graph,
            nodes: Vec::new(),
            varies: Vec::new(),
            makers: HashMap::new(),
            readers: HashMap::new(),
            constants: HashMap::new(),
            described: HashMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            functions,
            opset,
            edits: BTreeMap::new(),
            new: BTreeMap::new(),
            added: HashMap::new(),
        };
        network.read_graph()?;
        Ok(network)
    }

    fn read_graph(&mut self) -> Result<()> {
        for field in fields(&self.file, self.graph.clone()) {
            let field = field?;
            match field.number {
                1 => self.nodes.push(Node::parse(&self.file, &field, 0)?),
                5 => {
                    let name = text_in(&self.file, &field, 8)?.unwrap_or_default();
                    self.constants.insert(name, Constant::Tensor(field.whole));
                }
                11..=13 => {
                    let name = text_in(&self.file, &field, 1)?.unwrap_or_default();
                    self.described.insert(name.clone(), field.bytes()?);
                    match field.number {
                        11 => self.inputs.push(name),
                        12 => self.outputs.push(name),
                        _ => {}
                    }
                }
                15 => {
                    let name = sparse_name(&self.file, &field)?.unwrap_or_default();
                    self.constants.insert(name, Constant::Sparse(field.whole));
                }
                _ => {}
            }
        }
        self.inputs
            .retain(|name| !self.constants.contains_key(name));
        self.sort_nodes()?;
        self.index_readers()?;
        self.follow_inputs();
        Ok(())
    }

    /// Notes who makes which value.
    fn index_makers(&mut self) -> Result<()> {
        for (index, node) in self.nodes.iter().enumerate() {
            for output in node.outputs.iter().filter(|output| !output.is_empty()) {
                let twice = self.makers.insert(output.clone(), index).is_some();
                let constant = self.constants.contains_key(output);
                ensure!(
                    !twice && !constant,
                    "two values are called `{}`",
                    output.escape_debug()
                );
            }
        }
        Ok(())
    }

    /// Puts the nodes in an order in which they can run. Of those that can run next, the first in the file is taken.
    fn sort_nodes(&mut self) -> Result<()> {
        self.index_makers()?;
        let mut waiting = vec![0_usize; self.nodes.len()];
        let mut followers = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for name in node.inputs.iter().chain(&node.captured) {
                if let Some(&maker) = self.makers.get(name) {
                    waiting[index] += 1;
                    followers[maker].push(index);
                }
            }
        }
        let ready = waiting
            .iter()
            .enumerate()
            .filter(|(_, waiting)| **waiting == 0);
        let mut ready: BinaryHeap<_> = ready.map(|(index, _)| Reverse(index)).collect();
        let mut places = vec![usize::MAX; self.nodes.len()];
        let mut next = 0;
        while let Some(Reverse(index)) = ready.pop() {
            places[index] = next;
            next += 1;
            for &follower in &followers[index] {
                waiting[follower] -= 1;
                if waiting[follower] == 0 {
                    ready.push(Reverse(follower));
                }
            }
        }
        if let Some(index) = places.iter().position(|&place| place == usize::MAX) {
            bail!(
                "node `{}` needs its own output",
                self.nodes[index].label().escape_debug()
            );
        }
        let mut nodes: Vec<_> = places.into_iter().zip(self.nodes.drain(..)).collect();
        nodes.sort_unstable_by_key(|(place, _)| *place);
        self.nodes = nodes.into_iter().map(|(_, node)| node).collect();
        // The nodes have moved.
        self.makers.clear();
        self.index_makers()
    }

    /// Notes who reads which value, and the constants that are nodes.
    fn index_readers(&mut self) -> Result<()> {
        for name in &self.outputs {
            self.readers
                .entry(name.clone())
                .or_default()
                .push(Reader::Output);
        }
        for (index, node) in self.nodes.iter().enumerate() {
            let inputs = (0..)
                .map(|input| Reader::Input(index, input))
                .zip(&node.inputs);
            let captured = node.captured.iter().map(|name| (Reader::Body(index), name));
            for (reader, name) in inputs.chain(captured).filter(|(_, name)| !name.is_empty()) {
                self.readers.entry(name.clone()).or_default().push(reader);
            }
            if !node.is("Constant") {
                continue;
            }
            let [output] = node.outputs.as_slice() else {
                bail!("a constant with {} outputs", node.outputs.len());
            };
            if let Some(attribute) = node.attributes.first() {
                let constant = match &attribute.tensor {
                    Some(tensor) => Constant::Tensor(tensor.clone()),
                    None => Constant::Attribute(attribute.field.clone(), attribute.name.clone()),
                };
                self.constants.insert(output.clone(), constant);
            }
        }
        Ok(())
    }

    fn follow_inputs(&mut self) {
        let mut varying: HashSet<&str> = self.inputs.iter().map(String::as_str).collect();
        for node in &self.nodes {
            let random = node.op_type.starts_with("Random");
            let random = random || matches!(node.op_type.as_str(), "Bernoulli" | "Multinomial");
            let mut read = node.inputs.iter().chain(&node.captured);
            let varies = random || read.any(|name| varying.contains(name.as_str()));
            if varies {
                varying.extend(node.outputs.iter().map(String::as_str));
            }
            self.varies.push(varies);
        }
    }

    /// The nodes, in an order in which they can run: that of the file if it is one.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many floats its constants hold.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let constants = self
            .constants
            .keys()
            .filter_map(|name| self.constant(name).ok()?);
        let floats = constants.filter(|constant| constant.data_type.is_float());
        let counts = floats.filter_map(|constant| constant.count().ok());
        counts.fold(0, |sum, count| sum.saturating_add(count as u64))
    }

    /// The version of the operations of ONNX.
    #[must_use]
    pub fn opset(&self) -> i64 {
        self.opset
    }

    /// A value that does not depend on the inputs: an initializer, or the output of a `Constant` node. With the edits made so far.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn constant(&self, name: &str) -> Result<Option<Tensor<'_>>> {
        let folder = self.folder.as_deref();
        let read = |field: &Range<usize>| {
            let edited = self.edits.get(&field.start).map(Vec::as_slice);
            message_of(edited.unwrap_or(&self.file[field.clone()]))
        };
        let tensor = || match (self.new.get(name), self.constants.get(name)) {
            (Some(field), _) => {
                let (file, message) = message_of(field)?;
                Tensor::parse(file, message, folder).map(Some)
            }
            (_, Some(Constant::Tensor(field))) => {
                let (file, message) = read(field)?;
                Tensor::parse(file, message, folder).map(Some)
            }
            (_, Some(Constant::Attribute(field, attribute))) => {
                let (file, message) = read(field)?;
                Tensor::of_attribute(file, message, attribute).map(Some)
            }
            (_, Some(Constant::Sparse(_))) => bail!("sparse tensors are not supported"),
            (None, None) => Ok(None),
        };
        tensor().with_context(|| format!("constant `{}`", name.escape_debug()))
    }
}

/// The message of the graph of a model, and what is around it: the version of the operations of ONNX, and the local functions.
fn around(file: &[u8]) -> Result<(Range<usize>, i64, Functions)> {
    let mut graph = None;
    let mut opset = 1;
    let mut functions = HashSet::new();
    for field in fields(file, 0..file.len()) {
        let field = field.context("no ONNX model")?;
        match field.number {
            7 => {
                let more = graph.replace(field.bytes()?).is_some();
                ensure!(!more, "a model with two graphs");
            }
            8 => opset = default_opset(file, &field)?.unwrap_or(opset),
            25 => {
                let [domain, name] = [10, 1].map(|number| text_in(file, &field, number));
                functions.insert((domain?.unwrap_or_default(), name?.unwrap_or_default()));
            }
            _ => {}
        }
    }
    let graph = graph.context("no ONNX model: it has no graph")?;
    Ok((graph, opset, functions))
}

/// The message in a field that has been cut out of the file.
pub(super) fn message_of(field: &[u8]) -> Result<(&[u8], Range<usize>)> {
    let first = fields(field, 0..field.len()).next();
    Ok((field, first.context("an empty field")??.bytes()?))
}

/// The version of the operations of ONNX, if this field imports them.
fn default_opset(file: &[u8], import: &Field) -> Result<Option<i64>> {
    let domain = text_in(file, import, 1)?.unwrap_or_default();
    let mut version = None;
    for field in fields(file, import.bytes()?) {
        let field = field?;
        if field.number == 2 {
            version = Some(field.varint()?.cast_signed());
        }
    }
    Ok(version.filter(|_| matches!(domain.as_str(), "" | "ai.onnx")))
}
