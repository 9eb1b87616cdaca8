//! Model files: read, written, compared with files of other programs, and forged.

#[path = "../common/mod.rs"]
mod common;

mod forged;
mod headers;
mod overwritten;
mod planes;
mod safetensors;
mod safetensors_hostile;
mod safetensors_round_trip;
mod whole;
