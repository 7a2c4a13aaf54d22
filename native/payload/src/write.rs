//! Strings and numbers as text, appended to a buffer.

use crate::{MAX_DIGITS, decimal, text};

/// An integer has more than [`MAX_DIGITS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// A string is not UTF-8, from this offset on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8(pub usize);

/// Appends `text` as a string, in quotes. What was appended before an error stays.
#[inline]
pub fn string(out: &mut Vec<u8>, text: &[u8]) -> Result<(), NotUtf8> {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let high = characters(out, text);
    out.push(b'"');

    match if high { text::invalid_utf8(text) } else { None } {
        None => Ok(()),
        Some(offset) => Err(NotUtf8(offset)),
    }
}

/// Appends `text`, escaped, and tells whether it goes beyond ASCII.
#[inline(always)]
fn characters(out: &mut Vec<u8>, text: &[u8]) -> bool {
    let mut high = 0;
    let mut rest = text;

    while let Some((chunk, tail)) = rest.split_first_chunk::<16>() {
        let (low, up) = halves(chunk);
        if text::special(low) | text::special(up) == 0 {
            out.extend_from_slice(chunk);
        } else {
            escape(out, chunk);
        }
        high |= text::beyond_ascii(low | up);
        rest = tail;
    }

    // What is left, filled up with spaces.
    let mut chunk = [b' '; 16];
    chunk.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let (low, up) = halves(&chunk);
    if text::special(low) | text::special(up) == 0 {
        out.extend_from_slice(&chunk);
        out.truncate(out.len() - 16 + rest.len());
    } else {
        escape(out, rest);
    }
    high | text::beyond_ascii(low | up) != 0
}

#[inline(always)]
fn halves(chunk: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*chunk);
    (both as u64, (both >> 64) as u64)
}

#[cold]
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => {
                out.extend_from_slice(if byte < 0x10 { b"\\u000" } else { b"\\u001" });
                out.push(if byte & 0xf < 10 { b'0' } else { b'a' - 10 } + (byte & 0xf));
            }
            _ => out.push(byte),
        }
    }
}

/// Appends an integer.
#[inline]
pub fn signed(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends an integer.
#[inline]
pub fn unsigned(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends the shortest text that reads back as `number`, which must be finite.
#[inline]
pub fn float(out: &mut Vec<u8>, number: f64) {
    out.extend_from_slice(zmij::Buffer::new().format_finite(number).as_bytes());
}

/// Appends an integer, its magnitude little-endian.
pub fn big(out: &mut Vec<u8>, negative: bool, magnitude: &[u8]) -> Result<(), TooLong> {
    // Twelve digits fit five bytes. What is longer is not even converted.
    if magnitude.len() > (MAX_DIGITS * 5).div_ceil(12) {
        return Err(TooLong);
    }
    let digits = decimal::to_digits(magnitude);
    if digits.len() > MAX_DIGITS {
        return Err(TooLong);
    }
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits);
    Ok(())
}
