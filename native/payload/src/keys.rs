//! The keys of objects: each distinct one of a document is made once, and every object gets its own
//! in the order in which the VM keeps them.

use std::cmp::Ordering;

/// As many as there are keys in the documents of a chat. A power of two.
const SLOTS: usize = 512;

/// Marks a key whose text is not in the input but in the text of unescaped keys.
const UNESCAPED: u32 = 1 << 31;

/// A key: its text, and its first eight bytes so that most comparisons need no more.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Key {
    prefix: u64,
    start: u32,
    len: u32,
}

impl Key {
    /// The key at `start..end` of the input.
    #[inline(always)]
    fn new(input: &[u8], start: usize, end: usize) -> Self {
        let len = end - start;
        let prefix = u64::from_be_bytes(window(input, start, len));
        Self { prefix, start: start as u32, len: len as u32 }
    }

    /// The key at `start` and up to the end of `unescaped`.
    pub(crate) fn unescaped(unescaped: &[u8], start: usize) -> Self {
        let key = Self::new(unescaped, start, unescaped.len());
        Self { start: key.start | UNESCAPED, ..key }
    }

    /// What the key says.
    pub(crate) fn text<'a>(&self, input: &'a [u8], unescaped: &'a [u8]) -> &'a [u8] {
        let (text, start) = match self.start & UNESCAPED {
            0 => (input, self.start),
            _ => (unescaped, self.start ^ UNESCAPED),
        };
        text.get(start as usize..start as usize + self.len as usize).unwrap_or_default()
    }

    /// The order of binaries in the VM.
    #[inline(always)]
    pub(crate) fn order(&self, other: &Self, input: &[u8], unescaped: &[u8]) -> Ordering {
        self.prefix
            .cmp(&other.prefix)
            .then_with(|| self.text(input, unescaped).cmp(other.text(input, unescaped)))
    }
}

/// Up to eight bytes from `start` on, filled up with zeros.
#[inline(always)]
fn window(text: &[u8], start: usize, len: usize) -> [u8; 8] {
    match text.get(start..).and_then(<[u8]>::first_chunk) {
        Some(chunk) if len >= 8 => *chunk,
        Some(chunk) => (u64::from_le_bytes(*chunk) & ((1 << (8 * len)) - 1)).to_le_bytes(),
        None => {
            let mut window = [0; 8];
            let bytes = text.get(start..start + len.min(8)).unwrap_or_default();
            window.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            window
        }
    }
}

/// The keys of the document that is read, each in the slot that its bytes choose: two that choose
/// the same one replace each other, which costs a second term and nothing else.
pub(crate) struct KeyCache<T> {
    slots: Box<[Slot<T>]>,
    document: u32,
}

#[derive(Clone, Copy)]
struct Slot<T> {
    key: Key,
    /// The last eight bytes; with the first eight they are all of most keys.
    suffix: u64,
    document: u32,
    term: Option<T>,
}

impl<T: Copy> KeyCache<T> {
    pub(crate) fn new() -> Self {
        let empty = Slot { key: Key::default(), suffix: 0, document: 0, term: None };
        Self { slots: vec![empty; SLOTS].into(), document: 0 }
    }

    /// Bytes of memory.
    pub(crate) fn size(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// Forgets all keys.
    pub(crate) fn start(&mut self) {
        self.document = match self.document.checked_add(1) {
            Some(document) => document,
            None => {
                *self = Self::new();
                1
            }
        };
    }

    /// The key at `start..end` of `input`, and its term, which `make` makes of the first such key.
    #[inline(always)]
    pub(crate) fn get(
        &mut self,
        input: &[u8],
        start: usize,
        end: usize,
        make: impl FnOnce(&[u8]) -> T,
    ) -> (Key, T) {
        let key = Key::new(input, start, end);
        let suffix =
            u64::from_le_bytes(window(input, start.max(end.saturating_sub(8)), 8.min(end - start)));
        let mixed = (key.prefix ^ suffix.rotate_left(29)).wrapping_add(u64::from(key.len));
        let index = (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % SLOTS;
        let text = || input.get(start..end).unwrap_or_default();

        let Some(slot) = self.slots.get_mut(index) else { return (key, make(text())) };

        let same = slot.document == self.document
            && slot.key.prefix == key.prefix
            && slot.suffix == suffix
            && slot.key.len == key.len
            && (key.len <= 16 || slot.key.text(input, &[]) == text());

        match slot.term {
            Some(term) if same => (key, term),
            _ => {
                let term = make(text());
                *slot = Slot { key, suffix, document: self.document, term: Some(term) };
                (key, term)
            }
        }
    }
}
