//! Entries that were copied out of a set, so that it is free again while they are read.

use crate::page::Page;
use crate::record::Record;
use crate::tree::Tree;

/// How much to copy at most. The first entry is copied whatever its size.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Entries.
    pub count: usize,
    /// Bytes of keys and payloads.
    pub bytes: usize,
}

/// Copies of entries, in order.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each key ends, and each payload.
    ends: Vec<(usize, usize)>,
    more: bool,
}

impl Batch {
    /// Entries that room is made for, before they are seen.
    const ROOM: usize = 128;

    /// Copies of entries from a rank on, of which there are `available`.
    pub(crate) fn of(tree: &Tree<Page>, rank: usize, available: usize, limit: Limit) -> Self {
        let mut batch = Self::default();
        let count = available.min(limit.count);
        // As much as most entries are; what is more makes itself room.
        batch.ends.reserve(count.min(Self::ROOM));
        batch.bytes.reserve((count.min(Self::ROOM) * 32).min(limit.bytes));
        for (page, at) in tree.leaves_from(rank) {
            let left = count - batch.ends.len();
            if !batch.copy(page.from(at, left), limit.bytes) || batch.ends.len() == count {
                break;
            }
        }
        batch.more = batch.ends.len() < available;
        batch
    }

    /// Copies records as long as there are fewer bytes, and tells whether that was all the time.
    fn copy<'a>(&mut self, records: impl Iterator<Item = Record<'a>>, bytes: usize) -> bool {
        for record in records {
            if !self.ends.is_empty() && self.bytes.len() >= bytes {
                return false;
            }
            record.write_key(&mut self.bytes);
            let key_end = self.bytes.len();
            self.bytes.extend_from_slice(record.payload);
            self.ends.push((key_end, self.bytes.len()));
        }
        true
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes of keys and payloads there are.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The keys with their payloads, in order and from both ends.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.ends.iter().enumerate().map(|(at, &(key_end, end))| {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
            (&self.bytes[start..key_end], &self.bytes[key_end..end])
        })
    }

    /// The least key after the last one, if there is more to read: go on from it.
    pub fn next(&self) -> Option<Vec<u8>> {
        let (key, _) = self.entries().next_back().filter(|_| self.more)?;
        Some([key, &[0]].concat())
    }
}
