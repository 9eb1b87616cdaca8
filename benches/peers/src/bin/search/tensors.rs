//! Many vectors: the rows of a matrix, short ones, and blocks as other quantizers make them.

use crate::vectors::{ours, ternarize};
use std::hint::black_box;
use ternarize::tensor::{Grouping, TensorView, TernaryTensor};
use ternarize::{Scales, Ternarizer};
use ternarize_peers::backend::{goal, ternarizer};
use ternarize_peers::data::Kind;
use ternarize_peers::measure::{Budget, Contest};
use ternarize_peers::peers::{Buffers, read, tritium_fit};
use ternarize_peers::table::Goal::AtMost;
use ternarize_peers::table::{Row, Table, thousands};
use ternarize_peers::verdict::{Closeness, Verdict};

/// Ours, as a tensor with its own storage.
pub(crate) fn tensor(
    view: &TensorView<'_, f32>,
    grouping: Grouping,
    how: &Ternarizer<'_>,
) -> TernaryTensor {
    let made = TernaryTensor::ternarize(black_box(view), grouping, how);
    made.expect("finite weights").0
}

/// How the trits of a peer compare with ours, vector by vector.
fn verdict(weights: &[f32], theirs: &[i8], len: usize) -> Verdict {
    let vectors = weights.chunks_exact(len).zip(theirs.chunks_exact(len));
    let verdicts = vectors.map(|(weights, theirs)| {
        let ours = ours(&ternarizer(), weights);
        Verdict::new(weights, &ours, theirs)
    });
    verdicts.reduce(Verdict::and).expect("a vector")
}

/// How long does a matrix take, with scales for each row?
pub(crate) fn rows(budget: Budget) -> Table {
    let side = 4096;
    let weights = &Kind::Normal.weights(side * side)[..];
    let view = &TensorView::new(weights, &[side, side]).expect("a matrix");
    let how = &ternarizer();
    let mut buffers = Buffers::new(side * side);
    let timings = Contest::new()
        .with("tensor", |_: &mut Buffers<f32>| {
            black_box(tensor(view, Grouping::OUTPUT_CHANNEL, how));
        })
        .with("row by row", |b| {
            let trits = b.trits.chunks_exact_mut(side);
            for (row, trits) in weights.chunks_exact(side).zip(trits) {
                ternarize(how, row, trits);
            }
        })
        .with("sort_unstable", |b| {
            b.sort_each(black_box(weights), side);
            black_box(&mut b.trits);
        })
        .with("read", |_| read(weights))
        .run(budget, &mut buffers, side * side);
    buffers.sort_each(weights, side);
    let verdict = verdict(weights, &buffers.trits, side);
    let rows = ["row by row", "tensor"].map(|name| {
        let others = ["sort_unstable", "read"].map(|other| timings.of(other).clone());
        let ours = timings.of(name).named("ours");
        let row = Row::new(name, &[&[ours][..], &others].concat())
            .figure("x one reading", timings.ratio(name, "read"), None)
            .figure(
                "ns per weight",
                timings.of(name).median,
                AtMost(goal(1.2, 0.8)),
            )
            .figure(
                "x faster than sort_unstable",
                timings.ratio("sort_unstable", name),
                None,
            );
        row.answers(format!("sort: {verdict}"))
    });
    Table {
        group: "rows",
        question: "How long does a matrix of 4,096 x 4,096 take, with two scales for each row? Normal f32 weights; as a \
            tensor, packed, and row by row into one buffer.".into(),
        rows: rows.into(),
    }
}

/// How long do many short vectors take, as a tensor?
pub(crate) fn short(budget: Budget) -> Table {
    let lengths = [
        (9, "3 x 3 kernels"),
        (25, "5 x 5 kernels"),
        (32, "blocks of 32"),
        (64, "blocks of 64"),
        (128, "blocks of 128"),
        (256, "blocks of 256"),
    ];
    let rows = lengths.map(|(len, case)| {
        let most = if len == 9 {
            goal(2.5, 1.5)
        } else {
            goal(1.5, 1.0)
        };
        let count = (1 << 18) / len;
        let n = count * len;
        let weights = &Kind::Normal.weights(n)[..];
        let view = &TensorView::new(weights, &[count, len]).expect("as many weights");
        let how = &ternarizer();
        let mut buffers = Buffers::new(n);
        let timings = Contest::new()
            .with("ours", |_: &mut Buffers<f32>| {
                black_box(tensor(view, Grouping::Block(len), how));
            })
            .with("sort_unstable", |b| {
                b.sort_each(black_box(weights), len);
                black_box(&mut b.trits);
            })
            .run(budget, &mut buffers, n);
        buffers.sort_each(weights, len);
        Row::new(case, &timings.0)
            .figure(
                "x faster than sort_unstable",
                timings.ratio("sort_unstable", "ours"),
                None,
            )
            .figure("ns per weight", timings.of("ours").median, AtMost(most))
            .answers(format!("sort: {}", verdict(weights, &buffers.trits, len)))
    });
    Table {
        group: "short",
        question: "How long do many short vectors take, as a tensor, beside sorting each? 262,144 normal f32 weights, two \
            scales for each vector.".into(),
        rows: rows.into(),
    }
}

