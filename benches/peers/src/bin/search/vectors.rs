//! One vector: its length, the kind of its weights, their type.

use half::{bf16, f16};
use std::hint::black_box;
use ternarize::Ternarizer;
use ternarize_peers::backend::{goal, ternarizer};
use ternarize_peers::data::Kind;
use ternarize_peers::measure::{Budget, Contest, Timings};
use ternarize_peers::peers::{Buffers, tritium_absmean};
use ternarize_peers::sorting::Sortable;
use ternarize_peers::table::Goal::{self, AtLeast, AtMost};
use ternarize_peers::table::{Row, Table, thousands};
use ternarize_peers::verdict::Verdict;

/// Ours, as it is called by users: checks, search, scales, figures of merit, trits.
pub(crate) fn ternarize<W: Sortable>(how: &Ternarizer<'_>, weights: &[W], trits: &mut [i8]) {
    let fit = how.ternarize_into(black_box(weights), trits);
    let _ = black_box((fit.expect("finite weights"), trits));
}

/// Our trits.
pub(crate) fn ours<W: Sortable>(how: &Ternarizer<'_>, weights: &[W]) -> Vec<i8> {
    let mut trits = vec![0; weights.len()];
    ternarize(how, weights, &mut trits);
    trits
}

/// How the answer of sorting compares with ours.
fn sort_verdict<W: Sortable>(weights: &[W], buffers: &mut Buffers<W>) -> Verdict {
    let ours = ours(&ternarizer(), weights);
    buffers.sort(weights);
    Verdict::new(weights, &ours, &buffers.trits)
}

/// A length, and what is aimed at: the speed beside the sort, with AVX2 and with AVX-512, and the time beside the copy.
const LENGTHS: [(usize, [f64; 2], Option<Goal>); 4] = [
    (4096, [10.0, 15.0], None),
    (65_536, [18.0, 20.0], None),
    (1 << 20, [16.0, 20.0], None),
    (1 << 24, [16.0, 25.0], Some(AtMost(3.0))),
];

/// How long does one vector take, beside sorting and beside copying it?
pub(crate) fn long(budget: Budget) -> Table {
    let rows = LENGTHS.map(|(n, [avx2, others], than_copy)| {
        let weights = &Kind::Normal.weights(n)[..];
        let how = ternarizer();
        let mut buffers = Buffers::new(n);
        let timings = Contest::new()
            .with("ours", |b: &mut Buffers<f32>| {
                ternarize(&how, weights, &mut b.trits);
            })
            .with("sort_unstable", |b| {
                b.sort(black_box(weights));
                black_box(&mut b.trits);
            })
            .with("radsort", |b| {
                b.radix_sort(black_box(weights));
                black_box(&mut b.trits);
            })
            .with("copy", |b| b.copy(weights))
            .with("tritium absmean", |_| {
                black_box(tritium_absmean(black_box(weights)));
            })
            .run(budget, &mut buffers, n);
        let faster = |than| timings.ratio(than, "ours");
        let absmean = tritium_absmean(weights).trits;
        let absmean: Vec<i8> = absmean.iter().map(|trit| trit.get()).collect();
        let absmean = Verdict::new(weights, &ours(&how, weights), &absmean);
        let sorts = sort_verdict(weights, &mut buffers);
        Row::new(thousands(n), &timings.0)
            .figure(
                "x faster than sort_unstable",
                faster("sort_unstable"),
                AtLeast(goal(avx2, others)),
            )
            .figure("x copying", timings.ratio("ours", "copy"), than_copy)
            .figure("x faster than radsort", faster("radsort"), None)
            .figure(
                "x faster than tritium absmean",
                faster("tritium absmean"),
                None,
            )
            .answers(format!("sorts: {sorts}; tritium absmean: {absmean}"))
    });
    Table {
        group: "long",
        question: "How long does one vector take, search and trits, beside sorting and copying it? Normal f32 weights.".into(),
        rows: rows.into(),
    }
}

