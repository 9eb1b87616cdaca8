//! The closest other crates: each with the activations that it takes.

use crate::matrices::{COLUMNS, Matrices};
use crate::questions::{check, quantize_blocks};
use std::hint::black_box;
use ternarize::Format;
use ternarize_peers::backend::chosen;
#[cfg(feature = "candle")]
use ternarize_peers::crates::Candle;
use ternarize_peers::crates::Tritium;
use ternarize_peers::measure::{Budget, Contest};
use ternarize_peers::table::{Row, Table};

const ROWS: usize = 4096;

/// Ours, with a peer's activations.
const WAYS: [(&str, &str); 2] = [
    ("TQ2_0, 8-bit activations", "candle Q2_K"),
    ("2-bit, f32 activations", "tritium-cpu"),
];

/// 4,096 rows times a vector.
pub(crate) fn other_crates(budget: Budget) -> Table {
    let m = &Matrices::new(ROWS, 1);
    let tq2_0 = &m.format(Format::Tq2_0, &m.tq2_0);
    let tritium = Tritium::new(&m.tq2_0, COLUMNS, vec![0.5; ROWS]);
    let contest = Contest::new();
    #[cfg(feature = "candle")]
    let contest = {
        let weights: Vec<f32> = m.trits.iter().map(|&t| 0.5 * f32::from(t)).collect();
        let candle = Candle::new(&weights, COLUMNS);
        contest.with(WAYS[0].1, move |y: &mut Vec<f32>| {
            candle.matvec(black_box(&m.x), y);
        })
    };
    let contest = contest
        .with(WAYS[0].0, |y: &mut Vec<f32>| {
            let x = [quantize_blocks(&m.x)];
            tq2_0.matmul_i8_on(chosen(), &x, y).expect("lengths");
        })
        .with(WAYS[1].0, |y| {
            let product = m.by_row.matmul_on(chosen(), black_box(&m.x), 1, y);
            product.expect("lengths");
        })
        .with(WAYS[1].1, |y| tritium.matvec(black_box(&m.x), y));
    let mut y = vec![0.0; ROWS];
    let timings = contest.run_checked(budget, &mut y, ROWS * COLUMNS, |name, y| {
        // Q2_K cannot hold these weights as they are.
        if name != WAYS[0].1 {
            check(m, [0.5; 2], y);
        }
        y.fill(f32::NAN);
    });
    let known = |name: &str| timings.0.iter().any(|timing| timing.name == name);
    let rows = WAYS.iter().filter(|(_, peer)| known(peer));
    let rows = rows.map(|&(name, peer)| {
        let [ours, theirs] =
            [("ours", name), ("peer", peer)].map(|(as_, name)| timings.of(name).named(as_));
        let ratio = timings.ratio(peer, name);
        Row::new(format!("{name}, and {peer}"), &[ours, theirs]).figure("x faster", ratio, None)
    });
    Table {
        group: "crates",
        question: "4,096 rows of 4,096 weights times a vector, beside the closest other crates."
            .into(),
        rows: rows.collect(),
    }
}
