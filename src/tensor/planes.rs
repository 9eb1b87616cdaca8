//! From weights to a [`TernaryTensor`] of several planes, or of scales that are not the weights' type; and from the fits of rows.
//!
//! The scales of all planes of a group are found together, see [`Planes`]. With the feature `rayon` groups are ternarized in parallel;
//! the result does not depend on the number of threads.

use alloc::vec::Vec;

use super::floats::{AnyView, each, each_view};
use super::ternarize::in_batches;
use super::{Grouping, Groups, Shape, TensorView, TernaryTensor};
use crate::error::check_len;
use crate::optimum::short;
use crate::optimum::weight::{PRIVATE, TypedSlice};
use crate::quantize::planes::Planes;
use crate::quantize::{Codebook, RowFit};
use crate::scale::ScaleBuf;
use crate::simd::Backend;
use crate::threads;
use crate::weight::FloatBits;
use crate::{Code, Error, PackedTritsBuf, Rule, Scales, ShapeError, Weight};

/// Weights in a batch, about. Chosen: smaller than for one plane, because a search of several planes takes longer.
const BATCH: usize = 1 << 12;

impl TernaryTensor {
    /// Ternarizes a tensor group by group into planes, or with scales of any type; in the 2-bit code.
    ///
    /// In each group the first plane has the largest scale. Planes of [`PlaneMethod::Greedy`], also where another method found none
    /// better, are in the order in which they were found instead.
    ///
    /// [`PlaneMethod::Greedy`]: crate::quantize::planes::PlaneMethod::Greedy
    ///
    /// # Errors
    ///
    /// - [`Error::Empty`] for a tensor without elements;
    /// - [`Error::InvalidValue`] with the row-major index of a weight that is not finite;
    /// - [`Error::Shape`] as [`Grouping::count`];
    /// - [`Error::TooMany`] and [`Error::Conflict`] as [`Planes::ternarize`];
    /// - [`Error::Unstorable`] with the group whose scale the type cannot hold.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::planes::Planes;
    /// use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
    ///
    /// let weights = [1.25_f32, -0.75, 1.0, 0.25, 8.0, 0.0, -8.0, 8.0];
    /// let view = TensorView::new(&weights, &[2, 4])?;
    /// let rows = Grouping::axis(0)?;
    /// let tensor = TernaryTensor::ternarize_planes(&view, rows, &Planes::new(2))?;
    /// assert_eq!(tensor.lambda_p(), [1.0, 8.0, /* second plane */ 0.25, 0.0]);
    /// assert_eq!(tensor.dequantize::<f32>(), weights);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn ternarize_planes<W: Weight>(
        view: &TensorView<'_, W>,
        grouping: Grouping,
        options: &Planes,
    ) -> Result<Self, Error> {
        ternarize_planes(view.any(), grouping, options)
    }

    /// Puts together the fits of all rows of a weight matrix, as [`OutputAware::ternarize`] returns them, in the 2-bit code.
    ///
    /// The first axis of the shape counts the rows; the weights of a fit lie along all others. With several groups in a row these are
    /// one axis.
    ///
    /// [`OutputAware::ternarize`]: crate::quantize::gram
    ///
    /// # Errors
    ///
    /// - [`Error::Empty`] without fits;
    /// - [`Error::LengthMismatch`] if there is not one fit for each row, or a row has another length;
    /// - [`Error::Conflict`] for fits with different codebooks, groups or scale types;
    /// - [`Error::Shape`] for several groups in a row of more than one axis;
    /// - [`Error::InvalidCode`], [`Error::InvalidValue`] or [`Error::Unstorable`] for trits or scales that were changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::quantize::planes::Planes;
    /// use ternarize::tensor::{Shape, TernaryTensor};
    ///
    /// let rows = [[0.5_f32, -0.5, 0.0], [2.0, 0.0, 2.0]];
    /// let fits = [Planes::new(1).ternarize(&rows[0])?, Planes::new(1).ternarize(&rows[1])?];
    /// let tensor = TernaryTensor::from_fits(Shape::new(&[2, 3])?, &fits)?;
    /// assert_eq!(tensor.dequantize::<f32>(), rows.concat());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn from_fits(shape: Shape, fits: &[RowFit]) -> Result<Self, Error> {
        // One fit for each row, all of one kind.
        let (Some(first), Some((&rows, inner))) = (fits.first(), shape.axes().split_first()) else {
            return Err(Error::Empty);
        };
        check_len(rows, fits.len())?;
        let columns: usize = inner.iter().product();
        for fit in fits {
            let trits = columns.saturating_mul(fit.codebook.planes());
            check_len(trits, fit.trits.len())?;
            let groups = columns.div_ceil(fit.group.max(1));
            let scales = groups.saturating_mul(fit.codebook.scales());
            check_len(scales, fit.scales.len())?;
            let kind = |fit: &RowFit| (fit.codebook, fit.group, fit.scale_type);
            if kind(fit) != kind(first) {
                let (this, that) = ("the kind of one row", "the kind of another");
                return Err(Error::conflict(this, that));
            }
        }
        let grouping = match (inner.len(), first.group) {
            (_, group) if group >= columns => Grouping::OUTPUT_CHANNEL,
            (1, group) => Grouping::Block(group),
            _ => {
                let expected = "several groups only in rows of one axis";
                return Err(Error::Shape(ShapeError::Grouping { expected }));
            }
        };
        assemble(&grouping.resolve(&shape)?, fits)
    }
}

