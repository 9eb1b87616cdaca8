//! [`Grouping`]: which weights of a tensor share their scales.
//!
//! A ternary tensor stores one trit for each weight and one or two scales for each group of weights. Smaller groups follow the
//! weights more closely and need more scales. A grouping is a rule that needs no tensor. Applied to a [`Shape`] it gives groups:
//!
//! ```text
//! text form       groups of an H x C x W tensor               typical use
//! tensor          1: all weights                              smallest file
//! axis:0          H: one for each coordinate along axis 0     output channels of y = W x
//! axes:0,2        H * W: one for each pair of coordinates
//! kernel          H * C: one for each pair of channels        spatial kernels of a convolution
//! block:32        H * C * ceil(W / 32): runs of 32 weights    formats of other programs
//! ```
//!
//! The three decompositions in the paper are `axis:0`, `axis:1` and `axis:2`. Groups are numbered in row-major order.

use core::{fmt, str::FromStr};

use super::{Groups, MAX_RANK, Shape};
use crate::{Error, ShapeError};

/// Which weights share their scales.
///
/// `Display` writes the text form that the variants give, and `FromStr` reads it. Model files and the command line use it.
///
/// # Examples
///
/// ```
/// use ternarize::tensor::{Grouping, Shape};
///
/// let grouping: Grouping = "kernel".parse()?;
/// assert_eq!(grouping.count(&Shape::new(&[20, 1, 5, 5])?)?, 20);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grouping {
    /// `tensor`: all weights are one group.
    Tensor,
    /// `axis:K` or `axes:K,L`: weights with equal coordinates along all named axes are one group. Bit `k` of the set names axis
    /// `k`. [`Grouping::axes`] makes the set from a list.
    Axes(u8),
    /// `kernel`: one group for each spatial kernel of a convolution. Same as `axes:0,1` for a tensor of rank 3 or more. A tensor
    /// of rank 2 or less is one kernel.
    Kernel,
    /// `block:N`: runs of `N` weights along the last axis. The last block of a row may be shorter, and no block continues in the
    /// next row. A tensor of rank 0 is one row of one weight.
    Block(usize),
}

impl Grouping {
    /// One group for each output channel: the same as `axis:0`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::Grouping;
    /// assert_eq!(Grouping::OUTPUT_CHANNEL, Grouping::axis(0)?);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub const OUTPUT_CHANNEL: Self = Self::Axes(1);

    /// One group for each coordinate along one axis.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Axis`] for an axis at or beyond [`MAX_RANK`].
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

    /// One group for each combination of coordinates along these axes. Their order does not matter, and there may be none.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Axis`] for an axis that is named twice, or that is at or beyond [`MAX_RANK`]. The error gives `MAX_RANK` as
    /// the rank, because no tensor is known yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Error, ShapeError, tensor::Grouping};
    ///
    /// const KERNELS: Result<Grouping, Error> = Grouping::axes(&[1, 0]);
    /// assert_eq!(KERNELS?, Grouping::Axes(0b11));
    /// assert_eq!(Grouping::axes(&[8]), Err(Error::Shape(ShapeError::Axis { axis: 8, rank: 8 })));
    /// # Ok::<(), Error>(())
    /// ```
    pub const fn axes(axes: &[usize]) -> Result<Self, Error> {
        let mut set = 0;
        let mut rest = axes;
        while let [axis, others @ ..] = rest {
            let Some(larger) = with_axis(set, *axis) else {
                let (axis, rank) = (*axis, MAX_RANK);
                return Err(Error::Shape(ShapeError::Axis { axis, rank }));
            };
            (set, rest) = (larger, others);
        }
        Ok(Self::Axes(set))
    }

