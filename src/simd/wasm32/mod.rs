//! WebAssembly with vectors of 128 bits. There is no detection: a module that uses them runs only where they exist.

mod tiles;

use super::Job;
use super::portable::Arrays;
use super::tiles::TileJob;
use tiles::Simd128;

// In the other loops the compiler uses the vectors by itself.
machine!(|token, job| { let _ = token; job.run(Arrays) }, job.run(token); Simd128 "simd128");
