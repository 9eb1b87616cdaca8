//! [`TensorInfo`]: what the header of a model file says of a tensor, and what it would say of one that is to be written.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::ModelError;
use super::container::{gguf, number_type};
use crate::scale::MAX_PLANES;
use crate::tensor::{Grouping, Shape, TernaryTensor};
use crate::{Code, Error, Format, Rule, ScaleType, Scales, ShapeError};

/// How a file holds a tensor.
///
/// # Examples
///
/// ```
/// use ternarize::Format;
/// use ternarize::model::{Encoding, TensorInfo};
///
/// let blocks = Encoding::Blocks(Format::Tq2_0);
/// assert_eq!(TensorInfo::new("w", &[2, 512], blocks)?.bytes(), 2 * 2 * 66);
/// # Ok::<(), ternarize::model::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Encoding {
    /// Numbers, not as ternary weights: the name of their type, as `F32` or `Q4_K`. A type of GGUF without a name here is `GGML_TYPE_`
    /// and its number.
    Dense(String),
    /// This library's layout in safetensors files: see the [module](super).
    Planes {
        /// Which weights share scales.
        grouping: Grouping,
        /// How trits are packed.
        code: Code,
        /// The number of planes.
        planes: usize,
        /// The type of the scales.
        scale_type: ScaleType,
        /// Whether a group has one scale or two.
        scales: Scales,
        /// By which rule the trits were chosen, if it is known.
        rule: Option<Rule>,
        /// Whether there is a bias for each output channel.
        bias: bool,
        /// The width and the seed of the rotation of its inputs.
        rotation: Option<(usize, u64)>,
    },
    /// Blocks of trits with their scale, in a GGUF file.
    Blocks(Format),
    /// Hugging Face's `BitNet` layers: packed `weight` and `weight_scale`, in safetensors. See
    /// [`encode_huggingface_into`](crate::format::encode_huggingface_into).
    HuggingFace {
        /// The type of the scale: `f32`, `f16` or `bf16`.
        scale_type: ScaleType,
        /// Whether weights are trits divided by the scale, as the config's `linear_class` says. Files are written with `false`.
        divided: bool,
    },
    /// MLX's 2-bit `weight`, `scales` and `biases`, in safetensors. See [`encode_mlx_into`](crate::format::encode_mlx_into).
    Mlx {
        /// The weights under a scale: 32, 64 or 128.
        group: usize,
        /// The type of the scales: `f32`, `f16` or `bf16`.
        scale_type: ScaleType,
    },
}

/// A tensor of a model file: its name, its shape and how it is held.
///
/// # Examples
///
/// ```
/// use ternarize::model::{Encoding, TensorInfo};
///
/// let info = TensorInfo::new("fc.bias", &[10], Encoding::Dense("F32".into()))?;
/// assert_eq!((info.name(), info.shape(), info.bytes()), ("fc.bias", &[10][..], 40));
/// # Ok::<(), ternarize::model::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TensorInfo {
    name: String,
    shape: Vec<usize>,
    encoding: Encoding,
    bytes: u64,
}

/// A tensor that a container stores for a part of a logical one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) dtype: String,
    pub(super) shape: Vec<usize>,
    pub(super) len: u64,
}

impl TensorInfo {
    /// Describes a tensor that is to be written.
    ///
    /// # Errors
    ///
    /// [`ModelError::Unfit`] if the encoding cannot hold a tensor of this shape.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::Format;
    /// use ternarize::model::{Encoding, TensorInfo};
    ///
    /// let error = TensorInfo::new("w", &[2, 300], Encoding::Blocks(Format::Tq2_0)).unwrap_err();
    /// assert!(error.to_string().contains("rows of 300"));
    /// ```
    pub fn new(name: &str, shape: &[usize], encoding: Encoding) -> Result<Self, ModelError> {
        let mut info = Self::of_bytes(name, shape, encoding, 0);
        let lens = info.parts()?.into_iter().map(|part| part.len);
        let bytes = lens.fold(0, u64::saturating_add);
        info.bytes = bytes;
        Ok(info)
    }

    /// A tensor that takes so many bytes.
    pub(super) fn of_bytes(name: &str, shape: &[usize], encoding: Encoding, bytes: u64) -> Self {
        Self {
            name: name.to_string(),
            shape: shape.to_vec(),
            encoding,
            bytes,
        }
    }

