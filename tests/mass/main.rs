//! The mass comparison: the fast path equals the reference bit for bit, in a hundred million short cases and a hundred
//! thousand long ones, random and adversarial, on every backend of this processor.
//!
//! ```text
//! cargo test --release --test mass -- --nocapture                        a few million, in seconds
//! TERNARIZE_MASS=full cargo test --release --test mass -- --nocapture    all of them, in minutes
//! TERNARIZE_MASS_SEED=<hex>                                              other ones
//! TERNARIZE_MASS_TRACE=1                                                 says each block before it is run
//! ```
//!
//! Three judges, each of whom knows less about the searches than the one before:
//!
//! - [`short`] and [`long`]: the sorting search of the crate. The whole answer: trits, scales, thresholds, cosine, error.
//! - the same: a [`reference`] in plain and big integers, for trits, counts, scales and thresholds.
//! - [`brute`]: all `3^N` ternary vectors, for the trits.
//!
//! In each, one vector in six has an [`importance`] for each of its weights; the counts say of which kind.
//!
//! What is printed states the seed and the counts, and a digest of all answers. Machines with the same features print the same
//! digest: that is how a processor with NEON is compared with one with AVX-512.

#[path = "../common/mod.rs"]
mod common;

mod brute;
mod floats;
mod importance;
mod kinds;
mod long;
mod random;
mod reference;
mod run;
mod short;
mod verdict;

#[test]
fn short_vectors() {
    short::test();
}

#[test]
fn long_vectors() {
    long::test();
}

#[test]
fn brute_force() {
    brute::test();
}
