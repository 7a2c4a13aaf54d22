//! Strings: where they end, and what their escapes mean.
//!
//! Bytes are looked at eight at a time, as one integer whose eight lanes are tested at once.

use crate::{Error, Reason};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES << 7;

/// The high bit of each lane that holds a quote, a backslash or a control character. Lanes above
/// the lowest such lane may be marked without being one, because a borrow runs upwards.
#[inline(always)]
pub(crate) fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGH
}

/// Whether any of the bytes is a quote, a backslash or a control character. Written so that the
/// compiler does it to all sixteen at once.
#[inline(always)]
pub(crate) fn any_special(bytes: &[u8; 16]) -> bool {
    bytes
        .iter()
        .fold(false, |any, byte| any | ((byte ^ b'"').min(byte ^ b'\\').min(byte & 0xe0) == 0))
}

/// Bytes of which one has its high bit if one of the sixteen has.
#[inline(always)]
pub(crate) fn fold(bytes: &[u8; 16]) -> u64 {
    let both = u128::from_le_bytes(*bytes);
    both as u64 | (both >> 64) as u64
}

/// Whether none of the eight bytes is beyond ASCII.
#[inline(always)]
pub(crate) fn is_ascii(word: u64) -> bool {
    word & HIGH == 0
}

/// The end of the run of ordinary characters from `at` on: of the next quote, backslash or control
/// character, or of the input. The run is UTF-8.
#[inline(always)]
pub(crate) fn run(input: &[u8], from: usize) -> Result<usize, Error> {
    let mut at = from;
    let mut high = 0;

    while let Some(chunk) = input.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*chunk);
        let found = special(word);

        if found != 0 {
            // Only of the lanes before the one that ends the run.
            high |= word & (found & found.wrapping_neg()).wrapping_sub(1);
            at += found.trailing_zeros() as usize / 8;
            return if is_ascii(high) { Ok(at) } else { checked(input, from, at) };
        }

        high |= word;
        at += 8;
    }

    while let Some(&byte) = input.get(at) {
        if byte < 0x20 || byte == b'"' || byte == b'\\' {
            break;
        }
        high |= u64::from(byte);
        at += 1;
    }

    if is_ascii(high) { Ok(at) } else { checked(input, from, at) }
}

fn checked(input: &[u8], from: usize, to: usize) -> Result<usize, Error> {
    match invalid_utf8(input.get(from..to).unwrap_or_default()) {
        None => Ok(to),
        Some(offset) => Err(Error::new(Reason::InvalidUtf8, from + offset)),
    }
}

/// The offset of the first byte that is not UTF-8.
pub(crate) fn invalid_utf8(text: &[u8]) -> Option<usize> {
    if simdutf8::basic::from_utf8(text).is_ok() {
        return None;
    }
    std::str::from_utf8(text).err().map(|error| error.valid_up_to())
}

/// Appends to `out` the string from `from` on, escapes resolved, and returns the offset after its
/// closing quote.
pub(crate) fn unescape(input: &[u8], from: usize, out: &mut Vec<u8>) -> Result<usize, Error> {
    let mut at = from;

    loop {
        let end = run(input, at)?;
        out.extend_from_slice(input.get(at..end).unwrap_or_default());

        match input.get(end) {
            Some(b'"') => return Ok(end + 1),
            Some(b'\\') => at = escape(input, end, out)?,
            Some(_) => return Err(Error::new(Reason::ControlCharacter, end)),
            None => return Err(Error::unexpected(input, end)),
        }
    }
}

/// Appends the character that the escape at `at` stands for, and returns the offset after it.
fn escape(input: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Error> {
    let byte = match input.get(at + 1) {
        Some(b'n') => b'\n',
        Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 0x08,
        Some(b'f') => 0x0c,
        Some(b'u') => return unicode(input, at, out),
        Some(_) => return Err(Error::new(Reason::InvalidEscape, at)),
        None => return Err(Error::unexpected(input, at + 1)),
    };
    out.push(byte);
    Ok(at + 2)
}

fn unicode(input: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Error> {
    let first = hex(input, at)?;
    let pair = first & 0xfc00 == 0xd800 && input.get(at + 6..at + 8) == Some(b"\\u".as_slice());
    let (code, next) = if pair {
        let second = hex(input, at + 6)?;
        // What is no second half makes a code that is no character, below.
        let low = if second & 0xfc00 == 0xdc00 { second & 0x3ff } else { u32::MAX >> 1 };
        (0x10000 + ((first & 0x3ff) << 10 | low), at + 12)
    } else {
        (first, at + 6)
    };

    let character = char::from_u32(code).ok_or_else(|| Error::new(Reason::LoneSurrogate, at))?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(next)
}

/// The four digits of the `\u` escape at `at`.
fn hex(input: &[u8], at: usize) -> Result<u32, Error> {
    let mut code = 0;

    for position in at + 2..at + 6 {
        let byte = *input.get(position).ok_or_else(|| Error::unexpected(input, position))?;
        let digit =
            char::from(byte).to_digit(16).ok_or_else(|| Error::new(Reason::InvalidEscape, at))?;
        code = code << 4 | digit;
    }
    Ok(code)
}
