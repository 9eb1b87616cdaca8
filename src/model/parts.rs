//! The tensors that a container stores for a tensor, by its encoding: names, types, shapes and sizes.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::container::{gguf, number_type};
use super::info::scale_dtype;
use super::{Encoding, ModelError, TensorInfo};
use crate::format::MLX_GROUPS;
use crate::scale::MAX_PLANES;
use crate::tensor::Shape;
use crate::{Error, Format, ScaleType, Scales, ShapeError};

/// The reason for a message.
const TOO_LARGE: &str = "it is empty or too large";

/// A tensor that a container stores for a part of a logical one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StoredPart {
    pub(super) name: String,
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    pub(super) len: u64,
}

impl TensorInfo {
    /// What a container stores for it.
    pub(super) fn parts(&self) -> Result<Vec<StoredPart>, ModelError> {
        match self.encoding() {
            Encoding::Dense(dtype) => self.dense(dtype),
            Encoding::Planes { .. } => self.planes(),
            Encoding::Blocks(format) => self.blocks(*format),
            Encoding::HuggingFace { scale_type, .. } => self.huggingface(*scale_type),
            Encoding::Mlx { group, scale_type } => self.mlx(*group, *scale_type),
        }
    }

    pub(super) fn unfit(&self, reason: &dyn ToString) -> ModelError {
        ModelError::unfit(self.name(), &self.stored_type(), reason)
    }

    /// A part with the name of the tensor and a suffix.
    fn part(&self, suffix: &str, dtype: &str, shape: Vec<usize>) -> Result<StoredPart, ModelError> {
        self.part_of(self.name(), suffix, dtype, shape)
    }

    /// A part with the name of the layer and a suffix.
    fn part_of(
        &self,
        layer: &str,
        suffix: &str,
        dtype: &str,
        shape: Vec<usize>,
    ) -> Result<StoredPart, ModelError> {
        let numbers = gguf::elements(&shape);
        let len = numbers.and_then(|numbers| number_type::byte_len(dtype, numbers));
        Ok(StoredPart {
            name: alloc::format!("{layer}{suffix}"),
            dtype: dtype.to_string(),
            shape,
            len: len
                .ok_or_else(|| self.unfit(&"its size is not that of whole bytes and blocks"))?,
        })
    }

    /// The only part, of the tensor's own name and shape.
    fn whole(&self, dtype: String, len: u64) -> StoredPart {
        StoredPart {
            name: self.name().to_string(),
            dtype,
            shape: self.shape().to_vec(),
            len,
        }
    }

    fn dense(&self, dtype: &str) -> Result<Vec<StoredPart>, ModelError> {
        // The size of an unknown type is that of the tensor that was read.
        if !number_type::is_known(dtype) {
            return Ok(vec![self.whole(dtype.to_string(), self.bytes())]);
        }
        let columns = self.shape().last().copied().unwrap_or(1);
        match number_type::ggml_block(dtype) {
            Some((block, _)) if !(columns as u64).is_multiple_of(block) => {
                let reason =
                    alloc::format!("its rows of {columns} weights are not a multiple of {block}");
                Err(self.unfit(&reason))
            }
            _ => Ok(vec![self.part("", dtype, self.shape().to_vec())?]),
        }
    }

    fn planes(&self) -> Result<Vec<StoredPart>, ModelError> {
        let Encoding::Planes {
            grouping,
            code,
            planes,
            scale_type,
            scales,
            bias,
            ..
        } = *self.encoding()
        else {
            return Ok(Vec::new());
        };
        if !(1..=MAX_PLANES).contains(&planes) {
            return Err(self.unfit(&"it has not 1 to 4 planes"));
        }
        let shape = Shape::new(self.shape()).map_err(|error| self.unfit(&error))?;
        let groups = grouping.count(&shape).map_err(|error| self.unfit(&error))?;
        let scale_shape = || vec![planes, groups];
        let scale_type = scale_dtype(scale_type);
        let mut parts = vec![
            self.part(".trits", "U8", vec![planes, code.packed_len(shape.len())])?,
            self.part(".lambda_p", scale_type, scale_shape())?,
        ];
        if scales == Scales::Two {
            parts.push(self.part(".lambda_n", scale_type, scale_shape())?);
        }
        if bias {
            let rows = self.shape().first().copied().unwrap_or(1);
            parts.push(self.part(".bias", "F32", vec![rows])?);
        }
        Ok(parts)
    }

