//! Model files: read, written, compared with files of other programs, and forged.

#[path = "../common/mod.rs"]
mod common;

mod checkpoints;
mod encodings;
mod faults;
mod forged;
mod gguf;
mod gguf_hostile;
mod headers;
mod made;
mod overwritten;
mod planes;
mod safetensors;
mod safetensors_hostile;
mod safetensors_round_trip;
mod streamed;
mod whole;
