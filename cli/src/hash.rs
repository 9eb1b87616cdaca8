//! SHA-256 of what is written to it.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

/// A hash in the making.
#[derive(Clone, Debug, Default)]
pub struct Hash(Sha256);

impl Hash {
    /// The hash as hexadecimal digits.
    #[must_use]
    pub fn digits(self) -> String {
        let mut digits = String::new();
        for byte in self.0.finalize() {
            for half in [byte >> 4, byte & 15] {
                digits.extend(char::from_digit(u32::from(half), 16));
            }
        }
        digits
    }
}

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
