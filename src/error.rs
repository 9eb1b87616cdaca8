//! [`Error`]: every way an input can be wrong.
//!
//! One enum for the whole crate, so that a caller matches once. The variants are grouped by what was wrong. Each carries the
//! place: an index, a name, the wanted and the given number. No function of this crate panics on bad input.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;

/// What was wrong with an input, and where.
///
/// # Examples
///
/// ```
/// use ternarize::{Error, Operand, ternarize_into};
///
/// let mut trits = [0; 3];
/// let error = ternarize_into(&[0.5, f32::NAN, 1.0], &mut trits).unwrap_err();
/// assert_eq!(error, Error::InvalidValue { what: Operand::Weight, index: 1 });
/// assert_eq!(error.to_string(), "the weight at index 1 is not finite");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to work on: no weights, or no tensors.
    Empty,
    /// A number is NaN, infinite or outside of its range.
    InvalidValue {
        /// Which numbers.
        what: Operand,
        /// Position in the slice of these numbers. For weights of a tensor: in row-major order of its shape. The scale
        /// of plane `k` of a tensor is at `k` times the number of groups, plus that of its group.
        index: usize,
    },
    /// A trit or a packed byte is not a code word.
    InvalidCode {
        /// [`Operand::Trit`], [`Operand::Byte`], or [`Operand::Padding`] for the unused trits of a last byte.
        what: Operand,
        /// Position of the trit or byte.
        index: usize,
        /// The value found there.
        value: i16,
    },
    /// A slice has another length than the one it must match.
    LengthMismatch {
        /// The length that is needed.
        expected: usize,
        /// The length that was given.
        actual: usize,
    },
    /// More than is supported, or than there is room for.
    TooMany {
        /// [`Operand::Weight`]: weights in one vector. [`Operand::Plane`]: planes, of which there is at least one.
        /// [`Operand::Element`]: elements of a result. [`Operand::Nonzero`]: the least number of non-zeros.
        what: Operand,
        /// The number asked for.
        given: usize,
        /// The largest number supported; 0 if there is no memory for the elements of a result.
        max: usize,
    },
    /// An index, or the end of a range, is beyond the length.
    OutOfBounds {
        /// The index asked for.
        index: usize,
        /// The length.
        len: usize,
    },
    /// A shape, an axis, a grouping or a view does not fit.
    Shape(ShapeError),
    /// An option has a value outside of its range.
    InvalidOption {
        /// The option.
        name: &'static str,
        /// The value asked for.
        value: f64,
    },
    /// Two options exclude each other.
    Conflict {
        /// One option.
        this: &'static str,
        /// The other option.
        that: &'static str,
    },
    /// No ternary vector with an allowed number of non-zeros reaches the target cosine.
    TargetUnreachable {
        /// The target asked for.
        target: f64,
        /// The largest cosine that can be reached.
        best: f64,
    },
    /// The damped Gram matrix is not positive definite: more rows or more damping are needed.
    NotDefinite,
    /// A format or a scale type cannot hold the scales.
    Unstorable {
        /// [`Operand::Scale`]: the scale is not a number of the type it is to be stored in. It would become infinite, or zero
        /// though it is not zero, or, where rounding is not allowed, another number. [`Operand::BlockScales`]: the weights of a
        /// block have several scales. [`Operand::SignScales`]: the two signs of a group have different scales.
        /// [`Operand::Plane`], [`Operand::Bias`], [`Operand::Rotation`]: the format holds one plane, no bias and no rotation.
        what: Operand,
        /// The number of the group or block.
        index: usize,
    },
    /// A way to store a tensor is missing, or its error is negative, NaN or infinite.
    InvalidChoice {
        /// The number of the tensor.
        tensor: usize,
        /// The number of the choice; `None` if the tensor has no choice at all.
        choice: Option<usize>,
    },
    /// Even the cheapest choices for all tensors cost more than the budget.
    OverBudget {
        /// The fewest bytes possible.
        least: u64,
        /// The bytes allowed.
        budget: u64,
    },
}

