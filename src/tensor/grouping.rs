//! Which weights of a tensor share their scales, before the tensor is known.
//!
//! Finer groups follow the weights more closely and cost more scales: a layer of `N` weights in `G`
//! groups stores `N` trits and `G` (or `2G`) scales. The paper's three ways to take apart an
//! `H x C x W` tensor are `axis:0`, `axis:1` and `axis:2`; the usual choice for a product
//! `y = W x` is `axis:0`, one group for each output channel.
//!
//! A [`Grouping`] is a few bytes and knows no shape; [`Grouping::resolve`] makes the cut.

use crate::error::ShapeError;
use core::{fmt, str::FromStr};

use super::{Groups, MAX_RANK, Shape};
use crate::Error;

/// A set of axes of a tensor.
///
/// # Examples
///
/// ```
/// use ternarize::{Error, tensor::Axes};
///
/// let axes = Axes::of(&[1, 0])?;
/// assert_eq!(axes, Axes::of(&[0, 1])?);
/// assert!(axes.contains(1) && !axes.contains(2));
/// assert!(Axes::of(&[3, 3]).is_err());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Axes(u8);

impl Axes {
    const NONE: Self = Self(0);
    const FIRST_TWO: Self = Self(0b11);

    /// The set of these axes, in any order; none at all is legal.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for an axis named twice or at or beyond [`MAX_RANK`], which stands in
    /// for the rank as long as no tensor is known.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{ShapeError, Error, tensor::Axes};
    ///
    /// const KERNELS: Result<Axes, Error> = Axes::of(&[0, 1]);
    /// assert!(KERNELS?.contains(0));
    /// assert_eq!(Axes::of(&[8]), Err(Error::Shape(ShapeError::Axis { axis: 8, rank: 8 })));
    /// # Ok::<(), Error>(())
    /// ```
    pub const fn of(axes: &[usize]) -> Result<Self, Error> {
        let mut set = Self::NONE;
        let mut rest = axes;
        while let [axis, others @ ..] = rest {
            set = match set.with(*axis) {
                Some(larger) => larger,
                None => {
                    return Err(Error::Shape(ShapeError::Axis {
                        axis: *axis,
                        rank: MAX_RANK,
                    }));
                }
            };
            rest = others;
        }
        Ok(set)
    }

    /// Whether `axis` is in the set.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Axes;
    /// assert!(Axes::of(&[2])?.contains(2));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn contains(self, axis: usize) -> bool {
        axis < MAX_RANK && self.0 >> axis & 1 == 1
    }

    /// The set with one more axis, or `None` if that is too large or there already.
    const fn with(self, axis: usize) -> Option<Self> {
        if axis >= MAX_RANK || self.contains(axis) {
            return None;
        }
        Some(Self(self.0 | 1 << axis))
    }

    /// The axes in increasing order.
    fn members(self) -> impl Iterator<Item = usize> {
        (0..MAX_RANK).filter(move |&axis| self.contains(axis))
    }
}

/// Which weights share their scales.
///
/// Its text form is the one that the command-line tool reads and writes.
///
/// # Examples
///
/// ```
/// use ternarize::tensor::{Grouping, Shape};
///
/// let grouping: Grouping = "kernel".parse()?;
/// let groups = grouping.resolve(&Shape::new(&[20, 1, 5, 5])?)?;
/// assert_eq!(groups.len(), 20);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grouping {
    /// `tensor`: all weights are one group.
    Tensor,
    /// `axis:K` or `axes:K,L`: weights that agree in their coordinates along all of these axes are
    /// a group. Groups are numbered row-major over the named axes, in the order of the tensor.
    Axes(Axes),
    /// `kernel`: one group for each spatial kernel of a convolution, that is for each pair of
    /// output and input channel: the axes 0 and 1 of a tensor of rank 3 or more. A tensor of rank 2
    /// or less is a single kernel.
    Kernel,
    /// `block:N`: runs of `N` weights along the last axis, in which the last block of a row may be
    /// shorter and none reaches into the next row. Blocks are numbered row by row. A tensor of rank
    /// 0 is one row of one weight.
    Block(usize),
}

impl Grouping {
    /// One group for each output channel: the weights that agree along axis 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Grouping;
    /// assert_eq!(Grouping::OUTPUT_CHANNEL, Grouping::axis(0)?);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub const OUTPUT_CHANNEL: Self = Self::Axes(Axes(1));

    /// The slices of the tensor along one axis: one group for each coordinate.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] at or beyond [`MAX_RANK`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Grouping;
    /// assert_eq!(Grouping::axis(2)?.to_string(), "axis:2");
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub const fn axis(axis: usize) -> Result<Self, Error> {
        Self::axes(&[axis])
    }

    /// One group for each combination of coordinates along these axes.
    ///
    /// # Errors
    ///
    /// Those of [`Axes::of`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Grouping;
    /// assert_eq!(Grouping::axes(&[2, 0])?.to_string(), "axes:0,2");
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub const fn axes(axes: &[usize]) -> Result<Self, Error> {
        match Axes::of(axes) {
            Ok(axes) => Ok(Self::Axes(axes)),
            Err(error) => Err(error),
        }
    }

