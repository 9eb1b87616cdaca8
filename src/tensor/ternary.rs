//! [`TernaryTensor`]: a whole tensor of trits, with the scales of its groups.
//!
//! The packed trits lie in row-major order of the original tensor, whatever the grouping, so the trit of a weight is found without
//! it. The scales lie plane after plane, in the order of the groups.
//!
//! ```text
//! w'[i]            =  sum over the planes k of  +lambda_p[k][g], 0 or -lambda_n[k][g]     by the trit of the plane at index i
//! bits per weight  =  8 * (packed bytes + scale bytes + bias bytes) / weights             g is the group of i
//! ```
//!
//! The tensor is not generic over the type of its scales. `f64` holds every scale exactly, and so the getters return `f64`.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Grouping, Groups, Shape};
use crate::error::{ShapeError, check_each, check_len};
use crate::rotation::check_width;
use crate::scale::{MAX_PLANES, ScaleBuf};
use crate::{
    Code, Error, Operand, PackedTrits, PackedTritsBuf, Rule, ScaleSlice, ScaleType, Scales,
};

/// A tensor of ternary weights: shape, grouping, 1 to 4 planes of packed trits, the scales of each group, and perhaps a bias for each
/// output channel.
///
/// However it was made (from weights by a [`Ternarizer`](crate::Ternarizer) or by [`Planes`](crate::quantize::planes::Planes), from a
/// Gram matrix, from the bytes of another program or from a file), everything can be done with it: it is multiplied, measured,
/// corrected, encoded and stored.
///
/// # Examples
///
/// A convolution with 2 output channels, each ternarized on its own:
///
/// ```
/// use ternarize::Ternarizer;
/// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
///
/// let weights = [0.5_f32, -0.4, 0.0, 0.1, 8.0, 0.0, 9.0, -7.0];
/// let view = TensorView::new(&weights, &[2, 1, 2, 2])?;
/// let channels = Grouping::OUTPUT_CHANNEL;
/// let (tensor, fits) = TernaryTensor::ternarize(&view, channels, &Ternarizer::new())?;
/// assert_eq!(tensor.lambda_p(), [0.5, 8.5]);
/// assert_eq!(tensor.dequantize::<f32>(), [0.5, -0.4, 0.0, 0.0, 8.5, 0.0, 8.5, -7.0]);
/// assert_eq!(fits[1].nonzeros, 3);
/// assert_eq!(tensor.bits_per_weight(), (2.0 + 4.0 * 4.0) * 8.0 / 8.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TernaryTensor {
    pub(super) groups: Groups,
    /// The rule by which the trits were chosen, if it was one.
    pub(super) rule: Option<Rule>,
    /// 1 to 4, all in one code.
    pub(super) planes: Vec<PackedTritsBuf>,
    /// Plane after plane, group after group.
    pub(super) lambda_p: ScaleBuf,
    /// `None` if one scale serves both signs. Else of the same type as `lambda_p`.
    pub(super) lambda_n: Option<ScaleBuf>,
    /// Empty, or one for each coordinate along axis 0.
    pub(super) bias: Vec<f32>,
    /// The width and the seed of the rotation of its inputs.
    pub(super) rotation: Option<(usize, u64)>,
}