/// What a number in an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operand {
    /// A weight: it must be finite.
    Weight,
    /// An activation: it must be finite and, as an integer, not -128.
    Activation,
    /// An importance: it must be finite and not negative.
    Importance,
    /// A scale: it must be finite and not negative.
    Scale,
    /// A bias of a block of another program: it must be the negated scale, or else the levels are not ternary. A bias of an output
    /// channel: it must be finite.
    Bias,
    /// A trit: -1, 0 or +1.
    Trit,
    /// A byte of packed trits: no 2-bit field is 3, or a base-3 byte is at most 242.
    Byte,
    /// The unused trits in the last packed byte: they must be zero.
    Padding,
    /// A plane of trits.
    Plane,
    /// An element of a result.
    Element,
    /// A non-zero trit.
    Nonzero,
    /// The scales of the weights of one block.
    BlockScales,
    /// The scales of the two signs of one group.
    SignScales,
    /// A rotation of the inputs.
    Rotation,
}

/// How a shape, an axis, a grouping or a view does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ShapeError {
    /// A tensor has more axes than supported.
    TooManyAxes {
        /// The number of axes given.
        rank: usize,
        /// The largest number supported.
        max: usize,
    },
    /// An axis does not exist, or is named twice.
    Axis {
        /// The axis asked for.
        axis: usize,
        /// The number of axes of the tensor.
        rank: usize,
    },
    /// The number of elements of a shape does not fit a `usize`.
    Overflow,
    /// Two tensors have different shapes.
    Mismatch,
    /// Blocks of zero weights were asked for.
    EmptyBlock,
    /// A text is not the text form of a grouping, or a grouping is none of those that are supported here.
    Grouping {
        /// The text forms, or the groupings, that were expected.
        expected: &'static str,
    },
    /// An axis that is cut into equal groups is not a multiple of their length.
    Ragged {
        /// The length of the axis.
        len: usize,
        /// What it must be a multiple of.
        group: usize,
    },
    /// A strided view reaches beyond its data.
    View {
        /// The number of elements the data must have.
        needed: usize,
        /// The number of elements it has.
        len: usize,
    },
    /// The kernel of a convolution is longer than the padded image.
    Kernel {
        /// The number of the spatial axis.
        axis: usize,
        /// The elements that the dilated kernel spans.
        span: usize,
        /// The extent of the image with its padding.
        extent: usize,
    },
}

impl Operand {
    /// The name, for a sentence.
    const fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Activation => "activation",
            Self::Importance => "importance",
            Self::Scale => "scale",
            Self::Bias => "bias",
            Self::Trit => "trit",
            Self::Byte => "packed byte",
            Self::Padding => "padding in the last packed byte",
            Self::Plane => "plane",
            Self::Element => "element",
            Self::Nonzero => "non-zero",
            Self::BlockScales => "scales of block",
            Self::SignScales => "scales of group",
            Self::Rotation => "rotation",
        }
    }

    /// What the number would have to be, to end a sentence.
    const fn fault(self) -> &'static str {
        match self {
            Self::Weight => "is not finite",
            Self::Activation => "is not finite, or is -128",
            Self::Importance | Self::Scale => "is negative or not finite",
            Self::Bias => "is not finite, or not the negated scale of its block",
            Self::Trit => "is not -1, 0 or +1",
            Self::Byte => "is not a code word",
            Self::Padding => "is not zero trits",
            _ => "is invalid",
        }
    }
}

impl Error {
    /// A number that is not what it must be.
    pub(crate) const fn invalid(what: Operand, index: usize) -> Self {
        Self::InvalidValue { what, index }
    }

    /// More than there may be.
    pub(crate) const fn too_many(what: Operand, given: usize, max: usize) -> Self {
        Self::TooMany { what, given, max }
    }

    /// Two options that exclude each other.
    pub(crate) const fn conflict(this: &'static str, that: &'static str) -> Self {
        Self::Conflict { this, that }
    }

    /// [`Error::InvalidCode`].
    pub(crate) const fn code(what: Operand, index: usize, value: i16) -> Self {
        Self::InvalidCode { what, index, value }
    }

    /// [`Error::Unstorable`].
    #[cfg(any(feature = "alloc", feature = "half"))]
    pub(crate) const fn unstorable(what: Operand, index: usize) -> Self {
        Self::Unstorable { what, index }
    }