    fn blocks(&self, format: Format) -> Result<Vec<StoredPart>, ModelError> {
        let columns = self.shape().last().copied().unwrap_or(1);
        let rows = gguf::elements(self.shape()).map(|n| n.checked_div(columns as u64).unwrap_or(0));
        let rows = rows.and_then(|rows| usize::try_from(rows).ok());
        let rows = rows.ok_or_else(|| self.unfit(&TOO_LARGE))?;
        let len = format.encoded_len(rows, columns);
        let len = len.map_err(|error| self.wrong_rows(error, columns))?;
        let whole = self.whole(number_type::block_name(format), len as u64);
        Ok(vec![whole])
    }

    /// The error of rows that are not whole blocks, with what would fit.
    fn wrong_rows(&self, error: Error, columns: usize) -> ModelError {
        let Error::Shape(ShapeError::Ragged { group, .. }) = error else {
            return self.unfit(&error);
        };
        let fitting = Format::ALL.into_iter().filter(|format| {
            columns.is_multiple_of(format.block_len()) && format.group().is_some()
        });
        let fitting: Vec<_> = fitting.map(Format::name).collect();
        let instead = match fitting[..] {
            [] => "no format of GGUF would fit, safetensors would".to_string(),
            _ => alloc::format!("{} would fit", fitting.join(", ")),
        };
        self.unfit(&alloc::format!(
            "its rows of {columns} weights are not a multiple of {group}; {instead}"
        ))
    }

    fn huggingface(&self, scale_type: ScaleType) -> Result<Vec<StoredPart>, ModelError> {
        let [rows, columns] = *self.shape() else {
            return Err(self.unfit(&"it is not a matrix"));
        };
        if !rows.is_multiple_of(4) {
            let reason = alloc::format!("its {rows} rows are not a multiple of 4");
            return Err(self.unfit(&reason));
        }
        self.check_scale_type(scale_type)?;
        Ok(vec![
            self.part("", "U8", vec![rows / 4, columns])?,
            self.part("_scale", scale_dtype(scale_type), vec![1])?,
        ])
    }

    fn mlx(&self, group: usize, scale_type: ScaleType) -> Result<Vec<StoredPart>, ModelError> {
        let Some(layer) = self.name().strip_suffix(".weight") else {
            return Err(self.unfit(&"MLX quantizes what is named `.weight` only"));
        };
        let Some((&columns, rest @ [_, ..])) = self.shape().split_last() else {
            return Err(self.unfit(&"it is not a matrix"));
        };
        if !MLX_GROUPS.contains(&group) {
            return Err(self.unfit(&"its groups are not of 32, 64 or 128 weights"));
        }
        self.check_scale_type(scale_type)?;
        if !columns.is_multiple_of(group) {
            let reason = alloc::format!(
                "its rows of {columns} weights are not a multiple of the group of {group}"
            );
            return Err(self.unfit(&reason));
        }
        let with = |columns| rest.iter().copied().chain([columns]).collect();
        let (scale_type, groups) = (scale_dtype(scale_type), columns / group);
        Ok(vec![
            self.part_of(layer, ".weight", "U32", with(columns / 16))?,
            self.part_of(layer, ".scales", scale_type, with(groups))?,
            self.part_of(layer, ".biases", scale_type, with(groups))?,
        ])
    }

    /// Other programs read scales of the types of weights.
    fn check_scale_type(&self, scale_type: ScaleType) -> Result<(), ModelError> {
        match scale_type {
            ScaleType::F16 | ScaleType::Bf16 | ScaleType::F32 => Ok(()),
            _ => Err(self.unfit(&"its scales are not f16, bf16 or f32")),
        }
    }

    /// The rows and columns of the matrix whose rows run along the last axis.
    pub(super) fn matrix(&self) -> Result<(usize, usize), ModelError> {
        let columns = self.shape().last().copied().unwrap_or(1);
        let weights = usize::try_from(self.weights()).ok();
        let rows = weights.and_then(|weights| weights.checked_div(columns));
        let rows = rows.filter(|&rows| rows > 0);
        Ok((rows.ok_or_else(|| self.unfit(&TOO_LARGE))?, columns))
    }
}
