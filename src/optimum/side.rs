//! [`Side`]: the weights of both signs, or of one.

/// Which weights take part in a search: those of both signs together, or of one sign. The others count as zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Side {
    Both,
    Positive,
    Negative,
}

impl Side {
    /// Whether a weight of this sign takes part.
    #[inline(always)]
    pub(crate) fn includes(self, negative: bool) -> bool {
        match self {
            Self::Both => true,
            Self::Positive => !negative,
            Self::Negative => negative,
        }
    }
}
