//! The program, run in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The program, to be started in any way.
pub(crate) fn program() -> Command {
    let own = assert_cmd::cargo::cargo_bin!("ternarize");
    Command::new(std::env::var_os("TERNARIZE_PROGRAM").unwrap_or_else(|| own.into()))
}

/// A folder in which the program runs. It is removed in the end.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        // In memory, where there is such a place: the program waits for the disk.
        let in_memory = tempfile::tempdir_in("/dev/shm");
        Self(in_memory.unwrap_or_else(|_| tempfile::tempdir().unwrap()))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// The names of all files below the folder, in alphabetical order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        collect(self.0.path(), self.0.path(), &mut names);
        names.sort();
        names
    }

    /// The content of all files below the folder, and where symbolic links lead.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let with_bytes = |name: String| {
            let link = fs::read_link(self.path(&name));
            let link = link.map(|link| link.into_os_string().into_encoded_bytes());
            let bytes = link.unwrap_or_else(|_| self.read(&name));
            (name, bytes)
        };
        self.names().into_iter().map(with_bytes).collect()
    }

    /// The program, to be run in the folder with arguments that are separated by spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = program();
        command
            .current_dir(self.0.path())
            .args(arguments.split_whitespace());
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments).output().unwrap(), arguments)
    }

    /// Runs the program, which must succeed.
    pub(crate) fn done(&self, arguments: &str) -> Ran {
        self.run(arguments).ended(0)
    }

    /// Runs the program, which must print JSON.
    pub(crate) fn json(&self, arguments: &str) -> Value {
        self.done(&format!("{arguments} --json")).json()
    }

    /// Runs the program, which must end with the code and a line that contains the words, and leave all files as they were.
    pub(crate) fn refused(&self, code: i32, arguments: &str, words: &[&str]) {
        let before = self.contents();
        self.run(arguments).ended(code).one_line(words);
        assert!(self.contents() == before, "{arguments} changed files");
    }
}

fn collect(root: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            // An empty folder counts, too.
            let is_empty = fs::read_dir(&path).unwrap().next().is_none();
            assert!(!is_empty, "{} is empty", path.display());
            collect(root, &path, names);
        } else {
            let name = path.strip_prefix(root).unwrap();
            names.push(name.to_str().unwrap().to_string());
        }
    }
}

/// How the program ended.
pub(crate) struct Ran {
    arguments: String,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output, arguments: &str) -> Self {
        Self {
            arguments: arguments.into(),
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        let Self {
            arguments,
            code: found,
            out,
            err,
        } = &self;
        assert_eq!(*found, Some(code), "{arguments}\n{out}\n{err}");
        self
    }

    /// Standard error has one line with these words, and no character that acts on a terminal.
    #[track_caller]
    pub(crate) fn one_line(self, words: &[&str]) -> Self {
        let Self { arguments, err, .. } = &self;
        let line = err.strip_suffix('\n').unwrap_or(err);
        let plain = !line.is_empty() && !line.chars().any(char::is_control);
        assert!(plain, "{arguments}: not one line: {err:?}");
        for word in words {
            assert!(line.contains(word), "{arguments}: no `{word}` in: {line}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}
