//! Numbers: integers of any size, and floats between them.

use super::{FRACTION, SHORT, WHOLE, ZERO};

/// Appends an integer.
pub fn signed(out: &mut Vec<u8>, number: i64) {
    short(out, number < 0, number.unsigned_abs());
}

/// Appends an integer.
pub fn unsigned(out: &mut Vec<u8>, number: u64) {
    short(out, false, number);
}

/// Appends an integer by its magnitude, most significant byte first.
pub fn big(out: &mut Vec<u8>, negative: bool, magnitude: &[u8]) {
    let zeros = magnitude.iter().take_while(|byte| **byte == 0).count();
    let magnitude = &magnitude[zeros..];
    let (len, sign) = (magnitude.len(), if negative { 0xFF } else { 0 });
    let distance = len.min(SHORT + 1) as u8;
    out.push(if negative { ZERO - distance } else { ZERO + distance });
    if len > SHORT {
        out.extend((len as u32).to_be_bytes().map(|byte| byte ^ sign));
    }
    out.extend(magnitude.iter().map(|byte| byte ^ sign));
}

/// Appends a finite float. The two zeros are one.
pub fn float(out: &mut Vec<u8>, number: f64) {
    let negative = number < 0.0;
    let whole = number.trunc();
    let fraction = (number - whole).abs();
    if fraction == 0.0 {
        magnitude(out, negative, whole.abs());
        out.push(WHOLE);
    } else {
        // What has a fraction is below 2^53. Of a negative one the fraction counts from above.
        short(out, negative, whole.abs() as u64 + u64::from(negative));
        out.push(FRACTION);
        let sign = if negative { 0xFF } else { 0 };
        out.extend(fraction.to_bits().to_be_bytes().map(|byte| byte ^ sign));
    }
}

/// The float that an integer and what follows it stand for.
pub(super) fn float_of(negative: bool, magnitude: &[u8], fraction: Option<[u8; 8]>) -> f64 {
    let whole = magnitude.iter().fold(0.0, |whole, byte| whole * 256.0 + f64::from(*byte));
    let sign = if negative { -1.0 } else { 1.0 };
    match fraction {
        None => sign * whole,
        Some(bytes) => {
            let inverted = if negative { 0xFF } else { 0 };
            let fraction = f64::from_bits(u64::from_be_bytes(bytes.map(|byte| byte ^ inverted)));
            sign * (whole - f64::from(u8::from(negative)) + fraction)
        }
    }
}

fn short(out: &mut Vec<u8>, negative: bool, magnitude: u64) {
    big(out, negative, &magnitude.to_be_bytes());
}

fn magnitude(out: &mut Vec<u8>, negative: bool, whole: f64) {
    let bits = whole.to_bits();
    let exponent = (bits >> 52) as usize;
    // Beyond, the number has more bits than a mantissa, and ends with as many zeros.
    let Some(zeros) = exponent.checked_sub(1_023 + 52) else {
        return short(out, negative, whole as u64);
    };
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let mut bytes = (mantissa << (zeros % 8)).to_be_bytes().to_vec();
    bytes.resize(bytes.len() + zeros / 8, 0);
    big(out, negative, &bytes);
}
