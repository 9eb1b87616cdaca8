//! The values of a weight: from where they are stored, along a path of nodes that only rearrange them, to the node that multiplies.
//!
//! ```text
//! stored constant -> Identity, Cast, Transpose, Reshape, Squeeze, Unsqueeze -> rows and columns of a layer
//! ```
//!
//! Reshapes keep the order of the values, so the path is a list of transposes. New values take the same path backwards.

use anyhow::{Context as _, Result, bail, ensure};

use super::network::{Constant, Reader};
use super::protobuf::put_bytes;
use super::tensor::count;
use super::{DataType, Layer, Network, Node};

/// The most nodes of a path. Chosen: exporters use one or two.
const LONGEST: usize = 16;

/// The most dimensions of a constant on a path: convolutions have five.
const DIMENSIONS: usize = 8;

/// A constant as a node sees it.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The name of the constant.
    pub(super) constant: String,
    pub(super) transposes: Vec<Transpose>,
    /// The extents that the node sees.
    pub(super) dims: Vec<usize>,
    /// The type that the node sees.
    pub(super) data_type: DataType,
}

/// A change of the order of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transpose {
    dims: Vec<usize>,
    /// The old axis for each new one.
    axes: Vec<usize>,
}

impl Network {
    /// The weights of a layer: `rows` times `columns` values, row after row.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn weights(&self, layer: &Layer) -> Result<Vec<f32>> {
        let read = || -> Result<Vec<f32>> {
            let mut values = self.values(&layer.source)?;
            let range = layer.values(values.len())?;
            values.truncate(range.end);
            values.drain(..range.start);
            Ok(values)
        };
        read().with_context(|| format!("`{}`", layer.name.escape_debug()))
    }

    /// Replaces the weights of a layer. Each is rounded to the stored type; one that would be the same f32 keeps its bits.
    ///
    /// # Errors
    ///
    /// If their number is wrong, if one is too large for the stored type, or if the old ones cannot be read.
    pub fn set_weights(&mut self, layer: &Layer, weights: &[f32]) -> Result<()> {
        let mut write = || -> Result<()> {
            let mut values = self.values(&layer.source)?;
            let range = layer.values(values.len())?;
            ensure!(
                weights.len() == range.len(),
                "{} values, not {}",
                weights.len(),
                range.len()
            );
            values[range].copy_from_slice(weights);
            self.set_values(&layer.source, values)
        };
        write().with_context(|| format!("`{}`", layer.name.escape_debug()))
    }

    /// The values of a constant in the order in which a node sees them.
    pub(super) fn values(&self, source: &Source) -> Result<Vec<f32>> {
        let tensor = self.constant(&source.constant)?;
        let mut values = tensor.context("no constant")?.floats()?;
        for transpose in &source.transposes {
            values = transpose.apply(&values)?;
        }
        Ok(values)
    }

    /// Replaces the values of a constant.
    pub(super) fn set_values(&mut self, source: &Source, mut values: Vec<f32>) -> Result<()> {
        for transpose in source.transposes.iter().rev() {
            values = transpose.inverse().apply(&values)?;
        }
        let name = &source.constant;
        let tensor = self.constant(name)?.context("no constant")?;
        let Some(message) = tensor.with(&values)? else {
            return Ok(());
        };
        let mut field = Vec::new();
        // Initializers of graphs, tensors of attributes and attributes of nodes have the same number.
        put_bytes(&mut field, 5, &message);
        match self.constants.get(name) {
            _ if self.new.contains_key(name) => _ = self.new.insert(name.clone(), field),
            Some(Constant::Tensor(place) | Constant::Attribute(place, _)) => {
                self.edits.insert(place.start, field);
            }
            _ => bail!("no constant"),
        }
        Ok(())
    }

    /// The constant that a value comes from, and the nodes on the way, the last one first.
    fn path<'a>(&'a self, mut name: &'a str) -> Result<(&'a str, Vec<&'a Node>)> {
        let mut path = Vec::new();
        while !self.constants.contains_key(name) && !self.new.contains_key(name) {
            let maker = self.makers.get(name);
            let &maker = maker.context("given by an input of the network")?;
            let node = &self.nodes[maker];
            let op = node.op_type.escape_debug();
            ensure!(
                !self.varies[maker],
                "computed from the inputs of the network by `{op}`"
            );
            ensure!(!node.is("DequantizeLinear"), "quantized already");
            ensure!(passes(node), "computed by `{op}`");
            ensure!(
                path.len() < LONGEST,
                "made by a path of more than {LONGEST} nodes"
            );
            path.push(node);
            name = node.inputs.first().context("a node without input")?;
        }
        Ok((name, path))
    }

    /// The constant that a value is, and how it is rearranged. An error is the reason why it is none.
    pub(super) fn source(&self, name: &str) -> Result<Source> {
        let (name, path) = self.path(name)?;
        let tensor = self.constant(name)?.context("no constant")?;
        ensure!(
            tensor.data_type.is_float(),
            "of type {:?}",
            tensor.data_type
        );
        ensure!(
            tensor.dims.len() <= DIMENSIONS,
            "of more than {DIMENSIONS} dimensions"
        );
        tensor.count()?;
        let mut source = Source {
            constant: name.into(),
            transposes: Vec::new(),
            data_type: tensor.data_type,
            dims: tensor.dims,
        };
        for node in path.into_iter().rev() {
            let place = || format!("`{}` ({})", node.label().escape_debug(), node.op_type);
            self.rearrange(node, &mut source).with_context(place)?;
            ensure!(
                source.dims.len() <= DIMENSIONS,
                "of more than {DIMENSIONS} dimensions"
            );
        }
        Ok(source)
    }

    fn rearrange(&self, node: &Node, source: &mut Source) -> Result<()> {
        match node.op_type.as_str() {
            "Cast" => {
                let to = node.integer("to").unwrap_or_default();
                source.data_type = DataType::new(to.cast_unsigned());
                ensure!(source.data_type.is_float(), "cast to integers");
            }
            "Transpose" => {
                let axes = match node.integers("perm") {
                    Some(axes) => axes
                        .iter()
                        .map(|&axis| axis.try_into())
                        .collect::<Result<_, _>>()?,
                    None => (0..source.dims.len()).rev().collect(),
                };
                source.transpose(axes)?;
            }
            "Reshape" => {
                let shape = self
                    .integers_of(node, "shape")?
                    .context("the shape is no constant")?;
                source.dims = reshape(&source.dims, &shape, node.integer("allowzero") == Some(1))?;
            }
            "Squeeze" => {
                let axes = self.integers_of(node, "axes")?;
                source.dims = squeeze(&source.dims, axes.as_deref())?;
            }
            "Unsqueeze" => {
                let axes = self.integers_of(node, "axes")?;
                source.dims = unsqueeze(&source.dims, &axes.context("the axes are no constant")?)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The integers of an attribute, or of the second input, which later versions have in its place.
    fn integers_of(&self, node: &Node, attribute: &str) -> Result<Option<Vec<i64>>> {
        if let Some(integers) = node.integers(attribute) {
            return Ok(Some(integers.into()));
        }
        match node.inputs.get(1).filter(|name| !name.is_empty()) {
            Some(name) => {
                let constant = self.constant(name)?;
                let integers = constant
                    .with_context(|| format!("`{}` is no constant", name.escape_debug()))?;
                integers.integers().map(Some)
            }
            None => Ok(None),
        }
    }

    /// All that reads a constant, beyond the nodes that only rearrange it.
    pub(super) fn readers_of(&self, constant: &str) -> Vec<Reader> {
        let mut names = vec![constant];
        let mut readers = Vec::new();
        while let Some(name) = names.pop() {
            for &reader in self.readers.get(name).into_iter().flatten() {
                match reader {
                    Reader::Input(node, 0) if passes(&self.nodes[node]) => {
                        names.extend(self.nodes[node].outputs.first().map(String::as_str));
                    }
                    _ => readers.push(reader),
                }
            }
        }
        readers
    }
}

/// Whether a node only rearranges its first input.
pub(super) fn passes(node: &Node) -> bool {
    let operations = [
        "Identity",
        "Cast",
        "Transpose",
        "Reshape",
        "Squeeze",
        "Unsqueeze",
    ];
    operations.iter().any(|operation| node.is(operation))
}

impl Source {
    /// Changes the order of the axes.
    pub(super) fn transpose(&mut self, axes: Vec<usize>) -> Result<()> {
        let dims = self.dims.clone();
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        ensure!(
            sorted.iter().copied().eq(0..dims.len()),
            "a transpose of {} axes by {axes:?}",
            dims.len()
        );
        self.dims = axes.iter().map(|&axis| dims[axis]).collect();
        self.transposes.push(Transpose { dims, axes });
        Ok(())
    }
}

impl Transpose {
    fn inverse(&self) -> Self {
        let mut axes = vec![0; self.axes.len()];
        self.axes
            .iter()
            .enumerate()
            .for_each(|(new, &old)| axes[old] = new);
        Self {
            dims: self.axes.iter().map(|&axis| self.dims[axis]).collect(),
            axes,
        }
    }

    fn apply(&self, values: &[f32]) -> Result<Vec<f32>> {
        ensure!(
            count(&self.dims) == Some(values.len()),
            "{} values of {:?}",
            values.len(),
            self.dims
        );
        let mut strides = vec![1; self.dims.len()];
        for axis in (1..self.dims.len()).rev() {
            strides[axis - 1] = strides[axis] * self.dims[axis];
        }
        let axes = self
            .axes
            .iter()
            .map(|&axis| (self.dims[axis], strides[axis]));
        let axes: Vec<_> = axes.collect();
        let mut position = vec![0; axes.len()];
        let mut from = 0;
        let mut out = Vec::with_capacity(values.len());
        for _ in values {
            out.push(values[from]);
            // The next position, like an odometer.
            for (place, &(extent, stride)) in position.iter_mut().zip(&axes).rev() {
                *place += 1;
                from += stride;
                if *place < extent {
                    break;
                }
                from -= stride * extent;
                *place = 0;
            }
        }
        Ok(out)
    }
}

/// The extents after a `Reshape`: 0 keeps an extent unless `zero` says that it means zero, and -1 is what is left.
fn reshape(dims: &[usize], shape: &[i64], zero: bool) -> Result<Vec<usize>> {
    let wrong = || format!("a reshape of {dims:?} to {shape:?}");
    ensure!(
        shape.len() <= DIMENSIONS,
        "more than {DIMENSIONS} dimensions"
    );
    let mut left = None;
    let mut new = Vec::new();
    for (axis, &extent) in shape.iter().enumerate() {
        new.push(match extent {
            0 if !zero => *dims.get(axis).with_context(wrong)?,
            -1 => {
                ensure!(left.replace(axis).is_none(), wrong());
                1
            }
            _ => extent.try_into().with_context(wrong)?,
        });
    }
    let total = count(dims).with_context(wrong)?;
    if let Some(axis) = left {
        let known = count(&new).filter(|&known| known > 0);
        new[axis] = total / known.with_context(wrong)?;
    }
    ensure!(count(&new) == Some(total), wrong());
    Ok(new)
}

/// The extents without some of those that are one: without all, if no axes are given.
fn squeeze(dims: &[usize], axes: Option<&[i64]>) -> Result<Vec<usize>> {
    let axes = axes.map(|axes| absolute(axes, dims.len())).transpose()?;
    let goes = |axis, extent| {
        axes.as_ref()
            .map_or(extent == 1, |axes| axes.contains(&axis))
    };
    let stays = dims
        .iter()
        .enumerate()
        .filter(|&(axis, &extent)| !goes(axis, extent));
    let squeezed: Vec<usize> = stays.map(|(_, &extent)| extent).collect();
    ensure!(
        count(&squeezed) == count(dims),
        "a squeezed axis of {dims:?} is not 1"
    );
    Ok(squeezed)
}

/// The extents with ones at these axes of the result.
fn unsqueeze(dims: &[usize], axes: &[i64]) -> Result<Vec<usize>> {
    let rank = dims.len().saturating_add(axes.len());
    ensure!(rank <= DIMENSIONS, "of more than {DIMENSIONS} dimensions");
    let axes = absolute(axes, rank)?;
    let mut rest = dims.iter();
    let extent = |axis| {
        if axes.contains(&axis) {
            Some(1)
        } else {
            rest.next().copied()
        }
    };
    let extents: Option<_> = (0..rank).map(extent).collect();
    extents.with_context(|| format!("an axis is twice in {axes:?}"))
}

/// Axes counted from the first one.
fn absolute(axes: &[i64], rank: usize) -> Result<Vec<usize>> {
    let axis = |&axis: &i64| {
        let axis = if axis < 0 {
            axis.checked_add(rank as i64)?
        } else {
            axis
        };
        usize::try_from(axis).ok().filter(|&axis| axis < rank)
    };
    let axes: Option<_> = axes.iter().map(axis).collect();
    axes.with_context(|| format!("an axis is not one of {rank}"))
}
