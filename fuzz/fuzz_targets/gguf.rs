//! Any bytes as a model file, read tensor by tensor: no panic, and what can be copied is read again as the same tensors.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use ternarize::model::{ModelError, ModelReader, ModelWriter};

type Reader<'a> = ModelReader<Cursor<&'a [u8]>>;

fn open(bytes: &[u8]) -> Result<Reader<'_>, ModelError> {
    ModelReader::open_with("no-such-folder/model", |_| Ok(Cursor::new(bytes)))
}

fn copy(reader: &Reader<'_>) -> Result<Vec<u8>, ModelError> {
    let infos: Vec<_> = reader.tensors().cloned().collect();
    let mut writer = ModelWriter::new(Cursor::new(Vec::new()), reader.metadata(), &infos)?;
    for index in 0..infos.len() {
        writer.copy(reader, index, |_| Ok(()))?;
    }
    Ok(writer.finish()?.into_inner())
}

fuzz_target!(|data: &[u8]| {
    // The other container is another target's, and padding of gigabytes teaches nothing.
    let gguf = [b"GGUF", data].concat();
    let Ok(reader) = open(&gguf) else { return };
    let alignment = reader.metadata().get("general.alignment");
    if alignment.is_some_and(|text| text.len() > 5) {
        return;
    }
    for index in 0..reader.tensors().len() {
        let _ = reader.read(index);
    }
    let Ok(bytes) = copy(&reader) else { return };
    let again = open(&bytes).expect("what was copied can be read");
    assert_eq!(again.metadata(), reader.metadata());
    for (index, (new, old)) in again.tensors().zip(reader.tensors()).enumerate() {
        assert_eq!((new.name(), new.encoding()), (old.name(), old.encoding()));
        let [mut copied, mut original] = [Vec::new(), Vec::new()];
        again.copy_to(index, &mut copied).expect("bytes in memory");
        reader
            .copy_to(index, &mut original)
            .expect("bytes in memory");
        // A tensor of unknown size has its padding, too.
        assert!(copied.starts_with(&original));
    }
    assert_eq!(copy(&again).expect("as the first time"), bytes);
});
