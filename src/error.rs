//! Every way an input can be wrong.
//!
//! One enum for the whole crate, so that a caller matches once. Each variant carries what is needed to mend the input: an
//! index, a wanted and a found number, a name. Nothing in this crate panics on bad input.

use core::fmt;

/// What was wrong with an input, and where.
///
/// # Examples
///
/// ```
/// use ternarize::{Error, ternarize_into};
///
/// let mut trits = [0; 3];
/// let error = ternarize_into(&[0.5, f32::NAN, 1.0], &mut trits).unwrap_err();
/// assert_eq!(error, Error::NonFinite { index: 1 });
/// assert_eq!(error.to_string(), "the weight at index 1 is not finite");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// There are no weights: no ternary vector of length zero has a cosine.
    Empty,
    /// The weight at `index` is NaN or infinite.
    NonFinite {
        /// Position in the slice; for a tensor, in row-major order of its shape.
        index: usize,
    },
    /// The activation at `index` is NaN or infinite, or, as an integer, -128.
    NonFiniteActivation {
        /// Position in the vector.
        index: usize,
    },
    /// A slice has another length than the one it must match.
    LengthMismatch {
        /// The length that was needed.
        expected: usize,
        /// The length that was given.
        actual: usize,
    },
    /// The importance at `index` is negative, NaN or infinite.
    InvalidImportance {
        /// Position in the importance slice.
        index: usize,
    },
    /// The scale at `index` is negative, NaN or infinite.
    InvalidScale {
        /// Position in the scales, which is the number of its group.
        index: usize,
    },
    /// More weights in one vector than its sums can hold exactly.
    TooLong {
        /// The number of weights given.
        len: usize,
        /// The largest number supported for this weight type.
        max: usize,
    },
    /// The asked minimum of non-zeros is above the asked maximum.
    NonzerosRange {
        /// The minimum asked for.
        min: usize,
        /// The maximum asked for.
        max: usize,
    },
    /// The target cosine is not in `(0, 1]`.
    InvalidTarget {
        /// The target asked for.
        target: f64,
    },
    /// No ternary vector within the asked counts reaches the target cosine.
    TargetUnreachable {
        /// The target asked for.
        target: f64,
        /// The largest cosine that there is.
        best: f64,
    },
    /// The damping of a Gram matrix is negative, NaN or infinite.
    InvalidDamping {
        /// The damping asked for.
        damping: f64,
    },
    /// The Gram matrix, with its damping, is not positive definite: more rows or more damping are needed.
    NotDefinite,
    /// Two settings exclude each other.
    Conflict {
        /// One setting, by name.
        this: &'static str,
        /// The other setting, by name.
        that: &'static str,
    },
    /// A fixed-capacity result is too small.
    Capacity {
        /// The number of elements to be stored.
        needed: usize,
        /// The number of elements there is room for.
        capacity: usize,
    },
    /// The value at `index` is not -1, 0 or +1.
    InvalidTrit {
        /// Position in the trit slice.
        index: usize,
        /// The value found there.
        value: i8,
    },
    /// A packed byte is not a code word: a 2-bit field is 3, or a base-3 byte is above 242.
    InvalidCode {
        /// Position of the byte.
        byte: usize,
        /// The byte found there.
        value: u8,
    },
    /// The unused trits at the end of the last packed byte are not zero trits.
    InvalidPadding {
        /// Position of the byte.
        byte: usize,
        /// The byte found there.
        value: u8,
    },
    /// An index or the end of a range is beyond the length.
    OutOfBounds {
        /// The index asked for.
        index: usize,
        /// The length there is.
        len: usize,
    },
    /// A tensor has more axes than supported.
    TooManyAxes {
        /// The number of axes given.
        rank: usize,
        /// The largest number supported.
        max: usize,
    },
    /// An axis does not exist, or is named twice.
    InvalidAxis {
        /// The axis asked for.
        axis: usize,
        /// The number of axes of the tensor.
        rank: usize,
    },
    /// The number of elements of a shape does not fit a `usize`.
    ShapeOverflow,
    /// Two tensors of as many elements have different axes.
    ShapeMismatch,
    /// Blocks of zero weights were asked for.
    EmptyBlock,
    /// An axis that is cut into equal groups is no multiple of them: the columns of a matrix in another program's format, or its
    /// rows in that of Hugging Face.
    Ragged {
        /// The length of the axis.
        len: usize,
        /// What it would have to be a multiple of.
        group: usize,
    },
    /// The scale at `index` is not a number of the type it is to be stored in: it would become infinite, or zero though it is
    /// not, or where nothing may be rounded, another number.
    UnstorableScale {
        /// Position in the scales, which is the number of its group.
        index: usize,
    },
    /// The weights that a format stores with one scale have several.
    UnequalScales {
        /// The number of the block in that format.
        block: usize,
    },
    /// The two signs of a group have different scales, and a format has one for both.
    TwoScales {
        /// The number of the group.
        group: usize,
    },
    /// The bias at `index` is not the negated scale, so that its group's levels are not ternary.
    InvalidBias {
        /// Position in the biases, which is the number of its group.
        index: usize,
    },
    /// A strided view reaches beyond its data.
    ViewOutOfBounds {
        /// The number of elements the data would need to have.
        needed: usize,
        /// The number of elements it has.
        len: usize,
    },
    /// A tensor that bytes are to be spent on can be stored in no way.
    NoChoice {
        /// The number of the tensor.
        tensor: usize,
    },
    /// A number of planes that there is no way to make.
    InvalidPlanes {
        /// The number asked for.
        planes: usize,
        /// The largest number supported; the smallest is 1.
        max: usize,
    },
    /// The error of a way to store a tensor is negative, NaN or infinite.
    InvalidChoice {
        /// The number of the tensor.
        tensor: usize,
        /// The number of the way.
        choice: usize,
    },
    /// Even the cheapest ways to store all tensors cost more than the budget.
    OverBudget {
        /// The fewest bytes possible.
        least: u64,
        /// The bytes allowed.
        budget: u64,
    },
}

