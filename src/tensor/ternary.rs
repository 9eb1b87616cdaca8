//! [`TernaryTensor`]: a whole tensor in trits, with the scales of its groups.
//!
//! The trits lie packed in the row-major order of the original tensor, whatever the grouping, so a reader needs no grouping
//! to find a weight's trit; the scales lie in the order of the groups.
//!
//! ```text
//! w'[i] = +lambda_p[g], 0 or -lambda_n[g]      by the trit at the row-major index i, with g the group of i
//! bits per weight = (packed bytes + scale bytes) * 8 / weights         as stored
//! ```

use crate::error::Operand;
use alloc::vec::Vec;

use super::{Grouping, Groups, Shape};
use crate::optimum::fit::value;
use crate::{Code, Error, PackedTrits, PackedTritsBuf, Rule, Scales, Weight};

/// A tensor of ternary weights: shape, groups, packed trits, and the scales of each group in the weights' own type.
///
/// # Examples
///
/// A convolution of 2 output channels, ternarized channel by channel:
///
/// ```
/// use ternarize::Ternarizer;
/// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
///
/// let weights = [0.5_f32, -0.4, 0.0, 0.1, 8.0, 0.0, 9.0, -7.0];
/// let view = TensorView::new(&weights, &[2, 1, 2, 2])?;
/// let channel = Grouping::axis(0)?;
/// let (tensor, fits) = TernaryTensor::ternarize(&view, channel, &Ternarizer::new())?;
/// assert_eq!(tensor.lambda_p(), [0.5, 8.5]);
/// assert_eq!(tensor.reconstruct::<f32>(), [0.5, -0.4, 0.0, 0.0, 8.5, 0.0, 8.5, -7.0]);
/// assert_eq!(fits[1].nonzeros, 3);
/// assert_eq!(tensor.bits_per_weight(), (2.0 + 4.0 * 4.0) * 8.0 / 8.0);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TernaryTensor<W> {
    groups: Groups,
    rule: Rule,
    trits: PackedTritsBuf,
    lambda_p: Vec<W>,
    /// `None` if one scale serves both signs.
    lambda_n: Option<Vec<W>>,
}

