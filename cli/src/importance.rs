//! Importances of inputs, measured by another program: how much each column of a weight matrix counts.
//!
//! | file | holds |
//! |---|---|
//! | llama.cpp's imatrix, GGUF | for each tensor `X`: `X.in_sum2`, sums of squares, and `X.counts`, their numbers |
//! | llama.cpp's imatrix, older binary form | for each tensor: the calls, and the sums of squares |
//! | safetensors | tensors of the same names as the weights |
//!
//! There is one number for each column, or one for each weight. Of several matrices in one tensor, as experts are, each may have its own.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use ternarize::Weight;
use ternarize::model::TensorInfo;
use ternarize::tensor::Grouping;

use crate::disk::{Disk, Reader, open_model};
use crate::method::float_type;
use crate::with_weight_type;

/// The endings of the names in an imatrix.
const SUMS: &str = ".in_sum2";
const COUNTS: &str = ".counts";

/// Importances by the names of tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Importances(BTreeMap<String, Vec<f32>>);

impl Importances {
    /// Reads a file of any of the three kinds.
    ///
    /// # Errors
    ///
    /// For a file that cannot be read or is none of them.
    pub fn load(disk: &dyn Disk, path: &Path) -> Result<Self> {
        let mut file = disk.open(path)?;
        let mut magic = [0; 9];
        let read = file.read(&mut magic)?;
        // A safetensors file begins with the length of a JSON object.
        let container = magic.starts_with(b"GGUF") || read == 9 && magic[8] == b'{';
        if container {
            return Self::of_model(&open_model(disk, path)?);
        }
        let mut bytes = magic[..read].to_vec();
        file.read_to_end(&mut bytes)?;
        parse_binary(&bytes).context("neither an imatrix nor a safetensors file")
    }

    fn of_model(reader: &Reader) -> Result<Self> {
        let mut found = BTreeMap::new();
        for (index, info) in reader.tensors().enumerate() {
            found.insert(info.name().to_string(), values(reader, index, info)?);
        }
        if !reader.metadata().is_gguf() {
            return Ok(Self(found));
        }
        let sums = found.iter().filter_map(|(name, sums)| {
            let tensor = name.strip_suffix(SUMS)?;
            let counts = found.get(&format!("{tensor}{COUNTS}"))?;
            Some((tensor.to_string(), means(sums, counts)))
        });
        let importances = Self(sums.collect());
        if importances.0.is_empty() {
            bail!("it holds no tensors `*{SUMS}` and `*{COUNTS}`");
        }
        Ok(importances)
    }

    /// Whether there are importances for a tensor of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The importances of all weights of a tensor, in row-major order, and whether some are missing; `None` if there are none, or all are 0.
    ///
    /// Inputs that were never seen have importances of 0. Where all of a row, or of a block of `per`, are 0, weights would be lost for no
    /// reason: they count alike.
    ///
    /// # Errors
    ///
    /// If there is another number of them than the tensor has columns or weights, or one is negative or not finite.
    pub fn of(&self, info: &TensorInfo, per: Grouping) -> Result<Option<(Vec<f32>, bool)>> {
        let Some(given) = self.0.get(info.name()) else {
            return Ok(None);
        };
        if let Some(at) = given.iter().position(|x| !(x.is_finite() && *x >= 0.0)) {
            bail!("the importance at index {at} is negative or not finite");
        }
        let weights = usize::try_from(info.weights())?;
        let columns = info.shape().last().copied().unwrap_or(1);
        let matrices = given.len() / columns.max(1);
        let whole = given.len() == matrices * columns && matrices > 0;
        if !whole || !weights.is_multiple_of(given.len()) {
            let count = given.len();
            bail!("there are {count} importances for rows of {columns} weights");
        }
        if given.iter().all(|x| *x == 0.0) {
            return Ok(None);
        }
        let mut given = given.clone();
        let block = match per {
            Grouping::Block(len) => len.min(columns),
            _ => columns,
        };
        let mut missing = false;
        for row in given.chunks_mut(columns) {
            for block in row
                .chunks_mut(block)
                .filter(|block| block.iter().all(|x| *x == 0.0))
            {
                block.fill(1.0);
                missing = true;
            }
        }
        if given.len() < weights {
            // The rows of each matrix have its importances.
            let rows = weights / given.len();
            let of_matrix = |columns: &[f32]| columns.repeat(rows);
            given = given.chunks(columns).flat_map(of_matrix).collect();
        }
        Ok(Some((given, missing)))
    }
}

/// The values of a tensor of floats.
fn values(reader: &Reader, index: usize, info: &TensorInfo) -> Result<Vec<f32>> {
    let float = float_type(info)
        .with_context(|| format!("`{}` does not hold floats", info.name().escape_debug()))?;
    with_weight_type!(float, W => {
        let values = reader.read_values::<W>(index)?;
        Ok(values.into_iter().filter_map(narrow).collect())
    })
}

fn narrow<W: Weight>(x: W) -> Option<f32> {
    x.to_f32()
}

/// The means of sums, of which each count has equally many.
fn means(sums: &[f32], counts: &[f32]) -> Vec<f32> {
    let per_count = sums.len() / counts.len().max(1);
    let mean = |(i, sum): (usize, &f32)| {
        let count = counts.get(i / per_count.max(1)).copied().unwrap_or(0.0);
        if count > 0.0 { sum / count } else { 0.0 }
    };
    sums.iter().enumerate().map(mean).collect()
}

/// The older form: the number of entries, then for each the name, the calls and the sums.
fn parse_binary(mut bytes: &[u8]) -> Option<Importances> {
    let entries = take_count(&mut bytes)?;
    let mut found = BTreeMap::new();
    for _ in 0..entries {
        let len = take_count(&mut bytes)?;
        let name = String::from_utf8(take(&mut bytes, len)?.to_vec()).ok()?;
        let calls = take_count(&mut bytes)?;
        let count = take_count(&mut bytes)?;
        let sums = take(&mut bytes, count.checked_mul(4)?)?;
        let sums = sums
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes));
        #[expect(clippy::cast_precision_loss, reason = "importances need few digits")]
        let calls = calls as f32;
        let means = sums.map(|sum| if calls > 0.0 { sum / calls } else { 0.0 });
        found.insert(name, means.collect());
    }
    (!found.is_empty()).then_some(Importances(found))
}

/// The next bytes.
fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

/// The next number, which is signed in the file and counts something.
fn take_count(bytes: &mut &[u8]) -> Option<usize> {
    let number = take(bytes, 4)?;
    usize::try_from(i32::from_le_bytes(number.try_into().ok()?)).ok()
}
