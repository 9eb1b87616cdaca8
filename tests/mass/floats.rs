//! The types of the weights, chosen while the test runs.

use crate::common::Sample;
use crate::random::Random;

/// A type of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float {
    F32,
    F64,
    #[cfg(feature = "half")]
    F16,
    #[cfg(feature = "half")]
    Bf16,
}

/// Something to be done with any type of weights.
pub(crate) trait Visit {
    type Output;

    fn visit<W: Sample>(self) -> Self::Output;
}

impl Float {
    /// Mostly `f32`.
    pub(crate) fn draw(random: &mut Random) -> Self {
        match random.below(20) {
            0 => Self::F64,
            #[cfg(feature = "half")]
            1 => Self::F16,
            #[cfg(feature = "half")]
            2 => Self::Bf16,
            _ => Self::F32,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            #[cfg(feature = "half")]
            Self::F16 => "f16",
            #[cfg(feature = "half")]
            Self::Bf16 => "bf16",
        }
    }

    pub(crate) fn visit<V: Visit>(self, visitor: V) -> V::Output {
        match self {
            Self::F32 => visitor.visit::<f32>(),
            Self::F64 => visitor.visit::<f64>(),
            #[cfg(feature = "half")]
            Self::F16 => visitor.visit::<half::f16>(),
            #[cfg(feature = "half")]
            Self::Bf16 => visitor.visit::<half::bf16>(),
        }
    }
}
