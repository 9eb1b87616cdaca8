//! [`Metadata`]: what a model file says beside its tensors.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::container::gguf::ALIGNMENT_KEY;

/// The number of the type of a string in GGUF, and of an unsigned number of 32 bits.
const STRING: u32 = 8;
const U32: u32 = 4;

/// The key of the architecture.
const ARCHITECTURE: &str = "general.architecture";

/// A key of GGUF with its value, as the bytes of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) value_type: u32,
    pub(super) value: Vec<u8>,
}

/// The metadata of a file: texts by their keys in safetensors, keys with typed values in GGUF.
///
/// The values of a GGUF file are kept as the bytes that were read, so they are written again unchanged. The kind of the metadata is the
/// kind of the file that a [`ModelWriter`](super::ModelWriter) writes.
///
/// # Examples
///
/// ```
/// use ternarize::model::Metadata;
///
/// let mut metadata = Metadata::new_gguf("llama");
/// metadata.set_number("llama.block_count", 4);
/// assert_eq!(metadata.get("llama.block_count").as_deref(), Some("4"));
/// let (texts, dropped) = metadata.to_safetensors();
/// assert_eq!(texts.get("general.architecture").as_deref(), Some("llama"));
/// assert!(dropped.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata(KeyValues);

#[derive(Clone, Debug, PartialEq)]
enum KeyValues {
    Safetensors(BTreeMap<String, String>),
    Gguf(Vec<Pair>),
}

impl Metadata {
    /// Metadata of a safetensors file.
    ///
    /// ```
    /// let texts = [("format".to_string(), "pt".to_string())].into();
    /// assert!(!ternarize::model::Metadata::new_safetensors(texts).is_gguf());
    /// ```
    #[must_use]
    pub const fn new_safetensors(texts: BTreeMap<String, String>) -> Self {
        Self(KeyValues::Safetensors(texts))
    }

    /// Metadata of a GGUF file, with the key `general.architecture`, without which llama.cpp takes no file.
    ///
    /// ```
    /// assert!(ternarize::model::Metadata::new_gguf("llama").is_gguf());
    /// ```
    #[must_use]
    pub fn new_gguf(architecture: &str) -> Self {
        Self::gguf([Pair::of_text(ARCHITECTURE, architecture)].into())
    }

    pub(super) const fn gguf(pairs: Vec<Pair>) -> Self {
        Self(KeyValues::Gguf(pairs))
    }

    /// Whether they are those of a GGUF file.
    #[must_use]
    pub const fn is_gguf(&self) -> bool {
        matches!(self.0, KeyValues::Gguf(_))
    }

    pub(super) fn pairs(&self) -> &[Pair] {
        match &self.0 {
            KeyValues::Gguf(pairs) => pairs,
            KeyValues::Safetensors(_) => &[],
        }
    }

    pub(super) fn into_texts(self) -> BTreeMap<String, String> {
        match self.0 {
            KeyValues::Safetensors(texts) => texts,
            KeyValues::Gguf(_) => BTreeMap::new(),
        }
    }

    pub(super) fn take_text(&mut self, key: &str) -> Option<String> {
        match &mut self.0 {
            KeyValues::Safetensors(texts) => texts.remove(key),
            KeyValues::Gguf(_) => None,
        }
    }

