//! Where the record of an id is: extendible hashing, in segments of at most 16 buckets.
//!
//! An entry is a byte of the id's hash, the tag, and the record's place; the id is read in the record,
//! so that it is stored once. A segment that is full is split; nothing else moves, however large the
//! index is.

mod bucket;
mod segment;

use ahash::RandomState;

use crate::records::{Place, Records};
use bucket::Bucket;
use segment::Segment;

pub(crate) struct Index {
    hasher: RandomState,
    /// The segment of each value of the first `depth` bits of a hash.
    directory: Vec<u32>,
    depth: u32,
    segments: Vec<Segment>,
    /// Buckets of all segments.
    buckets: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            directory: vec![0],
            depth: 0,
            segments: vec![Segment::new(0)],
            buckets: 0,
        }
    }

    /// The place of an id's record.
    #[inline]
    pub(crate) fn get(&self, records: &Records, id: u64) -> Option<Place> {
        let hash = self.hasher.hash_one(id);
        let segment = self.segments.get(self.segment(hash))?;
        segment.get(tag(hash), |place| records.fetch(place), |place| records.id(place) == id)
    }

    /// Adds the place of an id that is not there.
    pub(crate) fn insert(&mut self, records: &Records, id: u64, place: Place) {
        let hash = self.hasher.hash_one(id);
        let mut at = self.segment(hash);
        while self.segments.get(at).is_some_and(Segment::is_full) {
            self.split(at, records);
            at = self.segment(hash);
        }
        self.edit(at, |segment| segment.insert(tag(hash), place));
    }

    pub(crate) fn remove(&mut self, records: &Records, id: u64) {
        let hash = self.hasher.hash_one(id);
        let at = self.segment(hash);
        self.edit(at, |segment| segment.remove(tag(hash), |place| records.id(place) == id));
    }

    /// Puts another place of the id's record in place of the one known.
    pub(crate) fn replace(&mut self, records: &Records, id: u64, place: Place) {
        let hash = self.hasher.hash_one(id);
        let at = self.segment(hash);
        self.edit(at, |segment| segment.replace(tag(hash), |place| records.id(place) == id, place));
    }

    /// Bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.buckets * size_of::<Bucket>()
            + self.directory.capacity() * size_of::<u32>()
            + self.segments.capacity() * size_of::<Segment>()
    }

    /// By how much `bytes` may grow with the next entry: by a bucket, or a segment and the lists of them.
    pub(crate) fn growth(&self) -> usize {
        let full = self.segments.len() == self.segments.capacity();
        3 * size_of::<Bucket>()
            + self.directory.len() * size_of::<u32>()
            + if full { self.segments.len() * size_of::<Segment>() } else { 0 }
    }

    #[inline]
    fn segment(&self, hash: u64) -> usize {
        // Shifted twice, because a shift by all 64 bits is none.
        let at = (hash >> 1) >> (63 - self.depth);
        self.directory.get(at as usize).map_or(0, |segment| *segment as usize)
    }

    fn edit(&mut self, at: usize, change: impl FnOnce(&mut Segment)) {
        if let Some(segment) = self.segments.get_mut(at) {
            let before = segment.buckets();
            change(segment);
            self.buckets = self.buckets + segment.buckets() - before;
        }
    }

    /// Moves the half of a full segment whose next bit is set to a new one.
    fn split(&mut self, at: usize, records: &Records) {
        let Some(segment) = self.segments.get_mut(at) else { return };
        if segment.depth == self.depth {
            self.directory =
                self.directory.iter().flat_map(|segment| [*segment, *segment]).collect();
            self.depth += 1;
        }
        let depth = segment.depth + 1;
        let (mut low, mut high) = (Segment::new(depth), Segment::new(depth));
        let mut prefix = 0;
        for (tag, place) in segment.entries() {
            prefix = self.hasher.hash_one(records.id(place)) >> (64 - depth);
            if prefix & 1 == 0 { &mut low } else { &mut high }.insert(tag, place);
        }
        self.buckets = self.buckets + low.buckets() + high.buckets() - segment.buckets();
        *segment = low;

        // The upper half of what the directory had for the segment.
        let shift = self.depth - depth;
        let first = ((prefix | 1) << shift) as usize;
        let new = self.segments.len() as u32;
        if let Some(slots) = self.directory.get_mut(first..first + (1 << shift)) {
            slots.fill(new);
        }
        self.segments.push(high);
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
        assert!(index.bytes() < 50_000 * 8, "{}", index.bytes());

        for id in (0..50_000_u64).step_by(3) {
            index.remove(&records, id * 4_194_304);
        }
        for id in 0..50_000_u64 {
            let place = index.get(&records, id * 4_194_304);
            assert_eq!(place.is_some(), id % 3 != 0);
            assert!(place.is_none_or(|place| records.id(place) == id * 4_194_304));
            assert_eq!(index.get(&records, id * 4_194_304 + 1), None);
        }
    }

    #[test]
    fn entries_come_and_go_without_end() {
        let (mut records, mut index) = (Records::default(), Index::new());
        let mut places = std::collections::VecDeque::new();
        for id in 0..200_000_u64 {
            let place = records.insert(id, 0, b"").unwrap();
            index.insert(&records, id, place);
            places.push_back((id, place));
            if places.len() > 1_000 {
                let (old, place) = places.pop_front().unwrap();
                assert_eq!(index.get(&records, old), Some(place));
                index.remove(&records, old);
                assert_eq!(index.get(&records, old), None);
                records.remove(place);
            }
        }
        assert!(places.iter().all(|(id, place)| index.get(&records, *id) == Some(*place)));
        assert!(index.bytes() < 1_000 * 16, "{}", index.bytes());
    }
}
