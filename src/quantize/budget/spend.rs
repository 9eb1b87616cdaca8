//! Tensors, and the ways to store them.

use alloc::vec::Vec;

use super::{Allocation, Choice, allocate};
use crate::quantize::planes::Residual;
use crate::tensor::{Grouping, PlanesTensor, TensorView};
use crate::{Code, Error, Weight};

/// A way to store a tensor: which weights share scales, how many planes and what scales they have, and how trits lie in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    /// Which weights share scales.
    pub grouping: Grouping,
    /// The planes and the type of their scales.
    pub residual: Residual,
    /// How trits lie in bytes.
    pub code: Code,
}

impl Way {
    fn store<W: Weight>(&self, tensor: &TensorView<'_, W>) -> Result<PlanesTensor, Error> {
        let planes = PlanesTensor::ternarize(tensor, self.grouping, &self.residual)?;
        Ok(planes.transcode(self.code))
    }
}

/// What the errors of tensors are, so that they can be added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Loss {
    /// `|w - w'|^2 / |w|^2`: all tensors count alike, as the layers of a network do that pass a signal on from one to the next.
    #[default]
    Relative,
    /// `|w - w'|^2`: all weights count alike. For weights whose squares are within `f64`; beyond, [`Error::InvalidChoice`].
    Squared,
}

/// Ternarizes tensors so that they take at most `budget` bytes, trits and scales of all planes, and lose as little as [`allocate`]
/// can make of it. The numbers in [`Allocation::choices`] are those of the ways.
///
/// Cost: each tensor is ternarized in each way, and once more in the one chosen, so that no more than one is held in memory.
///
/// # Errors
///
/// As [`PlanesTensor::ternarize`], of the first tensor and way that cannot be; and as [`allocate`].
///
/// # Examples
///
/// ```
/// use ternarize::budget::{Loss, Way, spend};
/// use ternarize::planes::Residual;
/// use ternarize::tensor::{Grouping, TensorView};
/// use ternarize::Code;
///
/// let ways = [1, 2, 3].map(|planes| Way {
///     grouping: Grouping::OUTPUT_CHANNEL,
///     residual: Residual::new(planes),
///     code: Code::Base3,
/// });
/// let (plain, uneven) = ([0.5_f32, -0.5, 0.0, 0.5, 0.5], [0.9_f32, -0.4, 0.1, 0.2, 0.7]);
/// let views = [TensorView::new(&plain, &[1, 5])?, TensorView::new(&uneven, &[1, 5])?];
/// let (tensors, allocation) = spend(&views, &ways, 15, Loss::Relative)?;
/// // Five bytes a plane. The first tensor is ternary already.
/// assert_eq!(tensors[0].planes().len(), 1);
/// assert_eq!(tensors[1].planes().len(), 2);
/// assert_eq!(allocation.bytes, 15);
/// # Ok::<(), ternarize::Error>(())
/// ```
pub fn spend<W: Weight>(
    tensors: &[TensorView<'_, W>],
    ways: &[Way],
    budget: u64,
    loss: Loss,
) -> Result<(Vec<PlanesTensor>, Allocation), Error> {
    let choices = |tensor| -> Result<Vec<Choice>, Error> {
        let choices = ways.iter().map(|way| measure(tensor, way, loss));
        choices.collect()
    };
    let choices: Result<Vec<_>, Error> = tensors.iter().map(choices).collect();
    let allocation = allocate(&choices?, budget)?;
    let chosen = tensors.iter().zip(&allocation.choices);
    let stored = chosen.map(|(tensor, &way)| ways[way].store(tensor));
    Ok((stored.collect::<Result<_, _>>()?, allocation))
}

fn measure<W: Weight>(tensor: &TensorView<'_, W>, way: &Way, loss: Loss) -> Result<Choice, Error> {
    let stored = way.store(tensor)?;
    let relative = stored.agreement(tensor)?.relative_error;
    let error = match loss {
        Loss::Relative => relative,
        Loss::Squared => relative * energy(tensor),
    };
    Ok(Choice {
        bytes: stored.stored_bytes() as u64,
        error,
    })
}

/// `|w|^2`, in row-major order.
fn energy<W: Weight>(tensor: &TensorView<'_, W>) -> f64 {
    tensor.iter().map(|w| w.widen() * w.widen()).sum()
}