/// How do other quantizers do on the same blocks?
pub(crate) fn quantizers(budget: Budget) -> Table {
    let cases = [
        (Kind::Normal, 256),
        (Kind::Laplace, 256),
        (Kind::Ternary, 256),
        (Kind::Normal, 32),
    ];
    Table {
        group: "quantizers",
        question: "How do other quantizers do, in time and in closeness (signal to noise in dB)? 16,384 f32 weights in \
            blocks of so many, one scale for each block; ours as a tensor. ggml has blocks of 256 only.".into(),
        rows: cases.map(|(kind, len)| in_blocks(budget, kind, len)).into(),
    }
}

fn in_blocks(budget: Budget, kind: Kind, len: usize) -> Row {
    let n = 1 << 14;
    let weights = &kind.weights(n)[..];
    let view = &TensorView::new(weights, &[n]).expect("as many weights");
    let how = &ternarizer().scales(Scales::One);
    let contest = Contest::new()
        .with("ours", |_: &mut Vec<u8>| {
            black_box(tensor(view, Grouping::Block(len), how));
        })
        .with("tritium fit", |_| {
            for block in black_box(weights).chunks_exact(len) {
                black_box(tritium_fit(block));
            }
        });
    let (contest, mut blocks) = ggml::enter(contest, weights, len);
    let timings = contest.run(budget, &mut blocks, n);

    let ours = tensor(view, Grouping::Block(len), how).dequantize::<f32>();
    let fits: Vec<_> = weights.chunks_exact(len).map(tritium_fit).collect();
    let trits: Vec<i8> = fits.iter().flat_map(|(trits, _)| trits).copied().collect();
    let scaled = fits
        .iter()
        .flat_map(|(trits, scale)| trits.iter().map(move |&trit| f32::from(trit) * scale));
    let theirs: Vec<f32> = scaled.collect();
    let row = Row::new(
        format!(
            "{} x {}, {}",
            thousands(n / len),
            thousands(len),
            kind.name()
        ),
        &timings.0,
    )
    .figure(
        "x faster than tritium fit",
        timings.ratio("tritium fit", "ours"),
        None,
    );
    let close = Closeness::new(weights, &ours);
    let row = row.figure("our dB", close.decibels, None);
    let row = row.figure("our cosine", close.cosine, None);
    let row = less(
        row,
        "tritium fit",
        Closeness::new(weights, &theirs).less_than(close),
    );
    ggml::compare(row, &timings, close, weights, &blocks)
        .answers(format!("tritium fit: {}", verdict(weights, &trits, len)))
}

/// By how much another quantizer comes less close.
fn less(row: Row, name: &str, less: Closeness) -> Row {
    row.figure(format!("{name}, dB less"), less.decibels, None)
        .figure(format!("{name}, cosine less"), less.cosine, None)
}

/// ggml takes part.
#[cfg(feature = "ggml")]
mod ggml {
    use super::{Closeness, Contest, Row, black_box, less};
    use ternarize_peers::ggml::{BLOCK, bytes, dequantize, quantize};
    use ternarize_peers::measure::Timings;

    pub(super) fn enter<'a>(
        contest: Contest<'a, Vec<u8>>,
        weights: &'a [f32],
        len: usize,
    ) -> (Contest<'a, Vec<u8>>, Vec<u8>) {
        if len != BLOCK {
            return (contest, Vec::new());
        }
        let contest = contest.with("ggml", |blocks: &mut Vec<u8>| {
            quantize(black_box(weights), blocks);
            black_box(blocks);
        });
        (contest, vec![0; bytes(weights.len())])
    }

    pub(super) fn compare(
        row: Row,
        timings: &Timings,
        ours: Closeness,
        weights: &[f32],
        blocks: &[u8],
    ) -> Row {
        if blocks.is_empty() {
            return row;
        }
        let row = row.figure("x faster than ggml", timings.ratio("ggml", "ours"), None);
        less(
            row,
            "ggml",
            Closeness::new(weights, &dequantize(blocks)).less_than(ours),
        )
    }
}

/// ggml does not take part.
#[cfg(not(feature = "ggml"))]
mod ggml {
    use super::{Closeness, Contest, Row};
    use ternarize_peers::measure::Timings;

    pub(super) fn enter<'a>(
        contest: Contest<'a, Vec<u8>>,
        _: &'a [f32],
        _: usize,
    ) -> (Contest<'a, Vec<u8>>, Vec<u8>) {
        (contest, Vec::new())
    }

    pub(super) fn compare(row: Row, _: &Timings, _: Closeness, _: &[f32], _: &[u8]) -> Row {
        row
    }
}
