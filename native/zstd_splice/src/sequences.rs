//! The sequences of a block (RFC 8878, 3.1.1.3.2): which bytes come from where.

use crate::bits::Bits;
use crate::codes::{self, Code};
use crate::fse::Table;
use crate::position::Place;

/// Literals, and then a copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    pub(crate) literals: u32,
    pub(crate) length: u32,
    pub(crate) offset: Offset,
}

/// How far back the copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offset {
    /// One of the last three, counted from 1 as the format does.
    Repeat(u8),
    /// Within the body.
    Body(u32),
    /// In the primer: this much more than the distance from the body's beginning to the primer's.
    Primer(i32),
}

/// The tables of the three kinds of symbols.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) literals: Table,
    pub(crate) offsets: Table,
    pub(crate) matches: Table,
}

/// How a decoder comes to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is one of the format's own.
    Predefined = 0,
    /// It is described here.
    Described = 2,
    /// It is the one before.
    Repeat = 3,
}

/// Tables of one block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub(crate) literals: (Mode, &'a Table),
    pub(crate) offsets: (Mode, &'a Table),
    pub(crate) matches: (Mode, &'a Table),
}

impl Tables {
    /// All three of these in the same mode.
    pub(crate) fn in_mode(&self, mode: Mode) -> Choice<'_> {
        Choice {
            literals: (mode, &self.literals),
            offsets: (mode, &self.offsets),
            matches: (mode, &self.matches),
        }
    }

    pub(crate) fn memory(&self) -> usize {
        self.literals.memory() + self.offsets.memory() + self.matches.memory()
    }
}

impl Choice<'_> {
    fn modes(&self) -> u8 {
        (self.literals.0 as u8) << 6 | (self.offsets.0 as u8) << 4 | (self.matches.0 as u8) << 2
    }
}

/// Appends the section of `sequences`, with offsets into the primer as `place` has them.
pub(crate) fn write(
    sequences: &[Sequence],
    choice: Choice<'_>,
    place: &mut Place<'_>,
    out: &mut Vec<u8>,
) {
    let start = out.len();
    write_count(sequences.len(), out);
    if sequences.is_empty() {
        return;
    }

    out.push(choice.modes());
    for (mode, table) in [choice.literals, choice.offsets, choice.matches] {
        if mode == Mode::Described {
            table.describe(out);
        }
    }
    write_stream(sequences, choice, place, start, out);
}

fn write_count(count: usize, out: &mut Vec<u8>) {
    match count {
        0..0x80 => out.push(count as u8),
        0x80..0x7f00 => out.extend_from_slice(&[(count >> 8) as u8 + 0x80, count as u8]),
        _ => {
            out.push(0xff);
            out.extend_from_slice(&((count - 0x7f00) as u16).to_le_bytes());
        }
    }
}

// A decoder reads from the end, so the last sequence is written first.
fn write_stream(
    sequences: &[Sequence],
    choice: Choice<'_>,
    place: &mut Place<'_>,
    start: usize,
    out: &mut Vec<u8>,
) {
    let Choice { literals: (_, literals), offsets: (_, offsets), matches: (_, matches) } = choice;
    let before = (out.len() - start) * 8;
    let mut bits = Bits::new(out);
    let mut states = None;

    for sequence in sequences.iter().rev() {
        let literal = codes::literal_length(sequence.literals);
        let length = codes::match_length(sequence.length);
        let offset = place.code(sequence.offset);

        match &mut states {
            None => {
                states = Some((
                    matches.start(length.symbol),
                    offsets.start(offset.symbol),
                    literals.start(literal.symbol),
                ));
            }
            Some((match_state, offset_state, literal_state)) => {
                offsets.write(offset_state, offset.symbol, &mut bits);
                matches.write(match_state, length.symbol, &mut bits);
                literals.write(literal_state, literal.symbol, &mut bits);
            }
        }
        put(literal, &mut bits);
        put(length, &mut bits);
        place.note(sequence.offset, before + bits.position());
        put(offset, &mut bits);
    }

    if let Some((match_state, offset_state, literal_state)) = states {
        matches.end(&match_state, &mut bits);
        offsets.end(&offset_state, &mut bits);
        literals.end(&literal_state, &mut bits);
    }
    bits.finish();
}

#[inline]
fn put(code: Code, bits: &mut Bits<'_>) {
    bits.put(code.extra, u32::from(code.bits));
}
