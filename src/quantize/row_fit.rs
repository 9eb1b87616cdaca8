//! [`RowFit`]: a row of weights as planes of trits with their scales, and [`Codebook`]: the levels that scales make.

use alloc::vec::Vec;

use crate::ScaleType;
use crate::error::{Error, check_len};
use crate::optimum::weight::{PRIVATE, Weight};

/// Which levels the weights of a group may take.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::Codebook;
///
/// assert_eq!(Codebook::TwoScales.scales(), 2);
/// assert_eq!((Codebook::Planes(3).planes(), Codebook::Planes(3).scales()), (3, 3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codebook {
    /// `-lambda`, 0 and `lambda`.
    #[default]
    OneScale,
    /// `-lambda_n`, 0 and `lambda_p`; neither scale is negative.
    TwoScales,
    /// Sums of this many ternary planes, 1 to 4, each with a scale of its own.
    Planes(u8),
}

impl Codebook {
    /// The number of trits per weight.
    #[must_use]
    pub const fn planes(self) -> usize {
        match self {
            Self::OneScale | Self::TwoScales => 1,
            Self::Planes(planes) => planes as usize,
        }
    }

    /// The number of scales per group.
    #[must_use]
    pub const fn scales(self) -> usize {
        match self {
            Self::TwoScales => 2,
            Self::OneScale | Self::Planes(_) => self.planes(),
        }
    }

    /// Stored bits for each weight of a long row: trits in base 3, and the scales of groups of so many weights.
    ///
    /// ```
    /// use ternarize::{ScaleType, quantize::Codebook};
    /// assert_eq!(Codebook::Planes(2).bits_per_weight(64, ScaleType::F16), 2.0 * (1.6 + 0.25));
    /// ```
    #[must_use]
    pub fn bits_per_weight(self, group: usize, scale_type: ScaleType) -> f64 {
        let of_scales = 8.0 * (self.scales() * scale_type.bytes()) as f64;
        1.6 * self.planes() as f64 + of_scales / group.max(1) as f64
    }

    /// The finest codebook of at most so many [`bits_per_weight`](Self::bits_per_weight).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOption`] if even one scale takes more bits.
    ///
    /// # Examples
    ///
    /// ```
    /// use ternarize::{ScaleType, quantize::Codebook};
    ///
    /// let within = |bits| Codebook::within(bits, 256, ScaleType::F16);
    /// assert_eq!(within(1.7)?, Codebook::OneScale);
    /// assert_eq!(within(2.0)?, Codebook::TwoScales);
    /// assert_eq!(within(3.4)?, Codebook::Planes(2));
    /// assert!(within(1.6).is_err());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn within(bits: f64, group: usize, scale_type: ScaleType) -> Result<Self, Error> {
        let planes = [4, 3, 2].map(Self::Planes).into_iter();
        let mut from_finest = planes.chain([Self::TwoScales, Self::OneScale]);
        let found = from_finest.find(|book| book.bits_per_weight(group, scale_type) <= bits);
        found.ok_or(Error::option("bits per weight", bits))
    }
}

/// One row of weights as trits and stored scales: the result of [`Planes`](super::planes::Planes) and of
/// [`OutputAware`](super::gram).
///
/// `H` below is the Gram matrix of the inputs. A fit made without inputs has the identity instead, so that errors are those of the
/// weights.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::planes::Planes;
///
/// let fit = Planes::new(2).ternarize(&[3.0_f32, -1.0, 2.0, 0.0])?;
/// assert_eq!(fit.scales, [2.0, 1.0]);
/// assert_eq!((fit.plane(0), fit.plane(1)), (&[1, 0, 1, 0][..], &[1, -1, 0, 0][..]));
/// assert_eq!(fit.dequantize::<f32>(), [3.0, -1.0, 2.0, 0.0]);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RowFit {
    /// The levels that were allowed.
    pub codebook: Codebook,
    /// The number of weights in a group; the last group may have fewer.
    pub group: usize,
    /// The type the scales are stored in.
    pub scale_type: ScaleType,
    /// The trits, -1, 0 or 1: plane after plane, and within a plane one for each weight.
    pub trits: Vec<i8>,
    /// The scales, group after group: one per group, or `lambda_p` and `lambda_n`, or one per plane. All are values of the scale type
    /// and none is negative. A plane with the scale 0 has only zero trits.
    pub scales: Vec<f64>,
    /// `(w - q)^T H (w - q)` with the restored weights `q`: the squared change of the output over all rows of the Gram matrix.
    pub error: f64,
    /// `(w - q)^T M (w - q)` with the damped matrix `M`: what was minimised.
    pub objective: f64,
    /// `w^T H w`: the squared output.
    pub energy: f64,
    /// A bound: no trits and scales of the codebook have a smaller objective. 0, which is always true, for all methods but
    /// [`Method::Optimal`](super::gram).
    pub lower_bound: f64,
    /// Whether all trits were decided within the limit of nodes, so that `lower_bound` is the smallest objective, less the rounding
    /// errors of the proof. Rounding the scale to its type is all that can still separate `objective` from it.
    pub proved: bool,
    /// The number of partial rows that were examined for the bound.
    pub nodes: u64,
    pub(super) relative_error: f64,
}

