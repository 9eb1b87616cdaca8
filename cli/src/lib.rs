//! The program `ternarize`: model files in, ternary model files out that other engines open.

pub mod report;
