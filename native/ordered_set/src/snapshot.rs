//! A set as bytes, in chunks, and back. **The format is stored by users: it changes with its
//! version.**
//!
//! ```text
//! snapshot = "GHOSET" version:u8 chunk* end
//! chunk    = 1:u8 length:u32 body checksum:u64
//! body     = (length of key:u24 length of payload:u24 key payload)*
//! end      = 0:u8 entries:u64 checksum:u64
//! ```
//!
//! Integers are little-endian; a checksum is XXH64 of what is between it and the one before, with
//! the number of entries before it as the seed: a chunk that is missing or out of its place shows.

use xxhash_rust::xxh64::xxh64;

use crate::batch::{Batch, Limit};
use crate::entries::{Entries, Refused, Start};
use crate::term;

const MAGIC: &[u8] = b"GHOSET\x01";
const CHUNK: u8 = 1;
const END: u8 = 0;

/// Bytes of keys and payloads in a chunk, but for the last entry, which may go beyond.
const BYTES: usize = 1 << 14;
const LIMIT: Limit = Limit { count: BYTES / 4, bytes: BYTES };
/// The longest body: that, the lengths, and the last entry.
const MAX_BODY: usize = BYTES + LIMIT.count * 6 + Entries::MAX_KEY + Entries::MAX_PAYLOAD;

/// How a snapshot begins.
pub fn header() -> &'static [u8] {
    MAGIC
}

/// What one chunk holds, copied out of the set.
pub fn read(entries: &Entries, from: &[u8]) -> Batch {
    entries.read(Start::Key(from), None, LIMIT)
}

/// The chunk of a batch, behind `before` entries.
pub fn chunk(batch: &Batch, before: u64) -> Vec<u8> {
    let length = batch.bytes() + batch.len() * 6;
    let mut out = Vec::with_capacity(length + 13);
    out.push(CHUNK);
    out.extend_from_slice(&(length as u32).to_le_bytes());
    for (key, payload) in batch.entries() {
        out.extend_from_slice(&(key.len() as u32).to_le_bytes()[..3]);
        out.extend_from_slice(&(payload.len() as u32).to_le_bytes()[..3]);
        out.extend_from_slice(key);
        out.extend_from_slice(payload);
    }
    sealed(out, before)
}

/// How a snapshot of so many entries ends.
pub fn end(entries: u64) -> Vec<u8> {
    sealed([&[END][..], &entries.to_le_bytes()].concat(), entries)
}

fn sealed(mut out: Vec<u8>, before: u64) -> Vec<u8> {
    let checksum = xxh64(&out, before);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// What a part of a snapshot was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// There is more, from this place on.
    More(usize),
    /// The snapshot is complete.
    Done,
}

/// Why a part of a snapshot is not restored. The set then has what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrestored {
    /// These are not the bytes of a snapshot.
    Invalid,
    /// A key has an atom that is not known.
    UnknownAtom,
    /// The set would take more bytes than it may.
    MemoryLimit,
}

/// Puts the part of a snapshot that is at `place` into a set that has what is before it.
///
/// The bytes may be anybody's: each key is checked to be a term, with atoms that are `known`, and
/// greater than the one before. `O(length of a chunk)`, whatever they say.
pub fn restore(
    entries: &mut Entries,
    snapshot: &[u8],
    place: usize,
    known: impl Fn(&str) -> bool,
) -> Result<Restored, Unrestored> {
    let mut input = Input(snapshot.get(place..).ok_or(Unrestored::Invalid)?);
    if place == 0 && input.take(MAGIC.len())? != MAGIC {
        return Err(Unrestored::Invalid);
    }
    let start = input;
    let before = entries.len() as u64;
    match input.take(1)? {
        [CHUNK] => {
            let length = input.number(4)?;
            if length > MAX_BODY {
                return Err(Unrestored::Invalid);
            }
            let body = Input(input.take(length)?);
            input.checked(start, before)?;
            restore_body(entries, body, known)?;
            Ok(Restored::More(snapshot.len() - input.0.len()))
        }
        [END] => {
            let count = input.number(8)? as u64;
            input.checked(start, before)?;
            let whole = count == before && input.0.is_empty();
            if whole { Ok(Restored::Done) } else { Err(Unrestored::Invalid) }
        }
        _ => Err(Unrestored::Invalid),
    }
}

fn restore_body(
    entries: &mut Entries,
    mut body: Input<'_>,
    known: impl Fn(&str) -> bool,
) -> Result<(), Unrestored> {
    // A body without entries was not made here.
    if body.0.is_empty() {
        return Err(Unrestored::Invalid);
    }
    let all = body.0.len();
    let mut last = Vec::new();
    if let Some(record) = entries.tree().iter(entries.len().saturating_sub(1)).next() {
        record.write_key(&mut last);
    }
    while !body.0.is_empty() {
        // Nor was one with more of them.
        if all - body.0.len() >= BYTES + LIMIT.count * 6 {
            return Err(Unrestored::Invalid);
        }
        let (key, payload) = (body.number(3)?, body.number(3)?);
        let (key, payload) = (body.take(key)?, body.take(payload)?);
        let mut strange = false;
        term::validate(key, |atom| strange |= !known(atom)).map_err(|_| Unrestored::Invalid)?;
        if last.as_slice() >= key {
            return Err(Unrestored::Invalid);
        }
        if strange {
            return Err(Unrestored::UnknownAtom);
        }
        entries.push(key, payload).map_err(|refused| match refused {
            Refused::TooLarge => Unrestored::Invalid,
            Refused::MemoryLimit => Unrestored::MemoryLimit,
        })?;
        last.clear();
        last.extend_from_slice(key);
    }
    Ok(())
}

/// What is left to read.
#[derive(Clone, Copy)]
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Unrestored> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Unrestored::Invalid)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, len: usize) -> Result<usize, Unrestored> {
        let bytes = self.take(len)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// Reads the checksum of what was read since `start`.
    fn checked(&mut self, start: Self, before: u64) -> Result<(), Unrestored> {
        let sealed = &start.0[..start.0.len() - self.0.len()];
        let checksum = self.number(8)? as u64;
        if checksum == xxh64(sealed, before) { Ok(()) } else { Err(Unrestored::Invalid) }
    }
}
