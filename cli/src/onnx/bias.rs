//! The bias of a layer, also of one that had none.
//!
//! ```text
//! Gemm, Conv   the third input, which is added if it is not there
//! MatMul       the constant of an Add that alone reads the product; else a new Add behind the node, which makes the value that the
//!              MatMul made before, so that whatever reads it sees the sum
//! LSTM, GRU    B: its first half for W, its second half for R, in each direction
//! ```
//!
//! A constant that something else reads too stays as it is: the layer gets an initializer of its own.

use core::ops::Range;

use anyhow::{Context as _, Result, ensure};

use super::network::{Reader, message_of};
use super::node::new_node;
use super::protobuf::{fields, put_bytes};
use super::tensor::{count, new_tensor};
use super::weights::Source;
use super::{Kind, Layer, Matrix, Network};

/// The fields of a node.
const INPUT: u64 = 1;
const OUTPUT: u64 = 2;

/// A constant bias, and the node that reads it; none for an added one.
struct Bias {
    reader: Option<(usize, usize)>,
    source: Source,
}

impl Network {
    /// The bias of a layer, one value for each row, if its node has one. [`Layer::also`] does not matter: those nodes have their own.
    ///
    /// # Errors
    ///
    /// If it is no constant, if it is not one value for each row, or if it cannot be read.
    pub fn bias(&self, layer: &Layer) -> Result<Option<Vec<f32>>> {
        let read = || -> Result<_> {
            let Some(bias) = self.find_bias(layer)? else {
                return Ok(None);
            };
            let values = self.bias_values(layer, &bias.source)?;
            Ok(Some(values[layer.biases().0].to_vec()))
        };
        read().with_context(|| format!("the bias of `{}`", layer.name.escape_debug()))
    }

    /// Replaces the bias of a layer, or gives it one.
    ///
    /// # Errors
    ///
    /// Those of [`Network::bias`]; if the number of values is wrong or one is too large for the type of the bias.
    pub fn set_bias(&mut self, layer: &Layer, bias: &[f32]) -> Result<()> {
        self.put_bias(layer, bias)
            .with_context(|| format!("the bias of `{}`", layer.name.escape_debug()))
    }

    fn put_bias(&mut self, layer: &Layer, bias: &[f32]) -> Result<()> {
        let (range, size) = layer.biases();
        ensure!(
            bias.len() == range.len(),
            "{} values, not {}",
            bias.len(),
            range.len()
        );
        let old = self.find_bias(layer)?;
        let mut values = match &old {
            Some(old) => self.bias_values(layer, &old.source)?,
            None => vec![0.0; size],
        };
        values[range].copy_from_slice(bias);
        let Some(Bias { reader, source }) = old else {
            return self.add_bias(layer, &values);
        };
        let alone = self.readers_of(&source.constant).len() <= 1;
        if alone && count(&source.dims) == Some(size) {
            return self.set_values(&source, values);
        }
        // As many dimensions as before, for more of them would be those of the sum as well.
        let mut dims = source.dims;
        if count(&dims) != Some(size) {
            dims.pop();
            dims.push(size);
        }
        let name = self.new_initializer(layer, &dims, &values)?;
        let (node, input) = reader.context("an added bias that is shared")?;
        self.set_input(node, input, &name)
    }

    fn find_bias(&self, layer: &Layer) -> Result<Option<Bias>> {
        if let Some(added) = self.added.get(&layer.node) {
            let source = self.source(added)?;
            return Ok(Some(Bias {
                reader: None,
                source,
            }));
        }
        let node = self
            .nodes
            .get(layer.node)
            .context("the layer is not one of this network")?;
        let Some(input) = layer.bias_input() else {
            return Ok(self.find_sum(layer));
        };
        let Some(name) = node.inputs.get(input).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let reader = Some((layer.node, input));
        let source = self.source(name).context("not constant")?;
        Ok(Some(Bias { reader, source }))
    }

    /// The bias of a `MatMul`: a constant that is added to nothing but its output.
    fn find_sum(&self, layer: &Layer) -> Option<Bias> {
        let &[Reader::Input(node, product)] = self.readers.get(&layer.output)?.as_slice() else {
            return None;
        };
        let add = self.nodes.get(node).filter(|add| add.is("Add"))?;
        let input = 1 - product.min(1);
        let source = self.source(add.inputs.get(input)?).ok()?;
        let fits = self.bias_values(layer, &source).is_ok();
        fits.then_some(Bias {
            reader: Some((node, input)),
            source,
        })
    }

    /// The values of a whole bias. One value stands for all.
    fn bias_values(&self, layer: &Layer, source: &Source) -> Result<Vec<f32>> {
        let (_, size) = layer.biases();
        let recurrent = matches!(layer.kind, Kind::Recurrent { .. });
        let last = source.dims.last().copied().unwrap_or(1);
        let one = !recurrent && last == 1 && count(&source.dims) == Some(1);
        let along = recurrent || count(&source.dims) == Some(last);
        ensure!(
            one || along && count(&source.dims) == Some(size),
            "it has shape {:?}",
            source.dims
        );
        let values = self.values(source)?;
        Ok(if one { vec![values[0]; size] } else { values })
    }

