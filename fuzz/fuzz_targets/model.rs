//! Any bytes as a file: no panic, and what can be read is written and read again as the same model.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ternarize::model::Model;

fuzz_target!(|data: &[u8]| {
    let Ok(model) = Model::from_bytes(data) else {
        return;
    };
    let bytes = model.to_bytes().expect("what was read can be written");
    assert_eq!(Model::from_bytes(&bytes).as_ref().ok(), Some(&model));
});