    /// [`Error::InvalidOption`].
    pub(crate) const fn option(name: &'static str, value: f64) -> Self {
        Self::InvalidOption { name, value }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => write!(f, "the input is empty"),
            Self::InvalidValue { what, index } => {
                write!(f, "the {} at index {index} {}", what.name(), what.fault())
            }
            Self::InvalidCode { what, index, value } => {
                let (name, fault) = (what.name(), what.fault());
                write!(f, "the {name} {value} at index {index} {fault}")
            }
            Self::LengthMismatch { expected, actual } => {
                write!(f, "the length is {actual}, but {expected} is needed")
            }
            Self::TooMany { given, max: 0, .. } => {
                write!(f, "there is no memory for {given} elements")
            }
            Self::TooMany { what, given, max } => {
                write!(f, "{given} {}s are not between 1 and {max}", what.name())
            }
            Self::OutOfBounds { index, len } => {
                write!(f, "index {index} is beyond the length {len}")
            }
            Self::Shape(error) => error.fmt(f),
            Self::InvalidOption { name, value } => {
                write!(f, "the option {name} cannot be {value}")
            }
            Self::Conflict { this, that } => write!(f, "{this} cannot be combined with {that}"),
            Self::TargetUnreachable { target, best } => write!(
                f,
                "no ternary vector reaches the cosine {target}: the best has {best}"
            ),
            Self::NotDefinite => write!(f, "the damped Gram matrix is not positive definite"),
            Self::Unstorable { what, index } => match what {
                Operand::BlockScales => {
                    write!(f, "the weights of block {index} have several scales")
                }
                Operand::SignScales => {
                    write!(f, "the two signs of group {index} have different scales")
                }
                Operand::Plane => f.write_str("the format holds one plane only"),
                Operand::Bias => f.write_str("the format holds no bias"),
                Operand::Rotation => f.write_str("the format holds no rotation of the inputs"),
                _ => write!(
                    f,
                    "the scale at index {index} does not fit the type it is stored in"
                ),
            },
            Self::InvalidChoice { tensor, choice } => match choice {
                None => write!(f, "tensor {tensor} has no choice"),
                Some(choice) => write!(
                    f,
                    "the error of choice {choice} of tensor {tensor} is negative or not finite"
                ),
            },
            Self::OverBudget { least, budget } => write!(
                f,
                "at least {least} bytes are needed, but the budget is {budget}"
            ),
        }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooManyAxes { rank, max } => {
                write!(f, "a tensor of {rank} axes: at most {max} are supported")
            }
            Self::Axis { axis, rank } => write!(
                f,
                "axis {axis} does not exist in a tensor of {rank} axes, or is named twice"
            ),
            Self::Overflow => write!(f, "the number of elements of the shape overflows"),
            Self::Mismatch => write!(f, "the two tensors have different shapes"),
            Self::EmptyBlock => write!(f, "a block must hold at least one weight"),
            Self::Grouping { expected } => {
                write!(f, "the grouping does not fit: expected {expected}")
            }
            Self::Ragged { len, group } => write!(
                f,
                "an axis of {len} is not a whole number of groups of {group}"
            ),
            Self::View { needed, len } => write!(
                f,
                "the view needs {needed} elements, but its data has {len}"
            ),
            Self::Kernel { axis, span, extent } => write!(
                f,
                "the kernel spans {span} elements of spatial axis {axis}, which has {extent} with its padding"
            ),
        }
    }
}

impl core::error::Error for Error {}

impl core::error::Error for ShapeError {}

/// Checks that a slice has the length it must have.
pub(crate) const fn check_len(expected: usize, actual: usize) -> Result<(), Error> {
    if actual == expected {
        Ok(())
    } else {
        Err(Error::LengthMismatch { expected, actual })
    }
}

/// Checks that all elements are valid; else the error is that of the first which is not.
pub(crate) fn check_each<T>(
    what: Operand,
    elements: &[T],
    valid: impl Fn(&T) -> bool,
) -> Result<(), Error> {
    let wrong = elements.iter().position(|element| !valid(element));
    wrong.map_or(Ok(()), |index| Err(Error::invalid(what, index)))
}

/// Makes room for `count` more elements, a number of the caller's, which must not abort the program.
#[cfg(feature = "alloc")]
pub(crate) fn reserve<T>(elements: &mut Vec<T>, count: usize) -> Result<(), Error> {
    let reserved = elements.try_reserve(count);
    reserved.map_err(|_| Error::too_many(Operand::Element, count, 0))
}

/// `vec![value; len]` for a length of the caller's. Many zeros are not written: the system has pages of them.
#[cfg(feature = "alloc")]
pub(crate) fn try_vec<T: Clone>(len: usize, value: T) -> Result<Vec<T>, Error> {
    // Without memory `vec!` would end the program. The compiler must not leave out this attempt.
    let mut attempt = Vec::<T>::new();
    reserve(&mut attempt, len)?;
    drop(core::hint::black_box(attempt));
    Ok(alloc::vec![value; len])
}