    fn add_bias(&mut self, layer: &Layer, values: &[f32]) -> Result<()> {
        let dims = match layer.kind {
            Kind::Recurrent { directions, .. } => vec![directions, values.len() / directions],
            _ => vec![values.len()],
        };
        let name = self.new_initializer(layer, &dims, values)?;
        if let Some(input) = layer.bias_input() {
            return self.set_input(layer.node, input, &name);
        }
        ensure!(
            self.opset() >= 7,
            "before version 7 an `Add` does not repeat a bias"
        );
        let product = self.unused(&format!("{}_product", layer.output));
        let node = &self.nodes[layer.node];
        let mut fields = with_name(self.node_field(layer.node), OUTPUT, 0, &product)?;
        let label = format!("{}_bias", node.label());
        let inputs = [product.as_str(), &name];
        fields.append(&mut new_node(
            ("Add", ""),
            &label,
            &inputs,
            &layer.output,
            &[],
        ));
        self.edits.insert(node.field.start, fields);
        self.makers.insert(product, layer.node);
        self.added.insert(layer.node, name);
        Ok(())
    }

    /// Adds an initializer of the type that the node multiplies with.
    fn new_initializer(&mut self, layer: &Layer, dims: &[usize], values: &[f32]) -> Result<String> {
        let name = self.unused(&format!("{}_bias", layer.name));
        let field = new_tensor(&name, dims, layer.source.data_type, values)?;
        self.new.insert(name.clone(), field);
        Ok(name)
    }

    /// A name that no value has.
    pub(super) fn unused(&self, name: &str) -> String {
        let used = |name: &String| {
            self.makers.contains_key(name)
                || self.constants.contains_key(name)
                || self.new.contains_key(name)
                || self.readers.contains_key(name)
                || self.described.contains_key(name)
        };
        let numbered = (2_u64..).map(|number| format!("{name}_{number}"));
        let mut names = core::iter::once(name.to_string()).chain(numbered);
        names.find(|name| !used(name)).unwrap_or_default()
    }

    /// Has a node read another value.
    fn set_input(&mut self, index: usize, input: usize, name: &str) -> Result<()> {
        let field = with_name(self.node_field(index), INPUT, input, name)?;
        let node = &mut self.nodes[index];
        self.edits.insert(node.field.start, field);
        if node.inputs.len() <= input {
            node.inputs.resize(input + 1, String::new());
        }
        let old = core::mem::replace(&mut node.inputs[input], name.into());
        let reader = Reader::Input(index, input);
        if let Some(readers) = self.readers.get_mut(&old) {
            readers.retain(|other| *other != reader);
        }
        self.readers.entry(name.into()).or_default().push(reader);
        Ok(())
    }

    /// The field of a node, with its edits.
    pub(super) fn node_field(&self, index: usize) -> &[u8] {
        let field = &self.nodes[index].field;
        self.edits
            .get(&field.start)
            .map_or(&self.file[field.clone()], Vec::as_slice)
    }
}

impl Layer {
    /// The place of its bias in the whole bias of the node, and the size of that.
    fn biases(&self) -> (Range<usize>, usize) {
        let rows = self.rows;
        let Kind::Recurrent {
            matrix,
            direction,
            directions,
            ..
        } = self.kind
        else {
            return (0..rows, rows);
        };
        let start = 2 * rows * direction + if matrix == Matrix::Hidden { rows } else { 0 };
        (start..start + rows, 2 * rows * directions)
    }

    /// The input of the node that is its bias; none for `MatMul`.
    fn bias_input(&self) -> Option<usize> {
        match self.kind {
            Kind::MatMul => None,
            Kind::Gemm | Kind::Conv(_) => Some(2),
            Kind::Recurrent { .. } => Some(3),
        }
    }
}

/// The field of a node, with the name of an input or output replaced or added.
fn with_name(field: &[u8], number: u64, place: usize, name: &str) -> Result<Vec<u8>> {
    let (file, message) = message_of(field)?;
    let (mut before, mut names, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for field in fields(file, message) {
        let field = field?;
        if field.number == number {
            names.push(field.bytes()?);
        } else if names.is_empty() {
            before.extend_from_slice(&file[field.whole]);
        } else {
            after.extend_from_slice(&file[field.whole]);
        }
    }
    let mut names: Vec<_> = names.into_iter().map(|name| &file[name]).collect();
    // An input that is left out has an empty name.
    names.resize(names.len().max(place + 1), b"");
    names[place] = name.as_bytes();
    for name in names {
        put_bytes(&mut before, number, name);
    }
    before.append(&mut after);
    let mut node = Vec::new();
    put_bytes(&mut node, 1, &before);
    Ok(node)
}
