//! The program `ternarize`.

fn main() {}