    /// The number of groups in a tensor of this shape, which is the number of its scales for each sign. Zero if it is empty.
    ///
    /// # Errors
    ///
    /// [`ShapeError::Axis`] if the shape lacks a named axis, and [`ShapeError::EmptyBlock`] for blocks of zero weights.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{Error, ShapeError, tensor::{Grouping, Shape}};
    ///
    /// let shape = Shape::new(&[2, 10])?;
    /// assert_eq!(Grouping::Block(4).count(&shape)?, 6);
    /// assert_eq!(Grouping::Block(0).count(&shape), Err(Error::Shape(ShapeError::EmptyBlock)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn count(&self, shape: &Shape) -> Result<usize, Error> {
        Ok(self.resolve(shape)?.len())
    }

    /// The groups of a tensor of this shape. Errors as [`count`](Self::count).
    pub(crate) fn resolve(&self, shape: &Shape) -> Result<Groups, Error> {
        Ok(Groups::new(*self, *shape, self.tiles(shape)?))
    }

    /// For each axis, the number of coordinates in a group, at least one.
    fn tiles(self, shape: &Shape) -> Result<[usize; MAX_RANK], Error> {
        let rank = shape.rank();
        let mut tiles = [1; MAX_RANK];
        let named = match self {
            Self::Axes(set) => set,
            Self::Kernel if rank >= 3 => 0b11,
            Self::Tensor | Self::Kernel => 0,
            Self::Block(0) => return Err(Error::Shape(ShapeError::EmptyBlock)),
            Self::Block(len) => {
                // A block covers `len` coordinates of the last axis and one of each other axis.
                if let Some((tile, &extent)) = tiles.iter_mut().zip(shape.axes()).last() {
                    *tile = len.min(extent).max(1);
                }
                return Ok(tiles);
            }
        };
        if let Some(axis) = members(named).find(|&axis| axis >= rank) {
            return Err(Error::Shape(ShapeError::Axis { axis, rank }));
        }
        // A group covers one coordinate of each named axis and all coordinates of the others.
        for (axis, (tile, &extent)) in tiles.iter_mut().zip(shape.axes()).enumerate() {
            if named >> axis & 1 == 0 {
                *tile = extent.max(1);
            }
        }
        Ok(tiles)
    }
}

/// The set with one more axis, or `None` if the axis is too large or in the set already.
const fn with_axis(set: u8, axis: usize) -> Option<u8> {
    if axis >= MAX_RANK || set >> axis & 1 == 1 {
        return None;
    }
    Some(set | 1 << axis)
}

/// The axes of a set in increasing order.
fn members(set: u8) -> impl Iterator<Item = usize> {
    (0..MAX_RANK).filter(move |axis| set >> axis & 1 == 1)
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Tensor => f.write_str("tensor"),
            Self::Kernel => f.write_str("kernel"),
            Self::Block(len) => write!(f, "block:{len}"),
            Self::Axes(set) => {
                let one = set.is_power_of_two();
                f.write_str(if one { "axis:" } else { "axes:" })?;
                members(set).enumerate().try_for_each(|(place, axis)| {
                    let comma = if place == 0 { "" } else { "," };
                    write!(f, "{comma}{axis}")
                })
            }
        }
    }
}

impl FromStr for Grouping {
    type Err = Error;

    /// Reads what `Display` writes. `axes:` takes any number of axes in any order.
    ///
    /// Fails with [`ShapeError::Grouping`], which says what was expected.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        let block = |len| parse_number(len).filter(|&len| len > 0).map(Self::Block);
        let parsed = match (name, argument) {
            ("tensor", None) => Ok(Self::Tensor),
            ("kernel", None) => Ok(Self::Kernel),
            ("axis", Some(axis)) => parse_axes([axis]).ok_or("axis:K with K from 0 to 7"),
            ("axes", Some("")) => Ok(Self::Axes(0)),
            ("axes", Some(axes)) => {
                parse_axes(axes.split(',')).ok_or("axes:K,L with different numbers from 0 to 7")
            }
            ("block", Some(len)) => block(len).ok_or("block:N with N of at least 1"),
            _ => Err("tensor, axis:K, axes:K,L, kernel or block:N"),
        };
        parsed.map_err(|expected| Error::Shape(ShapeError::Grouping { expected }))
    }
}

fn parse_axes<'a>(axes: impl IntoIterator<Item = &'a str>) -> Option<Grouping> {
    let mut axes = axes.into_iter();
    let set = axes.try_fold(0, |set, axis| with_axis(set, parse_number(axis)?));
    set.map(Grouping::Axes)
}

/// Reads digits only: `usize::from_str` accepts a plus sign, too.
fn parse_number(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
