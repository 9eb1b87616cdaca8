//! The plan of a network: what was chosen for each layer. It can be saved, edited and used again.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::calibrate::{Outcome, Treatment};

/// The version of plan files.
const VERSION: u32 = 1;

/// What is done to each layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPlan {
    version: u32,
    layer: Vec<PlannedLayer>,
}

/// What is done to a layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedLayer {
    name: String,
    planes: usize,
    #[serde(flatten)]
    treatment: Treatment,
}

impl NetworkPlan {
    /// What was done.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Self {
        let layers = outcome.treated.iter().map(|treated| PlannedLayer {
            name: treated.layer.name.clone(),
            planes: treated.planes,
            treatment: treated
                .by_outputs
                .as_ref()
                .map_or(Treatment::WEIGHTS, |by| by.treatment),
        });
        Self {
            version: VERSION,
            layer: layers.collect(),
        }
    }

    /// Reads a plan.
    ///
    /// # Errors
    ///
    /// If there is none, or it is not understood, with its name.
    pub fn read(path: &Path) -> Result<Self> {
        let name = || path.display().to_string();
        let text = fs::read_to_string(path).with_context(name)?;
        let plan: Self = toml::from_str(&text).with_context(name)?;
        plan.check().with_context(name)?;
        Ok(plan)
    }

    fn check(&self) -> Result<()> {
        let Self { version, layer } = self;
        ensure!(
            *version == VERSION,
            "version {version} of plans is not known"
        );
        ensure!(!layer.is_empty(), "it names no layer");
        for (number, PlannedLayer { name, planes, .. }) in layer.iter().enumerate() {
            let shown = name.escape_debug();
            ensure!(
                (1..=4).contains(planes),
                "`{shown}` has {planes} planes, from one to four are possible"
            );
            let twice = layer[..number].iter().any(|other| other.name == *name);
            ensure!(!twice, "`{shown}` is there twice");
        }
        Ok(())
    }

    /// As a file.
    ///
    /// # Errors
    ///
    /// None that are known.
    pub fn to_toml(&self) -> Result<String> {
        Ok(toml::to_string_pretty(self)?)
    }

    /// The planes and the treatment of each layer by its name.
    #[must_use]
    pub fn chosen(&self) -> Vec<(String, usize, Treatment)> {
        let layers = self.layer.iter();
        layers
            .map(|layer| (layer.name.clone(), layer.planes, layer.treatment))
            .collect()
    }
}
