//! A set of keys with payloads that knows what memory it takes, and stays within its bounds.

use gauge::Gauge;

use crate::batch::{Batch, Limit};
use crate::page::{Key, Page};
use crate::record::Record;
use crate::tree::Tree;

/// All sets of this kind, and their bytes.
pub static MEMORY: Gauge = Gauge::new();

/// Keys in the order of their bytes, each with a payload, which may be empty.
#[derive(Debug)]
pub struct Entries {
    tree: Tree<Page>,
    max_bytes: usize,
    /// What [`MEMORY`] was told.
    counted: usize,
}

/// What `put` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The key is new, and has this rank.
    New(usize),
    /// The key was there, at this rank, and has the payload now.
    Known(usize),
}

/// Why `put` did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The key or the payload is too long.
    TooLarge,
    /// The set could take more bytes than it may.
    MemoryLimit,
}

/// Where to begin to read.
#[derive(Debug, Clone, Copy)]
pub enum Start<'a> {
    /// At this rank.
    Rank(usize),
    /// At this key, or the first that is greater.
    Key(&'a [u8]),
}

impl Entries {
    /// The longest key. To write one, or to read it, is a walk over as many terms.
    pub const MAX_KEY: usize = 1 << 15;
    /// The longest payload.
    pub const MAX_PAYLOAD: usize = 1 << 16;

    /// What a change may take beside the entry: a page that grows, one that is split.
    const CHANGE: usize = 1 << 14;

    /// An empty set that takes up to so many bytes.
    pub fn new(max_bytes: usize) -> Self {
        let mut entries = Self { tree: Tree::new(), max_bytes, counted: 0 };
        MEMORY.add(0);
        entries.count();
        entries
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.tree.bytes() + size_of::<Self>()
    }

    /// The bytes that it may take.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// The tree, for what only reads.
    pub fn tree(&self) -> &Tree<Page> {
        &self.tree
    }

    /// Adds an entry, or gives another payload to the one that has the key. `O(log n)`.
    pub fn put(&mut self, key: &[u8], payload: &[u8]) -> Result<Put, Refused> {
        self.admit(key, payload)?;
        let record = Record::new(key, payload);
        let put = match self.tree.insert(&Key(key), record) {
            Ok(rank) => Put::New(rank),
            Err(rank) => {
                if self.tree.get(rank).is_none_or(|known| known.payload != payload) {
                    self.tree.set(rank, record);
                }
                Put::Known(rank)
            }
        };
        self.count();
        Ok(put)
    }

    /// Adds an entry whose key is greater than all, which the caller vouches for. `O(log n)`.
    pub fn push(&mut self, key: &[u8], payload: &[u8]) -> Result<(), Refused> {
        self.admit(key, payload)?;
        self.tree.push(Record::new(key, payload));
        self.count();
        Ok(())
    }

    /// Removes the entry of a key, and returns the rank that it had. `O(log n)`.
    pub fn delete(&mut self, key: &[u8]) -> Option<usize> {
        let (rank, ()) = self.tree.remove(&Key(key))?;
        self.count();
        Some(rank)
    }

    /// The rank of a key: `Ok` where it is, `Err` where it would be. `O(log n)`.
    pub fn rank(&self, key: &[u8]) -> Result<usize, usize> {
        self.tree.rank(&Key(key))
    }

    /// Copies entries out, those below `until` if that is given. `O(log n + count)`.
    pub fn read(&self, start: Start<'_>, until: Option<&[u8]>, limit: Limit) -> Batch {
        let first = match start {
            Start::Rank(rank) => rank,
            Start::Key(key) => self.rank(key).unwrap_or_else(|next| next),
        };
        let end = until.map_or(self.len(), |key| self.rank(key).unwrap_or_else(|next| next));
        Batch::of(&self.tree, first, end.saturating_sub(first), limit)
    }

    /// Empties the set. What was in it is the caller's, to be dropped where that may take long.
    pub fn clear(&mut self) -> Tree<Page> {
        let tree = std::mem::take(&mut self.tree);
        self.count();
        tree
    }

    fn admit(&self, key: &[u8], payload: &[u8]) -> Result<(), Refused> {
        if key.len() > Self::MAX_KEY || payload.len() > Self::MAX_PAYLOAD {
            return Err(Refused::TooLarge);
        }
        // A page grows by a quarter at most, or is copied when it is split: twice the entry.
        let needed = 2 * (key.len() + payload.len()) + Self::CHANGE;
        match self.bytes().checked_add(needed) {
            Some(bytes) if bytes <= self.max_bytes => Ok(()),
            _ => Err(Refused::MemoryLimit),
        }
    }

    fn count(&mut self) {
        let bytes = self.bytes();
        MEMORY.resize(self.counted, bytes);
        self.counted = bytes;
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        MEMORY.remove(self.counted);
    }
}