    /// How this library stores a ternary tensor.
    pub(super) fn of_ternary(name: &str, tensor: &TernaryTensor) -> Result<Self, ModelError> {
        let encoding = Encoding::Planes {
            grouping: tensor.grouping(),
            code: tensor.trits().code(),
            planes: tensor.planes().len(),
            scale_type: tensor.scale_type(),
            scales: tensor.scales(),
            rule: tensor.rule(),
            bias: !tensor.bias().is_empty(),
            rotation: tensor.rotation(),
        };
        Self::new(name, tensor.shape().axes(), encoding)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The extents of the tensor, outermost axis first. Those of a packed tensor count weights, not bytes.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How the file holds it.
    #[must_use]
    pub const fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// The bytes that the file has for it: values, or trits and scales.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number of weights.
    ///
    /// ```
    /// # use ternarize::model::{Encoding, TensorInfo};
    /// assert_eq!(TensorInfo::new("w", &[2, 3], Encoding::Dense("F32".into()))?.weights(), 6);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn weights(&self) -> u64 {
        gguf::elements(&self.shape).unwrap_or(u64::MAX)
    }

    /// A word for the encoding: the number type, the block type, `planes`, `hf-bitnet` or `mlx`.
    ///
    /// ```
    /// # use ternarize::model::{Encoding, TensorInfo};
    /// let info = TensorInfo::new("w", &[2, 3], Encoding::Dense("F32".into()))?;
    /// assert_eq!(info.stored_type(), "F32");
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn stored_type(&self) -> String {
        match &self.encoding {
            Encoding::Dense(dtype) => dtype.clone(),
            Encoding::Planes { .. } => "planes".into(),
            Encoding::Blocks(format) => number_type::block_name(*format),
            Encoding::HuggingFace { .. } => "hf-bitnet".into(),
            Encoding::Mlx { .. } => "mlx".into(),
        }
    }

    /// The names of the tensors that the container stores for it; none for an encoding that cannot hold the shape.
    ///
    /// ```
    /// # use ternarize::{ScaleType, model::{Encoding, TensorInfo}};
    /// let mlx = Encoding::Mlx { group: 64, scale_type: ScaleType::F16 };
    /// let info = TensorInfo::new("fc.weight", &[2, 64], mlx)?;
    /// assert_eq!(info.stored_names(), ["fc.weight", "fc.scales", "fc.biases"]);
    /// # Ok::<(), ternarize::model::ModelError>(())
    /// ```
    #[must_use]
    pub fn stored_names(&self) -> Vec<String> {
        let parts = self.parts().unwrap_or_default();
        parts.into_iter().map(|part| part.name).collect()
    }

    /// Whether it is held as ternary weights.
    #[must_use]
    pub const fn is_ternary(&self) -> bool {
        !matches!(self.encoding, Encoding::Dense(_))
    }

    /// What a container stores for it.
    pub(super) fn parts(&self) -> Result<Vec<Part>, ModelError> {
        match &self.encoding {
            Encoding::Dense(dtype) => self.dense(dtype),
            Encoding::Planes { .. } => self.planes(),
            Encoding::Blocks(format) => self.blocks(*format),
            Encoding::HuggingFace { scale_type, .. } => self.huggingface(*scale_type),
            Encoding::Mlx { group, scale_type } => self.mlx(*group, *scale_type),
        }
    }

    pub(super) fn unfit(&self, reason: &dyn ToString) -> ModelError {
        ModelError::unfit(&self.name, &self.stored_type(), reason)
    }

    /// A part with the name of the tensor and a suffix.
    fn part(&self, suffix: &str, dtype: &str, shape: Vec<usize>) -> Result<Part, ModelError> {
        let numbers = gguf::elements(&shape);
        let len = numbers.and_then(|numbers| number_type::byte_len(dtype, numbers));
        Ok(Part {
            name: alloc::format!("{}{suffix}", self.name),
            dtype: dtype.to_string(),
            shape,
            len: len
                .ok_or_else(|| self.unfit(&"its size is not that of whole bytes and blocks"))?,
        })
    }

