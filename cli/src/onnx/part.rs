//! Parts of a network: models that compute some values from others.
//!
//! A network is cut between two nodes of its order. The values that are needed after the cut, [`Network::live_after`], are the outputs of
//! the part before it and the inputs of the part behind it. Values that are the same for all inputs are not among them: each part computes
//! them again from its constants.

use std::collections::{BTreeSet, HashSet};

use anyhow::{Context as _, Result, bail};

use super::Network;
use super::network::Constant;
use super::protobuf::{Field, fields, put_bytes, put_header, put_integer};
use super::write::{Pieces, joined};

impl Network {
    /// The values that are known after `nodes()[..=node]` and needed afterwards: inputs of the network first, then in the order of the nodes.
    #[must_use]
    pub fn live_after(&self, node: usize) -> Vec<String> {
        let cut = node.saturating_add(1).min(self.nodes.len());
        let (before, after) = self.nodes.split_at(cut);
        let read = after
            .iter()
            .flat_map(|node| node.inputs.iter().chain(&node.captured));
        let needed: HashSet<&String> = read.chain(&self.outputs).collect();
        let made = before
            .iter()
            .zip(&self.varies)
            .filter(|(_, varies)| **varies);
        let made = made.flat_map(|(node, _)| &node.outputs);
        let known = self
            .inputs
            .iter()
            .chain(made)
            .filter(|name| !name.is_empty());
        known
            .filter(|name| needed.contains(name))
            .cloned()
            .collect()
    }

    /// A model of its own: the nodes that compute `outputs` from `inputs`, with the edits made so far and with external data inside.
    ///
    /// # Errors
    ///
    /// If the outputs need another input of the network, if a constant cannot be read, or if there would be more than 2 GiB.
    pub fn part(&self, inputs: &[String], outputs: &[String]) -> Result<Vec<u8>> {
        let mut wanted: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let mut done: HashSet<&str> = inputs.iter().map(String::as_str).collect();
        done.insert("");
        let mut nodes = BTreeSet::new();
        let mut constants = BTreeSet::new();
        while let Some(name) = wanted.pop() {
            if !done.insert(name) {
                continue;
            }
            if let Some(&index) = self.makers.get(name) {
                let node = &self.nodes[index];
                if nodes.insert(index) {
                    let read = node.inputs.iter().chain(&node.captured);
                    wanted.extend(read.chain(self.added.get(&index)).map(String::as_str));
                }
            } else if self.new.contains_key(name) || self.constants.contains_key(name) {
                constants.insert(name);
            } else {
                bail!(
                    "`{}` is needed, and not among the inputs",
                    name.escape_debug()
                );
            }
        }
        let mut graph = Pieces::new();
        let mut axes = BTreeSet::new();
        for index in nodes {
            let mut more = Vec::new();
            if let Some(count) = self.missing_axes(index) {
                axes.insert(count);
                put_bytes(&mut more, 1, axes_name(count).as_bytes());
            } else if let Some(kernel) = self.missing_kernel(index) {
                put_bytes(&mut more, 5, &kernel_attribute(&kernel));
            }
            if more.is_empty() {
                self.edited(self.nodes[index].field.clone(), &mut graph)?;
            } else {
                graph.push(self.with_fields(index, &more)?.into());
            }
        }
        for count in axes {
            graph.push(axes_tensor(count).into());
        }
        for name in constants {
            self.put_constant(name, &mut graph)?;
        }
        for (number, names) in [(11, inputs), (12, outputs)] {
            for name in names {
                graph.push(self.description(name, number).into());
            }
        }
        self.around(graph)
    }

    /// How many axes a `Slice` without axes cuts. The standard means the first ones; engines want them named.
    fn missing_axes(&self, index: usize) -> Option<usize> {
        let node = &self.nodes[index];
        let [_, starts, _] = &node.inputs[..] else {
            return None;
        };
        if node.op_type != "Slice" || !node.domain.is_empty() {
            return None;
        }
        let starts = self.constant(starts).ok()??;
        starts.dims.first().copied()
    }

