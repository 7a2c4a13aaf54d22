//! Numbers: what they are, exactly.

use crate::{Build, Error, MAX_DIGITS, Reason, decimal};

/// Reads the number at `start` and returns it with the offset after it.
#[inline(always)]
pub(crate) fn read<B: Build>(
    input: &[u8],
    start: usize,
    build: &mut B,
) -> Result<(B::Term, usize), Error> {
    let negative = input.get(start) == Some(&b'-');
    let first = start + usize::from(negative);
    let (magnitude, at) = digits(input, first)?;

    if at > first + 1 && input.get(first) == Some(&b'0') {
        return Err(Error::new(Reason::UnexpectedByte, first + 1));
    }
    if let Some(b'.' | b'e' | b'E') = input.get(at) {
        return float(input, start, at, build);
    }

    // Nineteen digits did not wrap.
    let term = match i64::try_from(magnitude) {
        Ok(number) if at - first <= 19 => build.signed(if negative { -number } else { number }),
        _ => long(input.get(first..at).unwrap_or_default(), negative, start, build)?,
    };
    Ok((term, at))
}

/// The digits from `from` on, at least one: their value if they are at most 19, and their end.
#[inline(always)]
fn digits(input: &[u8], from: usize) -> Result<(u64, usize), Error> {
    let mut magnitude: u64 = 0;
    let mut at = from;

    while let Some(digit) = input.get(at).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        magnitude = magnitude.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    if at == from { Err(Error::unexpected(input, at)) } else { Ok((magnitude, at)) }
}

#[cold]
fn long<B: Build>(
    digits: &[u8],
    negative: bool,
    start: usize,
    build: &mut B,
) -> Result<B::Term, Error> {
    if digits.len() > MAX_DIGITS {
        return Err(Error::new(Reason::NumberTooLong, start));
    }
    let bytes = decimal::to_bytes(digits);

    // Eight bytes that are no i64, or the one negative number whose magnitude is none.
    Ok(match word(&bytes) {
        Some(magnitude) if !negative => build.unsigned(magnitude),
        Some(magnitude) if magnitude == 1 << 63 => build.signed(i64::MIN),
        _ => build.big(negative, &bytes),
    })
}

fn word(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().filter(|_| bytes.len() == 8).map(|bytes| u64::from_le_bytes(*bytes))
}

/// Reads the float that starts at `start` and has its point or exponent at `at`.
fn float<B: Build>(
    input: &[u8],
    start: usize,
    mut at: usize,
    build: &mut B,
) -> Result<(B::Term, usize), Error> {
    if input.get(at) == Some(&b'.') {
        (_, at) = digits(input, at + 1)?;
    }
    if let Some(b'e' | b'E') = input.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = input.get(at) {
            at += 1;
        }
        (_, at) = digits(input, at)?;
    }

    let text = input.get(start..at).and_then(|text| std::str::from_utf8(text).ok());
    match text.and_then(|text| text.parse().ok()).filter(|number: &f64| number.is_finite()) {
        Some(number) => Ok((build.float(number), at)),
        None => Err(Error::new(Reason::NumberOutOfRange, start)),
    }
}
