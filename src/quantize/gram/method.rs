//! [`Method`]: how trits are chosen, from the cheapest way to the best.

/// How the trits of a row are chosen.
///
/// # Examples
///
/// ```
/// use ternarize::gram::{Gram, Method, OutputAware};
///
/// let mut gram = Gram::new(3)?;
/// gram.add(&[1.0, 0.75, 0.5, 0.5, 1.0, 0.75, -0.5, 0.25, 0.0])?;
/// let error = |method| {
///     let fits = OutputAware::new(&gram).method(method).ternarize(&[0.6, -0.2, 0.3])?;
///     Ok::<_, ternarize::Error>(fits[0].objective)
/// };
/// assert!(error(Method::Descent)? <= error(Method::Feedback)?);
/// # Ok::<(), ternarize::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// The levels nearest to the weights, and their scales, as [`Ternarizer`](crate::Ternarizer) and
    /// [`Residual`](crate::quantize::planes::Residual) find them: the inputs are not looked at, but that
    /// without damping a weight whose input was always 0 counts as 0.
    Nearest,
    /// The same, with the mean square of each input as the importance of its weights.
    Weighted,
    /// Error feedback: the weights still to come make up for the errors of those before, in natural order or by decreasing mean
    /// square of their inputs: see [`by_activation`](super::OutputAware::by_activation). What GPTQ does, with the scales searched
    /// inside.
    Feedback,
    /// Coordinate descent from each of the others, to where no single change helps; the best end.
    #[default]
    Descent,
    /// The optimum of rows of one scale and at most 64 inputs, as far as it shows within 65,536 partial rows: at 25 inputs that are
    /// correlated as pixels are, nearly always. Other rows as with [`Method::Descent`]. For a proof, see
    /// [`certify`](super::OutputAware::certify).
    Optimal,
}

impl Method {
    /// All methods, the cheapest first.
    pub const ALL: [Self; 5] = [
        Self::Nearest,
        Self::Weighted,
        Self::Feedback,
        Self::Descent,
        Self::Optimal,
    ];
}
