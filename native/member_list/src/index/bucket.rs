//! A bucket: what one look at the memory brings.

use crate::records::Place;

/// Entries of a bucket.
pub(super) const SLOTS: usize = 12;

/// Up to twelve entries in one line of the cache, the first `len` of each array.
#[derive(Clone, Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    places: [Place; SLOTS],
    tags: [u8; SLOTS],
    len: u8,
    /// Whether an entry that belongs here may be among those that found no room.
    pub(super) overflown: bool,
}

impl Bucket {
    pub(super) fn len(&self) -> usize {
        self.len.into()
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() == SLOTS
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (u8, Place)> + '_ {
        let entries = self.tags.iter().copied().zip(self.places.iter().copied());
        entries.take(self.len())
    }

    /// The places of the entries that have the tag.
    #[inline]
    pub(super) fn tagged(&self, tag: u8) -> impl Iterator<Item = Place> + '_ {
        self.entries().filter(move |(other, _place)| *other == tag).map(|(_tag, place)| place)
    }

    /// Which entry has the tag and a place for which `is_it` holds.
    #[inline]
    pub(super) fn find(&self, tag: u8, is_it: impl Fn(Place) -> bool) -> Option<(usize, Place)> {
        let found = |(_at, (other, place)): &(usize, (u8, Place))| *other == tag && is_it(*place);
        self.entries().enumerate().find(found).map(|(at, (_tag, place))| (at, place))
    }

    /// Adds an entry to a bucket that is not full.
    pub(super) fn push(&mut self, tag: u8, place: Place) {
        self.set(self.len(), tag, place);
        self.len += 1;
    }

    /// Takes an entry out; the last one takes its place.
    pub(super) fn remove(&mut self, at: usize) {
        self.len -= 1;
        let last = self.len();
        if let (Some(tag), Some(place)) = (self.tags.get(last), self.places.get(last)) {
            self.set(at, *tag, *place);
        }
    }

    pub(super) fn set(&mut self, at: usize, tag: u8, place: Place) {
        if let (Some(to), Some(slot)) = (self.tags.get_mut(at), self.places.get_mut(at)) {
            (*to, *slot) = (tag, place);
        }
    }
}
