//! [`TensorInfo`]: what the header of a model file says of a tensor, and what it would say of one that is to be written.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::ModelError;
use super::container::{gguf, number_type};
use crate::tensor::{Grouping, TernaryTensor};
use crate::{Code, Format, Rule, ScaleType, Scales};

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

impl TensorInfo {
    /// Describes a tensor that is to be written.
    ///
    /// # Errors
    ///
    /// [`ModelError::Unfit`] if the encoding cannot hold a tensor of this shape, or if it is a number type of unknown size.
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
        if let Encoding::Dense(dtype) = &info.encoding
            && !number_type::is_known(dtype)
        {
            return Err(info.unfit(&"the size of a tensor of this type is not known"));
        }
        let lens = info.parts()?.into_iter().map(|part| part.len);
        info.bytes = lens.fold(0, u64::saturating_add);
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
    let mut types = ScaleType::ALL.into_iter();
    types.find(|&kind| kind != ScaleType::PowerOfTwo && scale_dtype(kind) == dtype)
}