/// Does the kind of weights matter?
pub(crate) fn kinds(budget: Budget) -> Table {
    let how = ternarizer();
    let rows = [65_536, 1 << 20].into_iter().flat_map(|n| {
        let all = [Kind::Normal].into_iter().chain(Kind::ORDINARY);
        let data: Vec<_> = all.map(|kind| (kind, kind.weights(n))).collect();
        let mut contest = Contest::new();
        for (kind, weights) in &data {
            contest = contest.with(kind.name(), |b: &mut Buffers<f32>| {
                ternarize(&how, weights, &mut b.trits);
            });
        }
        let mut buffers = Buffers::new(n);
        let timings = contest.run(budget, &mut buffers, n);
        let normal = Kind::Normal.name();
        let row = |(kind, weights): &(Kind, Vec<f32>)| {
            let name = kind.name();
            Row::new(
                format!("{}, {name}", thousands(n)),
                &[timings.of(name).named("ours")],
            )
            .figure("x normal weights", timings.ratio(name, normal), AtMost(2.0))
            .answers(format!("sort: {}", sort_verdict(weights, &mut buffers)))
        };
        data[1..].iter().map(row).collect::<Vec<_>>()
    });
    Table {
        group: "kinds",
        question: "Does the kind of weights matter? Beside normal weights, f32.".into(),
        rows: rows.collect(),
    }
}

/// Can weights be made that ruin the search?
pub(crate) fn adversarial(budget: Budget) -> Table {
    let rows = [65_536, 1 << 20].into_iter().flat_map(|n| {
        let mut buffers = Buffers::new(n);
        Kind::ADVERSARIAL.map(|kind| {
            let case = format!("{}, {}", thousands(n), kind.name());
            let weights = kind.weights(n);
            let timings = beside_sort(budget, &mut buffers, &weights);
            Row::new(case, &timings.0)
                .figure(
                    "x sort_unstable",
                    timings.ratio("ours", "sort_unstable"),
                    AtMost(2.0),
                )
                .answers(format!("sort: {}", sort_verdict(&weights, &mut buffers)))
        })
    });
    Table {
        group: "adversarial",
        question: "Can weights be made that ruin the search? Beside sorting the same weights, f32."
            .into(),
        rows: rows.collect(),
    }
}

/// Ours and the sort, on the same weights.
fn beside_sort<W: Sortable>(budget: Budget, buffers: &mut Buffers<W>, weights: &[W]) -> Timings {
    let how = ternarizer();
    Contest::new()
        .with("ours", |b: &mut Buffers<W>| {
            ternarize(&how, weights, &mut b.trits);
        })
        .with("sort_unstable", |b| {
            b.sort(black_box(weights));
            black_box(&mut b.trits);
        })
        .run(budget, buffers, weights.len())
}

/// How long do other types take?
pub(crate) fn types(budget: Budget) -> Table {
    let lengths = [4096, 65_536, 1 << 20];
    let rows = lengths.into_iter().flat_map(|n| {
        let weights = Kind::Normal.weights(n);
        [
            of_type::<f32>("f32", budget, &weights, |x| x),
            of_type("f16", budget, &weights, f16::from_f32),
            of_type("bf16", budget, &weights, bf16::from_f32),
            of_type("f64", budget, &weights, f64::from),
        ]
    });
    Table {
        group: "types",
        question: "How long do weights of other types take? Normal weights, rounded to the type."
            .into(),
        rows: rows.collect(),
    }
}

fn of_type<W: Sortable>(
    name: &str,
    budget: Budget,
    weights: &[f32],
    convert: impl Fn(f32) -> W,
) -> Row {
    let weights: Vec<W> = weights.iter().map(|&weight| convert(weight)).collect();
    let mut buffers = Buffers::new(weights.len());
    let timings = beside_sort(budget, &mut buffers, &weights);
    let case = format!("{}, {name}", thousands(weights.len()));
    Row::new(case, &timings.0)
        .figure(
            "x faster than sort_unstable",
            timings.ratio("sort_unstable", "ours"),
            None,
        )
        .answers(format!("sort: {}", sort_verdict(&weights, &mut buffers)))
}
