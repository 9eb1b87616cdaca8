//! Every vector of up to six weights over an alphabet with ties, zeros and both signs of zero: the search that brackets, the
//! search that sorts, and plain integers over all supports agree.

use num_traits::ToPrimitive;
use ternarize::{Rule, Search, Ternarizer};

/// Twice the weights: integers.
const DOUBLED: [i64; 8] = [0, 0, 2, -2, 4, -4, 1, -6];
const ALPHABET: [f32; 8] = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -3.0];
const LONGEST: usize = 6;

/// The best support among the places that `allowed` marks, by looking at all of them; of equals the smallest.
///
/// A support's signs are those of its weights: any other sign only lowers the sum.
fn best_support(doubled: &[i64], allowed: u32) -> u32 {
    let mut sums = [0; 1 << LONGEST];
    let (mut best, mut found) = ((0, 1), 0);
    for support in 1_u32..1 << doubled.len() {
        // One weight more than a support seen before.
        let (rest, place) = (support & (support - 1), support.trailing_zeros());
        sums[support as usize] = sums[rest as usize] + doubled[place as usize].abs();
        if support & !allowed != 0 {
            continue;
        }
        let (sum, mass) = (sums[support as usize], i64::from(support.count_ones()));
        let (new, old) = (sum * sum * best.1, best.0 * mass);
        if new > old || new == old && new > 0 && mass < best.1 {
            (best, found) = ((sum * sum, mass), support);
        }
    }
    found
}

fn trits(doubled: &[i64], support: u32) -> Vec<i8> {
    let trit = |(i, w): (usize, &i64)| {
        let taken = support >> i & 1 == 1;
        if taken {
            i8::try_from(w.signum()).unwrap()
        } else {
            0
        }
    };
    doubled.iter().enumerate().map(trit).collect()
}

/// The places of the weights of one sign.
fn places(doubled: &[i64], sign: i64) -> u32 {
    let place = |(i, w): (usize, &i64)| u32::from(w.signum() == sign) << i;
    doubled.iter().enumerate().map(place).sum()
}

/// The word, written `times` times over: each optimum is then repeated too.
fn judge(letters: &[usize], times: usize) {
    let word: Vec<f32> = letters.iter().map(|&l| ALPHABET[l]).collect();
    let weights = word.repeat(times);
    let doubled: Vec<i64> = letters.iter().map(|&l| DOUBLED[l]).collect();
    let signed = |sign| best_support(&doubled, places(&doubled, sign));
    let supports = [
        (Rule::Tnt, best_support(&doubled, u32::MAX)),
        (Rule::TwoScale, signed(1) | signed(-1)),
    ];
    for (rule, support) in supports {
        let expected = trits(&doubled, support).repeat(times);
        for search in [Search::Auto, Search::Sort] {
            let options = Ternarizer::new().rule(rule).search(search);
            let (actual, fit) = options.ternarize(&weights).unwrap();
            assert_eq!(actual, expected, "{rule}, {search:?}, {weights:?}");
            assert_eq!(fit.nonzeros, support.count_ones() as usize * times);
        }
    }
}

/// Calls `visit` with every word of a length over the alphabet, and counts them.
fn words(length: usize, visit: impl Fn(&[usize])) -> usize {
    let count = ALPHABET.len().pow(u32::try_from(length).unwrap());
    let mut letters = vec![0; length];
    for word in 0..count {
        let mut rest = word;
        for letter in &mut letters {
            *letter = rest % ALPHABET.len();
            rest /= ALPHABET.len();
        }
        visit(&letters);
    }
    count
}

#[test]
fn every_short_vector() {
    let visited: usize = (1..=LONGEST)
        .map(|length| words(length, |word| judge(word, 1)))
        .sum();
    assert_eq!(visited, 8 + 64 + 512 + 4096 + 32_768 + 262_144);
}

/// Up to 32 weights are sorted at once; more are bracketed first.
#[test]
fn every_short_vector_over_and_over() {
    let visited: usize = (1..=4)
        .map(|length| words(length, |word| judge(word, 64 / length)))
        .sum();
    assert_eq!(visited, 8 + 64 + 512 + 4096);
}

#[test]
fn the_alphabet_is_half_of_the_integers() {
    for (weight, doubled) in ALPHABET.into_iter().zip(DOUBLED) {
        assert!((weight * 2.0).to_i64() == Some(doubled));
    }
}
