//! [`TernaryTensor`]: a whole tensor of trits, with the scales of its groups.
//!
//! The packed trits lie in row-major order of the original tensor, whatever the grouping, so the trit of a weight is found without
//! it. The scales lie in the order of the groups, in the type of the original weights.
//!
//! ```text
//! w'[i]            =  +lambda_p[g], 0 or -lambda_n[g]     by the trit at flat index i; g is the group of i
//! bits per weight  =  8 * (packed bytes + scale bytes) / weights
//! ```
//!
//! The tensor is not generic over the type of its scales. `f64` holds every scale exactly, and so the getters return `f64`.

use alloc::vec::Vec;
use core::ops::Range;

#[cfg(feature = "safetensors")]
use super::floats::map;
use super::floats::{Floats, each, nearest_finite};
use super::{Grouping, Groups, Shape};
use crate::error::check_len;
use crate::optimum::fit::value;
use crate::weight::{FloatBits, PRIVATE, TypedSliceMut};
use crate::{Code, Error, PackedTrits, PackedTritsBuf, Rule, Scales, Weight};

/// A tensor of ternary weights: shape, grouping, packed trits, and the scales of each group.
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
    groups: Groups,
    rule: Rule,
    trits: PackedTritsBuf,
    lambda_p: Floats,
    /// `None` if one scale serves both signs. Else of the same type as `lambda_p`.
    lambda_n: Option<Floats>,
}