    fn dense(&self, dtype: &str) -> Result<Vec<Part>, ModelError> {
        // The size of an unknown type is that of the tensor that was read.
        if number_type::safetensors(dtype).is_none() && number_type::ggml_block(dtype).is_none() {
            return Ok(vec![Part {
                name: self.name.clone(),
                dtype: dtype.to_string(),
                shape: self.shape.clone(),
                len: self.bytes,
            }]);
        }
        Ok(vec![self.part("", dtype, self.shape.clone())?])
    }

    fn planes(&self) -> Result<Vec<Part>, ModelError> {
        let Encoding::Planes {
            grouping,
            code,
            planes,
            scale_type,
            scales,
            bias,
            ..
        } = self.encoding
        else {
            return Ok(Vec::new());
        };
        if !(1..=MAX_PLANES).contains(&planes) {
            return Err(self.unfit(&"it has not 1 to 4 planes"));
        }
        let shape = Shape::new(&self.shape).map_err(|error| self.unfit(&error))?;
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
            let rows = self.shape.first().copied().unwrap_or(1);
            parts.push(self.part(".bias", "F32", vec![rows])?);
        }
        Ok(parts)
    }

    fn blocks(&self, format: Format) -> Result<Vec<Part>, ModelError> {
        let (rows, columns) = self.matrix()?;
        let len = format.encoded_len(rows, columns);
        let len = len.map_err(|error| self.wrong_rows(error, columns))?;
        Ok(vec![Part {
            name: self.name.clone(),
            dtype: number_type::block_name(format),
            shape: self.shape.clone(),
            len: len as u64,
        }])
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

    fn huggingface(&self, scale_type: ScaleType) -> Result<Vec<Part>, ModelError> {
        let [rows, columns] = self.shape[..] else {
            return Err(self.unfit(&"it is not a matrix"));
        };
        if !rows.is_multiple_of(4) {
            let reason = alloc::format!("its {rows} rows are not a multiple of 4");
            return Err(self.unfit(&reason));
        }
        Ok(vec![
            self.part("", "U8", vec![rows / 4, columns])?,
            self.part("_scale", scale_dtype(scale_type), vec![1])?,
        ])
    }

    fn mlx(&self, group: usize, scale_type: ScaleType) -> Result<Vec<Part>, ModelError> {
        let Some(layer) = self.name.strip_suffix(".weight") else {
            return Err(self.unfit(&"MLX quantizes what is named `.weight` only"));
        };
        let (Some((&columns, rest)), true) = (self.shape.split_last(), self.shape.len() > 1) else {
            return Err(self.unfit(&"it is not a matrix"));
        };
        if !columns.is_multiple_of(group) {
            let reason = alloc::format!(
                "its rows of {columns} weights are not a multiple of the group of {group}"
            );
            return Err(self.unfit(&reason));
        }
        let layer = Self {
            name: layer.into(),
            ..self.clone()
        };
        let with = |columns| rest.iter().copied().chain([columns]).collect();
        let (scale_type, groups) = (scale_dtype(scale_type), columns / group);
        Ok(vec![
            layer.part(".weight", "U32", with(columns / 16))?,
            layer.part(".scales", scale_type, with(groups))?,
            layer.part(".biases", scale_type, with(groups))?,
        ])
    }

    /// The rows and columns of the matrix whose rows run along the last axis.
    pub(super) fn matrix(&self) -> Result<(usize, usize), ModelError> {
        let columns = self.shape.last().copied().unwrap_or(1);
        let weights = usize::try_from(self.weights()).ok();
        let rows = weights.and_then(|weights| weights.checked_div(columns));
        match rows {
            Some(rows) if rows > 0 => Ok((rows, columns)),
            _ => Err(self.unfit(&"it is empty or too large")),
        }
    }
}

/// The type of a safetensors file that holds scales of a type. Exponents of powers of two are whole numbers.
pub(super) const fn scale_dtype(scale_type: ScaleType) -> &'static str {
    match scale_type {
        ScaleType::F64 => "F64",
        ScaleType::F32 => "F32",
        ScaleType::F16 => "F16",
        ScaleType::Bf16 => "BF16",
        ScaleType::PowerOfTwo => "I8",
    }
}

/// The float type of this name.
pub(super) fn float_type(dtype: &str) -> Option<ScaleType> {
    let types = ScaleType::ALL.into_iter();
    let mut floats = types.filter(|scale_type| *scale_type != ScaleType::PowerOfTwo);
    floats.find(|scale_type| scale_dtype(*scale_type) == dtype)
}
