//! What an overwritten file keeps: its permissions, its links, and itself if the write fails.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use ternarize::model::{DenseTensor, Model, ModelError, Tensor};

fn model() -> Model {
    let mut model = Model::new();
    let weights = DenseTensor::new(&[2], &[1.0_f32, -0.5]).unwrap();
    model.insert("w", Tensor::Dense(weights));
    model
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn permissions_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private");
    for wanted in [0o600, 0o640, 0o444, 0o666] {
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(wanted)).unwrap();
        model().write(&path).unwrap();
        assert_eq!(mode(&path), wanted);
        assert_eq!(Model::read(&path).unwrap(), model());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn links_lead_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name| folder.path().join(name);
    fs::create_dir(at("there")).unwrap();
    fs::write(at("there/old"), b"old").unwrap();
    fs::set_permissions(at("there/old"), Permissions::from_mode(0o600)).unwrap();
    symlink("there/old", at("link")).unwrap();
    symlink("link", at("second")).unwrap();
    // A file that is not there yet.
    symlink("there/new", at("dangling")).unwrap();
    for (link, file) in [("second", "there/old"), ("dangling", "there/new")] {
        model().write(at(link)).unwrap();
        assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
        assert!(fs::symlink_metadata(at(file)).unwrap().is_file());
        assert_eq!(Model::read(at(file)).unwrap(), model());
    }
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
    assert_eq!(mode(&at("there/old")), 0o600);
    assert_eq!(fs::read_dir(at("there")).unwrap().count(), 2);
    symlink("circle", at("circle")).unwrap();
    assert!(matches!(
        model().write(at("circle")),
        Err(ModelError::Write { .. })
    ));
}

/// A rename would put a file in their place.
#[test]
fn what_is_no_file_is_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let reader = std::thread::spawn({
        let path = path.clone();
        move || fs::read(path).unwrap()
    });
    model().write(&path).unwrap();
    assert_eq!(reader.join().unwrap(), model().to_bytes().unwrap());
    assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
}
