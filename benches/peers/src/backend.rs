//! The instructions that our contestants use: those of `--backend`, or the fastest.

use std::sync::OnceLock;
use ternarize::{Backend, Ternarizer};

static CHOSEN: OnceLock<Backend> = OnceLock::new();

/// The backend of this name, for the command line.
///
/// # Errors
///
/// If this processor cannot run it: says which it can.
pub fn parse(name: &str) -> Result<Backend, String> {
    Backend::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Backend::available().map(Backend::name).collect();
        format!("this processor runs {}", names.join(", "))
    })
}

/// Chooses it, once, before anything is measured.
pub(crate) fn choose(backend: Backend) {
    let _ = CHOSEN.set(backend);
}

/// What was chosen.
#[must_use]
pub fn chosen() -> Backend {
    *CHOSEN.get_or_init(Backend::detect)
}

/// Options for a ternarizer that uses it.
#[must_use]
pub fn ternarizer() -> Ternarizer<'static> {
    Ternarizer::new().backend(chosen())
}

/// What is aimed at: with AVX2, and with AVX-512 or whatever else is the fastest.
#[must_use]
pub fn goal<T>(avx2: T, others: T) -> T {
    if chosen().name() == "avx2" {
        avx2
    } else {
        others
    }
}
