//! Vectors of weights that are hard on a search: ties, near-ties, every exponent, subnormals, outliers.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::Sample;

/// Lengths around 32, where a search starts to bracket, are as likely as all others together.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![1_usize..=300, 30_usize..=36]
}

/// Magnitudes between two keys.
fn keys(low: u64, high: u64) -> BoxedStrategy<u64> {
    (low..high).boxed()
}

/// A few values, repeated: runs of equals.
fn palette(keys: BoxedStrategy<u64>) -> BoxedStrategy<Vec<u64>> {
    (vec(keys, 1..6), length())
        .prop_flat_map(|(values, len)| vec(select(values), len))
        .boxed()
}

/// One value and its nearest neighbours: scores that differ in the last bits.
fn neighbours(top: u64) -> BoxedStrategy<Vec<u64>> {
    (4..top - 4, length())
        .prop_flat_map(|(middle, len)| vec(middle - 4..middle + 4, len))
        .boxed()
}

/// Many small ones and one that outweighs them.
fn outlier(top: u64) -> BoxedStrategy<Vec<u64>> {
    (
        vec(0..top / 2, 1..300),
        top / 2..top,
        any::<prop::sample::Index>(),
    )
        .prop_map(|(mut keys, huge, place)| {
            let place = place.index(keys.len());
            keys[place] = huge;
            keys
        })
        .boxed()
}

/// Magnitudes near `b_i = sqrt(i+1) - sqrt(i)`, for which every prefix scores the same.
fn level<W: Sample>() -> BoxedStrategy<Vec<u64>> {
    (length(), 0_u64..3)
        .prop_map(|(len, nudge)| {
            let level = |i: usize| {
                let x = (i as f64 + 1.0).sqrt() - (i as f64).sqrt();
                let near: W = num_traits::cast(x).expect("every type holds a small number");
                near.bits() + (i as u64 * 7) % (nudge + 1)
            };
            (0..len).map(level).collect()
        })
        .boxed()
}

/// Values of one sign and both, from all of these.
pub(crate) fn weights<W: Sample>() -> impl Strategy<Value = Vec<W>> {
    let (normal, top) = (W::NORMAL_BITS, W::INFINITY_BITS);
    let one = W::one().bits();
    let signs = prop_oneof![Just(0.0), Just(0.5), Just(1.0)];
    let magnitudes = prop_oneof![
        palette(keys(0, top)),
        palette(keys(one - normal, one + normal)),
        neighbours(top),
        outlier(top),
        level::<W>(),
        length().prop_flat_map(move |len| vec(0..top, len)).boxed(),
        length()
            .prop_flat_map(move |len| vec(one - normal..one, len))
            .boxed(),
        length()
            .prop_flat_map(move |len| vec(0..normal, len))
            .boxed(),
        length()
            .prop_flat_map(move |len| vec(top - normal..top, len))
            .boxed(),
    ];
    (magnitudes, signs).prop_flat_map(|(magnitudes, share)| {
        let len = magnitudes.len();
        (Just(magnitudes), vec(prop::bool::weighted(share), len)).prop_map(|(keys, negative)| {
            let value = |(key, negative): (u64, bool)| {
                let magnitude = W::magnitude(key);
                if negative { -magnitude } else { magnitude }
            };
            keys.into_iter().zip(negative).map(value).collect()
        })
    })
}

/// Importances: some zero, some equal, some of any exponent.
fn masses(len: usize) -> impl Strategy<Value = Vec<f32>> {
    let mass = prop_oneof![
        Just(0.0_f32),
        Just(1.0),
        0.5_f32..2.0,
        (0..f32::INFINITY_BITS).prop_map(f32::magnitude)
    ];
    prop_oneof![vec(mass, len), vec(0.5_f32..2.0, len)]
}

/// Weights with an importance each.
pub(crate) fn weighted<W: Sample>() -> impl Strategy<Value = (Vec<W>, Vec<f32>)> {
    weights().prop_flat_map(|weights| {
        let len = weights.len();
        (Just(weights), masses(len))
    })
}
