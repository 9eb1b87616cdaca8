//! [`Unfold`]: the inputs of a convolution as rows for a [`Gram`](super::Gram) matrix.
//!
//! An output channel of a convolution is, at each position, the inner product of the channel's weights with the patch of the image that
//! lies under the kernel. So the patches are the rows of inputs, and the layer is a matrix product:
//!
//! ```text
//! row[c, k]       =  image[c, i]  with  i[a] = o[a] stride[a] + k[a] dilation[a] - begin[a]  on each axis a;  0 if i lies in the padding
//! extent of o[a]  =  (begin[a] + extent[a] + end[a] - span[a]) / stride[a] + 1                    span[a] = (kernel[a] - 1) dilation[a] + 1
//! ```
//!
//! Rows are in row-major order of the positions `o`, the numbers of a row in that of the channels `c` of a group and the taps `k`, as the
//! weights of an output channel are.

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, ShapeError, check_len, reserve};

/// The most axes of an image besides that of its channels.
const MOST_AXES: usize = 3;

/// How a convolution reads an image: sizes, strides, dilations, padding and groups.
///
/// # Examples
///
/// A Gram matrix of all patches of 3 x 3 pixels, padded to as many positions as there are pixels:
///
/// ```
/// use ternarize::quantize::gram::{Gram, Unfold};
///
/// let unfold = Unfold::new(2, &[4, 5], &[3, 3])?.padding(&[1, 1], &[1, 1])?;
/// assert_eq!((unfold.output(), unfold.positions(), unfold.columns()), (&[4, 5][..], 20, 18));
///
/// let image: Vec<f32> = (0..40).map(|i| i as f32).collect();
/// let mut rows = Vec::new();
/// unfold.rows(&image, 0, &mut rows)?;
/// let mut gram = Gram::new(unfold.columns())?;
/// gram.add(&rows)?;
/// assert_eq!(gram.rows(), 20);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfold {
    channels: usize,
    groups: usize,
    /// The number of axes. Of the arrays the last entries count; those before are of an axis of extent 1.
    rank: usize,
    spatial: [usize; MOST_AXES],
    kernel: [usize; MOST_AXES],
    strides: [usize; MOST_AXES],
    dilations: [usize; MOST_AXES],
    begin: [usize; MOST_AXES],
    end: [usize; MOST_AXES],
    output: [usize; MOST_AXES],
}

impl Unfold {
    /// A convolution over images of these channels and, for each of up to three axes, this extent; strides and dilations of 1, no
    /// padding, one group.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`] without channels; [`Error::Shape`] for more axes or if a size overflows; [`Error::LengthMismatch`] unless image
    /// and kernel have as many axes; [`Error::InvalidOption`] for a kernel of extent 0.
    pub fn new(channels: usize, spatial: &[usize], kernel: &[usize]) -> Result<Self, Error> {
        let (rank, max) = (spatial.len(), MOST_AXES);
        if rank > max {
            return Err(Error::Shape(ShapeError::TooManyAxes { rank, max }));
        }
        if channels == 0 {
            return Err(Error::Empty);
        }
        let ones = [1; MOST_AXES];
        let mut unfold = Self {
            channels,
            groups: 1,
            rank,
            spatial: ones,
            kernel: ones,
            strides: ones,
            dilations: ones,
            begin: [0; MOST_AXES],
            end: [0; MOST_AXES],
            output: ones,
        };
        unfold.spatial = unfold.axes(spatial, 1)?;
        unfold.kernel = unfold.positive(kernel, "extent of a kernel")?;
        unfold.checked()
    }

    /// Sets how far apart neighbouring positions are, for each axis.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] for another number of axes; [`Error::InvalidOption`] for 0.
    pub fn strides(mut self, strides: &[usize]) -> Result<Self, Error> {
        self.strides = self.positive(strides, "stride")?;
        self.checked()
    }

