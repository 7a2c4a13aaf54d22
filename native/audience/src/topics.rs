//! Who follows what.

use std::collections::BTreeMap;

use crate::bits::{Bits, NONE};

/// What a session may follow: a name of the caller's own.
pub type Topic = Box<[u8]>;

/// The seats that follow a topic: a list of a few, or a set.
#[derive(Debug)]
pub(crate) enum Followers {
    /// Ascending.
    Few(Vec<u32>),
    Many(Bits, usize),
}

/// Beyond it a list becomes a set.
const FEW: usize = 64;

impl Followers {
    pub(crate) fn contains(&self, seat: u32) -> bool {
        match self {
            Self::Few(seats) => seats.binary_search(&seat).is_ok(),
            Self::Many(bits, _count) => bits.get(seat),
        }
    }

    /// The few of them; of many nobody.
    pub(crate) fn few(&self) -> &[u32] {
        if let Self::Few(seats) = self { seats } else { &[] }
    }

    /// The many of them; of few nobody.
    pub(crate) fn many(&self) -> &Bits {
        if let Self::Many(bits, _count) = self { bits } else { &NONE }
    }

    /// Puts a seat in. Returns whether the list became a set.
    fn insert(&mut self, seat: u32) -> bool {
        match self {
            Self::Few(seats) => {
                if let Err(index) = seats.binary_search(&seat) {
                    seats.insert(index, seat);
                }
                if seats.len() <= FEW {
                    return false;
                }
                let (mut bits, count) = (Bits::default(), seats.len());
                for seat in seats {
                    bits.set(*seat, true);
                }
                *self = Self::Many(bits, count);
                true
            }
            Self::Many(bits, count) => {
                *count += usize::from(bits.set(seat, true));
                false
            }
        }
    }

    /// Takes a seat out. Returns whether nobody is left.
    fn remove(&mut self, seat: u32) -> bool {
        match self {
            Self::Few(seats) => {
                if let Ok(index) = seats.binary_search(&seat) {
                    seats.remove(index);
                }
                seats.is_empty()
            }
            Self::Many(bits, count) => {
                *count -= usize::from(bits.set(seat, false));
                *count == 0
            }
        }
    }
}

/// The topics of an audience.
#[derive(Debug, Default)]
pub(crate) struct Topics(Option<Box<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    followers: BTreeMap<Topic, Followers>,
    /// What each seat that follows something follows.
    seats: BTreeMap<u32, Vec<Topic>>,
    /// How many times something is followed.
    follows: usize,
    /// How many topics have a set.
    sets: usize,
}

impl Topics {
    pub(crate) fn followers(&self, topic: &[u8]) -> Option<&Followers> {
        self.0.as_ref()?.followers.get(topic)
    }

    /// How many topics a seat follows.
    pub(crate) fn of_seat(&self, seat: u32) -> usize {
        self.0.as_ref().and_then(|kept| kept.seats.get(&seat)).map_or(0, Vec::len)
    }

    /// Lets a seat follow these topics and no others.
    pub(crate) fn follow(&mut self, seat: u32, mut topics: Vec<Topic>) {
        self.leave(seat);
        topics.sort_unstable();
        topics.dedup();
        if topics.is_empty() {
            return;
        }
        let kept = self.0.get_or_insert_default();
        for topic in &topics {
            let followers = kept.followers.entry(topic.clone());
            let followers = followers.or_insert_with(|| Followers::Few(Vec::new()));
            kept.sets += usize::from(followers.insert(seat));
        }
        kept.follows += topics.len();
        kept.seats.insert(seat, topics);
    }

    /// A seat follows nothing any more.
    pub(crate) fn leave(&mut self, seat: u32) {
        let Some(kept) = &mut self.0 else { return };
        let Some(topics) = kept.seats.remove(&seat) else { return };
        kept.follows -= topics.len();
        for topic in &topics {
            if kept.followers.get_mut(topic).is_some_and(|followers| followers.remove(seat))
                && let Some(Followers::Many(..)) = kept.followers.remove(topic)
            {
                kept.sets -= 1;
            }
        }
        if kept.seats.is_empty() {
            self.0 = None;
        }
    }

    /// How many times something is followed, and how many topics have a set.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.0.as_ref().map_or((0, 0), |kept| (kept.follows, kept.sets))
    }
}