    /// The groups of a tensor of this shape. Costs one pass over the axes.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if a named axis is not in the shape, [`Error::Shape`] for blocks
    /// of zero weights.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{ShapeError, Error, tensor::{Grouping, Shape}};
    ///
    /// let shape = Shape::new(&[2, 10])?;
    /// assert_eq!(Grouping::Block(4).resolve(&shape)?.len(), 6);
    /// assert_eq!(Grouping::Block(0).resolve(&shape), Err(Error::Shape(ShapeError::EmptyBlock)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn resolve(&self, shape: &Shape) -> Result<Groups, Error> {
        Ok(Groups::new(*self, *shape, self.tiles(shape)?))
    }

    /// For each axis, over how many coordinates a group extends (at least one).
    fn tiles(self, shape: &Shape) -> Result<[usize; MAX_RANK], Error> {
        let rank = shape.rank();
        let named = match self {
            Self::Axes(axes) => axes,
            Self::Kernel if rank >= 3 => Axes::FIRST_TWO,
            Self::Tensor | Self::Kernel => Axes::NONE,
            Self::Block(0) => return Err(Error::Shape(ShapeError::EmptyBlock)),
            Self::Block(len) => return Ok(block_tiles(len, shape)),
        };
        if let Some(axis) = named.members().find(|&axis| axis >= rank) {
            return Err(Error::Shape(ShapeError::Axis { axis, rank }));
        }
        let mut tiles = [1; MAX_RANK];
        for (axis, (tile, &extent)) in tiles.iter_mut().zip(shape.axes()).enumerate() {
            if !named.contains(axis) {
                *tile = extent.max(1);
            }
        }
        Ok(tiles)
    }
}

/// The tiles of blocks: `len` along the last axis, cut to its extent, and 1 along all others.
fn block_tiles(len: usize, shape: &Shape) -> [usize; MAX_RANK] {
    let mut tiles = [1; MAX_RANK];
    if let Some((tile, &extent)) = tiles.iter_mut().zip(shape.axes()).last() {
        *tile = len.min(extent).max(1);
    }
    tiles
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Tensor => f.write_str("tensor"),
            Self::Kernel => f.write_str("kernel"),
            Self::Block(len) => write!(f, "block:{len}"),
            Self::Axes(axes) => {
                let count = axes.members().count();
                f.write_str(if count == 1 { "axis:" } else { "axes:" })?;
                axes.members().enumerate().try_for_each(|(place, axis)| {
                    let comma = if place == 0 { "" } else { "," };
                    write!(f, "{comma}{axis}")
                })
            }
        }
    }
}

impl FromStr for Grouping {
    type Err = ParseGroupingError;

    /// Reads what `Display` writes. `axes:` takes any number of axes, in any order.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let parsed = match (name, argument) {
            ("tensor", None) => Ok(Self::Tensor),
            ("kernel", None) => Ok(Self::Kernel),
            ("axis", Some(axis)) => parse_axes([axis]).ok_or("axis:K with K from 0 to 7"),
            ("axes", Some("")) => Ok(Self::Axes(Axes::NONE)),
            ("axes", Some(axes)) => {
                parse_axes(axes.split(',')).ok_or("axes:K,L with different numbers from 0 to 7")
            }
            ("block", Some(len)) => parse_number(len)
                .filter(|&len| len > 0)
                .map(Self::Block)
                .ok_or("block:N with N of at least 1"),
            _ => Err("tensor, axis:K, axes:K,L, kernel or block:N"),
        };
        parsed.map_err(|expected| ParseGroupingError { expected })
    }
}

fn parse_axes<'a>(axes: impl IntoIterator<Item = &'a str>) -> Option<Grouping> {
    axes.into_iter()
        .try_fold(Axes::NONE, |set, axis| set.with(parse_number(axis)?))
        .map(Grouping::Axes)
}

/// Digits alone: `usize::from_str` would take a plus sign too.
fn parse_number(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// A text that is not a [`Grouping`], and what would have been one.
///
/// # Examples
///
/// ```
/// use ternarize::tensor::Grouping;
///
/// let error = "block:0".parse::<Grouping>().unwrap_err();
/// assert_eq!(error.expected(), "block:N with N of at least 1");
/// assert_eq!(error.to_string(), "not a grouping: expected block:N with N of at least 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseGroupingError {
    expected: &'static str,
}

impl ParseGroupingError {
    /// What would have been read, for a message.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Grouping;
    /// let error = "rows".parse::<Grouping>().unwrap_err();
    /// assert_eq!(error.expected(), "tensor, axis:K, axes:K,L, kernel or block:N");
    /// ```
    #[must_use]
    pub const fn expected(&self) -> &'static str {
        self.expected
    }
}

impl fmt::Display for ParseGroupingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a grouping: expected {}", self.expected)
    }
}

impl core::error::Error for ParseGroupingError {}
