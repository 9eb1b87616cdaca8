//! The ways in which the vector is ternarized: the paper's, and those that take wider integers or another search.

use ternarize::{Rule, Ternarizer};

/// A name, and the options that go with it.
pub type Job<'a> = (&'static str, Ternarizer<'a>);

/// All jobs, in the order of the report.
#[must_use]
pub fn all(importance: &[f32]) -> [Job<'_>; 5] {
    let paper = Ternarizer::new();
    [
        ("largest cosine", paper),
        ("a support for each sign", paper.rule(Rule::TwoScale)),
        ("the threshold of BitNet", paper.rule(Rule::AbsMean)),
        ("at least 200 non-zeros", paper.min_nonzeros(200)),
        ("with importances", paper.importance(importance)),
    ]
}
