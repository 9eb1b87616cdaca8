//! Corrections of the outputs of a [`TernaryTensor`]: a scale and a shift for each output channel.

use alloc::vec::Vec;

use super::{Grouping, Groups, TernaryTensor};
use crate::error::{check_each, check_len};
use crate::quantize::calibrate::Affine;
use crate::scale::ScaleBuf;
use crate::weight::FloatBits as _;
use crate::{Error, Operand, PackedTritsBuf};

impl TernaryTensor {
    /// The same tensor with its outputs corrected: `W x + bias` becomes `scale (W x + bias) + shift`.
    ///
    /// The scale of the map goes into the scales of the channel, as products in `f64` that are rounded to the
    /// [type](Self::scale_type), and into the bias; the shift is added to the bias, which is rounded to `f32`. A tensor without bias gets
    /// none if nothing is shifted. To apply several maps, combine them first with [`Affine::then`], so that nothing is rounded twice.
    /// Output channels are the coordinates along axis 0. If several of them share scales, each gets its own. A negative scale changes
    /// the signs of the channel's trits.
    ///
    /// # Errors
    ///
    /// - [`Error::LengthMismatch`] unless there is a map for each output channel; [`Error::Shape`] without axes;
    /// - [`Error::InvalidValue`] with the index of a map or a bias that is not finite;
    /// - [`Error::Unstorable`] with the index of a scale that its type cannot hold.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::Ternarizer;
    /// use ternarize::quantize::calibrate::Affine;
    /// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
    ///
    /// let view = TensorView::new(&[1.0_f32, -1.0, 0.0, 1.0], &[2, 2])?;
    /// let (tensor, _) = TernaryTensor::ternarize(&view, Grouping::Tensor, &Ternarizer::new())?;
    /// let maps = [Affine { scale: 2.0, shift: 1.0 }, Affine { scale: -0.5, shift: 0.0 }];
    /// let corrected = tensor.corrected(&maps)?;
    /// assert_eq!(corrected.dequantize::<f32>(), [2.0, -2.0, 0.0, -0.5]);
    /// assert_eq!(corrected.bias(), [1.0, 0.0]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn corrected(&self, maps: &[Affine]) -> Result<Self, Error> {
        let rows = self.rows()?;
        check_len(rows, maps.len())?;
        let finite = |map: &Affine| map.scale.is_finite() && map.shift.is_finite();
        check_each(Operand::Scale, maps, finite)?;
        // Scales that belong to one channel each.
        let grouping = self.groups_of_channels();
        let scales = self.scales_times(maps, &grouping.resolve(self.shape())?)?;
        let inner = self.shape().len().checked_div(rows).unwrap_or(0);
        let [lambda_p, lambda_n] =
            scales.map(|scales| ScaleBuf::rounded(self.scale_type(), &scales));
        let lambda_n = self.lambda_n.as_ref().map(|_| lambda_n).transpose()?;
        let planes = self.with_signs(maps, inner)?;
        let corrected = Self::assemble(*self.shape(), grouping, planes, lambda_p?, lambda_n)?;
        // The bias.
        let bias = maps.iter().enumerate().map(|(row, map)| {
            let bias = self.bias.get(row).copied().unwrap_or(0.0);
            f32::narrow(map.apply(f64::from(bias)))
        });
        let mut bias: Vec<f32> = bias.collect();
        if self.bias.is_empty() && bias.iter().all(|bias| *bias == 0.0) {
            bias.clear();
        }
        Self {
            rule: self.rule,
            rotation: self.rotation,
            ..corrected
        }
        .with_bias(bias)
    }

    /// The scales of the +1 and of the -1 trits in these groups, which are of one channel each, times the scales of their maps.
    fn scales_times(&self, maps: &[Affine], groups: &Groups) -> Result<[Vec<f64>; 2], Error> {
        let inner = self.shape().len().checked_div(maps.len()).unwrap_or(0);
        let mut scales = [Vec::new(), Vec::new()];
        for plane in 0..self.planes.len() {
            for group in 0..groups.len() {
                let Some(element) = groups.indices(group).next() else {
                    continue;
                };
                let factor = maps[element / inner.max(1)].scale;
                let mut old = self.scales_of(plane, self.groups.group_of(element).unwrap_or(0));
                // A negative map exchanges the signs.
                if factor < 0.0 {
                    old.reverse();
                }
                for (scales, old) in scales.iter_mut().zip(old) {
                    let (new, index) = (old * factor.abs(), scales.len());
                    let lost = new == 0.0 && old > 0.0 && factor != 0.0;
                    if lost || new == f64::INFINITY {
                        return Err(Error::unstorable(Operand::Scale, index));
                    }
                    scales.push(new);
                }
            }
        }
        Ok(scales)
    }

    /// The grouping that separates output channels, and else the groups of this one.
    fn groups_of_channels(&self) -> Grouping {
        match self.grouping() {
            Grouping::Axes(axes) => Grouping::Axes(axes | 1),
            Grouping::Kernel if self.shape().rank() >= 3 => Grouping::Kernel,
            Grouping::Block(len) if self.shape().rank() >= 2 => Grouping::Block(len),
            // Of a vector each element is an output channel.
            _ => Grouping::OUTPUT_CHANNEL,
        }
    }

    /// The planes, with the trits of channels negated whose map has a negative scale.
    fn with_signs(&self, maps: &[Affine], inner: usize) -> Result<Vec<PackedTritsBuf>, Error> {
        if maps.iter().all(|map| map.scale >= 0.0) {
            return Ok(self.planes.clone());
        }
        let planes = self.planes().map(|plane| {
            let trits = plane.iter().enumerate();
            let trits = trits.map(|(index, trit)| match maps.get(index / inner.max(1)) {
                Some(map) if map.scale < 0.0 => -trit,
                _ => trit,
            });
            PackedTritsBuf::from_trits(plane.code(), &trits.collect::<Vec<_>>())
        });
        planes.collect()
    }
}
