//! A network that runs in parts: what was computed up to a cut is kept, so that nothing runs twice.

use std::collections::BTreeSet;

use anyhow::Result;
use rten_tensor::Layout as _;

use super::samples::Batch;
use crate::engine::{Engine, Value, Values};
use crate::onnx::Network;
use crate::progress::go_on;

/// The bytes of activations that are kept between two layers at most, for each network. Above it, what follows is computed from earlier
/// activations, which takes longer and gives the same.
const MOST_KEPT: usize = 1 << 28;

/// A network and its activations at the last cut, for each batch.
pub(super) struct Side {
    /// The network as it is now.
    pub network: Network,
    /// For each batch the values at the cut, by their names.
    known: Vec<Values>,
}

impl Side {
    /// A network before its first node.
    #[must_use]
    pub(super) fn new(network: Network, batches: &[Batch]) -> Self {
        let known = batches.iter().map(|batch| batch.inputs.clone()).collect();
        Self { network, known }
    }

    fn names(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.known.iter().flat_map(Values::keys).collect();
        names.into_iter().cloned().collect()
    }

    /// The part of the network from the cut to the wanted values.
    ///
    /// # Errors
    ///
    /// What the engine cannot do.
    pub(super) fn part(&self, wanted: &[String]) -> Result<Part<'_>> {
        let names = self.names();
        let (given, made): (Vec<_>, Vec<_>) = wanted
            .iter()
            .cloned()
            .partition(|name| names.contains(name));
        let engine = match made[..] {
            [] => None,
            _ => Some(Engine::load(self.network.part(&names, &made)?)?),
        };
        Ok(Part {
            side: self,
            given,
            made,
            engine,
        })
    }

    /// Moves the cut: keeps these values, unless they take too much memory.
    ///
    /// # Errors
    ///
    /// What the engine cannot do, and interrupts.
    pub(super) fn advance(&mut self, live: &[String]) -> Result<()> {
        let part = self.part(live)?;
        let (mut known, mut bytes) = (Vec::new(), 0);
        for batch in 0..self.known.len() {
            let values = part.run(batch)?;
            bytes += values.values().map(size).sum::<usize>();
            if bytes > MOST_KEPT {
                return Ok(());
            }
            known.push(values);
        }
        self.known = known;
        Ok(())
    }
}

/// A part of a network that can be run.
pub(super) struct Part<'a> {
    side: &'a Side,
    /// The wanted values that are known.
    given: Vec<String>,
    /// Those that are computed.
    made: Vec<String>,
    engine: Option<Engine>,
}

impl Part<'_> {
    /// The wanted values of a batch.
    ///
    /// # Errors
    ///
    /// What the engine cannot do, and interrupts.
    pub(super) fn run(&self, batch: usize) -> Result<Values> {
        go_on()?;
        let known = &self.side.known[batch];
        let mut values = match &self.engine {
            Some(engine) => engine.run(known, &self.made)?,
            None => Values::new(),
        };
        for name in &self.given {
            if let Some(value) = known.get(name) {
                values.insert(name.clone(), value.clone());
            }
        }
        Ok(values)
    }
}

/// The bytes of a value.
fn size(value: &Value) -> usize {
    4 * value.len()
}