    /// The keys, in their order in the file.
    ///
    /// ```
    /// let metadata = ternarize::model::Metadata::new_gguf("llama");
    /// assert_eq!(metadata.keys().collect::<Vec<_>>(), ["general.architecture"]);
    /// ```
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let (texts, pairs) = match &self.0 {
            KeyValues::Safetensors(texts) => (Some(texts), None),
            KeyValues::Gguf(pairs) => (None, Some(pairs)),
        };
        let texts = texts.into_iter().flatten().map(|(key, _)| key.as_str());
        texts.chain(pairs.into_iter().flatten().map(|pair| pair.key.as_str()))
    }

    /// The keys with their values as [`get`](Self::get) returns them, in their order in the file.
    ///
    /// ```
    /// let metadata = ternarize::model::Metadata::new_gguf("llama");
    /// assert_eq!(metadata.entries().next(), Some(("general.architecture", Some("llama".into()))));
    /// ```
    pub fn entries(&self) -> impl Iterator<Item = (&str, Option<String>)> {
        let (texts, pairs) = match &self.0 {
            KeyValues::Safetensors(texts) => (Some(texts), None),
            KeyValues::Gguf(pairs) => (None, Some(pairs)),
        };
        let texts = texts.into_iter().flatten();
        let texts = texts.map(|(key, text)| (key.as_str(), Some(text.clone())));
        let pairs = pairs.into_iter().flatten();
        texts.chain(pairs.map(|pair| (pair.key.as_str(), pair.text())))
    }

    /// The value of a key as text, or `None` if it is missing, an array, or not UTF-8.
    ///
    /// ```
    /// let metadata = ternarize::model::Metadata::new_gguf("llama");
    /// assert_eq!(metadata.get("general.architecture").as_deref(), Some("llama"));
    /// assert_eq!(metadata.get("general.name"), None);
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        match &self.0 {
            KeyValues::Safetensors(texts) => texts.get(key).cloned(),
            KeyValues::Gguf(pairs) => pairs.iter().find(|pair| pair.key == key)?.text(),
        }
    }

    /// Sets a key to a text.
    ///
    /// ```
    /// # use ternarize::model::Metadata;
    /// let mut metadata = Metadata::new_safetensors([].into());
    /// metadata.set("format", "pt");
    /// assert_eq!(metadata.get("format").as_deref(), Some("pt"));
    /// ```
    pub fn set(&mut self, key: &str, text: &str) {
        self.put(text, Pair::of_text(key, text));
    }

    /// Sets a key to a number: `u32` in GGUF, its decimal digits in safetensors.
    ///
    /// ```
    /// # use ternarize::model::Metadata;
    /// let mut metadata = Metadata::new_safetensors([].into());
    /// metadata.set_number("layers", 4);
    /// assert_eq!(metadata.get("layers").as_deref(), Some("4"));
    /// ```
    pub fn set_number(&mut self, key: &str, number: u32) {
        let pair = Pair {
            key: key.into(),
            value_type: U32,
            value: number.to_le_bytes().to_vec(),
        };
        self.put(&number.to_string(), pair);
    }

    fn put(&mut self, text: &str, pair: Pair) {
        match &mut self.0 {
            KeyValues::Safetensors(texts) => {
                texts.insert(pair.key, text.into());
            }
            KeyValues::Gguf(pairs) => match pairs.iter_mut().find(|old| old.key == pair.key) {
                Some(old) => *old = pair,
                None => pairs.push(pair),
            },
        }
    }

    /// Adds the texts of another file of the same model. Those of the first file stay.
    pub(super) fn add(&mut self, other: Self) {
        if let (KeyValues::Safetensors(texts), KeyValues::Safetensors(more)) =
            (&mut self.0, other.0)
        {
            for (key, text) in more {
                texts.entry(key).or_insert(text);
            }
        }
    }

    /// Removes a key.
    ///
    /// ```
    /// # use ternarize::model::Metadata;
    /// let mut metadata = Metadata::new_gguf("llama");
    /// metadata.remove("general.architecture");
    /// assert_eq!(metadata.keys().count(), 0);
    /// ```
    pub fn remove(&mut self, key: &str) {
        match &mut self.0 {
            KeyValues::Safetensors(texts) => {
                texts.remove(key);
            }
            KeyValues::Gguf(pairs) => pairs.retain(|pair| pair.key != key),
        }
    }

    /// The same metadata for a safetensors file, and the keys whose values are no text, such as arrays, which have no place there. Numbers
    /// become texts, and the alignment of the file is left out.
    ///
    /// ```
    /// # use ternarize::model::Metadata;
    /// assert!(!Metadata::new_gguf("llama").to_safetensors().0.is_gguf());
    /// ```
    #[must_use]
    pub fn to_safetensors(&self) -> (Self, Vec<String>) {
        let KeyValues::Gguf(pairs) = &self.0 else {
            return (self.clone(), Vec::new());
        };
        let (mut texts, mut dropped) = (BTreeMap::new(), Vec::new());
        for pair in pairs {
            match pair.text() {
                // It is that of the file that was read.
                _ if pair.key == ALIGNMENT_KEY => {}
                Some(text) => {
                    texts.insert(pair.key.clone(), text);
                }
                None => dropped.push(pair.key.clone()),
            }
        }
        (Self(KeyValues::Safetensors(texts)), dropped)
    }

    /// The same metadata for a GGUF file. An empty key is left out; the architecture is taken from the metadata or else as given.
    ///
    /// ```
    /// # use ternarize::model::Metadata;
    /// let texts = Metadata::new_safetensors([("format".to_string(), "pt".to_string())].into());
    /// assert_eq!(texts.to_gguf("bert").get("format").as_deref(), Some("pt"));
    /// ```
    #[must_use]
    pub fn to_gguf(&self, architecture: &str) -> Self {
        match &self.0 {
            KeyValues::Gguf(_) => self.clone(),
            KeyValues::Safetensors(texts) => {
                let own = texts.get(ARCHITECTURE).map_or(architecture, String::as_str);
                let kept = |key: &str| !key.is_empty() && key != ARCHITECTURE;
                let others = texts.iter().filter(|(key, _)| kept(key));
                let others = others.map(|(key, text)| Pair::of_text(key, text));
                let first = Pair::of_text(ARCHITECTURE, own);
                Self::gguf(core::iter::once(first).chain(others).collect())
            }
        }
    }
}

impl Pair {
    fn of_text(key: &str, text: &str) -> Self {
        let mut value = (text.len() as u64).to_le_bytes().to_vec();
        value.extend(text.as_bytes());
        Self {
            key: key.into(),
            value_type: STRING,
            value,
        }
    }

    /// The value, if it is an unsigned number of 32 bits.
    pub(super) fn number(&self) -> Option<u32> {
        let number = self.value[..].try_into().map(u32::from_le_bytes);
        number.ok().filter(|_| self.value_type == U32)
    }

    /// The value as text, if it is no array.
    fn text(&self) -> Option<String> {
        fn number<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
            bytes.try_into().ok()
        }
        let bytes = &self.value[..];
        Some(match self.value_type {
            0 => number(bytes).map(u8::from_le_bytes)?.to_string(),
            1 => number(bytes).map(i8::from_le_bytes)?.to_string(),
            2 => number(bytes).map(u16::from_le_bytes)?.to_string(),
            3 => number(bytes).map(i16::from_le_bytes)?.to_string(),
            4 => number(bytes).map(u32::from_le_bytes)?.to_string(),
            5 => number(bytes).map(i32::from_le_bytes)?.to_string(),
            6 => number(bytes).map(f32::from_le_bytes)?.to_string(),
            7 => (bytes != [0]).to_string(),
            10 => number(bytes).map(u64::from_le_bytes)?.to_string(),
            11 => number(bytes).map(i64::from_le_bytes)?.to_string(),
            12 => number(bytes).map(f64::from_le_bytes)?.to_string(),
            STRING => String::from_utf8(bytes.get(8..)?.to_vec()).ok()?,
            _ => return None,
        })
    }
}