impl TernaryTensor {
    /// Makes a tensor of its parts: planes of trits in row-major order, and for each plane and each group one scale or two.
    ///
    /// `lambda_n` is `None` if `lambda_p` has the scales of both signs.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`] as [`Grouping::count`];
    /// - [`Error::TooMany`] without planes or with more than 4;
    /// - [`Error::LengthMismatch`] if a plane does not have one trit for each element, or there is another number of scales;
    /// - [`Error::Conflict`] for planes in different codes, or scales of different types;
    /// - [`Error::InvalidValue`] with the index of a scale that is negative, NaN or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::tensor::{Grouping, Shape, TernaryTensor};
    /// use ternarize::{Code, PackedTritsBuf, ScaleSlice};
    ///
    /// let planes = vec![
    ///     PackedTritsBuf::from_trits(Code::TwoBit, &[1, 0, -1])?,
    ///     PackedTritsBuf::from_trits(Code::TwoBit, &[1, 1, 0])?,
    /// ];
    /// let (shape, grouping) = (Shape::new(&[3])?, Grouping::Tensor);
    /// let scales = ScaleSlice::F32(&[0.5, 0.125]);
    /// let tensor = TernaryTensor::from_parts(shape, grouping, planes, scales, None)?;
    /// assert_eq!(tensor.dequantize::<f32>(), [0.625, 0.125, -0.5]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn from_parts(
        shape: Shape,
        grouping: Grouping,
        planes: Vec<PackedTritsBuf>,
        lambda_p: ScaleSlice<'_>,
        lambda_n: Option<ScaleSlice<'_>>,
    ) -> Result<Self, Error> {
        let (lambda_p, lambda_n) = (lambda_p.to_owned(), lambda_n.map(ScaleSlice::to_owned));
        Self::assemble(shape, grouping, planes, lambda_p, lambda_n)
    }

    /// As [`from_parts`](Self::from_parts).
    pub(crate) fn assemble(
        shape: Shape,
        grouping: Grouping,
        planes: Vec<PackedTritsBuf>,
        lambda_p: ScaleBuf,
        lambda_n: Option<ScaleBuf>,
    ) -> Result<Self, Error> {
        let groups = grouping.resolve(&shape)?;
        let (what, given, max) = (Operand::Plane, planes.len(), MAX_PLANES);
        if given == 0 || given > max {
            return Err(Error::too_many(what, given, max));
        }
        for plane in &planes {
            check_len(shape.len(), plane.len())?;
            if plane.code() != planes[0].code() {
                let (this, that) = (planes[0].code().name(), plane.code().name());
                return Err(Error::conflict(this, that));
            }
        }
        for scales in core::iter::once(&lambda_p).chain(&lambda_n) {
            let scales = scales.as_slice();
            check_len(groups.len().saturating_mul(given), scales.len())?;
            if let Some(index) = scales.first_invalid() {
                return Err(Error::invalid(Operand::Scale, index));
            }
            if scales.scale_type() != lambda_p.as_slice().scale_type() {
                let this = lambda_p.as_slice().scale_type().name();
                let that = scales.scale_type().name();
                return Err(Error::conflict(this, that));
            }
        }
        Ok(Self {
            groups,
            rule: None,
            planes,
            lambda_p,
            lambda_n,
            bias: Vec::new(),
            rotation: None,
        })
    }

    /// The same tensor with a bias for each output channel, which products add; or without, if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] unless there is one for each coordinate along axis 0; [`Error::Shape`] without axes;
    /// [`Error::InvalidValue`] with the index of one that is NaN or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -1.0, 0.0, 1.0], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// let mut y = [0.0; 2];
    /// tensor.with_bias(vec![10.0, 20.0])?.matvec(&[1.0, 2.0], &mut y)?;
    /// assert_eq!(y, [9.0, 22.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn with_bias(self, bias: Vec<f32>) -> Result<Self, Error> {
        if !bias.is_empty() {
            check_len(self.rows()?, bias.len())?;
        }
        check_each(Operand::Bias, &bias, |bias| bias.is_finite())?;
        Ok(Self { bias, ..self })
    }

    /// The same tensor, stored for rotated inputs: products take activations to which [`rotate`](crate::matmul::rotate) has been
    /// applied, and the restored weights are those for such inputs. Nothing is computed here.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] for a width that is no power of two; [`Error::Shape`] for a tensor without output channels.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
    /// # use ternarize::{Ternarizer, matmul::{rotate, rotate_back}};
    /// let (mut weights, mut x) = ([8.0_f32, -4.0, 2.0, 1.0], [1.0, 0.0, 2.0, -1.0]);
    /// // Rotated weights times rotated activations: the same product, but for roundings.
    /// rotate(&mut weights, 4, 4, 7)?;
    /// let view = TensorView::new(&weights, &[1, 4])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Block(1), &Ternarizer::new())?;
    /// let tensor = tensor.with_rotation(4, 7)?;
    /// rotate(&mut x, 4, 4, 7)?;
    /// assert_eq!(tensor.outputs(&x)?, [11.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn with_rotation(self, width: usize, seed: u64) -> Result<Self, Error> {
        self.rows()?;
        check_width(width)?;
        let rotation = Some((width, seed));
        Ok(Self { rotation, ..self })
    }

    /// The width and the seed of the rotation of its inputs, if it is stored for rotated ones.
    #[must_use]
    pub const fn rotation(&self) -> Option<(usize, u64)> {
        self.rotation
    }

    /// The extent of axis 0.
    pub(super) fn rows(&self) -> Result<usize, Error> {
        let axis_0 = self.shape().axes().first().copied();
        axis_0.ok_or(Error::Shape(ShapeError::Axis { axis: 0, rank: 0 }))
    }

    /// The extents of the tensor.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.shape().axes(), [2, 2]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        self.groups.shape()
    }

    /// Which weights share their scales.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Block(1), &Ternarizer::new())?;
    /// assert_eq!(tensor.grouping(), Grouping::Block(1));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn grouping(&self) -> Grouping {
        self.groups.grouping()
    }

    pub(crate) const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Divides a range of flat row-major indices into its maximal runs of one group, in order, each with the number of the group.
    ///
    /// The group is the index of its scales in [`lambda_p`](Self::lambda_p) and [`lambda_n`](Self::lambda_n), for the first plane. A reversed range has no runs.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfBounds`] if the range ends beyond the last element.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// let view = TensorView::new(&[1.0_f32; 12], &[2, 6])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Block(4), &Ternarizer::new())?;
    /// assert_eq!(tensor.runs(2..8)?.collect::<Vec<_>>(), [(2..4, 0), (4..6, 1), (6..8, 2)]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn runs(
        &self,
        range: Range<usize>,
    ) -> Result<impl Iterator<Item = (Range<usize>, usize)>, Error> {
        self.groups.runs(range)
    }

    /// The rule by which the trits were chosen, if it was one and is known.
    ///
    /// ```
    /// # use ternarize::{Rule, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let twn = Ternarizer::new().rule(Rule::Twn);
    /// assert_eq!(TernaryTensor::ternarize(&view, Grouping::Tensor, &twn)?.0.rule(), Some(Rule::Twn));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn rule(&self) -> Option<Rule> {
        self.rule
    }

    #[cfg(feature = "safetensors")]
    pub(crate) fn with_rule(self, rule: Option<Rule>) -> Self {
        Self { rule, ..self }
    }

    /// Whether a group has one scale or two.
    ///
    /// ```
    /// # use ternarize::{Scales, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let one = Ternarizer::new().scales(Scales::One);
    /// assert_eq!(TernaryTensor::ternarize(&view, Grouping::Tensor, &one)?.0.scales(), Scales::One);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn scales(&self) -> Scales {
        match self.lambda_n {
            None => Scales::One,
            Some(_) => Scales::Two,
        }
    }

    /// The type of the scales.
    ///
    /// ```
    /// # use ternarize::{ScaleType, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.scale_type(), ScaleType::F64);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn scale_type(&self) -> ScaleType {
        self.lambda_p.as_slice().scale_type()
    }

    /// What products add to the output channels: empty, or one number for each.
    #[must_use]
    pub fn bias(&self) -> &[f32] {
        &self.bias
    }

    /// The packed trits of each plane, in row-major order.
    ///
    /// ```
    /// # use ternarize::{quantize::planes::Planes, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.5_f32, -0.5, 1.0, 1.5], &[2, 2])?;
    /// let tensor = TernaryTensor::ternarize_planes(&view, Grouping::Tensor, &Planes::new(2))?;
    /// assert_eq!(tensor.planes().len(), 2);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn planes(&self) -> impl ExactSizeIterator<Item = PackedTrits<'_>> + Clone {
        self.planes.iter().map(PackedTritsBuf::as_packed)
    }

    /// The packed trits of the first plane, in row-major order.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert!(tensor.trits().iter().eq([1, -1, 0, 1]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn trits(&self) -> PackedTrits<'_> {
        // There is at least one plane.
        self.planes[0].as_packed()
    }

    /// The magnitude of a +1, exactly: plane after plane, group after group.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.5], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!((tensor.lambda_p(), tensor.lambda_n()), (vec![0.75], vec![0.5]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn lambda_p(&self) -> Vec<f64> {
        self.lambda_p.as_slice().to_f64()
    }

    /// The magnitude of a -1, exactly: plane after plane, group after group. The same as [`lambda_p`](Self::lambda_p) if there is one scale.
    ///
    /// ```
    /// # use ternarize::{Scales, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.6], &[2, 2])?;
    /// let one = Ternarizer::new().scales(Scales::One);
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &one)?;
    /// assert_eq!(tensor.lambda_n(), tensor.lambda_p());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn lambda_n(&self) -> Vec<f64> {
        self.stored_scales()[1].to_f64()
    }

    /// The scales of +1 and of -1 as they are stored. If there is one scale, both are the same.
    pub(crate) fn stored_scales(&self) -> [ScaleSlice<'_>; 2] {
        let lambda_n = self.lambda_n.as_ref().unwrap_or(&self.lambda_p);
        [self.lambda_p.as_slice(), lambda_n.as_slice()]
    }

    /// Both scales of a group in a plane; zeros for those that do not exist.
    pub(super) fn scales_of(&self, plane: usize, group: usize) -> [f64; 2] {
        let index = plane * self.groups.len() + group;
        self.stored_scales()
            .map(|scales| scales.get(index).unwrap_or(0.0))
    }

    /// The same tensor with its trits in another code.
    ///
    /// ```
    /// # use ternarize::{Code, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let weights = [0.5_f32; 20];
    /// # let view = TensorView::new(&weights, &[20])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.trits().code(), Code::TwoBit);
    /// assert_eq!(tensor.stored_bytes() - tensor.transcode(Code::Base3).stored_bytes(), 1);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn transcode(self, code: Code) -> Self {
        if self.trits().code() == code {
            return self;
        }
        let planes = self.planes.into_iter().map(|plane| plane.transcode(code));
        let planes = planes.collect();
        Self { planes, ..self }
    }

    /// The share of the trits of all planes that are 0, in `[0, 1]`; 0 for an empty tensor.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.sparsity(), 0.25);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn sparsity(&self) -> f64 {
        let (mut trits, mut nonzeros) = (0, 0);
        for plane in self.planes() {
            trits += plane.len();
            nonzeros += plane.count_nonzeros();
        }
        (trits - nonzeros) as f64 / trits.max(1) as f64
    }

    /// Bytes of packed trits, scales and bias together.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.stored_bytes(), 1 + 2 * 4);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        let trits: usize = self.planes().map(|plane| plane.as_bytes().len()).sum();
        let scales = core::iter::once(&self.lambda_p).chain(&self.lambda_n);
        let scales: usize = scales.map(|scales| scales.as_slice().stored_bytes()).sum();
        trits + scales + size_of_val(&self.bias[..])
    }

    /// Stored bits for each weight, with the scales and the unused trits of the last byte; 0 for an empty tensor.
    ///
    /// ```
    /// # use ternarize::{Scales, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let weights = [0.5_f32; 64];
    /// let view = TensorView::new(&weights, &[64])?;
    /// let one = Ternarizer::new().scales(Scales::One);
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &one)?;
    /// assert_eq!(tensor.bits_per_weight(), 2.5);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn bits_per_weight(&self) -> f64 {
        self.stored_bytes() as f64 * 8.0 / self.shape().len().max(1) as f64
    }
}
