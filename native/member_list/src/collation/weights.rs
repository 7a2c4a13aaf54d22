//! The weights of a character: of the table, or computed from its number (UTS #10, section 10.1.3).

use super::table::{Entry, TABLE};

/// Gives the weights of a character by itself to `take`, in order.
#[inline]
pub(super) fn of(char: char, mut take: impl FnMut(u16)) {
    match TABLE.entry(char) {
        Entry::One(0) => {}
        Entry::One(weight) => take(weight),
        Entry::Several(weights) => weights.iter().copied().for_each(take),
        Entry::Computed => computed(char).into_iter().for_each(take),
    }
}

fn computed(char: char) -> [u16; 2] {
    let number = char as u32;
    let siniform = |block: u16, first: u32| [block, ((number - first) | 0x8000) as u16];
    let block = match number {
        0x17000..=0x18aff | 0x18d00..=0x18d8f => return siniform(0xfb00, 0x17000),
        0x1b170..=0x1b2ff => return siniform(0xfb01, 0x1b170),
        0x18b00..=0x18cff => return siniform(0xfb02, 0x18b00),
        // The ideographs among those for compatibility are the last.
        0x4e00..=0x9fff
        | 0xfa0e..=0xfa0f
        | 0xfa11
        | 0xfa13..=0xfa14
        | 0xfa1f
        | 0xfa21
        | 0xfa23..=0xfa24
        | 0xfa27..=0xfa29 => 0xfb40,
        0x3400..=0x4dbf | 0x20000..=0x2a6df | 0x2a700..=0x2ebe0 | 0x30000..=0x323af => 0xfb80,
        _ => 0xfbc0,
    };
    [block + (number >> 15) as u16, (number & 0x7fff | 0x8000) as u16]
}
