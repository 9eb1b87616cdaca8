//! Strings and numbers as people read them.

use core::fmt::Write;

use maud::Render;

/// A string from a file or a command line, in which nothing is hidden: see [`printable`].
pub(super) struct Text<'a>(pub(super) &'a str);

impl Render for Text<'_> {
    fn render_to(&self, buffer: &mut String) {
        printable(self.0).render_to(buffer);
    }
}

/// A name or a path in which lines may break after dots and slashes.
pub(super) struct Name<'a>(pub(super) &'a str);

impl Render for Name<'_> {
    fn render_to(&self, buffer: &mut String) {
        for (i, part) in printable(self.0).split_inclusive(['.', '/']).enumerate() {
            if i > 0 {
                buffer.push_str("<wbr>");
            }
            part.render_to(buffer);
        }
    }
}

/// The string with what does not show, or changes the order of what shows, as `\n` or `\u{1b}`.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Control characters, and those of Unicode's default ignorable code points that are not needed to write a language.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{200b}'..='\u{200f}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff0}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
}

/// A count with a comma between thousands.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes with three digits and a unit.
pub(super) fn bytes(n: u64) -> String {
    let mut value = n as f64;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        // What rounds to 1000 has the next unit.
        if value < 999.5 || unit == "TB" {
            let decimals = match value {
                _ if unit == "bytes" => 0,
                ..9.995 => 2,
                ..99.95 => 1,
                _ => 0,
            };
            return format!("{value:.decimals$}\u{a0}{unit}");
        }
        value /= 1000.0;
    }
    unreachable!("the last unit has no bound")
}

/// A number with this many decimals, or in scientific notation if it is huge; a dash if there is none.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() && value.abs() >= 1e12 {
        minus(&format!("{value:.3e}"))
    } else if value.is_finite() {
        minus(&format!("{value:.decimals$}"))
    } else {
        "\u{2013}".to_owned()
    }
}

/// A fraction as percent with one decimal.
pub(super) fn percent(fraction: f64) -> String {
    fixed(100.0 * fraction, 1) + "\u{a0}%"
}

/// A number with four significant digits at most.
pub(super) fn significant(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() || value == 0.0 {
        return if value == 0.0 {
            "0".to_owned()
        } else {
            fixed(value, 0)
        };
    }
    if !(1e-4..1e5).contains(&size) {
        return minus(&format!("{value:.3e}"));
    }
    // At most 3 - (-4).
    let decimals = (0..8).find(|&d| size >= 10_f64.powi(3 - d)).unwrap_or(8);
    let digits = format!("{value:.0$}", decimals as usize);
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        &digits
    };
    minus(digits)
}

/// Extents such as `64 × 3 × 3`.
pub(super) fn shape(extents: &[usize]) -> String {
    let mut out = String::new();
    for (i, extent) in extents.iter().enumerate() {
        let times = if i == 0 { "" } else { " × " };
        write!(out, "{times}{extent}").expect("writing to a string cannot fail");
    }
    if extents.is_empty() {
        "scalar".to_owned()
    } else {
        out
    }
}

/// The sign of the typeset minus; none before a zero.
fn minus(digits: &str) -> String {
    match digits.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|b| matches!(b, b'0' | b'.')) => zero.to_owned(),
        _ => digits.replace('-', "\u{2212}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_shown() {
        assert_eq!(printable("a\u{1b}[31m\n\0"), "a\\u{1b}[31m\\n\\u{0}");
        assert_eq!(
            printable("x\u{202e}y\u{feff}\u{e0041}"),
            "x\\u{202e}y\\u{feff}\\u{e0041}"
        );
        assert_eq!(printable(r#"Größe "q" \ 重み"#), r#"Größe "q" \ 重み"#);
    }

    #[test]
    fn text_and_names_are_escaped() {
        assert_eq!(Text("<a.b>&\"").render().0, "&lt;a.b&gt;&amp;&quot;");
        assert_eq!(Name("<a.b>/c").render().0, "&lt;a.<wbr>b&gt;/<wbr>c");
    }

    #[test]
    fn counts_and_bytes() {
        let counts = [0, 999, 1000, 1_234_567].map(count);
        assert_eq!(counts, ["0", "999", "1,000", "1,234,567"]);
        let sizes = [
            0,
            999,
            1000,
            9994,
            9996,
            999_499,
            999_500,
            12_345_678,
            u64::MAX,
        ]
        .map(bytes);
        let shown = [
            "0 bytes",
            "999 bytes",
            "1.00 kB",
            "9.99 kB",
            "10.0 kB",
            "999 kB",
            "1.00 MB",
            "12.3 MB",
            "18446744 TB",
        ];
        assert_eq!(sizes, shown.map(|size| size.replace(' ', "\u{a0}")));
    }

    #[test]
    fn numbers() {
        assert_eq!(
            [fixed(0.123_46, 4), fixed(-1.0, 1), fixed(f64::NAN, 2)],
            ["0.1235", "−1.0", "–"]
        );
        assert_eq!(
            [fixed(-0.001, 1), percent(0.5), percent(f64::INFINITY)],
            ["0.0", "50.0\u{a0}%", "–\u{a0}%"]
        );
        let values = [
            0.0,
            1.0,
            -0.031_254,
            12.345_6,
            99_999.0,
            0.000_123_456,
            1.5e-7,
            -2e9,
            1200.0,
        ];
        let shown = [
            "0",
            "1",
            "−0.03125",
            "12.35",
            "99999",
            "0.0001235",
            "1.500e−7",
            "−2.000e9",
            "1200",
        ];
        assert_eq!(values.map(significant), shown);
    }

    #[test]
    fn shapes() {
        assert_eq!(
            [shape(&[]), shape(&[3]), shape(&[3, 4])],
            ["scalar", "3", "3 × 4"]
        );
    }
}
