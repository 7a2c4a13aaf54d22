//! Terms of the BEAM as byte strings that sort as the terms do.
//!
//! Numbers come before atoms, atoms before tuples, tuples before lists, lists before binaries; a
//! tuple of fewer elements comes before one of more. An integer and a float of the same value are
//! two keys, the integer first. An element follows the tag of what it is in, so the encoding of a
//! term never depends on what is around it.
//!
//! | term | bytes |
//! | --- | --- |
//! | integer | a tag that says sign and length; the magnitude, inverted if it is negative |
//! | float | the integer below it, then that it is whole, or the rest |
//! | atom, binary | a tag; the bytes, with 0 as 0 255; 0 |
//! | tuple | a tag that says how many; the elements |
//! | list | for each element a tag and the element; the tail, which for most is the empty list |

mod number;
mod read;
mod write;

pub use read::{Common, Invalid, Reader, Token, validate};
pub use write::{atom, big, binary, cell, float, nil, signed, tuple, unsigned};

/// Zero; the tags of longer magnitudes are around it, up to [`SHORT`] bytes away.
const ZERO: u8 = 0x40;
/// The longest magnitude whose length is in its tag.
const SHORT: usize = 8;
const ATOM: u8 = 0x60;
/// No elements; the tags of more are above it, up to [`FEW`].
const TUPLE: u8 = 0x70;
/// The number of elements that the tag does not hold.
const FEW: usize = 15;
const NIL: u8 = 0x80;
const CELL: u8 = 0x81;
const BINARY: u8 = 0xA0;
/// Behind an integer: a float of that value. Greater than any tag, so that the integer comes first.
const WHOLE: u8 = 0xFD;
/// Behind an integer: a float above it, whose fraction follows.
const FRACTION: u8 = 0xFE;
/// Behind a zero byte that is not the end. Greater than anything that follows an end.
const ESCAPED: u8 = 0xFF;