impl TernaryTensor {
    /// Makes a tensor of its parts: one scale for each group, or two, in the order of the groups.
    ///
    /// `lambda_n` is `None` if `lambda_p` is the scale of both signs. `rule` only records how the trits were chosen.
    ///
    /// # Errors
    ///
    /// - [`Error::Shape`] as [`Grouping::count`];
    /// - [`Error::LengthMismatch`] if there is not one trit for each element, or not one scale for each group;
    /// - [`Error::InvalidValue`] with the group of a scale that is negative, NaN or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::tensor::{Grouping, Shape, TernaryTensor};
    /// use ternarize::{Code, PackedTritsBuf, Rule};
    ///
    /// let trits = PackedTritsBuf::from_trits(Code::TwoBit, &[1, 0, -1])?;
    /// let (shape, grouping) = (Shape::new(&[3])?, Grouping::Tensor);
    /// let tensor =
    ///     TernaryTensor::from_parts(shape, grouping, Rule::Tnt, trits, &[0.5_f32], None)?;
    /// assert_eq!(tensor.dequantize::<f32>(), [0.5, 0.0, -0.5]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn from_parts<W: Weight>(
        shape: Shape,
        grouping: Grouping,
        rule: Rule,
        trits: PackedTritsBuf,
        lambda_p: &[W],
        lambda_n: Option<&[W]>,
    ) -> Result<Self, Error> {
        let (lambda_p, lambda_n) = (Floats::copy_of(lambda_p), lambda_n.map(Floats::copy_of));
        Self::from_floats(shape, grouping, rule, trits, lambda_p, lambda_n)
    }

    /// As [`from_parts`](Self::from_parts).
    pub(crate) fn from_floats(
        shape: Shape,
        grouping: Grouping,
        rule: Rule,
        trits: PackedTritsBuf,
        lambda_p: Floats,
        lambda_n: Option<Floats>,
    ) -> Result<Self, Error> {
        let groups = grouping.resolve(&shape)?;
        check_len(shape.len(), trits.len())?;
        for scales in core::iter::once(&lambda_p).chain(&lambda_n) {
            check_len(groups.len(), scales.len())?;
            scales.check_scales()?;
        }
        Ok(Self {
            groups,
            rule,
            trits,
            lambda_p,
            lambda_n,
        })
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
    /// The group is the index into [`lambda_p`](Self::lambda_p) and [`lambda_n`](Self::lambda_n). A reversed range has no runs.
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

    /// The rule by which the trits were chosen.
    ///
    /// ```
    /// # use ternarize::{Rule, Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let twn = Ternarizer::new().rule(Rule::Twn);
    /// assert_eq!(TernaryTensor::ternarize(&view, Grouping::Tensor, &twn)?.0.rule(), Rule::Twn);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
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

    /// The name of the type of the scales, as model files spell it: `F16`, `BF16`, `F32` or `F64`.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f64, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.dtype(), "F64");
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn dtype(&self) -> &'static str {
        self.lambda_p.dtype()
    }

    /// The packed trits in row-major order.
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
        self.trits.as_packed()
    }

    /// The magnitude of a +1, group by group, exactly.
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
        self.lambda_p.to_f64()
    }

    /// The magnitude of a -1, group by group, exactly. The same as [`lambda_p`](Self::lambda_p) if there is one scale.
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
        self.stored_scales().1.to_f64()
    }

    /// The scales of +1 and of -1 as they are stored. If there is one scale, both are the same.
    pub(crate) fn stored_scales(&self) -> (&Floats, &Floats) {
        let lambda_n = self.lambda_n.as_ref();
        (&self.lambda_p, lambda_n.unwrap_or(&self.lambda_p))
    }

    /// Both scales of a group; zeros for a group that does not exist.
    pub(super) fn scales_of(&self, group: usize) -> (f64, f64) {
        let (lambda_p, lambda_n) = self.stored_scales();
        (lambda_p.get(group), lambda_n.get(group))
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
        let trits = self.trits.transcode(code);
        Self { trits, ..self }
    }

    /// The share of trits that are 0, in `[0, 1]`; 0 for an empty tensor.
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
        let zeros = self.trits.len() - self.trits().count_nonzeros();
        zeros as f64 / self.trits.len().max(1) as f64
    }

    /// Bytes of packed trits and scales together.
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
        let second = self.lambda_n.as_ref().map_or(0, Floats::stored_bytes);
        self.trits.as_bytes().len() + self.lambda_p.stored_bytes() + second
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
        self.stored_bytes() as f64 * 8.0 / self.trits.len().max(1) as f64
    }

    /// Writes the restored weights in row-major order. Each scale is rounded to the nearest finite value of the type asked for.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `weights` is not as long as the tensor.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// let mut weights = [0.0_f64; 4];
    /// tensor.dequantize_into(&mut weights)?;
    /// assert_eq!(weights, [1.0, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn dequantize_into<T: Weight>(&self, weights: &mut [T]) -> Result<(), Error> {
        self.restore(T::typed_mut(weights, PRIVATE))
    }

    fn restore(&self, weights: TypedSliceMut<'_>) -> Result<(), Error> {
        each!(TypedSliceMut, weights, weights => self.restore_as(weights))
    }

    fn restore_as<T: FloatBits>(&self, weights: &mut [T]) -> Result<(), Error> {
        check_len(self.trits.len(), weights.len())?;
        for (run, group) in self.groups.runs(0..weights.len())? {
            let (lambda_p, lambda_n) = self.scales_of(group);
            let [lambda_p, lambda_n] = [lambda_p, lambda_n].map(nearest_finite::<T>);
            let trits = self.trits().slice(run.clone())?;
            for (weight, trit) in weights.iter_mut().skip(run.start).zip(trits.iter()) {
                *weight = value(trit, lambda_p, lambda_n);
            }
        }
        Ok(())
    }

    /// The restored weights in row-major order. Each scale is rounded to the nearest finite value of the type asked for.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.dequantize::<f32>(), [1.0, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn dequantize<T: Weight>(&self) -> Vec<T> {
        let mut weights = alloc::vec![T::zero(); self.trits.len()];
        let written = self.dequantize_into(&mut weights);
        debug_assert!(written.is_ok(), "a vector of the tensor's length");
        weights
    }

    /// The restored weights in the type of the scales.
    #[cfg(feature = "safetensors")]
    pub(crate) fn dequantize_floats(&self) -> Floats {
        map!(Floats, &self.lambda_p, _scales => Floats(self.dequantize()))
    }

    /// Appends the restored weights of a group, in increasing order of their indices.
    pub(super) fn restore_group(&self, group: usize, values: &mut Vec<f64>) {
        let (lambda_p, lambda_n) = self.scales_of(group);
        let value = |trit| value(trit, lambda_p, lambda_n);
        let range = self.groups.range(group..group + 1);
        if let Some(trits) = range.and_then(|range| self.trits().slice(range).ok()) {
            values.extend(trits.iter().map(value));
        } else {
            let trits = self.groups.indices(group).map(|i| self.trits().get(i));
            values.extend(trits.map(|trit| value(trit.unwrap_or(0))));
        }
    }
}
