//! Ternary layers as `MatMulNBits` in the domain `com.microsoft`, the operator of onnxruntime with weights of 2 bits.
//!
//! ```text
//! MatMul       one MatMulNBits for each plane, and an Add for each further plane
//! Gemm         the same, and an Add of its C
//!
//! B            u8 [rows, blocks, block size / 4]     trit + 1 in 2 bits, four in a byte, the first in the lowest bits
//! scales       f32 [rows, blocks]                    the scale of the row, for each of its blocks
//! zero points  u8 [rows, blocks / 4, rounded up]     1 in 2 bits for each block, packed in the same way
//! ```
//!
//! A block is a power of two of columns. The last block of a row is filled up with trits of 0. `accuracy_level` is 1: sums of f32.
//!
//! onnxruntime 1.24.1 is the first version that runs 2 bits on the CPU; 1.23.2 refuses them. Blocks of 512 columns are refused by later
//! versions, and give wrong numbers in 1.24 and 1.25, so that 256 is the largest here.

use anyhow::{Context as _, Result};
use ternarize::Scales;
use ternarize::tensor::{Grouping, TernaryTensor};

use super::network::{Constant, Reader};
use super::node::{new_node, text_in};
use super::protobuf::{fields, put_bytes, put_integer};
use super::tensor::tensor_field;
use super::weights::passes;
use super::{DataType, Kind, Layer, Network};

const DOMAIN: &str = "com.microsoft";

/// The sizes of blocks that onnxruntime computes with, the largest first.
const BLOCK_SIZES: [usize; 5] = [256, 128, 64, 32, 16];

/// The codes of four trits that are 0, and four zero points of 1.
const FOUR_ZEROS: u8 = 0b0101_0101;

/// `UINT8`.
const U8: DataType = DataType::Other(2);

/// The blocks of a layer.
#[derive(Clone, Copy)]
struct Blocks {
    size: usize,
    /// How many there are in a row.
    count: usize,
}

impl Blocks {
    /// The blocks that take the fewest bytes; the larger ones of two sizes that take the same.
    fn new(columns: usize) -> Self {
        let blocks = BLOCK_SIZES.map(|size| Self {
            size,
            count: columns.div_ceil(size),
        });
        let least = blocks
            .into_iter()
            .min_by_key(|blocks| blocks.row_bytes() + blocks.zero_points());
        least.unwrap_or(blocks[0])
    }

    /// The bytes of a row in a plane: trits and scales.
    fn row_bytes(self) -> usize {
        self.count * (self.size / 4 + size_of::<f32>())
    }

    /// The bytes of the zero points of a row, which all planes share.
    fn zero_points(self) -> usize {
        self.count.div_ceil(4)
    }
}

/// The bytes of a layer of so many planes: trits, scales and zero points.
#[must_use]
pub fn int2_bytes(layer: &Layer, planes: usize) -> usize {
    let blocks = Blocks::new(layer.columns);
    layer.rows * (planes * blocks.row_bytes() + blocks.zero_points())
}

impl Network {
    /// Whether the operator can hold a ternary layer: a product of f32, with a scale for each row, of inputs that are not rotated.
    #[must_use]
    pub fn holds_int2(&self, layer: &Layer, tensor: &TernaryTensor) -> bool {
        // Before version 7 an `Add` does not repeat a bias.
        self.opset() >= 7
            && matches!(layer.kind, Kind::MatMul | Kind::Gemm)
            && layer.source.data_type == DataType::F32
            && tensor.shape().axes() == [layer.rows, layer.columns]
            && tensor.grouping() == Grouping::OUTPUT_CHANNEL
            && tensor.scales() == Scales::One
            && tensor.rotation().is_none()
    }

