//! What is done of a calibration, in a file beside the output, so that interrupted work goes on where it was.
//!
//! The file is a model of the ternary layers. Its metadata hold a fingerprint of all that decides, the planes of all layers, and what the
//! calibration said of each layer.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ternarize::model::{Model, Tensor};

use super::{ByOutputs, Reason, Treated};
use crate::onnx::Layer;

/// The entries of the metadata.
const FINGERPRINT: &str = "unfinished";
const PLANES: &str = "planes";
const LAYER: &str = "layer ";

/// What is done, and the file that holds it.
#[derive(Debug, Default)]
pub struct Cache {
    /// `None` if nothing is kept.
    path: Option<PathBuf>,
    model: Model,
}

impl Cache {
    /// What an earlier run with this fingerprint has left in a file; what one with another fingerprint has left is forgotten.
    ///
    /// # Errors
    ///
    /// If the file is something else.
    pub fn open(path: &Path, fingerprint: &str) -> Result<Self> {
        let mut model = Model::new();
        if fs::symlink_metadata(path).is_ok() {
            let found = Model::read(path).ok();
            let found = found.filter(|found| found.metadata().contains_key(FINGERPRINT));
            let Some(found) = found else {
                bail!(
                    "`{}`, where unfinished work would be kept, is something else",
                    path.display()
                );
            };
            if found.metadata()[FINGERPRINT] == fingerprint {
                model = found;
            }
        }
        let metadata = model.metadata_mut();
        metadata.insert(FINGERPRINT.into(), fingerprint.into());
        Ok(Self {
            path: Some(path.into()),
            model,
        })
    }

    /// The file, if it is there.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.path.as_deref().filter(|path| path.exists())
    }

    /// Removes the file, for the work is finished.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn remove(self) -> Result<()> {
        match self.file() {
            Some(path) => fs::remove_file(path).with_context(|| path.display().to_string()),
            None => Ok(()),
        }
    }

    /// Those of the layers for which planes were chosen, with these. The others have failed.
    #[must_use]
    pub(super) fn planes(
        &self,
        layers: &[Layer],
        failed: &mut Vec<Reason>,
    ) -> Option<Vec<(Layer, usize)>> {
        let (planes, reasons): (Vec<(String, usize)>, _) = self.entry(PLANES)?;
        let planes = planes.into_iter().map(|(name, planes)| {
            let layer = layers.iter().find(|layer| layer.name == name)?;
            Some((layer.clone(), planes))
        });
        let planes = planes.collect::<Option<_>>()?;
        *failed = reasons;
        Some(planes)
    }

    /// Keeps the planes that were chosen, and why none could be chosen for other layers.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(super) fn keep_planes(
        &mut self,
        layers: &[(Layer, usize)],
        failed: &[Reason],
    ) -> Result<()> {
        let planes = layers.iter().map(|(layer, planes)| (&layer.name, *planes));
        self.keep_entry(PLANES.into(), &(planes.collect::<Vec<_>>(), failed))
    }

    /// Whether a layer is done.
    #[must_use]
    pub(super) fn has(&self, layer: &Layer) -> bool {
        let said: Option<ByOutputs> = self.entry(&format!("{LAYER}{}", layer.name));
        said.is_some() && matches!(self.model.get(&layer.name), Some(Tensor::Ternary(_)))
    }

    /// A layer that is done, with so many planes.
    #[must_use]
    pub(super) fn layer(&self, layer: &Layer, planes: usize) -> Option<Treated> {
        let by_outputs: ByOutputs = self.entry(&format!("{LAYER}{}", layer.name))?;
        let Some(Tensor::Ternary(tensor)) = self.model.get(&layer.name) else {
            return None;
        };
        Some(Treated {
            layer: layer.clone(),
            planes,
            tensor: tensor.clone(),
            by_outputs: Some(by_outputs),
        })
    }

    /// Keeps a layer that is done.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(super) fn keep(&mut self, treated: &Treated) -> Result<()> {
        if self.path.is_none() {
            return Ok(());
        }
        let name = &treated.layer.name;
        let tensor = Tensor::Ternary(treated.tensor.clone());
        self.model.insert(name.clone(), tensor);
        self.keep_entry(format!("{LAYER}{name}"), &treated.by_outputs)
    }

    fn entry<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.model.metadata().get(key)?).ok()
    }

    fn keep_entry(&mut self, key: String, entry: &impl Serialize) -> Result<()> {
        if let Some(path) = &self.path {
            let metadata = self.model.metadata_mut();
            metadata.insert(key, serde_json::to_string(entry)?);
            self.model.write(path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, Outcome, batches, by_input, run};
    use super::*;
    use crate::engine::{Array, Numbers};
    use crate::onnx::Network;
    use crate::selection::Patterns;

    /// A run that finds one, two or three layers done makes the same network as one that finds none, and the same of what it is told.
    #[test]
    fn what_is_done_is_not_done_again() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/images.onnx");
        let network = Network::open(&file).unwrap();
        let values = (0..40_u16 * 72).map(|i| (f32::from(i) * 0.7).sin());
        let array = Array {
            shape: vec![40, 2, 6, 6],
            numbers: Numbers::Floats(values.collect()),
        };
        let inputs = by_input(&network, [("x".to_owned(), array)].into()).unwrap();
        let samples = batches(&inputs, true).unwrap();
        let options = Options {
            bits: 4.0,
            chosen: Vec::new(),
            patterns: Patterns::default(),
            rotation: true,
            most_inputs: 4096,
        };
        let run =
            |cache: &mut Cache| run(network.clone(), &samples, &options, cache, &|_, _, _| ());
        let whole = run(&mut Cache::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unfinished");
        run(&mut Cache::open(&path, "this").unwrap()).unwrap();
        let kept = Model::read(&path).unwrap();
        assert!(whole.treated.len() > 2);
        for done in 0..whole.treated.len() {
            let mut model = kept.clone();
            for treated in &whole.treated[done..] {
                model.remove(&treated.layer.name).unwrap();
            }
            // Numbers that only a layer that was read can have.
            let mut expected = whole.treated.clone();
            for treated in &mut expected[..done] {
                let by_outputs = treated.by_outputs.as_mut().unwrap();
                by_outputs.rows += 1000;
                let entry = serde_json::to_string(by_outputs).unwrap();
                let key = format!("{LAYER}{}", treated.layer.name);
                model.metadata_mut().insert(key, entry);
            }
            model.write(&path).unwrap();
            let mut cache = Cache::open(&path, "this").unwrap();
            let again = run(&mut cache).unwrap();
            assert_eq!(
                format!("{:?}", again.treated),
                format!("{expected:?}"),
                "{done} layers were done"
            );
            let bytes = |outcome: &Outcome| outcome.network.bytes().unwrap();
            assert!(bytes(&again) == bytes(&whole));
            cache.remove().unwrap();
            assert!(!path.exists());
        }
    }
}