    /// Sets how far apart neighbouring taps of the kernel are, for each axis.
    ///
    /// # Errors
    ///
    /// As [`strides`](Self::strides); [`Error::Shape`] if a size overflows.
    pub fn dilations(mut self, dilations: &[usize]) -> Result<Self, Error> {
        self.dilations = self.positive(dilations, "dilation")?;
        self.checked()
    }

    /// Sets how many zeros come before and behind the image, for each axis.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] for another number of axes; [`Error::Shape`] if a size overflows.
    pub fn padding(mut self, begin: &[usize], end: &[usize]) -> Result<Self, Error> {
        self.begin = self.axes(begin, 0)?;
        self.end = self.axes(end, 0)?;
        self.checked()
    }

    /// Sets the number of groups: the channels are cut into so many equal parts, each with output channels of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the channels are no multiple of it.
    pub fn groups(self, groups: usize) -> Result<Self, Error> {
        if !self.channels.is_multiple_of(groups) {
            let (len, group) = (self.channels, groups);
            return Err(Error::Shape(ShapeError::Ragged { len, group }));
        }
        Ok(Self { groups, ..self })
    }

    /// The extents of the output; 0 where the kernel is longer than the padded image.
    #[must_use]
    pub fn output(&self) -> &[usize] {
        &self.output[MOST_AXES - self.rank..]
    }

    /// The number of positions of the kernel: the rows of an image.
    #[must_use]
    pub fn positions(&self) -> usize {
        self.output.iter().product()
    }