impl<W: Weight> TernaryTensor<W> {
    /// Puts a tensor together from its parts: `lambda_n` is `None` if `lambda_p` is the scale of both signs. The rule is only
    /// remembered.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] and [`Error::Shape`] as [`Grouping::resolve`]; [`Error::LengthMismatch`] if the trits do not
    /// fill the shape or the scales not the groups; [`Error::InvalidValue`] with the group of a scale that is negative, NaN or
    /// infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::tensor::{Grouping, Shape, TernaryTensor};
    /// use ternarize::{Code, PackedTritsBuf, Rule};
    ///
    /// let trits = PackedTritsBuf::from_trits(Code::TwoBit, &[1, 0, -1])?;
    /// let shape = Shape::new(&[3])?;
    /// let scale = vec![0.5_f32];
    /// let tensor =
    ///     TernaryTensor::from_parts(shape, Grouping::Tensor, Rule::Tnt, trits, scale, None)?;
    /// assert_eq!(tensor.reconstruct::<f32>(), [0.5, 0.0, -0.5]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn from_parts(
        shape: Shape,
        grouping: Grouping,
        rule: Rule,
        trits: PackedTritsBuf,
        lambda_p: Vec<W>,
        lambda_n: Option<Vec<W>>,
    ) -> Result<Self, Error> {
        let groups = grouping.resolve(&shape)?;
        let same = |expected, actual| {
            let equal = actual == expected;
            equal
                .then_some(())
                .ok_or(Error::LengthMismatch { expected, actual })
        };
        same(shape.len(), trits.len())?;
        for scales in core::iter::once(&lambda_p).chain(&lambda_n) {
            same(groups.len(), scales.len())?;
            let good = |scale: &W| *scale >= W::zero() && *scale <= W::max_value();
            // All of them first: a loop without a way out becomes vectors.
            let all_good = scales.iter().fold(true, |all, scale| all & good(scale));
            if !all_good && let Some(index) = scales.iter().position(|scale| !good(scale)) {
                return Err(Error::InvalidValue {
                    what: Operand::Scale,
                    index,
                });
            }
        }
        Ok(Self {
            groups,
            rule,
            trits,
            lambda_p,
            lambda_n,
        })
    }

    /// The lengths of the axes.
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

    /// Which weights share scales.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Block(1), &Ternarizer::new())?;
    /// assert_eq!(tensor.grouping().to_string(), "block:1");
    /// assert_eq!(tensor.groups().len(), 4);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn grouping(&self) -> Grouping {
        self.groups.grouping()
    }

    /// The partition of the weights: see [`Groups`].
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.9], &[2, 2])?;
    /// let rows = Grouping::axis(0)?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, rows, &Ternarizer::new())?;
    /// assert_eq!(tensor.groups().group_of(3), Some(1));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The rule the trits were chosen by.
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

    /// The trits in row-major order.
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

    /// The magnitude of a +1, group by group.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.1, 0.5], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!((tensor.lambda_p(), tensor.lambda_n()), (&[0.75][..], &[0.5][..]));
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn lambda_p(&self) -> &[W] {
        &self.lambda_p
    }

    /// The magnitude of a -1, group by group; the same as [`lambda_p`](Self::lambda_p) if there is one scale.
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
    pub fn lambda_n(&self) -> &[W] {
        self.lambda_n.as_deref().unwrap_or(&self.lambda_p)
    }

    /// Both scales of a group; zeros for a group that does not exist.
    pub(super) fn scales_of(&self, group: usize) -> (W, W) {
        let scale = |scales: &[W]| scales.get(group).copied().unwrap_or_else(W::zero);
        (scale(self.lambda_p()), scale(self.lambda_n()))
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
        Self {
            trits: self.trits.transcode(code),
            ..self
        }
    }

    /// The share of trits that are 0.
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
        match self.trits.len() {
            0 => 0.0,
            len => (len - self.trits().count_nonzeros()) as f64 / len as f64,
        }
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
        let scales = self.lambda_p.len() + self.lambda_n.as_ref().map_or(0, Vec::len);
        self.trits.as_bytes().len() + scales * size_of::<W>()
    }

    /// Stored bits for each weight, the scales and the unused trits of the last byte included.
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
        match self.trits.len() {
            0 => 0.0,
            len => self.stored_bytes() as f64 * 8.0 / len as f64,
        }
    }

    /// Writes the restored weights in row-major order, each scale rounded to the nearest value of the type asked for.
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
    /// tensor.reconstruct_into(&mut weights)?;
    /// assert_eq!(weights, [1.0, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn reconstruct_into<T: Weight>(&self, weights: &mut [T]) -> Result<(), Error> {
        let expected = self.trits.len();
        if weights.len() != expected {
            return Err(Error::LengthMismatch {
                expected,
                actual: weights.len(),
            });
        }
        for (run, group) in self.groups.runs(0..expected)? {
            let (lambda_p, lambda_n) = self.scales_of(group);
            let (lambda_p, lambda_n) = (T::narrow(lambda_p.widen()), T::narrow(lambda_n.widen()));
            let trits = self.trits().slice(run.clone())?;
            for (weight, trit) in weights.iter_mut().skip(run.start).zip(trits.iter()) {
                *weight = value(trit, lambda_p, lambda_n);
            }
        }
        Ok(())
    }

    /// The restored weights in row-major order.
    ///
    /// ```
    /// # use ternarize::{Ternarizer, tensor::{Grouping, TensorView, TernaryTensor}};
    /// # let view = TensorView::new(&[1.0_f32, -0.5, 0.0, 1.0], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// assert_eq!(tensor.reconstruct::<f32>(), [1.0, -0.5, 0.0, 1.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn reconstruct<T: Weight>(&self) -> Vec<T> {
        let mut weights = alloc::vec![T::zero(); self.trits.len()];
        let written = self.reconstruct_into(&mut weights);
        debug_assert!(written.is_ok(), "a vector of the tensor's length");
        weights
    }
}