    /// The kernel of a convolution that does not state it. The standard means that of the weights; engines want it stated.
    fn missing_kernel(&self, index: usize) -> Option<Vec<usize>> {
        let node = &self.nodes[index];
        if !node.is("Conv") || node.integers("kernel_shape").is_some() {
            return None;
        }
        let weights = self.source(node.inputs.get(1)?).ok()?;
        weights.dims.get(2..).map(<[usize]>::to_vec)
    }

    /// The field of a node with more fields inside.
    fn with_fields(&self, index: usize, more: &[u8]) -> Result<Vec<u8>> {
        let field = self.node_field(index);
        let inside = fields(field, 0..field.len()).next();
        let node = &field[inside.context("no node")??.bytes()?];
        let mut field = Vec::new();
        put_bytes(&mut field, 1, &[node, more].concat());
        Ok(field)
    }

    fn put_constant<'a>(&'a self, name: &str, graph: &mut Pieces<'a>) -> Result<()> {
        if let (None, Some(Constant::Sparse(field))) =
            (self.new.get(name), self.constants.get(name))
        {
            return self.edited(field.clone(), graph);
        }
        let tensor = self.constant(name)?.context("no constant")?;
        let message = if tensor.external().is_some() {
            let place = || format!("constant `{}`", name.escape_debug());
            tensor.with_raw(&tensor.raw().with_context(place)?)?.into()
        } else {
            tensor.message()
        };
        let mut header = Vec::new();
        put_header(&mut header, 5, message.len());
        graph.extend([header.into(), message]);
        Ok(())
    }

    /// A value's description, as a field of a graph: only its name if the file does not have one.
    fn description(&self, name: &str, number: u64) -> Vec<u8> {
        let mut only_name = Vec::new();
        put_bytes(&mut only_name, 1, name.as_bytes());
        let known = self
            .described
            .get(name)
            .map(|message| &self.file[message.clone()]);
        let mut field = Vec::new();
        put_bytes(&mut field, number, known.unwrap_or(&only_name));
        field
    }

    /// The model around another graph.
    fn around<'a>(&'a self, mut graph: Pieces<'a>) -> Result<Vec<u8>> {
        let mut model = Pieces::new();
        for field in fields(&self.file, 0..self.file.len()) {
            let Field { number, whole, .. } = field?;
            // Not what training would start from either.
            if !matches!(number, 7 | 20) {
                model.push(self.file[whole].into());
            }
        }
        for field in fields(&self.file, self.graph.clone()) {
            let Field { number, whole, .. } = field?;
            if number == 2 {
                graph.push(self.file[whole].into());
            }
        }
        let mut header = Vec::new();
        put_header(&mut header, 7, graph.iter().map(|piece| piece.len()).sum());
        model.push(header.into());
        model.append(&mut graph);
        joined(&model)
    }
}

/// The name of the initializer that counts the first axes.
fn axes_name(count: usize) -> String {
    format!("ternarize.first_axes_{count}")
}

/// An initializer with the numbers of the first axes, as a field of a graph.
fn axes_tensor(count: usize) -> Vec<u8> {
    let mut tensor = Vec::new();
    put_integer(&mut tensor, 1, count as u64);
    put_integer(&mut tensor, 2, 7);
    let numbers: Vec<u8> = (0..count as u64).flat_map(u64::to_le_bytes).collect();
    put_bytes(&mut tensor, 9, &numbers);
    put_bytes(&mut tensor, 8, axes_name(count).as_bytes());
    let mut field = Vec::new();
    put_bytes(&mut field, 5, &tensor);
    field
}

/// The attribute of a convolution that states its kernel.
fn kernel_attribute(kernel: &[usize]) -> Vec<u8> {
    let mut attribute = Vec::new();
    put_bytes(&mut attribute, 1, b"kernel_shape");
    for &extent in kernel {
        put_integer(&mut attribute, 8, extent as u64);
    }
    put_integer(&mut attribute, 20, 7);
    attribute
}