    /// The numbers of a row: the weights of an output channel.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.kernel.iter().product::<usize>() * (self.channels / self.groups)
    }

    /// Appends the rows of all positions in an image `[channels, spatial...]` for a group.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] for an image of another size; [`Error::OutOfBounds`] for a group that does not exist; [`Error::Shape`]
    /// if the kernel is longer than the padded image; [`Error::TooMany`] without the memory. Then nothing is appended.
    pub fn rows(&self, image: &[f32], group: usize, rows: &mut Vec<f32>) -> Result<(), Error> {
        self.append(image, group, 0..self.positions(), rows)
    }

    /// Appends the rows of some positions, in this order: numbers in row-major order of the output.
    ///
    /// # Errors
    ///
    /// As [`rows`](Self::rows); [`Error::OutOfBounds`] for a position that does not exist, too.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::gram::Unfold;
    ///
    /// let unfold = Unfold::new(1, &[5], &[2])?.dilations(&[3])?;
    /// let mut rows = Vec::new();
    /// unfold.rows_at(&[0.0, 1.0, 2.0, 3.0, 4.0], 0, &[1, 0], &mut rows)?;
    /// assert_eq!(rows, [1.0, 4.0, 0.0, 3.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn rows_at(
        &self,
        image: &[f32],
        group: usize,
        positions: &[usize],
        rows: &mut Vec<f32>,
    ) -> Result<(), Error> {
        let len = self.positions();
        if let Some(&index) = positions.iter().find(|position| **position >= len) {
            return Err(Error::OutOfBounds { index, len });
        }
        self.append(image, group, positions.iter().copied(), rows)
    }

    fn append(
        &self,
        image: &[f32],
        group: usize,
        positions: impl ExactSizeIterator<Item = usize>,
        rows: &mut Vec<f32>,
    ) -> Result<(), Error> {
        check_len(self.image_len(), image.len())?;
        if group >= self.groups {
            let (index, len) = (group, self.groups);
            return Err(Error::OutOfBounds { index, len });
        }
        self.check_fit()?;
        let (start, columns) = (rows.len(), self.columns());
        let count = positions.len().checked_mul(columns).ok_or(OVERFLOW)?;
        reserve(rows, count)?;
        rows.resize(start + count, 0.0);
        let len = image.len() / self.groups;
        let image = &image[group * len..][..len];
        for (position, row) in positions.zip(rows[start..].chunks_exact_mut(columns)) {
            self.patch(image, position, row);
        }
        Ok(())
    }

    /// Copies what lies under the kernel, from the channels of a group to a row of zeros.
    fn patch(&self, image: &[f32], mut position: usize, row: &mut [f32]) {
        let mut taps: [Range<usize>; MOST_AXES] = Default::default();
        let mut origin = [0; MOST_AXES];
        for axis in (0..MOST_AXES).rev() {
            origin[axis] = position % self.output[axis] * self.strides[axis];
            position /= self.output[axis];
            taps[axis] = self.inside(axis, origin[axis]);
        }
        let place = |axis: usize, tap| origin[axis] + tap * self.dilations[axis] - self.begin[axis];
        let ([_, height, width], [_, rows, columns]) = (self.spatial, self.kernel);
        let channel = self.spatial.iter().product::<usize>().max(1);
        let kernel = self.kernel.iter().product();
        let taken = row.chunks_exact_mut(kernel);
        for (image, row) in image.chunks_exact(channel).zip(taken) {
            for z in taps[0].clone() {
                for y in taps[1].clone() {
                    let line = &image[(place(0, z) * height + place(1, y)) * width..][..width];
                    let target = &mut row[(z * rows + y) * columns..][..columns];
                    for x in taps[2].clone() {
                        target[x] = line[place(2, x)];
                    }
                }
            }
        }
    }

    /// The taps that lie in the image and not in its padding, for a kernel that begins at a place of the padded axis.
    fn inside(&self, axis: usize, origin: usize) -> Range<usize> {
        let first = self.begin[axis].saturating_sub(origin);
        let behind = (self.begin[axis] + self.spatial[axis]).saturating_sub(origin);
        let end = behind.div_ceil(self.dilations[axis]);
        first.div_ceil(self.dilations[axis])..end.min(self.kernel[axis])
    }

    /// Values for each axis, behind others for the axes that there are not.
    fn axes(&self, values: &[usize], fill: usize) -> Result<[usize; MOST_AXES], Error> {
        check_len(self.rank, values.len())?;
        let mut axes = [fill; MOST_AXES];
        axes[MOST_AXES - self.rank..].copy_from_slice(values);
        Ok(axes)
    }

    fn positive(&self, values: &[usize], name: &'static str) -> Result<[usize; MOST_AXES], Error> {
        if values.contains(&0) {
            return Err(Error::option(name, 0.0));
        }
        self.axes(values, 1)
    }

    /// Computes the output; no size overflows.
    fn checked(mut self) -> Result<Self, Error> {
        for axis in 0..MOST_AXES {
            let (span, extent) = self.extents(axis).ok_or(OVERFLOW)?;
            let steps = extent.checked_sub(span);
            self.output[axis] = steps.map_or(0, |steps| steps / self.strides[axis] + 1);
        }
        let product = |first, sizes: [usize; MOST_AXES]| {
            let mut sizes = sizes.into_iter();
            sizes.try_fold(first, usize::checked_mul).ok_or(OVERFLOW)
        };
        product(self.channels, self.spatial)?;
        product(self.channels, self.kernel)?;
        product(1, self.output)?;
        Ok(self)
    }

    /// The elements of an axis that the kernel spans, and those of the padded image.
    fn extents(&self, axis: usize) -> Option<(usize, usize)> {
        let span = (self.kernel[axis] - 1).checked_mul(self.dilations[axis])?;
        let padding = self.begin[axis].checked_add(self.end[axis])?;
        let extent = padding.checked_add(self.spatial[axis])?;
        Some((span.checked_add(1)?, extent))
    }

    fn check_fit(&self) -> Result<(), Error> {
        let Some(place) = self.output.iter().position(|extent| *extent == 0) else {
            return Ok(());
        };
        let (span, extent) = self.extents(place).ok_or(OVERFLOW)?;
        let axis = place + self.rank - MOST_AXES;
        Err(Error::Shape(ShapeError::Kernel { axis, span, extent }))
    }

    fn image_len(&self) -> usize {
        self.spatial.iter().product::<usize>() * self.channels
    }
}

const OVERFLOW: Error = Error::Shape(ShapeError::Overflow);
