//! Keys that the document has already: the maps of a list share the terms of their keys.

use crate::beam::{Raw, word};

/// A power of two, for the few dozen keys of most documents.
const SLOTS: usize = 256;

/// A key is copied in pieces of this size; longer ones are not remembered.
const TEXT: usize = 32;

/// Where in the text of the document its keys are. A key that is the same term is the same text for
/// as long as the call lasts; what was remembered before is forgotten by a new epoch.
pub(super) struct KeyPlaces {
    slots: Box<[Slot]>,
    epoch: u32,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    key: Raw,
    epoch: u32,
    start: u32,
    size: u32,
}

impl KeyPlaces {
    pub(super) fn new() -> Self {
        Self { slots: vec![Slot::default(); SLOTS].into(), epoch: 1 }
    }

    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.epoch = self.epoch.checked_add(1).unwrap_or_else(|| {
            self.slots.fill(Slot::default());
            1
        });
    }

    /// Appends `lead` and the key with its quotes and its colon, if `out` has it.
    #[inline(always)]
    pub(super) fn push_key(&self, out: &mut Vec<u8>, lead: u8, key: Raw) -> bool {
        let Some(slot) = self.slots.get(slot(key)) else { return false };
        if slot.key != key || slot.epoch != self.epoch {
            return false;
        }
        let Some(text) = out.get(slot.start as usize..).and_then(<[u8]>::first_chunk::<TEXT>)
        else {
            return false;
        };
        // All of it, which the compiler does in a few moves.
        let mut text = *text;
        text[0] = lead;
        let end = out.len() + slot.size as usize;
        out.extend_from_slice(&text);
        out.truncate(end);
        true
    }

    /// Remembers that the text of `key`, with the byte before it, is what `out` has from `start` on.
    #[inline(always)]
    pub(super) fn remember(&mut self, out: &[u8], start: usize, key: Raw) {
        let size = out.len() - start;
        if size <= TEXT
            && let Some(slot) = self.slots.get_mut(slot(key))
        {
            *slot = Slot { key, epoch: self.epoch, start: start as u32, size: size as u32 };
        }
    }
}

#[inline(always)]
fn slot(key: Raw) -> usize {
    (word(key).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) % SLOTS
}
