//! 64-bit Arm: what the processor has.
//!
//! NEON (the Arm name is Advanced SIMD) belongs to every target that this is compiled for, so nothing has to be entered with
//! care; but its operations are functions of a target feature, and code that is to be inlined anywhere must call them as unsafe.

/// An expression of intrinsics, where a token is at hand.
macro_rules! with_token {
    ($expression:expr) => {
        // SAFETY: this is compiled only for targets that have NEON; loads and stores are of whole arrays.
        unsafe { $expression }
    };
}

/// Proof that the processor has NEON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Neon(());

impl Neon {
    /// Not under Miri, which interprets only some of the instructions.
    pub(super) fn detect() -> Option<Self> {
        (!cfg!(miri)).then_some(Self(()))
    }
}
