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
    344, 1, 115, 1, 1, 1, 1, 4, 2, 2, 1, 1, 45, 77, 91, 2, 610, 693, 662, 544, 639, 631, 639, 647,
    584, 531, 134, 1, 1, 1, 1, 1, 1, 7, 4, 5, 3, 4, 3, 4, 4, 9, 2, 1, 3, 5, 4, 5, 3, 1, 5, 6, 75,
    3, 1, 6, 1, 2, 1, 1, 1, 1, 1, 10, 1, 254, 131, 152, 152, 371, 126, 37, 87, 163, 4, 23, 114, 60,
    144, 176, 58, 4, 157, 159, 193, 76, 27, 46, 10, 52, 3, 1, 1, 75, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
];
/// How often each symbol of a number of literals comes.
const TYPICAL_LITERALS: [u32; LITERAL_SYMBOLS] = [
    2249, 679, 195, 414, 220, 178, 202, 373, 339, 254, 180, 181, 134, 115, 104, 342, 597, 1752,
    372, 57, 96, 95, 582, 137, 114, 53, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
];
/// How often each symbol of an offset comes.
const TYPICAL_OFFSETS: [u32; OFFSET_SYMBOLS] = [
    2474, 345, 12, 77, 227, 271, 747, 326, 555, 280, 124, 1, 1, 72, 72, 143, 286, 571, 1142, 2284,
    1,
];
/// How often each symbol of a length comes.
const TYPICAL_MATCHES: [u32; MATCH_SYMBOLS] = [
    199, 1449, 521, 119, 179, 341, 373, 103, 348, 134, 84, 153, 76, 232, 396, 119, 115, 135, 73,
    66, 25, 62, 70, 93, 57, 71, 279, 76, 167, 355, 53, 47, 32, 182, 149, 88, 100, 143, 366, 421,
    452, 674, 213, 631, 1, 1, 1, 1, 1, 1, 1, 1, 1,
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
