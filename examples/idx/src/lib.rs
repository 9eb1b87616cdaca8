//! Reads IDX files of bytes, the container of MNIST and its like.
//!
//! ```text
//! images   00 00 08 03 | count | rows | columns | one byte per pixel        all numbers big-endian u32
//! labels   00 00 08 01 | count | one byte per label
//! ```
//!
//! Images of several channels have a fourth axis, after the count.

use anyhow::{Context, Result, bail, ensure};

/// The lengths of the axes, and the bytes behind the header: one for each element, in row-major order.
///
/// # Errors
///
/// If the header is not that of an IDX file of bytes, or the content is not as long as the axes say.
pub fn parse(bytes: &[u8]) -> Result<(Vec<usize>, &[u8])> {
    let &[0, 0, kind, rank, ..] = bytes else {
        bail!("not an IDX file");
    };
    ensure!(kind == 8, "an IDX file of type {kind:#04x}, not of bytes");
    let end = 4 * (usize::from(rank) + 1);
    let words = bytes.get(4..end).context("a header cut short")?;
    let axes: Vec<usize> = words
        .chunks_exact(4)
        .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]) as usize)
        .collect();
    let content = &bytes[end..];
    let product = axes.iter().try_fold(1_usize, |all, &n| all.checked_mul(n));
    ensure!(
        product == Some(content.len()),
        "axes {axes:?} for {} bytes",
        content.len()
    );
    Ok((axes, content))
}

#[cfg(test)]
mod tests {
    use super::parse;

    const FILE: [u8; 20] = [
        0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 102,
    ];

    #[test]
    fn read() {
        let (axes, content) = parse(&FILE).unwrap();
        assert_eq!((axes, content), (vec![2, 1, 2], &[0, 255, 51, 102][..]));
    }

    #[test]
    fn refused() {
        let message = |bytes: &[u8]| parse(bytes).err().unwrap().to_string();
        assert_eq!(message(b"png"), "not an IDX file");
        assert_eq!(
            message(&[0, 0, 13, 1]),
            "an IDX file of type 0x0d, not of bytes"
        );
        assert_eq!(message(&FILE[..10]), "a header cut short");
        assert_eq!(message(&FILE[..19]), "axes [2, 1, 2] for 3 bytes");
        let longest = [[0, 0, 8, 4].as_slice(), &[0xff; 16]].concat();
        assert!(message(&longest).starts_with("axes "));
    }
}
