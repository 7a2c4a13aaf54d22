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
    // Once, and with room for what is written behind the end and cut off again.
    out.reserve(text.len() + 32);
    out.push(b'"');
    let mut high = 0;
    let mut rest = text;

    while let Some((chunk, tail)) = rest.split_first_chunk::<16>() {
        if text::any_special(chunk) {
            escape(out, chunk);
        } else {
            out.extend_from_slice(chunk);
        }
        high |= text::fold(chunk);
        rest = tail;
    }
    high |= end(out, rest);

    match if text::is_ascii(high) { None } else { text::invalid_utf8(text) } {
        None => Ok(()),
        Some(offset) => Err(NotUtf8(offset)),
    }
}

/// Appends at most fifteen bytes and the closing quote, and returns the high bits of the bytes. They
/// are put together in a register: a load of what was just stored in smaller pieces would wait.
#[inline(always)]
fn end(out: &mut Vec<u8>, rest: &[u8]) -> u64 {
    const SPACE: u64 = 0x2020_2020_2020_2020;
    let size = rest.len();

    if let (Some(head), Some(tail)) = (rest.first_chunk::<8>(), rest.last_chunk::<8>()) {
        let (head, tail) = (u64::from_le_bytes(*head), u64::from_le_bytes(*tail));
        let special = text::special(head) != 0 || text::special(tail) != 0;
        let bytes = u128::from(head) | u128::from(tail) << (8 * (size - 8));
        close(out, rest, special, bytes);
        return head | tail;
    }

    let (word, spaces) =
        if let (Some(head), Some(tail)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
            let (head, tail) =
                (u64::from(u32::from_le_bytes(*head)), u64::from(u32::from_le_bytes(*tail)));
            (head | tail << (8 * (size - 4)), SPACE << 32 << (8 * (size - 4)))
        } else if let (Some(head), Some(middle), Some(tail)) =
            (rest.first(), rest.get(size / 2), rest.last())
        {
            let (head, middle, tail) = (u64::from(*head), u64::from(*middle), u64::from(*tail));
            (head | middle << (8 * (size / 2)) | tail << (8 * (size - 1)), SPACE << (8 * size))
        } else {
            (0, SPACE)
        };
    close(out, rest, text::special(word | spaces) != 0, word.into());
    word
}

/// Appends `rest`, of which `bytes` are the bytes, and the closing quote.
#[inline(always)]
fn close(out: &mut Vec<u8>, rest: &[u8], special: bool, bytes: u128) {
    if special {
        escape(out, rest);
        out.push(b'"');
    } else {
        let end = out.len() + rest.len() + 1;
        let quote = u128::from(b'"') << (8 * rest.len());
        out.extend_from_slice(&(bytes | quote).to_le_bytes());
        out.truncate(end);
    }
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
