//! Files made by hand, opened from memory, and written again.

use std::io::{Cursor, Read, Seek};

use serde_json::{Value, json};
use ternarize::model::{ModelError, ModelReader, ModelWriter, Tensor, TensorInfo};
use ternarize::tensor::TernaryTensor;

use crate::forged::file;

/// Where there is no file: those of the tests are in memory.
pub(crate) const NOWHERE: &str = "no-such-folder/model";

/// A reader of bytes.
pub(crate) type InMemory = ModelReader<Cursor<Vec<u8>>>;

pub(crate) fn open(bytes: &[u8]) -> Result<InMemory, ModelError> {
    ModelReader::open_with(NOWHERE, |_| Ok(Cursor::new(bytes.to_vec())))
}

/// The message for bytes that cannot be opened.
pub(crate) fn refused(bytes: &[u8]) -> String {
    open(bytes).unwrap_err().to_string()
}

/// All tensors, copied to a new file of the same kind.
pub(crate) fn copied<R: Read + Seek>(reader: &ModelReader<R>) -> Result<Vec<u8>, ModelError> {
    let infos: Vec<_> = reader.tensors().cloned().collect();
    let mut writer = ModelWriter::new(Cursor::new(vec![]), reader.metadata(), &infos)?;
    for index in 0..infos.len() {
        writer.copy(reader, index, |_| Ok(()))?;
    }
    Ok(writer.finish()?.into_inner())
}

/// All tensors, decoded and encoded again.
pub(crate) fn put_again<R: Read + Seek>(reader: &ModelReader<R>) -> Result<Vec<u8>, ModelError> {
    let infos: Vec<_> = reader.tensors().cloned().collect();
    let mut writer = ModelWriter::new(Cursor::new(vec![]), reader.metadata(), &infos)?;
    for (index, info) in infos.iter().enumerate() {
        writer.put(info.name(), &reader.read(index)?)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// The bytes of a tensor.
pub(crate) fn bytes_of<R: Read + Seek>(reader: &ModelReader<R>, index: usize) -> Vec<u8> {
    let mut bytes = vec![];
    reader.copy_to(index, &mut bytes).unwrap();
    bytes
}

pub(crate) fn find<'a, R: Read + Seek>(
    reader: &'a ModelReader<R>,
    name: &str,
) -> (usize, &'a TensorInfo) {
    let mut tensors = reader.tensors().enumerate();
    tensors.find(|(_, info)| info.name() == name).unwrap()
}

/// The ternary tensor of this name.
pub(crate) fn ternary<R: Read + Seek>(reader: &ModelReader<R>, name: &str) -> TernaryTensor {
    match reader.read(find(reader, name).0).unwrap() {
        Tensor::Ternary(tensor) => tensor,
        Tensor::Dense(dense) => panic!("{dense:?}"),
    }
}

/// A stored tensor of safetensors: name, type, shape, bytes.
pub(crate) type Stored<'a> = (&'a str, &'a str, &'a [usize], &'a [u8]);

/// A safetensors file of these tensors, in this order.
pub(crate) fn safetensors(tensors: &[Stored<'_>]) -> Vec<u8> {
    let (mut header, mut data) = (json!({}), vec![]);
    for (name, dtype, shape, bytes) in tensors {
        let start = data.len();
        data.extend(*bytes);
        header[*name] =
            json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]});
    }
    file(&header.to_string(), &data)
}

/// A GGUF file in which anything can be changed before it is put together.
#[derive(Clone)]
pub(crate) struct Gguf {
    pub(crate) version: u32,
    /// The numbers that the header states, if not those of the tensors and pairs.
    pub(crate) counts: [Option<u64>; 2],
    /// Key, type, bytes of the value.
    pub(crate) pairs: Vec<(Vec<u8>, u32, Vec<u8>)>,
    pub(crate) tensors: Vec<Block>,
    /// What the data are aligned to.
    pub(crate) alignment: usize,
    /// Bytes at the end.
    pub(crate) more: Vec<u8>,
}

