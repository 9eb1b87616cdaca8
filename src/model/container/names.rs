//! Names that occur twice in a JSON object.
//!
//! JSON allows a name twice, and most readers take the last value. In a model file a tensor would be lost by that, and two readers
//! might see two different models. So the names in the header and in the directory are read once more, only to compare them.

use alloc::collections::BTreeSet;
use alloc::string::String;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// A name that occurs twice in an object, or in the object that it holds under the name `within`.
pub(in crate::model) fn duplicate(json: &str, within: &str) -> serde_json::Result<Option<String>> {
    let mut duplicate = None;
    let names = Names {
        duplicate: &mut duplicate,
        within: Some(within),
    };
    names.deserialize(&mut serde_json::Deserializer::from_str(json))?;
    Ok(duplicate)
}

/// Reads the names in an object, and in one of the objects in it.
struct Names<'a> {
    duplicate: &'a mut Option<String>,
    within: Option<&'a str>,
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// Python's reader takes `null` for metadata that are missing.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.within == Some(&*name) {
                map.next_value_seed(Names {
                    duplicate: self.duplicate,
                    within: None,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if let Some(name) = seen.replace(name) {
                self.duplicate.get_or_insert(name);
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}
