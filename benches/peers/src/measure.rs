//! Times that can be compared: all contestants run in turn, in one process, on the same buffers.
//!
//! ```text
//! warm up: each once;  then A B C  A B C  A B C ... until the time is spent;  median and minimum of each
//! ```
//!
//! A machine that slows down for a while slows all contestants down, and the ratio of two medians stays what it is. What takes
//! microseconds is called many times a round, so that reading the clock costs nothing.

use serde::Serialize;
use std::time::{Duration, Instant};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// For all rounds of one contest, unless the fewest rounds take longer.
    pub time: Duration,
    /// The fewest rounds.
    pub rounds: usize,
}

impl Budget {
    /// For numbers to be quoted.
    pub const FULL: Self = Self {
        time: Duration::from_secs(4),
        rounds: 7,
    };

    /// For a look.
    pub const QUICK: Self = Self {
        time: Duration::from_millis(500),
        rounds: 3,
    };
}

/// More rounds tell nothing new.
const MOST_ROUNDS: usize = 501;

/// A contestant's calls in one round take at least so long, or are one.
const TURN: Duration = Duration::from_micros(200);

/// What is called, with the buffers of all.
type Run<'a, B> = Box<dyn FnMut(&mut B) + 'a>;

/// Several ways to do the same, with the same buffers `B`.
#[must_use]
pub struct Contest<'a, B> {
    contestants: Vec<(String, Run<'a, B>)>,
}

impl<'a, B> Contest<'a, B> {
    /// Without contestants.
    pub fn new() -> Self {
        Self {
            contestants: Vec::new(),
        }
    }

    /// Adds one, which must keep its inputs and results from being optimised away.
    pub fn with(mut self, name: impl Into<String>, run: impl FnMut(&mut B) + 'a) -> Self {
        self.contestants.push((name.into(), Box::new(run)));
        self
    }

    /// Runs all in turn; times are divided by the number of `weights`.
    #[must_use]
    pub fn run(self, budget: Budget, buffers: &mut B, weights: usize) -> Timings {
        self.run_checked(budget, buffers, weights, |_, _| {})
    }

    /// The same, with a check of the buffers after each contestant's warm-up, which is told the name.
    #[must_use]
    pub fn run_checked(
        self,
        budget: Budget,
        buffers: &mut B,
        weights: usize,
        mut check: impl FnMut(&str, &mut B),
    ) -> Timings {
        let mut contestants = Vec::new();
        for (name, run) in self.contestants {
            contestants.push(Contestant::warmed_up(name.clone(), run, buffers));
            check(&name, buffers);
        }
        let start = Instant::now();
        for round in 0..MOST_ROUNDS {
            if round >= budget.rounds && start.elapsed() >= budget.time {
                break;
            }
            for contestant in &mut contestants {
                contestant.take_turn(buffers);
            }
        }
        let timing = |contestant: Contestant<'_, B>| contestant.timing(weights);
        Timings(contestants.into_iter().map(timing).collect())
    }
}

impl<B> Default for Contest<'_, B> {
    fn default() -> Self {
        Self::new()
    }
}

struct Contestant<'a, B> {
    name: String,
    run: Run<'a, B>,
    calls: u32,
    /// Nanoseconds of a call, for each round.
    times: Vec<f64>,
}

impl<'a, B> Contestant<'a, B> {
    /// Called until it is warm, which tells how many calls make a turn.
    fn warmed_up(name: String, run: Run<'a, B>, buffers: &mut B) -> Self {
        let mut contestant = Self {
            name,
            run,
            calls: 1,
            times: Vec::new(),
        };
        loop {
            let time = contestant.turn(buffers);
            if time >= TURN / 2 {
                break;
            }
            contestant.calls *= 2;
        }
        contestant
    }

    fn turn(&mut self, buffers: &mut B) -> Duration {
        let start = Instant::now();
        for _ in 0..self.calls {
            (self.run)(buffers);
        }
        start.elapsed()
    }

    fn take_turn(&mut self, buffers: &mut B) {
        let nanos = self.turn(buffers).as_secs_f64() * 1e9;
        self.times.push(nanos / f64::from(self.calls));
    }

    fn timing(mut self, weights: usize) -> Timing {
        self.times.sort_unstable_by(f64::total_cmp);
        let (rounds, weights) = (self.times.len(), weights as f64);
        let upper = self.times[rounds / 2];
        let quarters = self.times[rounds * 3 / 4] - self.times[rounds / 4];
        let lower = self.times[(rounds - 1) / 2];
        Timing {
            name: self.name,
            median: f64::midpoint(lower, upper) / weights,
            min: self.times[0] / weights,
            spread: quarters / upper / 2.0,
            rounds,
        }
    }
}

/// How long one contestant took.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    /// Its name.
    pub name: String,
    /// The median of all rounds, in nanoseconds per weight.
    pub median: f64,
    /// The minimum of all rounds, in nanoseconds per weight.
    pub min: f64,
    /// Half the range of the middle half of the rounds, as a part of the median.
    pub spread: f64,
    /// How many rounds.
    pub rounds: usize,
}

impl Timing {
    /// The same under another name.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self {
            name: name.into(),
            ..self.clone()
        }
    }
}

/// How long each took.
#[derive(Clone, Debug)]
pub struct Timings(pub Vec<Timing>);

impl Timings {
    /// How long one of them took.
    ///
    /// # Panics
    ///
    /// If there was no such contestant.
    #[must_use]
    pub fn of(&self, name: &str) -> &Timing {
        let timing = self.0.iter().find(|timing| timing.name == name);
        timing.expect("a contestant of this name")
    }

    /// How many times as long as `other` it took.
    ///
    /// # Panics
    ///
    /// If there was no such contestant.
    #[must_use]
    pub fn ratio(&self, name: &str, other: &str) -> f64 {
        self.of(name).median / self.of(other).median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contestants_take_turns_and_twice_the_work_takes_longer() {
        let spin = |turns: u32| {
            move |order: &mut Vec<u32>| {
                std::thread::sleep(Duration::from_micros(300) * turns);
                order.push(turns);
            }
        };
        let mut order = Vec::new();
        let contest = Contest::new().with("one", spin(1)).with("three", spin(3));
        let timings = contest.run(Budget::QUICK, &mut order, 1);
        assert!(timings.ratio("three", "one") > 1.0);
        assert!(order[2..].chunks_exact(2).all(|turn| turn == [1, 3]));
        assert!(timings.0[0].min <= timings.0[0].median);
    }
}
