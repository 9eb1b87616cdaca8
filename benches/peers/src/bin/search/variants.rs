//! What the options cost: rules, importances, instructions, threads.

use crate::tensors::tensor;
use crate::vectors::{ours, ternarize};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::hint::black_box;
use ternarize::tensor::{Grouping, TensorView};
use ternarize::{Backend, Rule, Scales, Ternarizer};
use ternarize_peers::backend::ternarizer;
use ternarize_peers::data::{Kind, importance};
use ternarize_peers::measure::{Budget, Contest};
use ternarize_peers::peers::Buffers;
use ternarize_peers::table::Goal::{AtLeast, AtMost};
use ternarize_peers::table::{Row, Table, thousands};

/// So many threads.
pub(crate) fn pool(threads: usize) -> ThreadPool {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("threads")
}

/// What do two supports and importances cost?
pub(crate) fn rules(budget: Budget) -> Table {
    let one = "tnt, one scale";
    let rows = [65_536, 1 << 20].into_iter().flat_map(|n| {
        let (weights, h) = (&Kind::Normal.weights(n)[..], &importance(n)[..]);
        let two_scale = ternarizer().rule(Rule::TwoScale);
        let hows = [
            (one, ternarizer().scales(Scales::One)),
            ("two-scale", two_scale),
            ("tnt, importance", ternarizer().importance(h)),
            ("two-scale, importance", two_scale.importance(h)),
        ];
        let mut contest = Contest::new();
        for (name, how) in &hows {
            contest = contest.with(*name, |b: &mut Buffers<f32>| {
                ternarize(how, weights, &mut b.trits);
            });
        }
        let timings = contest.run(budget, &mut Buffers::new(n), n);
        let row = |(name, _): &(&str, _)| {
            let goal = AtMost(if *name == "two-scale, importance" {
                3.0
            } else {
                2.5
            });
            Row::new(
                format!("{}, {name}", thousands(n)),
                &[timings.of(name).named("ours")],
            )
            .figure("x one scale", timings.ratio(name, one), goal)
        };
        hows[1..].iter().map(row).collect::<Vec<_>>()
    });
    Table {
        group: "rules",
        question: "What do two supports and importances cost, beside the rule tnt with one scale? Normal f32 weights, \
            importances squares of normal numbers.".into(),
        rows: rows.collect(),
    }
}

/// What do instructions bring?
pub(crate) fn backends(budget: Budget) -> Table {
    let plain = Backend::PORTABLE.name();
    let rows = [65_536, 1 << 20].into_iter().flat_map(|n| {
        let weights = &Kind::Normal.weights(n)[..];
        let mut contest = Contest::new();
        for backend in Backend::available() {
            let how = Ternarizer::new().backend(backend);
            contest = contest.with(backend.name(), move |b: &mut Buffers<f32>| {
                ternarize(&how, weights, &mut b.trits);
            });
        }
        let timings = contest.run(budget, &mut Buffers::new(n), n);
        let expected = ours(&Ternarizer::new().backend(Backend::PORTABLE), weights);
        let row = |backend: Backend| {
            let name = backend.name();
            assert_eq!(ours(&Ternarizer::new().backend(backend), weights), expected);
            Row::new(
                format!("{}, {name}", thousands(n)),
                &[timings.of(name).named("ours")],
            )
            .figure("x faster than portable", timings.ratio(plain, name), None)
        };
        Backend::available().map(row).collect::<Vec<_>>()
    });
    Table {
        group: "backends",
        question:
            "What do instructions bring? Normal f32 weights; all backends give the same trits."
                .into(),
        rows: rows.collect(),
    }
}

/// What does a second thread bring?
pub(crate) fn threads(budget: Budget) -> Table {
    let side = 4096;
    let n = side * side;
    let weights = &Kind::Normal.weights(n)[..];
    let view = &TensorView::new(weights, &[side, side]).expect("a matrix");
    let how = &ternarizer();
    let (one, two) = (&pool(1), &pool(2));
    let grouped = |grouping| {
        let run =
            move |pool: &ThreadPool| drop(black_box(pool.install(|| tensor(view, grouping, how))));
        let contest = Contest::new()
            .with("1 thread", move |_: &mut Vec<i8>| run(one))
            .with("2 threads", move |_| run(two));
        contest.run(budget, &mut Vec::new(), n)
    };
    let slice =
        |pool: &ThreadPool, trits: &mut [i8]| pool.install(|| ternarize(how, weights, trits));
    let as_slice = Contest::new()
        .with("1 thread", |trits: &mut Vec<i8>| slice(one, trits))
        .with("2 threads", |trits| slice(two, trits))
        .run(budget, &mut vec![0; n], n);
    let cases = [
        ("4,096 rows of a tensor", grouped(Grouping::OUTPUT_CHANNEL)),
        ("one vector, as a tensor", grouped(Grouping::Tensor)),
        ("one vector, as a slice", as_slice),
    ];
    let rows = cases.map(|(case, timings)| {
        Row::new(case, &timings.0).figure(
            "x faster with 2 threads",
            timings.ratio("1 thread", "2 threads"),
            AtLeast(1.8),
        )
    });
    Table {
        group: "threads",
        question: "What does a second thread bring? 64 MiB of normal f32 weights.".into(),
        rows: rows.into(),
    }
}
