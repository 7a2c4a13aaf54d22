//! A member as a tree has him, and how he is found there.

use std::cmp::Ordering;

use ordered_set::{Fixed, Probe};

use crate::records::{Place, Records};

/// Bytes of a name's key that are in the tree: enough to tell most names apart.
const PREFIX: usize = 8;
/// Entries between two that are looked at first.
const STEP: usize = 16;

/// Twelve bytes. Where the prefixes of two are equal, their records tell the order: by key, then by id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// Big-endian, in halves because of the alignment.
    prefix: [u32; 2],
    pub(crate) place: Place,
}

impl Entry {
    pub(crate) fn new(key: &[u8], place: Place) -> Self {
        let prefix = prefix(key);
        Self { prefix: [(prefix >> 32) as u32, prefix as u32], place }
    }

    #[inline]
    fn prefix(&self) -> u64 {
        u64::from(self.prefix[0]) << 32 | u64::from(self.prefix[1])
    }
}

fn prefix(key: &[u8]) -> u64 {
    match key.first_chunk() {
        Some(prefix) => u64::from_be_bytes(*prefix),
        None => {
            let mut prefix = [0; PREFIX];
            prefix.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
            u64::from_be_bytes(prefix)
        }
    }
}

/// A member who is sought, by key and id.
pub(crate) struct Sought<'a> {
    records: &'a Records,
    key: &'a [u8],
    id: u64,
    prefix: u64,
}

impl<'a> Sought<'a> {
    pub(crate) fn new(records: &'a Records, key: &'a [u8], id: u64) -> Self {
        Self { records, key, id, prefix: prefix(key) }
    }

    /// How another entry with the same prefix stands to this one.
    fn compare(&self, other: &Entry) -> Ordering {
        let (key, id) = self.records.read(other.place);
        (key.get(PREFIX..), id).cmp(&(self.key.get(PREFIX..), self.id))
    }

    /// How many entries have a smaller prefix. A search by halves would wait for the memory at each
    /// step; here the entries of each of two rounds do not depend on each other, and are read at once.
    #[inline]
    fn smaller(&self, entries: &[Entry]) -> usize {
        let is_smaller = |entry: &&Entry| entry.prefix() < self.prefix;
        let steps = entries.iter().step_by(STEP).filter(is_smaller).count();
        let from = steps.saturating_sub(1) * STEP;
        let block = entries.iter().skip(from).take(STEP);
        from + block.filter(is_smaller).count()
    }
}

impl Probe<Fixed<Entry>> for Sought<'_> {
    #[inline]
    fn search(&self, run: &Fixed<Entry>) -> Result<usize, usize> {
        let entries = run.as_slice();
        let first = self.smaller(entries);
        // Mostly there is none, or only the one that is sought: the next one tells.
        let equal =
            entries.iter().skip(first).take_while(|entry| entry.prefix() == self.prefix).count();
        let equal = entries.get(first..first + equal).unwrap_or_default();
        let found = equal.binary_search_by(|entry| self.compare(entry));
        found.map(|at| first + at).map_err(|at| first + at)
    }
}
