//! Model files: read, written, compared with files of other programs, and forged.

mod forged;
mod headers;
mod overwritten;
mod safetensors;
mod safetensors_hostile;
mod safetensors_round_trip;
mod whole;
