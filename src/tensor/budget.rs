//! Tensors stored within a budget of bytes: [`TernaryTensor::ternarize_within_budget`].
//!
//! Each tensor can be stored in several ways, with different groupings and numbers of planes. [`allocate`] chooses one way for each
//! tensor so that all together keep to the budget. Here the bytes and the errors that it needs are measured:
//!
//! ```text
//! for each tensor and option:   ternarize, count the bytes, compute the error, drop the result
//! allocate                      one option for each tensor
//! for each tensor:              ternarize with its option
//! ```

use alloc::vec::Vec;

use super::floats::AnyView;
use super::planes::ternarize_planes;
use super::{Grouping, TensorView, TernaryTensor};
use crate::error::check_len;
use crate::quantize::budget::{Allocation, allocate};
use crate::quantize::planes::Planes;
use crate::{Code, Error, Weight};

/// A way to store a tensor: which weights share scales, the planes and the type of their scales, and how trits are packed.
type StorageOption = (Grouping, Planes, Code);

impl TernaryTensor {
    /// Ternarizes tensors so that together they take at most `budget` bytes, with the smallest sum of their errors that
    /// [`allocate`] finds. The budget covers the packed trits and the scales of all planes.
    ///
    /// The error of tensor `k` is `importance[k] |w - w'|^2 / |w|^2`. With importances of 1 all tensors count alike; with `|w|^2`
    /// all weights do. [`Allocation::choices`] are indices into `options`. An option says which weights share scales, the planes and the
    /// type of their scales, and how trits are packed.
    ///
    /// Cost: each tensor is ternarized with every option, and once more with the chosen one, so that no more than one candidate
    /// is held in memory.
    ///
    /// # Errors
    ///
    /// - [`Error::LengthMismatch`] if there is not one importance for each tensor;
    /// - as [`TernaryTensor::ternarize_planes`], for the first tensor and option that fail;
    /// - as [`allocate`]: [`Error::Empty`] without tensors, [`Error::OverBudget`], and [`Error::InvalidChoice`] without options or for an
    ///   importance that is negative, NaN or infinite.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::Code;
    /// use ternarize::quantize::planes::Planes;
    /// use ternarize::tensor::{Grouping, TernaryTensor, TensorView};
    ///
    /// let option = |planes| (Grouping::OUTPUT_CHANNEL, Planes::new(planes), Code::Base3);
    /// let options = [1, 2, 3].map(option);
    /// let (ternary, other) = ([0.5_f32, -0.5, 0.0, 0.5, 0.5], [0.9_f32, -0.4, 0.1, 0.2, 0.7]);
    /// let views = [TensorView::new(&ternary, &[1, 5])?, TensorView::new(&other, &[1, 5])?];
    /// let (tensors, allocation) =
    ///     TernaryTensor::ternarize_within_budget(&views, &options, 15, &[1.0, 1.0])?;
    /// // A plane takes 5 bytes. The first tensor is ternary, so a second plane would not help it.
    /// assert_eq!(tensors[0].planes().len(), 1);
    /// assert_eq!(tensors[1].planes().len(), 2);
    /// assert_eq!(allocation.bytes, 15);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize_within_budget<W: Weight>(
        tensors: &[TensorView<'_, W>],
        options: &[(Grouping, Planes, Code)],
        budget: u64,
        importance: &[f64],
    ) -> Result<(Vec<Self>, Allocation), Error> {
        let views: Vec<_> = tensors.iter().map(TensorView::any).collect();
        within_budget(&views, options, budget, importance)
    }
}

fn within_budget(
    tensors: &[AnyView<'_>],
    options: &[StorageOption],
    budget: u64,
    importance: &[f64],
) -> Result<(Vec<TernaryTensor>, Allocation), Error> {
    check_len(tensors.len(), importance.len())?;
    // Measure each tensor with each option.
    let mut choices = Vec::with_capacity(tensors.len());
    for (&tensor, importance) in tensors.iter().zip(importance) {
        let measured = options.iter().map(|option| {
            let stored = store(tensor, option)?;
            let error = importance * stored.metrics(tensor)?.relative_error;
            Ok((stored.stored_bytes() as u64, error))
        });
        choices.push(measured.collect::<Result<Vec<_>, _>>()?);
    }
    // Choose, and store each tensor with its option.
    let allocation = allocate(&choices, budget)?;
    let chosen = tensors.iter().zip(&allocation.choices);
    let stored = chosen.map(|(&tensor, &choice)| store(tensor, &options[choice]));
    Ok((stored.collect::<Result<_, _>>()?, allocation))
}

/// A tensor stored in one way.
fn store(
    tensor: AnyView<'_>,
    &(grouping, planes, code): &StorageOption,
) -> Result<TernaryTensor, Error> {
    Ok(ternarize_planes(tensor, grouping, &planes)?.transcode(code))
}
