//! A key with its payload, as it goes into a page and comes out.

/// A key in two parts, which are one to the reader, and a payload.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    prefix: &'a [u8],
    rest: &'a [u8],
    /// What the key is the key of. It may be empty.
    pub payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// A record of one's own.
    pub fn new(key: &'a [u8], payload: &'a [u8]) -> Self {
        Self { prefix: &[], rest: key, payload }
    }

    pub(crate) fn stored(prefix: &'a [u8], rest: &'a [u8], payload: &'a [u8]) -> Self {
        Self { prefix, rest, payload }
    }

    /// How long the key is.
    pub fn key_len(&self) -> usize {
        self.prefix.len() + self.rest.len()
    }

    /// Appends the key to `out`.
    pub fn write_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefix);
        out.extend_from_slice(self.rest);
    }

    /// The key, in order.
    pub(crate) fn key(&self) -> impl Iterator<Item = u8> + 'a {
        self.prefix.iter().chain(self.rest).copied()
    }

    /// The key behind its first `skipped` bytes, which it must have.
    pub(crate) fn key_behind(&self, skipped: usize) -> [&'a [u8]; 2] {
        let skipped_rest = skipped.saturating_sub(self.prefix.len());
        [&self.prefix[skipped.min(self.prefix.len())..], &self.rest[skipped_rest..]]
    }

    /// The record without its payload.
    pub(crate) fn separator(self) -> Self {
        Self { payload: &[], ..self }
    }
}

/// Two records are the same if key and payload are, however the key is cut.
impl PartialEq for Record<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.payload == other.payload && self.key().eq(other.key())
    }
}

impl Eq for Record<'_> {}