impl fmt::Display for Error {
    #[expect(clippy::too_many_lines, reason = "a sentence for each variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => write!(f, "there are no weights"),
            Self::NonFinite { index } => write!(f, "the weight at index {index} is not finite"),
            Self::NonFiniteActivation { index } => {
                write!(f, "the activation at index {index} is out of range")
            }
            Self::LengthMismatch { expected, actual } => {
                write!(f, "a length of {expected} is needed, but it is {actual}")
            }
            Self::InvalidImportance { index } => {
                write!(
                    f,
                    "the importance at index {index} is negative or not finite"
                )
            }
            Self::InvalidScale { index } => {
                write!(f, "the scale at index {index} is negative or not finite")
            }
            Self::TooLong { len, max } => {
                write!(
                    f,
                    "{len} weights in one vector are more than the supported {max}"
                )
            }
            Self::NonzerosRange { min, max } => {
                write!(
                    f,
                    "at least {min} and at most {max} non-zeros cannot both hold"
                )
            }
            Self::InvalidTarget { target } => {
                write!(f, "the target cosine {target} is not above 0 and at most 1")
            }
            Self::TargetUnreachable { target, best } => {
                write!(
                    f,
                    "no ternary vector reaches the cosine {target}: the best has {best}"
                )
            }
            Self::InvalidDamping { damping } => {
                write!(
                    f,
                    "the damping {damping} is negative, not finite or too large"
                )
            }
            Self::NotDefinite => write!(f, "the damped Gram matrix is not positive definite"),
            Self::Conflict { this, that } => write!(f, "{this} cannot be combined with {that}"),
            Self::Capacity { needed, capacity } => {
                write!(f, "{needed} elements do not fit a capacity of {capacity}")
            }
            Self::InvalidTrit { index, value } => {
                write!(f, "the value {value} at index {index} is not -1, 0 or +1")
            }
            Self::InvalidCode { byte, value } => {
                write!(
                    f,
                    "the packed byte {value:#04x} at position {byte} is not a code word"
                )
            }
            Self::InvalidPadding { byte, value } => {
                write!(
                    f,
                    "the last packed byte {value:#04x} at position {byte} has padding other than zero trits"
                )
            }
            Self::OutOfBounds { index, len } => {
                write!(f, "index {index} is beyond the length {len}")
            }
            Self::TooManyAxes { rank, max } => {
                write!(f, "a tensor of {rank} axes is beyond the supported {max}")
            }
            Self::InvalidAxis { axis, rank } => {
                write!(
                    f,
                    "axis {axis} does not exist in a tensor of {rank} axes, or is named twice"
                )
            }
            Self::ShapeOverflow => write!(f, "the number of elements of the shape overflows"),
            Self::ShapeMismatch => write!(f, "two tensors have different shapes"),
            Self::EmptyBlock => write!(f, "a block must hold at least one weight"),
            Self::Ragged { len, group } => {
                write!(
                    f,
                    "an axis of {len} is not a whole number of groups of {group}"
                )
            }
            Self::UnstorableScale { index } => {
                write!(
                    f,
                    "the scale at index {index} does not fit the type it is stored in"
                )
            }
            Self::UnequalScales { block } => {
                write!(f, "the weights of block {block} have several scales")
            }
            Self::TwoScales { group } => {
                write!(f, "the two signs of group {group} have different scales")
            }
            Self::InvalidBias { index } => {
                write!(f, "the bias at index {index} is not the negated scale")
            }
            Self::ViewOutOfBounds { needed, len } => {
                write!(f, "the view reaches {needed} elements into data of {len}")
            }
            Self::NoChoice { tensor } => write!(f, "tensor {tensor} has no way to be stored"),
            Self::InvalidPlanes { planes, max } => {
                write!(f, "{planes} planes are not between 1 and {max}")
            }
            Self::InvalidChoice { tensor, choice } => {
                write!(
                    f,
                    "the error of way {choice} to store tensor {tensor} is negative or not finite"
                )
            }
            Self::OverBudget { least, budget } => {
                write!(f, "at least {least} bytes are needed, and {budget} allowed")
            }
        }
    }
}

impl core::error::Error for Error {}

/// That a slice has the length it must have.
pub(crate) const fn check_len(expected: usize, actual: usize) -> Result<(), Error> {
    if actual == expected {
        Ok(())
    } else {
        Err(Error::LengthMismatch { expected, actual })
    }
}
