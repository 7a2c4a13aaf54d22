//! Integers beyond 64 bits: decimal digits to little-endian bytes and back.
//!
//! Both ways are quadratic, hence [`MAX_DIGITS`](crate::MAX_DIGITS).

/// Nine digits fit 32 bits.
const CHUNK: usize = 9;
const BASE: u64 = 1_000_000_000;

/// The magnitude that `digits`, all of them `0` to `9`, spell, without zeros at its end.
pub(crate) fn to_bytes(digits: &[u8]) -> Vec<u8> {
    let (head, chunks) = digits.split_at(digits.len() % CHUNK);
    let mut limbs = vec![];
    push(&mut limbs, head);
    chunks.chunks_exact(CHUNK).for_each(|chunk| push(&mut limbs, chunk));

    let mut bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    bytes.truncate(bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count());
    bytes
}

/// `limbs * 10^9 + digits`; of a first chunk that is shorter, nothing is multiplied.
fn push(limbs: &mut Vec<u32>, digits: &[u8]) {
    let mut carry = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));

    for limb in limbs.iter_mut() {
        carry += u64::from(*limb) * BASE;
        *limb = carry as u32;
        carry >>= 32;
    }
    if carry > 0 {
        limbs.push(carry as u32);
    }
}

/// The digits of the magnitude `bytes`.
pub(crate) fn to_digits(bytes: &[u8]) -> Vec<u8> {
    let mut limbs: Vec<u32> = bytes.chunks(4).map(limb).collect();
    let mut digits = vec![];

    while !limbs.is_empty() {
        let mut rest = 0;
        for limb in limbs.iter_mut().rev() {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / BASE) as u32;
            rest = value % BASE;
        }
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        for _ in 0..CHUNK {
            digits.push(b'0' + (rest % 10) as u8);
            rest /= 10;
        }
    }

    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    digits.reverse();
    digits
}

fn limb(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |limb, byte| limb << 8 | u32::from(*byte))
}
