//! What is typical of events beyond their text: how often each byte is a literal, and how long and far
//! back copies are.
//!
//! Counted by the tool below over samples of a guild's traffic. They cost a few bytes where they
//! do not fit, never correctness: every symbol has a code.

use crate::codes::{LITERAL_SYMBOLS, MATCH_SYMBOLS, OFFSET_SYMBOLS};
use crate::fse::Table;
use crate::huffman::Tree;
use crate::sequences::Tables;

/// How often each byte is a literal.
const TYPICAL_BYTES: [u32; 256] = [
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    404, 1, 112, 1, 1, 1, 1, 5, 3, 3, 1, 1, 47, 77, 104, 2, 586, 657, 607, 550, 526, 558, 532, 498,
    520, 485, 134, 1, 1, 1, 1, 1, 1, 10, 5, 7, 4, 12, 4, 4, 3, 11, 2, 1, 4, 8, 4, 6, 4, 1, 8, 8,
    61, 4, 3, 6, 1, 2, 1, 1, 1, 4, 1, 11, 1, 294, 147, 180, 184, 439, 158, 44, 98, 195, 5, 26, 140,
    69, 173, 212, 67, 5, 195, 191, 235, 93, 31, 48, 9, 60, 4, 6, 1, 94, 1, 1, 1, 1, 2, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 2, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
];
/// How often each symbol of a number of literals comes.
const TYPICAL_LITERALS: [u32; LITERAL_SYMBOLS] = [
    2704, 453, 262, 267, 372, 215, 371, 601, 307, 287, 157, 161, 173, 348, 157, 113, 691, 958, 298,
    91, 107, 149, 520, 111, 94, 42, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
];
/// How often each symbol of an offset comes.
const TYPICAL_OFFSETS: [u32; OFFSET_SYMBOLS] = [
    2048, 354, 12, 70, 237, 424, 636, 348, 400, 228, 137, 1, 1, 80, 80, 160, 320, 640, 1279, 2557,
    1,
];
/// How often each symbol of a length comes.
const TYPICAL_MATCHES: [u32; MATCH_SYMBOLS] = [
    242, 1043, 468, 263, 459, 233, 370, 204, 148, 91, 107, 70, 44, 165, 211, 173, 213, 192, 155,
    241, 65, 59, 60, 58, 26, 55, 205, 108, 113, 158, 30, 286, 99, 37, 46, 144, 141, 152, 561, 319,
    373, 645, 320, 852, 20, 1, 1, 1, 1, 1, 1, 1, 1,
];

/// The tree that is sent with a primer.
pub(crate) fn tree() -> Option<Tree> {
    Tree::of_counts(&TYPICAL_BYTES)
}

/// The tables that are sent with a primer.
pub(crate) fn tables() -> Tables {
    Tables {
        literals: Table::of_counts(8, &TYPICAL_LITERALS),
        offsets: Table::of_counts(7, &TYPICAL_OFFSETS),
        matches: Table::of_counts(8, &TYPICAL_MATCHES),
    }
}

/// The tables that every decoder has (RFC 8878, 3.1.1.3.2.2).
pub(crate) fn predefined() -> Tables {
    const LITERALS: [i16; 36] = [
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1,
        1, 1, -1, -1, -1, -1,
    ];
    const OFFSETS: [i16; 29] = [
        1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
    ];
    const MATCHES: [i16; 53] = [
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ];
    Tables {
        literals: Table::new(6, &LITERALS),
        offsets: Table::new(5, &OFFSETS),
        matches: Table::new(6, &MATCHES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;
    use crate::encoder::PRIMED;
    use crate::matcher::Matcher;
    use crate::sequences::Offset;
    use crate::{Primer, huffman};

    /// Prints the arrays of this file for the events in the lines of the file `EVENTS`.
    #[test]
    #[ignore = "a tool: EVENTS=file cargo test -p zstd_splice statistics -- --ignored --nocapture"]
    fn count() {
        let text = std::fs::read(std::env::var("EVENTS").unwrap()).unwrap();
        let mut bytes = [0_u32; 256];
        let (mut literals, mut offsets, mut matches) =
            ([0_u32; LITERAL_SYMBOLS], [0_u32; OFFSET_SYMBOLS], [0_u32; MATCH_SYMBOLS]);

        for body in text.split(|byte| *byte == b'\n').filter(|body| body.len() < PRIMED) {
            let (mut found, mut rest) = (Vec::new(), Vec::new());
            let mut matcher = Matcher::new(Primer::json().index(), body);
            matcher.find(0..body.len(), true, &mut found, &mut rest);
            bytes.iter_mut().zip(huffman::count(&rest)).for_each(|(sum, count)| *sum += count);
            for sequence in found {
                literals[usize::from(codes::literal_length(sequence.literals).symbol)] += 64;
                matches[usize::from(codes::match_length(sequence.length).symbol)] += 64;
                match sequence.offset {
                    Offset::Repeat(place) => offsets[usize::from(place / 2)] += 64,
                    Offset::Body(offset) => {
                        offsets[usize::from(codes::offset(offset + 3).symbol)] += 64
                    }
                    // A connection is as likely at one distance as at another.
                    Offset::Primer(_) => {
                        for (class, share) in (13..20).zip([1, 1, 2, 4, 8, 16, 32]) {
                            offsets[class] += share;
                        }
                    }
                }
            }
        }

        // At most 10,000 in all, and at least 1.
        let scaled = |counts: &[u32]| {
            let total = counts.iter().map(|count| f64::from(*count)).sum::<f64>();
            let scale = |count: &u32| (f64::from(*count) * 10_000.0 / total).ceil().max(1.0) as u32;
            counts.iter().map(scale).collect::<Vec<_>>()
        };
        // Guilds differ in language more than samples do.
        for (byte, count) in bytes.iter_mut().enumerate() {
            let any = if byte >= 0x80 || byte.is_multiple_of(32) { 30 } else { 20 };
            let any = if (byte as u8).is_ascii_lowercase() { 200 } else { any };
            *count = *count * 8 + if (byte as u8).is_ascii_control() { 1 } else { any };
        }
        println!("BYTES {:?}", scaled(&bytes));
        println!("LITERALS {:?}", scaled(&literals));
        println!("OFFSETS {:?}", scaled(&offsets));
        println!("MATCHES {:?}", scaled(&matches));
    }
}
