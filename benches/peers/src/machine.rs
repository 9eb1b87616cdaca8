//! What machine this is.

use std::fs;
use std::process::Command;
use std::thread;

/// The processor's name as it tells it itself, with the number of its cores that we may use.
#[must_use]
pub fn describe() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let name = from_linux()
        .or_else(from_macos)
        .unwrap_or_else(|| format!("an unnamed {} processor", std::env::consts::ARCH));
    format!("{name}, {cores} cores")
}

/// `/proc/cpuinfo`; some virtual machines hide the model's name, so its number is told, too.
fn from_linux() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
        Some(value.trim().to_owned())
    };
    let (family, model) = (field("cpu family"), field("model"));
    let number = family.zip(model);
    let number = number.map(|(family, model)| format!(" (family {family}, model {model})"));
    Some(field("model name")? + &number.unwrap_or_default())
}

/// `sysctl`.
fn from_macos() -> Option<String> {
    let mut command = Command::new("sysctl");
    let output = command.args(["-n", "machdep.cpu.brand_string"]).output();
    let name = String::from_utf8(output.ok()?.stdout).ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
