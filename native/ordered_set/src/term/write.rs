//! A term's parts, appended to a key.

use super::{ATOM, BINARY, CELL, ESCAPED, FEW, NIL, TUPLE};

pub use super::number::{big, float, signed, unsigned};

/// Appends an atom by its name.
pub fn atom(out: &mut Vec<u8>, name: &str) {
    text(out, ATOM, name.as_bytes());
}

/// Appends a binary.
pub fn binary(out: &mut Vec<u8>, bytes: &[u8]) {
    text(out, BINARY, bytes);
}

/// Begins a tuple: so many elements follow.
pub fn tuple(out: &mut Vec<u8>, elements: u32) {
    if (elements as usize) < FEW {
        out.push(TUPLE + elements as u8);
    } else {
        out.push(TUPLE + FEW as u8);
        out.extend_from_slice(&elements.to_be_bytes());
    }
}

/// Begins a list, or goes on with one: an element follows, then the tail.
pub fn cell(out: &mut Vec<u8>) {
    out.push(CELL);
}

/// Appends the empty list, which is how lists end.
pub fn nil(out: &mut Vec<u8>) {
    out.push(NIL);
}

fn text(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    // All but the last part end where a zero byte was.
    for (index, part) in bytes.split(|byte| *byte == 0).enumerate() {
        if index > 0 {
            out.extend_from_slice(&[0, ESCAPED]);
        }
        out.extend_from_slice(part);
    }
    out.push(0);
}
