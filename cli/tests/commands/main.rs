//! The program `ternarize`, run as its users run it.

mod checkpoints;
mod compared;
mod converted;
mod files;
mod hostile;
mod inputs;
mod inspected;
mod interrupted;
mod memory;
mod planned;
mod quantized;
mod shards;
mod tool;
mod unreliable;
mod usage;
mod verified;
