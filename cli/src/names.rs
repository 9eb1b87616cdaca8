//! The words of the command line and of plan files for the library's options.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serializer};
use ternarize::tensor::Grouping;
use ternarize::{Code, Format, Rule, ScaleType, Scales};

/// A value that has a name.
pub trait Named: Sized {
    /// The names, for messages.
    const EXPECTED: &'static str;

    /// The name.
    fn name(&self) -> String;

    /// The value of a name.
    fn from_name(name: &str) -> Option<Self>;
}

/// How the output holds ternary tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// This program's own layout, in safetensors.
    Safetensors,
    /// A folder with a checkpoint of Hugging Face's `BitNet` layers.
    HuggingFace,
    /// A folder with a checkpoint of MLX's 2-bit layers.
    Mlx,
    /// Blocks in a GGUF file.
    Gguf(Format),
    /// A network in ONNX, with the restored weights as floats.
    Onnx,
    /// A network in ONNX, with matrices as the 2-bit operator of onnxruntime where it can hold them.
    OnnxInt2,
}

impl Target {
    /// Whether the output is a GGUF file.
    #[must_use]
    pub const fn is_gguf(self) -> bool {
        matches!(self, Self::Gguf(_))
    }

    /// Whether the output is a network.
    #[must_use]
    pub const fn is_network(self) -> bool {
        matches!(self, Self::Onnx | Self::OnnxInt2)
    }

    /// Whether the output is a folder with a `config.json`.
    #[must_use]
    pub const fn is_checkpoint(self) -> bool {
        matches!(self, Self::HuggingFace | Self::Mlx)
    }
}

impl Named for Target {
    const EXPECTED: &'static str =
        "safetensors, hf-bitnet, mlx, tq1_0, tq2_0, q2_0, pq2_0, ptq1_0, i2_s, onnx or onnx-int2";

    fn name(&self) -> String {
        match self {
            Self::Safetensors => "safetensors".into(),
            Self::HuggingFace => "hf-bitnet".into(),
            Self::Mlx => "mlx".into(),
            Self::Gguf(format) => format.name().into(),
            Self::Onnx => "onnx".into(),
            Self::OnnxInt2 => "onnx-int2".into(),
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "safetensors" => Some(Self::Safetensors),
            "hf-bitnet" => Some(Self::HuggingFace),
            "mlx" => Some(Self::Mlx),
            "onnx" => Some(Self::Onnx),
            "onnx-int2" => Some(Self::OnnxInt2),
            _ => Format::from_name(name).map(Self::Gguf),
        }
    }
}

impl Named for Grouping {
    const EXPECTED: &'static str = "tensor, axis:K, axes:K,L, kernel or block:N";

    fn name(&self) -> String {
        self.to_string()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_str(name).ok()
    }
}

impl Named for Rule {
    const EXPECTED: &'static str = "tnt, two-scale, twn, absmean or absmax";

    fn name(&self) -> String {
        Self::name(*self).into()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

impl Named for Scales {
    const EXPECTED: &'static str = "one or two";

    fn name(&self) -> String {
        match self {
            Self::One => "one".into(),
            Self::Two => "two".into(),
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "one" => Some(Self::One),
            "two" => Some(Self::Two),
            _ => None,
        }
    }
}

impl Named for ScaleType {
    const EXPECTED: &'static str = "f64, f32, f16, bf16 or power-of-two";

    fn name(&self) -> String {
        Self::name(*self).into()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

impl Named for Code {
    const EXPECTED: &'static str = "2bit or base3";

    fn name(&self) -> String {
        Self::name(*self).into()
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

/// Reads a name on the command line.
///
/// # Errors
///
/// The names that there are.
pub fn parse<T: Named>(name: &str) -> Result<T, String> {
    T::from_name(name).ok_or_else(|| format!("expected {}", T::EXPECTED))
}

/// Writes an optional value as its name. For `serde(with)`.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<T: Named, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.serialize_str(&value.name()),
        None => to.serialize_none(),
    }
}

/// Reads an optional value from its name. For `serde(with)`.
///
/// # Errors
///
/// The names that there are.
pub fn deserialize<'de, T: Named, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    let name = Option::<String>::deserialize(from)?;
    let value =
        name.map(|name| parse(&name).map_err(|expected| unknown::<D::Error>(&name, &expected)));
    value.transpose()
}

fn unknown<E: serde::de::Error>(name: &str, expected: &dyn Display) -> E {
    E::custom(format!("`{name}` is unknown: {expected}"))
}
