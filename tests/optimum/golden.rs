//! The golden vectors of `tests/golden`, made by an independent exact implementation in Python.
//!
//! Trits, counts and scales must agree to the last bit, for every type; cosines and errors, which Python computed with 60
//! digits, to 1e-12.

use serde_json::Value;
use ternarize::{Error, Fit, Rule, Scales, Search, Ternarizer, Weight, curve};

trait Bits: Weight {
    fn parse(hex: &str) -> Self;
}

macro_rules! bits {
    ($($type:ty: $bits:ty),*) => {$(
        impl Bits for $type {
            fn parse(hex: &str) -> Self {
                Self::from_bits(<$bits>::from_str_radix(hex, 16).unwrap())
            }
        }
    )*};
}
bits!(f32: u32, f64: u64, half::f16: u16, half::bf16: u16);

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} in {value}"))
}

fn number(value: &Value, key: &str) -> usize {
    usize::try_from(
        value[key]
            .as_u64()
            .unwrap_or_else(|| panic!("{key} in {value}")),
    )
    .unwrap()
}

fn vector<T: Bits>(hex: &str) -> Vec<T> {
    hex.split_whitespace().map(T::parse).collect()
}

fn close(actual: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    let tolerance = 1e-12 * expected.abs().max(1.0);
    assert!(
        (actual - expected).abs() <= tolerance,
        "{what}: {actual} is not {expected}"
    );
}

/// The options that a result of the file asks for.
fn options<'a>(result: &Value, importance: Option<&'a [f32]>) -> Ternarizer<'a> {
    let options = match importance {
        Some(h) => Ternarizer::new().importance(h),
        None => Ternarizer::new(),
    };
    match text(result, "ask") {
        "nonzeros" => options.nonzeros(number(result, "count")),
        "range" => options
            .min_nonzeros(number(result, "min"))
            .max_nonzeros(number(result, "max")),
        "target" => options.target_cosine(result["target"].as_f64().unwrap()),
        rule => options.rule(Rule::from_name(rule).expect("a rule's name")),
    }
}

fn check_result<W: Bits>(weights: &[W], importance: Option<&[f32]>, result: &Value, name: &str) {
    let ask = text(result, "ask");
    let what = format!("{name}, {ask}");
    let two = options(result, importance);
    if ask == "target" && result["reached"] == false {
        let error = two.ternarize(weights).unwrap_err();
        let Error::TargetUnreachable { best, .. } = error else {
            panic!("{what}: {error}")
        };
        return close(best, &result["cosine"], &what);
    }
    for search in [Search::Auto, Search::Sort] {
        let (trits, fit) = two.search(search).ternarize(weights).unwrap();
        let signs: String = trits
            .iter()
            .map(|t| ["-", "0", "+"][usize::try_from(t + 1).unwrap()])
            .collect();
        assert_eq!(signs, text(result, "trits"), "{what}");
        assert_eq!(fit.nonzeros, number(result, "nonzeros"), "{what}");
        close(fit.cosine, &result["cosine"], &what);
        check_scales(weights, &two.search(search), &fit, result, &what);
    }
}

fn check_scales<W: Bits>(
    weights: &[W],
    two: &Ternarizer<'_>,
    fit: &Fit<W>,
    result: &Value,
    what: &str,
) {
    let scale = |key| W::parse(text(result, key));
    let prescribed = matches!(text(result, "ask"), "absmean" | "absmax");
    if prescribed {
        assert_eq!(fit.lambda, scale("lambda"), "{what}");
        assert_eq!(
            (fit.lambda_p, fit.lambda_n),
            (fit.lambda, fit.lambda),
            "{what}"
        );
        return close(fit.relative_error, &result["relative_error_one"], what);
    }
    assert_eq!(
        (fit.lambda_p, fit.lambda_n),
        (scale("lambda_p"), scale("lambda_n")),
        "{what}"
    );
    close(fit.relative_error, &result["relative_error_two"], what);
    if text(result, "ask") == "two-scale" {
        // Informative there, and rounded twice.
        let (ours, theirs) = (
            fit.lambda.to_f64().unwrap(),
            scale("lambda").to_f64().unwrap(),
        );
        let ulp =
            W::epsilon().to_f64().unwrap() * theirs + W::min_positive_value().to_f64().unwrap();
        assert!(
            (ours - theirs).abs() <= ulp,
            "{what}: {ours} is not {theirs}"
        );
        return;
    }
    assert_eq!(fit.lambda, scale("lambda"), "{what}");
    let (_, one) = two.scales(Scales::One).ternarize(weights).unwrap();
    assert_eq!(
        (one.lambda_p, one.lambda_n),
        (fit.lambda, fit.lambda),
        "{what}"
    );
    close(one.relative_error, &result["relative_error_one"], what);
}

fn check_case<W: Bits>(case: &Value) -> usize {
    let weights: Vec<W> = vector(text(case, "weights"));
    let importance: Option<Vec<f32>> = case.get("importance").map(|h| vector(h.as_str().unwrap()));
    let results = case["results"].as_array().unwrap();
    for result in results {
        check_result(&weights, importance.as_deref(), result, text(case, "name"));
    }
    if let Some(expected) = case.get("curve") {
        let cosines = curve(&weights).unwrap();
        for (cosine, expected) in cosines.iter().zip(expected.as_array().unwrap()) {
            close(*cosine, expected, text(case, "name"));
        }
    }
    results.len()
}

#[test]
fn every_answer_is_that_of_the_independent_implementation() {
    let golden: Value = serde_json::from_str(include_str!("../golden/golden.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    let results: usize = cases
        .iter()
        .map(|case| match text(case, "dtype") {
            "f32" => check_case::<f32>(case),
            "f64" => check_case::<f64>(case),
            "f16" => check_case::<half::f16>(case),
            "bf16" => check_case::<half::bf16>(case),
            other => panic!("unknown type {other}"),
        })
        .sum();
    assert!(
        cases.len() >= 250 && results >= 1100,
        "{} cases, {results} results",
        cases.len()
    );
}
