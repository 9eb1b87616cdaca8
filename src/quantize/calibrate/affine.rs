//! [`Affine`]: a scale and a shift of one channel.

/// The map `y' = scale y + shift` of one channel's outputs.
///
/// # Examples
///
/// ```
/// use ternarize::quantize::calibrate::Affine;
///
/// let first = Affine { scale: 2.0, shift: 1.0 };
/// let then = Affine { scale: 3.0, shift: -1.0 };
/// assert_eq!(first.apply(5.0), 11.0);
/// assert_eq!(first.then(then).apply(5.0), then.apply(first.apply(5.0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The factor for the scales of the channel's weights, and for its bias.
    pub scale: f64,
    /// What is added to the channel's bias.
    pub shift: f64,
}

impl Affine {
    /// The map that changes nothing.
    pub const IDENTITY: Self = Self {
        scale: 1.0,
        shift: 0.0,
    };

    /// `scale y + shift`, rounded twice.
    ///
    /// ```
    /// assert_eq!(ternarize::quantize::calibrate::Affine::IDENTITY.apply(3.0), 3.0);
    /// ```
    #[must_use]
    pub const fn apply(self, y: f64) -> f64 {
        self.scale * y + self.shift
    }

    /// This map followed by `next`, as one map.
    ///
    /// ```
    /// use ternarize::quantize::calibrate::Affine;
    /// let twice = Affine { scale: 2.0, shift: 0.0 };
    /// assert_eq!(Affine::IDENTITY.then(twice), twice);
    /// ```
    #[must_use]
    pub const fn then(self, next: Self) -> Self {
        Self {
            scale: next.scale * self.scale,
            shift: next.apply(self.shift),
        }
    }
}