    /// The network with the layers of these names as the operator, where [`holds_int2`](Self::holds_int2) says that it can hold them. The
    /// bias of a tensor does not matter: [`set_bias`](Self::set_bias) sets it.
    ///
    /// # Errors
    ///
    /// If there would be more than 2 GiB.
    pub fn with_int2<'a>(
        &self,
        tensors: impl IntoIterator<Item = (&'a str, &'a TernaryTensor)>,
    ) -> Result<Self> {
        // Earlier edits may be of the same nodes.
        let mut network = self.read_again()?;
        let layers = network.layers().found;
        let mut any = false;
        for (name, tensor) in tensors {
            let layer = layers.iter().find(|layer| layer.name == name);
            if let Some(layer) = layer.filter(|layer| network.holds_int2(layer, tensor)) {
                network
                    .put_int2(layer, tensor)
                    .with_context(|| format!("`{}`", name.escape_debug()))?;
                any = true;
            }
        }
        if any {
            network.import_operator()?;
        }
        network.read_again()
    }

    /// The network without edits that is the file of this one.
    fn read_again(&self) -> Result<Self> {
        let mut network = Self::parse(self.bytes()?)?;
        network.folder.clone_from(&self.folder);
        Ok(network)
    }

    fn put_int2(&mut self, layer: &Layer, tensor: &TernaryTensor) -> Result<()> {
        let blocks = Blocks::new(layer.columns);
        let weights = self.add_planes(layer, tensor, blocks);
        for &node in core::iter::once(&layer.node).chain(&layer.also) {
            self.replace_product(node, layer, blocks, &weights);
        }
        self.remove_constant(&layer.source.constant)
    }

    /// Adds the trits, scales and zero points. Returns their names for each plane.
    fn add_planes(
        &mut self,
        layer: &Layer,
        tensor: &TernaryTensor,
        blocks: Blocks,
    ) -> Vec<[String; 3]> {
        let Blocks { size, count } = blocks;
        let zero_points = vec![FOUR_ZEROS; layer.rows * blocks.zero_points()];
        let dims = [layer.rows, blocks.zero_points()];
        let zero_points = self.add_initializer(layer, "zero_points", &dims, U8, &zero_points);
        let scales = tensor.lambda_p();
        let mut names = Vec::new();
        for (plane, scales) in tensor.planes().zip(scales.chunks_exact(layer.rows)) {
            let trits: Vec<i8> = plane.iter().collect();
            let mut codes = vec![FOUR_ZEROS; layer.rows * count * size / 4];
            let rows = codes.chunks_exact_mut(count * size / 4);
            for (codes, trits) in rows.zip(trits.chunks_exact(layer.columns)) {
                pack(trits, codes);
            }
            let dims = [layer.rows, count, size / 4];
            let codes = self.add_initializer(layer, "int2", &dims, U8, &codes);
            #[expect(clippy::cast_possible_truncation, reason = "rounds to nearest")]
            let scales: Vec<u8> = scales
                .iter()
                .flat_map(|scale| (*scale as f32).to_le_bytes().repeat(count))
                .collect();
            let dims = [layer.rows, count];
            let scales = self.add_initializer(layer, "scales", &dims, DataType::F32, &scales);
            names.push([codes, scales, zero_points.clone()]);
        }
        names
    }

    /// Adds an initializer with a name that begins with that of the layer.
    fn add_initializer(
        &mut self,
        layer: &Layer,
        what: &str,
        dims: &[usize],
        data_type: DataType,
        raw: &[u8],
    ) -> String {
        let name = self.unused(&format!("{}_{what}", layer.name));
        let field = tensor_field(&name, dims, data_type, raw);
        self.new.insert(name.clone(), field);
        name
    }

    /// Puts the products of the planes and their sum in place of a node.
    fn replace_product(
        &mut self,
        index: usize,
        layer: &Layer,
        blocks: Blocks,
        weights: &[[String; 3]],
    ) {
        let node = self.nodes[index].clone();
        let bias = node.inputs.get(2).filter(|name| !name.is_empty());
        let output = node.outputs.first().cloned().unwrap_or_default();
        let adds = weights.len() - 1 + usize::from(bias.is_some());
        let mut new_value = |last: bool, what: &str| {
            if last {
                return output.clone();
            }
            let name = self.unused(&format!("{output}_{what}"));
            self.makers.insert(name.clone(), index);
            name
        };
        let label = |value: &String| {
            let last = *value == output;
            if last { node.label() } else { value }.to_owned()
        };
        let attributes = [
            ("K", layer.columns),
            ("N", layer.rows),
            ("bits", 2),
            ("block_size", blocks.size),
            ("accuracy_level", 1),
        ];
        let mut fields = Vec::new();
        let mut terms = Vec::new();
        for [codes, scales, zero_points] in weights {
            let product = new_value(adds == 0, "plane");
            let inputs = [&node.inputs[0], codes, scales, zero_points].map(String::as_str);
            let operator = ("MatMulNBits", DOMAIN);
            let name = label(&product);
            fields.append(&mut new_node(
                operator,
                &name,
                &inputs,
                &product,
                &attributes,
            ));
            terms.push(product);
        }
        terms.extend(bias.cloned());
        let mut terms = terms.into_iter();
        let mut sum = terms.next().unwrap_or_default();
        for (place, term) in terms.enumerate() {
            let more = new_value(place + 1 == adds, "sum");
            let name = label(&more);
            fields.append(&mut new_node(
                ("Add", ""),
                &name,
                &[&sum, &term],
                &more,
                &[],
            ));
            sum = more;
        }
        self.edits.insert(node.field.start, fields);
    }

    /// Removes a constant, the nodes that only rearrange it, and the descriptions of all these values. Nothing else reads them.
    fn remove_constant(&mut self, constant: &str) -> Result<()> {
        let mut names = vec![constant.to_owned()];
        let mut gone = Vec::new();
        match (self.makers.get(constant), self.constants.get(constant)) {
            (Some(&node), _) => gone.push(self.nodes[node].field.start),
            (None, Some(Constant::Tensor(field))) => gone.push(field.start),
            _ => {}
        }
        let mut next = 0;
        while let Some(name) = names.get(next) {
            next += 1;
            let mut made = Vec::new();
            for &reader in self.readers.get(name).into_iter().flatten() {
                if let Reader::Input(node, 0) = reader
                    && passes(&self.nodes[node])
                {
                    gone.push(self.nodes[node].field.start);
                    made.extend_from_slice(&self.nodes[node].outputs);
                }
            }
            names.append(&mut made);
        }
        for field in fields(&self.file, self.graph.clone()) {
            let field = field?;
            // An initializer may be described as an input of the network, which would have to be given without it.
            if matches!(field.number, 11 | 13)
                && text_in(&self.file, &field, 1)?.is_some_and(|name| names.contains(&name))
            {
                gone.push(field.whole.start);
            }
        }
        self.edits
            .extend(gone.into_iter().map(|start| (start, Vec::new())));
        Ok(())
    }

    /// Adds the domain of the operator to those that the model imports, behind the last of them.
    fn import_operator(&mut self) -> Result<()> {
        let mut last = None;
        for field in fields(&self.file, 0..self.file.len()) {
            let field = field?;
            if field.number == 8 {
                if text_in(&self.file, &field, 1)?.as_deref() == Some(DOMAIN) {
                    return Ok(());
                }
                last = Some(field.whole);
            }
        }
        let last =
            last.context("the model does not say which version of the operations it uses")?;
        let mut import = Vec::new();
        put_bytes(&mut import, 1, DOMAIN.as_bytes());
        put_integer(&mut import, 2, 1);
        let mut imports = self.file[last.clone()].to_vec();
        put_bytes(&mut imports, 8, &import);
        self.edits.insert(last.start, imports);
        Ok(())
    }
}

/// Packs a row of trits over codes of zeros.
fn pack(trits: &[i8], codes: &mut [u8]) {
    for (code, trits) in codes.iter_mut().zip(trits.chunks(4)) {
        for (place, trit) in trits.iter().enumerate() {
            let shift = 2 * place;
            *code = *code & !(3 << shift) | trit.wrapping_add(1).cast_unsigned() << shift;
        }
    }
}