impl RowFit {
    /// `error / energy`; 0 if the energy is 0. It neither overflows nor underflows where those two do.
    #[must_use]
    pub const fn relative_error(&self) -> f64 {
        self.relative_error
    }

    /// The trits of one plane, counted from 0; empty for a plane that does not exist.
    ///
    /// ```
    /// # use ternarize::quantize::planes::Planes;
    /// let fit = Planes::new(1).ternarize(&[1.0_f32, -1.0])?;
    /// assert_eq!(fit.plane(0), [1, -1]);
    /// assert!(fit.plane(1).is_empty());
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    #[must_use]
    pub fn plane(&self, plane: usize) -> &[i8] {
        let mut planes = self.trits.chunks_exact(self.len().max(1));
        planes.nth(plane).unwrap_or_default()
    }

    /// Writes the restored weights: each is the sum of its levels in `f64`, first plane first, rounded once to the type. A value
    /// beyond the range of the type becomes the largest one. Missing trits and scales count as 0.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`] if `weights` is not as long as a plane.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ternarize::quantize::planes::Planes;
    /// let mut restored = [0.0_f64; 2];
    /// Planes::new(2).ternarize(&[0.75_f64, -0.5])?.dequantize_into(&mut restored)?;
    /// assert_eq!(restored, [0.75, -0.5]);
    /// # Ok::<(), ternarize::Error>(())
    /// ```
    pub fn dequantize_into<W: Weight>(&self, weights: &mut [W]) -> Result<(), Error> {
        check_len(self.len(), weights.len())?;
        for (weight, value) in weights.iter_mut().zip(self.levels()) {
            let nearest = W::from_value(value, PRIVATE);
            *weight = nearest.min(W::max_value()).max(W::min_value());
        }
        Ok(())
    }

    /// The restored weights: see [`dequantize_into`](Self::dequantize_into).
    #[must_use]
    pub fn dequantize<W: Weight>(&self) -> Vec<W> {
        let mut weights = alloc::vec![W::zero(); self.len()];
        let written = self.dequantize_into(&mut weights);
        debug_assert!(written.is_ok(), "a vector as long as a plane");
        weights
    }

    /// The number of weights.
    pub(super) fn len(&self) -> usize {
        self.trits.len() / self.codebook.planes().max(1)
    }

    /// The restored weights before they are rounded.
    pub(super) fn levels(&self) -> Vec<f64> {
        let (len, planes) = (self.len(), self.codebook.planes());
        let trit = |plane: usize, i: usize| self.trits.get(plane * len + i).copied().unwrap_or(0);
        let level = |i: usize| {
            let first = (i / self.group.max(1)).saturating_mul(self.codebook.scales());
            let scales = self.scales.get(first..).unwrap_or_default();
            if (self.codebook, trit(0, i)) == (Codebook::TwoScales, -1) {
                return -scales.get(1).copied().unwrap_or(0.0);
            }
            let terms = scales.iter().take(planes).enumerate();
            terms.fold(0.0, |sum, (plane, scale)| {
                sum + scale * f64::from(trit(plane, i))
            })
        };
        (0..len).map(level).collect()
    }
}
