//! Small models.

use std::fs::File;

use half::{bf16, f16};
use ternarize::Weight;
use ternarize::model::{DenseTensor, Encoding, Metadata, Model, ModelWriter, Tensor, TensorInfo};

use crate::tool::Folder;

/// Numbers between -1 and 1, most of them small.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| uniform() * uniform()).collect()
}

pub(crate) fn of_values<W: Weight>(shape: &[usize], values: &[W]) -> Tensor {
    Tensor::Dense(DenseTensor::new(shape, values).unwrap())
}

pub(crate) fn f32s(shape: &[usize], seed: u64) -> Tensor {
    of_values(shape, &numbers(shape.iter().product(), seed))
}

pub(crate) fn f16s(shape: &[usize], seed: u64) -> Tensor {
    let values = numbers(shape.iter().product(), seed);
    of_values(
        shape,
        &values.into_iter().map(f16::from_f32).collect::<Vec<_>>(),
    )
}

pub(crate) fn bf16s(shape: &[usize], seed: u64) -> Tensor {
    let values = numbers(shape.iter().product(), seed);
    of_values(
        shape,
        &values.into_iter().map(bf16::from_f32).collect::<Vec<_>>(),
    )
}

pub(crate) fn model<const N: usize>(tensors: [(&str, Tensor); N]) -> Model {
    tensors.into_iter().collect()
}

/// A model of two matrices, a norm and an embedding.
pub(crate) fn language_model() -> Model {
    let mut model = model([
        ("embed.weight", f32s(&[16, 256], 1)),
        ("layers.0.down.weight", f32s(&[16, 256], 2)),
        ("layers.0.norm.weight", f32s(&[256], 3)),
        ("layers.0.up.weight", f32s(&[32, 256], 4)),
    ]);
    model.metadata_mut().insert("format".into(), "pt".into());
    model
}

impl Folder {
    pub(crate) fn put(&self, name: &str, model: &Model) {
        self.write(name, model.to_bytes().unwrap());
    }

    pub(crate) fn get(&self, name: &str) -> Model {
        Model::from_bytes(&self.read(name)).unwrap()
    }

    /// Writes a GGUF file of these tensors.
    pub(crate) fn put_gguf(&self, name: &str, model: &Model) {
        let mut metadata = Metadata::new_gguf("llama");
        metadata.set_number("llama.block_count", 1);
        self.put_gguf_with(name, model, &metadata);
    }

    pub(crate) fn put_gguf_with(&self, name: &str, model: &Model, metadata: &Metadata) {
        let infos = model.tensors().map(|(name, tensor)| {
            let Tensor::Dense(dense) = tensor else {
                panic!("{name} is ternary");
            };
            let encoding = Encoding::Dense(dense.dtype().into());
            TensorInfo::new(name, dense.shape(), encoding).unwrap()
        });
        let infos: Vec<_> = infos.collect();
        let file = File::create(self.path(name)).unwrap();
        let mut writer = ModelWriter::new(file, metadata, &infos).unwrap();
        for (name, tensor) in model.tensors() {
            writer.put(name, tensor).unwrap();
        }
        writer.finish().unwrap();
    }
}

/// A file with a header of safetensors.
pub(crate) fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [
        &(header.len() as u64).to_le_bytes(),
        header.as_bytes(),
        data,
    ]
    .concat()
}
