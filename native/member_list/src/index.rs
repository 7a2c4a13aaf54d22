//! Where the record of an id is: linear hashing, with two buckets in which an entry may be.
//!
//! An entry is a byte of the id's hash, the tag, and the record's place; the id is read in the record,
//! so that it is stored once. The hash tells both buckets without a look at anything else, and they come
//! from the memory together. An entry goes to the one that has fewer, so that buckets are seven
//! eighths full. One bucket more takes its entries from one other, however large the index is.

mod bucket;

use ahash::RandomState;
use pages::Blocks;
use smallvec::SmallVec;

use crate::records::{Place, Records};
use bucket::{Bucket, SLOTS};

/// Moves before the one that makes room for another entry.
const STEPS: usize = 1;

pub(crate) struct Index {
    hasher: RandomState,
    buckets: Blocks<Bucket>,
    /// All bits of a bucket's number.
    mask: usize,
    len: usize,
    /// Entries that found no room, nearly always none.
    overflow: Vec<Place>,
}

impl Index {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            buckets: Blocks::default(),
            mask: 0,
            len: 0,
            overflow: Vec::new(),
        }
    }

    /// Asks for the memory in which [`Index::get`] of an id begins.
    #[inline]
    pub(crate) fn fetch(&self, id: u64) {
        self.fetch_home(self.home(id));
    }

    /// The place of an id's record.
    #[inline]
    pub(crate) fn get(&self, records: &Records, id: u64) -> Option<Place> {
        let home = self.home(id);
        self.fetch_home(home);
        let both = home.both.map(|at| self.buckets.get(at));
        // One in twelve has another of its tag beside it: their records come at the same time.
        for bucket in both.iter().flatten() {
            bucket.tagged(home.tag).for_each(|place| records.fetch(place));
        }
        let is_it = |place| records.id(place) == id;
        let found = both.iter().flatten().find_map(|bucket| bucket.find(home.tag, is_it));
        match found {
            Some((_slot, place)) => Some(place),
            None if both.iter().flatten().any(|bucket| bucket.overflown) => {
                self.overflow.iter().copied().find(|place| is_it(*place))
            }
            None => None,
        }
    }

    /// Adds the place of an id that is not there.
    pub(crate) fn insert(&mut self, records: &Records, id: u64, place: Place) {
        self.buckets.give_back();
        self.len += 1;
        if self.len * 8 > self.buckets.len() * SLOTS * 7 {
            self.grow(records);
        }
        self.put(records, id, place);
    }

    pub(crate) fn remove(&mut self, records: &Records, id: u64) {
        match self.find(records, id) {
            Some((at, slot)) => {
                if let Some(bucket) = self.buckets.get_mut(at) {
                    bucket.remove(slot);
                }
            }
            None => self.overflow.retain(|place| records.id(*place) != id),
        }
        self.len -= 1;
        if self.len == 0 {
            self.buckets.clear();
            self.mask = 0;
        }
    }

    /// Puts another place of the id's record in place of the one known.
    pub(crate) fn replace(&mut self, records: &Records, id: u64, new: Place) {
        let tag = self.home(id).tag;
        match self.find(records, id) {
            Some((at, slot)) => {
                if let Some(bucket) = self.buckets.get_mut(at) {
                    bucket.set(slot, tag, new);
                }
            }
            None => {
                let known = self.overflow.iter_mut().find(|place| records.id(**place) == id);
                known.into_iter().for_each(|place| *place = new);
            }
        }
    }

    /// Bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.buckets.bytes() + self.overflow.capacity() * size_of::<Place>()
    }

    /// By how much `bytes` may grow with the next entry.
    pub(crate) fn growth(&self) -> usize {
        self.buckets.growth(1) + self.overflow.capacity().max(4) * size_of::<Place>()
    }

    #[inline]
    fn home(&self, id: u64) -> Home {
        let hash = self.hasher.hash_one(id);
        let bucket = |hash: u32| {
            let at = hash as usize & self.mask;
            // Not there yet: its entries are still where they were when there were half as many.
            if at < self.buckets.len() { at } else { at & (self.mask >> 1) }
        };
        // The buckets are told by the low bits of both halves.
        let tag = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
        Home { both: [bucket(hash as u32), bucket((hash >> 32) as u32)], tag }
    }

    #[inline]
    fn fetch_home(&self, home: Home) {
        for at in home.both {
            prefetch::slice(self.buckets.get(at).map(std::slice::from_ref).unwrap_or_default());
        }
    }

    /// The bucket of an id's entry, and where it is in it.
    fn find(&self, records: &Records, id: u64) -> Option<(usize, usize)> {
        let home = self.home(id);
        home.both.into_iter().find_map(|at| {
            let found = self.buckets.get(at)?.find(home.tag, |place| records.id(place) == id);
            found.map(|(slot, _place)| (at, slot))
        })
    }

    fn put(&mut self, records: &Records, id: u64, place: Place) {
        let home = self.home(id);
        let len = |at: usize| self.buckets.get(at).map_or(SLOTS, Bucket::len);
        let [first, second] = home.both;
        let at = if len(second) < len(first) { second } else { first };
        if len(at) == SLOTS
            && !self.make_room(records, first, STEPS)
            && !self.make_room(records, second, STEPS)
        {
            self.overflow.push(place);
            home.both.into_iter().for_each(|at| self.mark(at));
            return;
        }
        let has_room = |at: &usize| self.buckets.get(*at).is_some_and(|bucket| !bucket.is_full());
        let at =
            if has_room(&at) { at } else { home.both.into_iter().find(has_room).unwrap_or(at) };
        if let Some(bucket) = self.buckets.get_mut(at) {
            bucket.push(home.tag, place);
        }
    }

    /// Moves an entry of a full bucket to the other one in which it may be, if that has room, or can be
    /// given some in so many steps.
    fn make_room(&mut self, records: &Records, at: usize, steps: usize) -> bool {
        let Some(bucket) = self.buckets.get(at).cloned() else { return false };
        bucket.entries().for_each(|(_tag, place)| records.fetch(place));
        let others: SmallVec<[(u8, Place, usize); SLOTS]> = bucket
            .entries()
            .filter_map(|(tag, place)| {
                let home = self.home(records.id(place));
                Some((tag, place, home.both.into_iter().find(|other| *other != at)?))
            })
            .collect();
        let has_room =
            |index: &Self, at: usize| index.buckets.get(at).is_some_and(|bucket| !bucket.is_full());
        let movable =
            others.iter().find(|(_tag, _place, other)| has_room(self, *other)).or_else(|| {
                let deeper = steps.checked_sub(1)?;
                others.iter().find(|(_tag, _place, other)| self.make_room(records, *other, deeper))
            });
        let Some((tag, place, other)) = movable else { return false };
        // What was moved to make room may have come from here.
        if let Some(bucket) = self.buckets.get_mut(at)
            && let Some((slot, _place)) = bucket.find(*tag, |other| other == *place)
        {
            bucket.remove(slot);
            if let Some(bucket) = self.buckets.get_mut(*other) {
                bucket.push(*tag, *place);
            }
        }
        has_room(self, at)
    }

    fn mark(&mut self, at: usize) {
        if let Some(bucket) = self.buckets.get_mut(at) {
            bucket.overflown = true;
        }
    }

    /// One bucket more. Its entries were in the one whose number has a bit less.
    fn grow(&mut self, records: &Records) {
        let new = self.buckets.len();
        self.buckets.push(Bucket::default());
        self.mask = self.buckets.len().next_power_of_two() - 1;
        if new == 0 {
            return;
        }
        let old = new & (self.mask >> 1);
        let Some(before) = self.buckets.get_mut(old).map(std::mem::take) else { return };
        if before.overflown {
            [old, new].into_iter().for_each(|at| self.mark(at));
        }
        before.entries().for_each(|(_tag, place)| records.fetch(place));
        for (tag, place) in before.entries() {
            let home = self.home(records.id(place));
            let of = |at: usize| {
                let may = home.both.contains(&at);
                self.buckets.get(at).filter(|_bucket| may).map_or(SLOTS, Bucket::len)
            };
            let at = if of(new) < of(old) { new } else { old };
            if let Some(bucket) = self.buckets.get_mut(at) {
                bucket.push(tag, place);
            }
        }
        if let Some(place) = self.overflow.pop() {
            self.put(records, records.id(place), place);
        }
    }
}

/// The buckets in which an id's entry may be, and its tag.
#[derive(Clone, Copy)]
struct Home {
    both: [usize; 2],
    tag: u8,
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
    fn few_find_no_room() {
        let (mut records, mut index) = (Records::default(), Index::new());
        let mut most = 0;
        for id in 0..300_000_u64 {
            let place = records.insert(id * 4_194_304, 0, b"").unwrap();
            index.insert(&records, id * 4_194_304, place);
            most = most.max(index.overflow.len());
        }
        assert!(most < 10, "{most}");
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