/// A tensor of a GGUF file, innermost axis first.
#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) name: Vec<u8>,
    pub(crate) extents: Vec<u64>,
    pub(crate) id: u32,
    /// The offset that the header states, if not that of the data.
    pub(crate) offset: Option<u64>,
    pub(crate) data: Vec<u8>,
}

pub(crate) fn string(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text].concat()
}

impl Gguf {
    pub(crate) fn new() -> Self {
        Self {
            version: 3,
            counts: [None; 2],
            pairs: vec![],
            tensors: vec![],
            alignment: 32,
            more: vec![],
        }
    }

    /// A vector of f32, a matrix of ternary blocks, and some metadata.
    pub(crate) fn small() -> Self {
        let mut block = vec![0b10_01_00_10; 36];
        for block in block.chunks_mut(18) {
            block[..2].copy_from_slice(&0x3800_u16.to_le_bytes());
        }
        let words = [&8_u32.to_le_bytes()[..], &2_u64.to_le_bytes()].concat();
        let words = [words, string(b"a"), string(b"")].concat();
        Self::new()
            .pair("general.architecture", 8, &string(b"test"))
            .pair("layers", 4, &7_u32.to_le_bytes())
            .pair("words", 9, &words)
            .tensor("bias", &[3], 0, &[0, 0, 128, 63].repeat(3))
            .tensor("weight", &[64, 2], 42, &block)
    }

    pub(crate) fn pair(mut self, key: &str, value_type: u32, value: &[u8]) -> Self {
        self.pairs.push((key.into(), value_type, value.to_vec()));
        self
    }

    pub(crate) fn tensor(mut self, name: &str, extents: &[u64], id: u32, data: &[u8]) -> Self {
        self.tensors.push(Block {
            name: name.into(),
            extents: extents.to_vec(),
            id,
            offset: None,
            data: data.to_vec(),
        });
        self
    }

    /// Data and header aligned to this, as the metadata say.
    pub(crate) fn aligned(self, alignment: u32) -> Self {
        let key = "general.alignment";
        let mut aligned = self.pair(key, 4, &alignment.to_le_bytes());
        aligned.alignment = alignment as usize;
        aligned
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let counts = [self.tensors.len(), self.pairs.len()];
        let mut bytes = [b"GGUF".to_vec(), self.version.to_le_bytes().to_vec()].concat();
        for (stated, count) in self.counts.iter().zip(counts) {
            bytes.extend(stated.unwrap_or(count as u64).to_le_bytes());
        }
        for (key, value_type, value) in &self.pairs {
            bytes.extend([&string(key)[..], &value_type.to_le_bytes(), value].concat());
        }
        let mut data = vec![];
        for tensor in &self.tensors {
            bytes.extend(string(&tensor.name));
            bytes.extend(u32::try_from(tensor.extents.len()).unwrap().to_le_bytes());
            bytes.extend(
                tensor
                    .extents
                    .iter()
                    .flat_map(|extent| extent.to_le_bytes()),
            );
            bytes.extend(tensor.id.to_le_bytes());
            let offset = tensor.offset.unwrap_or(data.len() as u64);
            bytes.extend(offset.to_le_bytes());
            data.extend(&tensor.data);
            data.resize(data.len().next_multiple_of(self.alignment), 0);
        }
        bytes.resize(bytes.len().next_multiple_of(self.alignment), 0);
        [bytes, data, self.more.clone()].concat()
    }
}

/// The vectors of a golden file.
pub(crate) fn vectors(json: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(json).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(byte).collect()
}

pub(crate) fn trits_of(signs: &str) -> Vec<i8> {
    let trit = |sign| i8::try_from("-0+".find(sign).unwrap()).unwrap() - 1;
    signs.chars().map(trit).collect()
}
