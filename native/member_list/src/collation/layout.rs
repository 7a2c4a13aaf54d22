//! Weights as bytes: one byte for what ASCII has, two for most else, three for a Han character.
//!
//! What is left of one byte, after those of ASCII's characters, are leads: of two primary weights
//! the larger one's lead is larger or its second byte is.

use std::sync::LazyLock;

use super::MAX_KEY;
use super::table::{Entry, TABLE};
use super::weights;

/// Weights from here on belong to accents.
const FIRST_PRIMARY: u16 = 0x100;
/// Below any lead: the accents follow.
const ACCENTS: u8 = 1;
/// From here on a weight says which block of Han or unassigned characters it is, and another one
/// follows that says which character.
const BLOCKS: u16 = 0xfb00;
/// That of most Han characters.
const HAN: u16 = 0xfb40;
/// The blocks' leads; those of the weights before end below.
const BLOCK_LEAD: u8 = 0xf0;

static LAYOUT: LazyLock<Layout> = LazyLock::new(Layout::new);

struct Layout {
    /// The byte of an ASCII character; 0 if it has none, or two.
    ascii: [u8; 128],
    /// The primary weights that are one byte, in order.
    single: Vec<u16>,
}

impl Layout {
    fn new() -> Self {
        let weight = |byte: u8| match TABLE.entry(byte.into()) {
            Entry::One(weight) => weight,
            _ => 0,
        };
        let mut single: Vec<u16> = (b' '..0x7f).map(weight).filter(|weight| *weight != 0).collect();
        single.sort_unstable();
        single.dedup();

        let mut layout = Self { ascii: [0; 128], single };
        layout.ascii = std::array::from_fn(|byte| match weight(byte as u8) {
            0 => 0,
            weight => match layout.lead(weight) {
                (lead, true) => lead,
                (_, false) => 0,
            },
        });
        layout
    }

    /// The first byte of a primary weight, and whether it is the only one. Each page of 256 weights has
    /// a lead, and each single byte in it splits off another one behind itself.
    fn lead(&self, weight: u16) -> (u8, bool) {
        let below = self.single.partition_point(|single| *single < weight);
        let single = self.single.get(below) == Some(&weight);
        (1 + (weight >> 8) as u8 + 2 * below as u8 + u8::from(single), single)
    }
}

/// Writes the weights of a name as bytes.
pub(super) struct Writer<'a> {
    layout: &'static Layout,
    key: &'a mut Vec<u8>,
    accents: Vec<u8>,
    /// Letters since the last accent.
    plain: u8,
    /// The next weight says which character of a block it is.
    in_block: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(key: &'a mut Vec<u8>) -> Self {
        key.clear();
        Self { layout: &LAYOUT, key, accents: Vec::new(), plain: 0, in_block: false }
    }

    /// An ASCII character of a name that has no other.
    #[inline]
    pub(super) fn ascii(&mut self, byte: u8) {
        match self.layout.ascii.get(usize::from(byte)) {
            None | Some(0) => self.control(byte),
            Some(byte) => self.key.push(*byte),
        }
    }

    /// Most have no weight; tabs and ends of lines have.
    #[cold]
    fn control(&mut self, byte: u8) {
        weights::of(byte.into(), |weight| self.weight(weight));
    }

    #[inline]
    pub(super) fn weight(&mut self, weight: u16) {
        if self.in_block {
            self.in_block = false;
            self.key.extend(weight.to_be_bytes());
        } else if weight < FIRST_PRIMARY {
            // Of two names the one whose accent comes earlier is later.
            self.accents.extend([u8::MAX - self.plain, weight as u8 + 1]);
            self.plain = 0;
        } else {
            self.primary(weight);
            self.plain = self.plain.saturating_add(1);
        }
    }

    fn primary(&mut self, weight: u16) {
        let [high, low] = weight.to_be_bytes();
        if weight >= BLOCKS {
            self.in_block = high == 0xfb;
            match (high, weight) {
                (0xfb, ..HAN) => self.key.extend([BLOCK_LEAD, low]),
                (0xfb, HAN) => self.key.push(BLOCK_LEAD + 1),
                _ => self.key.extend([BLOCK_LEAD + (high - 0xf9), low]),
            }
        } else {
            let (lead, single) = self.layout.lead(weight);
            self.key.push(lead);
            if !single {
                self.key.push(low);
            }
        }
    }

    pub(super) fn finish(self) {
        if !self.accents.is_empty() {
            self.key.push(ACCENTS);
            self.key.extend(self.accents);
        }
        self.key.truncate(MAX_KEY);
    }
}
