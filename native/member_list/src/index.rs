//! Where the record of an id is: extendible hashing, in segments of at most 256 entries.
//!
//! An entry is a byte of the id's hash and the record's place. The id is read in the record, so that
//! it is stored once. A segment that is full is split; nothing else moves, however large the index is.

use ahash::RandomState;

use crate::records::{Place, Records};

/// Entries of a segment.
const SEGMENT: usize = 256;
/// Bits of the hash beyond which a segment grows in place of being split.
const DEEPEST: u32 = 28;

pub(crate) struct Index {
    hasher: RandomState,
    /// The segment of each value of the first `depth` bits of a hash.
    directory: Vec<u32>,
    depth: u32,
    segments: Vec<Segment>,
    /// Bytes of the segments' entries.
    entries: usize,
}

struct Segment {
    /// Bits of the hash that all entries have in common.
    depth: u32,
    tags: Vec<u8>,
    places: Vec<Place>,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            directory: vec![0],
            depth: 0,
            segments: vec![Segment::new(0)],
            entries: 0,
        }
    }

    /// The place of an id's record.
    #[inline]
    pub(crate) fn get(&self, records: &Records, id: u64) -> Option<Place> {
        let hash = self.hasher.hash_one(id);
        let segment = self.segments.get(self.segment(hash))?;
        segment.find(hash, |place| records.id(place) == id).map(|(_at, place)| place)
    }

    /// Adds the place of an id that is not there.
    pub(crate) fn insert(&mut self, records: &Records, id: u64, place: Place) {
        let hash = self.hasher.hash_one(id);
        let mut at = self.segment(hash);
        while self.segments.get(at).is_some_and(Segment::is_full) {
            self.split(at, records);
            at = self.segment(hash);
        }
        if let Some(segment) = self.segments.get_mut(at) {
            self.entries -= segment.bytes();
            segment.push(tag(hash), place);
            self.entries += segment.bytes();
        }
    }

    pub(crate) fn remove(&mut self, records: &Records, id: u64) {
        let hash = self.hasher.hash_one(id);
        let at = self.segment(hash);
        if let Some(segment) = self.segments.get_mut(at)
            && let Some((entry, _place)) = segment.find(hash, |place| records.id(place) == id)
        {
            segment.tags.swap_remove(entry);
            segment.places.swap_remove(entry);
        }
    }

    /// Puts another place of the id's record in place of the one known.
    pub(crate) fn replace(&mut self, records: &Records, id: u64, place: Place) {
        let hash = self.hasher.hash_one(id);
        let at = self.segment(hash);
        if let Some(segment) = self.segments.get_mut(at)
            && let Some((entry, _place)) = segment.find(hash, |place| records.id(place) == id)
            && let Some(known) = segment.places.get_mut(entry)
        {
            *known = place;
        }
    }

    /// Bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.entries
            + self.directory.capacity() * size_of::<u32>()
            + self.segments.capacity() * size_of::<Segment>()
    }

    /// By how much `bytes` may grow with the next entry: two segments and the lists of them.
    pub(crate) fn growth(&self) -> usize {
        let lists = |capacity: usize, length: usize| if length == capacity { capacity } else { 0 };
        let segment = if self.segments.len() == 1 { 64 } else { SEGMENT };
        2 * segment * (1 + size_of::<Place>())
            + self.directory.len() * size_of::<u32>()
            + lists(self.segments.capacity(), self.segments.len()) * size_of::<Segment>()
    }

    #[inline]
    fn segment(&self, hash: u64) -> usize {
        // Shifted twice, because a shift by all 64 bits is none.
        let at = (hash >> 1) >> (63 - self.depth);
        self.directory.get(at as usize).map_or(0, |segment| *segment as usize)
    }

    /// Moves the half of a full segment whose next bit is set to a new one.
    fn split(&mut self, at: usize, records: &Records) {
        let Some(segment) = self.segments.get_mut(at) else { return };
        if segment.depth == self.depth {
            self.directory =
                self.directory.iter().flat_map(|segment| [*segment, *segment]).collect();
            self.depth += 1;
        }
        self.entries -= segment.bytes();
        segment.depth += 1;
        let (mut low, mut high) = (Segment::new(segment.depth), Segment::new(segment.depth));
        let mut prefix = 0;
        for (tag, place) in segment.tags.iter().zip(&segment.places) {
            let hash = self.hasher.hash_one(records.id(*place));
            prefix = hash >> (64 - segment.depth);
            if prefix & 1 == 0 { &mut low } else { &mut high }.push(*tag, *place);
        }
        self.entries += low.bytes() + high.bytes();
        *segment = low;

        // The upper half of what the directory had for the segment.
        let shift = self.depth - high.depth;
        let first = ((prefix | 1) << shift) as usize;
        let new = self.segments.len() as u32;
        if let Some(slots) = self.directory.get_mut(first..first + (1 << shift)) {
            slots.fill(new);
        }
        self.segments.push(high);
    }
}

impl Segment {
    fn new(depth: u32) -> Self {
        Self { depth, tags: Vec::new(), places: Vec::new() }
    }

    fn is_full(&self) -> bool {
        self.tags.len() >= SEGMENT && self.depth < DEEPEST
    }

    #[inline]
    fn find(&self, hash: u64, is_it: impl Fn(Place) -> bool) -> Option<(usize, Place)> {
        memchr::memchr_iter(tag(hash), &self.tags).find_map(|at| {
            let place = self.places.get(at).copied().filter(|place| is_it(*place))?;
            Some((at, place))
        })
    }

    fn push(&mut self, tag: u8, place: Place) {
        if self.tags.len() == self.tags.capacity() {
            // By an eighth, not twofold: there are as many entries as members.
            let more = (self.tags.len() / 8).max(8);
            self.tags.reserve_exact(more);
            self.places.reserve_exact(more);
        }
        self.tags.push(tag);
        self.places.push(place);
    }

    fn bytes(&self) -> usize {
        self.tags.capacity() + self.places.capacity() * size_of::<Place>()
    }
}

/// The hash's last byte; its first bits choose the segment.
fn tag(hash: u64) -> u8 {
    hash as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_added_and_not_removed() {
        let (mut records, mut index) = (Records::default(), Index::new());
        for id in 0..50_000_u64 {
            let place = records.insert(id * 4_194_304, 0, b"").unwrap();
            let most = index.bytes() + index.growth();
            index.insert(&records, id * 4_194_304, place);
            assert!(index.bytes() <= most, "{id}: {} {most}", index.bytes());
        }
        for id in (0..50_000_u64).step_by(3) {
            index.remove(&records, id * 4_194_304);
        }
        for id in 0..50_000_u64 {
            let place = index.get(&records, id * 4_194_304);
            assert_eq!(place.is_some(), id % 3 != 0);
            assert!(place.is_none_or(|place| records.id(place) == id * 4_194_304));
            assert_eq!(index.get(&records, id * 4_194_304 + 1), None);
        }
        assert!(index.bytes() < 50_000 * 8, "{}", index.bytes());
    }
}