pub(super) fn ternarize_planes(
    view: AnyView<'_>,
    grouping: Grouping,
    options: &Planes,
) -> Result<TernaryTensor, Error> {
    let groups = grouping.resolve(&view.layout.shape)?;
    if groups.shape().is_empty() {
        return Err(Error::Empty);
    }
    let short = groups.equal_len().is_some_and(|len| len <= short::MOST);
    let one_scale = (options.count, options.scales) == (1, Scales::One);
    let tensor = each_view!(view, view => {
        if short && one_scale {
            let made = short_groups(&view, &groups, options);
            // The weight that is not finite goes before any error of a group.
            made.map_err(|error| view.check_finite().err().unwrap_or(error))?
        } else {
            view.check_finite()?;
            assemble(&groups, &all_groups(&view, &groups, options)?)?
        }
    });
    let rule = match (options.count, options.scales) {
        (1, Scales::One) => Some(Rule::Tnt),
        (1, Scales::Two) => Some(Rule::TwoScale),
        _ => None,
    };
    Ok(TernaryTensor { rule, ..tensor })
}

/// One plane with one scale of a type, for short groups of one length: many groups at once.
fn short_groups<W: Weight + FloatBits>(
    view: &TensorView<'_, W>,
    groups: &Groups,
    options: &Planes,
) -> Result<TernaryTensor, Error> {
    let weights = view.grouped(groups.grouping())?;
    let len = groups.equal_len().unwrap_or(0);
    let (trits, scales) = in_batches(groups, Backend::detect(), |batch, trits, scales| {
        let mut scratch = Vec::new();
        let weights = weights.gather(batch.clone(), &mut scratch)?;
        let decide = |number: usize, weights: &[W], trits: &mut [i8]| {
            let fit = options.ternarize_group(batch.start + number, W::typed(weights, PRIVATE))?;
            trits.copy_from_slice(&fit.trits);
            Ok(fit.scales.first().copied().unwrap_or(0.0))
        };
        short::ternarize_stored(options.scale_type, len, weights, trits, scales, &decide)
    })?;
    let scales = ScaleBuf::rounded(options.scale_type, &scales)?;
    let (shape, grouping) = (*groups.shape(), groups.grouping());
    TernaryTensor::assemble(shape, grouping, alloc::vec![trits], scales, None)
}

/// The planes of all groups, in their order.
fn all_groups<W: Weight>(
    view: &TensorView<'_, W>,
    groups: &Groups,
    options: &Planes,
) -> Result<Vec<RowFit>, Error> {
    let weights = view.grouped(groups.grouping())?;
    threads::collect(groups.len(), groups.batches(BATCH), |groups, found| {
        let mut scratch = Vec::new();
        for group in groups {
            let weights = weights.gather(group..group + 1, &mut scratch)?;
            found.push(options.ternarize_group(group, W::typed(weights, PRIVATE))?);
        }
        Ok(())
    })
}

/// The tensor of fits that follow each other in the order of the groups. All are of one kind.
fn assemble(groups: &Groups, fits: &[RowFit]) -> Result<TernaryTensor, Error> {
    let first = fits.first().ok_or(Error::Empty)?;
    let codebook = first.codebook;
    // The trits, plane after plane.
    let planes = (0..codebook.planes()).map(|plane| {
        let trits = fits.iter().flat_map(|fit| fit.plane(plane)).copied();
        let trits = groups.to_row_major(trits.collect());
        PackedTritsBuf::from_trits(Code::TwoBit, &trits)
    });
    let planes = planes.collect::<Result<_, _>>()?;
    // The scales of a sign, or of a plane, of all groups.
    let scales = |place: usize| {
        let all = fits.iter();
        let groups = all.flat_map(|fit| fit.scales.chunks(codebook.scales()));
        groups.map(move |scales| scales.get(place).copied().unwrap_or(0.0))
    };
    let rounded = |scales: Vec<f64>| ScaleBuf::rounded(first.scale_type, &scales);
    let (lambda_p, lambda_n) = match codebook {
        Codebook::TwoScales => (scales(0).collect(), Some(rounded(scales(1).collect())?)),
        _ => ((0..codebook.planes()).flat_map(scales).collect(), None),
    };
    let (shape, grouping) = (*groups.shape(), groups.grouping());
    TernaryTensor::assemble(shape, grouping, planes, rounded(lambda_p)?, lambda_n)
}
