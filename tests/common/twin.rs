//! A ternary tensor made the obvious way: the weights of each group are found by division, put in a vector of their own,
//! ternarized there, and the trits put back one by one.

extern crate alloc;

use alloc::collections::BTreeMap;
use core::iter::repeat_n;

use ternarize::tensor::Grouping;
use ternarize::{Error, Fit, Ternarizer, Weight};

/// The trits in row-major order, and the fit of each group.
pub(crate) type Twin<W> = (Vec<i8>, Vec<Fit<W>>);

/// The members of each group, in order; sorted keys are the order of the groups.
pub(crate) fn members(axes: &[usize], grouping: Grouping) -> Vec<Vec<usize>> {
    let mut members = BTreeMap::<Vec<usize>, Vec<usize>>::new();
    for flat in 0..axes.iter().product() {
        let place = |axis: usize| flat / axes[axis + 1..].iter().product::<usize>() % axes[axis];
        let all = 0..axes.len();
        let key = match grouping {
            Grouping::Axes(named) => all.filter(|k| named >> k & 1 == 1).map(place).collect(),
            Grouping::Kernel if axes.len() >= 3 => vec![place(0), place(1)],
            Grouping::Block(len) => {
                let last = axes.len().wrapping_sub(1);
                all.map(|k| if k == last { place(k) / len } else { place(k) })
                    .collect()
            }
            _ => vec![],
        };
        members.entry(key).or_default().push(flat);
    }
    members.into_values().collect()
}

/// Ternarizes values in row-major order, one group after the other.
pub(crate) fn ternarize<W: Weight>(
    values: &[W],
    members: &[Vec<usize>],
    how: &Ternarizer<'_>,
    importance: Option<&[f32]>,
) -> Result<Twin<W>, Error> {
    let mut trits = vec![0; values.len()];
    let mut fits = vec![];
    for members in members {
        let weights: Vec<W> = members.iter().map(|&flat| values[flat]).collect();
        let own: Option<Vec<f32>> = importance.map(|h| members.iter().map(|&i| h[i]).collect());
        let how = own.as_deref().map_or(*how, |own| how.importance(own));
        let (own_trits, fit) = how.ternarize(&weights)?;
        for (&flat, trit) in members.iter().zip(own_trits) {
            trits[flat] = trit;
        }
        fits.push(fit);
    }
    Ok((trits, fits))
}

/// Numbers in -1..1 without a pattern, the same every time.
pub(crate) fn noise(count: usize, seed: u64) -> impl Iterator<Item = f64> {
    let step = |state: &mut u64| {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        Some((*state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
    };
    repeat_n((), count).scan(seed ^ 0x9e37_79b9_7f4a_7c15, move |state, ()| step(state))
}

/// Noise as weights of a type.
pub(crate) fn weights<W: Weight>(count: usize, seed: u64) -> Vec<W> {
    noise(count, seed)
        .map(|x| W::from(x).expect("a float"))
        .collect()
}
