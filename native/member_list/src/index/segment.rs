//! A segment: buckets among which the tags decide, so that one more of them needs no look at the records.

use super::bucket::{Bucket, SLOTS};
use crate::records::Place;

/// Buckets of a segment.
const MOST: usize = 16;
/// Bits of the hash beyond which a segment grows in place of being split.
const DEEPEST: u32 = 28;

pub(super) struct Segment {
    /// Bits of the hash that all entries have in common.
    pub(super) depth: u32,
    len: u32,
    buckets: Vec<Bucket>,
}

impl Segment {
    pub(super) fn new(depth: u32) -> Self {
        Self { depth, len: 0, buckets: Vec::new() }
    }

    /// How many buckets are allocated.
    pub(super) fn buckets(&self) -> usize {
        self.buckets.capacity()
    }

    pub(super) fn is_full(&self) -> bool {
        self.buckets.len() >= MOST && self.is_crowded() && self.depth < DEEPEST
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (u8, Place)> + '_ {
        self.buckets.iter().flat_map(Bucket::entries)
    }

    #[inline]
    pub(super) fn get(
        &self,
        tag: u8,
        fetch: impl Fn(Place),
        is_it: impl Fn(Place) -> bool,
    ) -> Option<Place> {
        // Nearly always the first look finds it.
        let home = self.buckets.get(self.home(tag))?;
        // Every third has another of its tag before it: their records come at the same time.
        home.tagged(tag).for_each(fetch);
        match home.find(tag, &is_it) {
            Some((_slot, place)) => Some(place),
            None if home.away == 0 => None,
            None => self.find(tag, is_it).map(|(_bucket, _slot, place)| place),
        }
    }

    pub(super) fn insert(&mut self, tag: u8, place: Place) {
        if self.is_crowded() {
            self.grow();
        }
        self.len += 1;
        self.put(tag, place);
    }

    pub(super) fn remove(&mut self, tag: u8, is_it: impl Fn(Place) -> bool) {
        let Some((at, slot, _place)) = self.find(tag, is_it) else { return };
        let home = self.home(tag);
        self.len -= 1;
        if let Some(bucket) = self.buckets.get_mut(at) {
            bucket.remove(slot);
        }
        if let Some(bucket) = self.buckets.get_mut(home).filter(|_bucket| at != home) {
            bucket.away -= 1;
        }
    }

    pub(super) fn replace(&mut self, tag: u8, is_it: impl Fn(Place) -> bool, new: Place) {
        if let Some((at, slot, _place)) = self.find(tag, is_it)
            && let Some(bucket) = self.buckets.get_mut(at)
        {
            bucket.set(slot, tag, new);
        }
    }

    /// Seven eighths full: there would be more entries away from home than a few.
    fn is_crowded(&self) -> bool {
        self.len as usize * 8 >= self.buckets.len() * SLOTS * 7
    }

    fn home(&self, tag: u8) -> usize {
        (usize::from(tag) * self.buckets.len()) >> 8
    }

    /// The bucket, the slot in it and the place of an entry.
    fn find(&self, tag: u8, is_it: impl Fn(Place) -> bool) -> Option<(usize, usize, Place)> {
        let home = self.home(tag);
        let mut away = self.buckets.get(home)?.away;
        for at in self.from(home) {
            let bucket = self.buckets.get(at)?;
            if let Some((slot, place)) = bucket.find(tag, &is_it) {
                return Some((at, slot, place));
            }
            if at != home {
                away -=
                    bucket.entries().filter(|(tag, _place)| self.home(*tag) == home).count() as u8;
            }
            if away == 0 {
                break;
            }
        }
        None
    }

    /// The buckets in the order in which an entry of `home` looks for room.
    fn from(&self, home: usize) -> impl Iterator<Item = usize> + use<> {
        (home..self.buckets.len()).chain(0..home)
    }

    fn put(&mut self, tag: u8, place: Place) {
        let home = self.home(tag);
        for at in self.from(home) {
            if let Some(bucket) = self.buckets.get_mut(at).filter(|bucket| !bucket.is_full()) {
                bucket.push(tag, place);
                if let Some(bucket) = self.buckets.get_mut(home).filter(|_bucket| at != home) {
                    bucket.away += 1;
                }
                return;
            }
        }
    }

    fn grow(&mut self) {
        let entries: Vec<_> = self.entries().collect();
        let buckets = self.buckets.len() + 1;
        self.buckets.clear();
        self.buckets.reserve_exact(buckets);
        self.buckets.resize(buckets, Bucket::default());
        entries.into_iter().for_each(|(tag, place)| self.put(tag, place));
    }
}
