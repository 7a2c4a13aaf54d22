//! Where a block stands in a connection's stream, which decides its offsets into the primer.

use crate::codes::{self, Code};
use crate::sequences::Offset;

/// What stands in for the distance to the primer while a block is written.
pub(crate) enum Place<'a> {
    /// The distance itself; 0 where no offset leads into a primer.
    At(u32),
    /// Any distance that gives every offset `bits` raw bits. They are left 0, to be filled in by patches.
    Class { bits: u8, patches: &'a mut Vec<Patch> },
}

/// Where the raw bits of an offset belong, and what they are at distance 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patch {
    /// In bytes from the beginning of the block.
    byte: u32,
    /// How far left in these bytes, in the low three bits; above them what is added to the distance.
    value: i32,
}

impl Place<'_> {
    #[inline]
    pub(crate) fn code(&self, offset: Offset) -> Code {
        match (offset, self) {
            (Offset::Repeat(place), _) => codes::offset(u32::from(place)),
            (Offset::Body(offset), _) => codes::offset(offset + NEW),
            (Offset::Primer(delta), Self::At(distance)) => {
                codes::offset(distance.wrapping_add_signed(delta) + NEW)
            }
            (Offset::Primer(_), Self::Class { bits, .. }) => {
                Code { symbol: *bits, bits: *bits, extra: 0 }
            }
        }
    }

    /// Remembers that the raw bits of `offset` come next.
    #[inline]
    pub(crate) fn note(&mut self, offset: Offset, position: usize) {
        if let (Self::Class { bits, patches }, Offset::Primer(delta)) = (self, offset) {
            let value = delta + NEW as i32 - (1 << *bits);
            patches.push(Patch {
                byte: (position / 8) as u32,
                value: value << 3 | (position % 8) as i32,
            });
        }
    }
}

/// Values up to this one say which former offset comes again.
const NEW: u32 = 3;

impl Patch {
    /// A block that is patched must have this many bytes behind it.
    pub(crate) const SLACK: usize = 4;

    /// The same in a block that begins `bytes` later.
    pub(crate) fn moved(self, bytes: usize) -> Self {
        Self { byte: self.byte + bytes as u32, ..self }
    }

    /// Fills in the raw bits for `distance`.
    #[inline]
    pub(crate) fn apply(self, distance: u32, block: &mut [u8]) {
        let bits = distance.wrapping_add_signed(self.value >> 3) << (self.value & 7);
        let from = block.get_mut(self.byte as usize..).unwrap_or_default();
        if let Some(bytes) = from.first_chunk_mut() {
            *bytes = (u32::from_le_bytes(*bytes) | bits).to_le_bytes();
        }
    }
}

/// The class of all offsets between `low` and `high` from a distance, if they have one.
#[inline]
pub(crate) fn class(distance: u32, low: i32, high: i32) -> Option<u8> {
    let bits = |delta| (distance.wrapping_add_signed(delta) + NEW).ilog2();
    (bits(low) == bits(high)).then(|| bits(low) as u8)
}
