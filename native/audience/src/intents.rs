//! Who asked for what.

use smallvec::SmallVec;

use crate::bits::{Bits, SEATS};
use crate::seats::{Seats, Session};

/// A set for each intent, once there are more seats than one word has. Until then the sessions are
/// looked at, which costs as much and takes no memory.
#[derive(Debug, Default)]
pub(crate) struct Intents(Vec<Bits>);

impl Intents {
    /// Sets are kept for bits 0 to 31.
    pub(crate) const SETS: usize = 32;

    pub(crate) fn is_kept(&self) -> bool {
        !self.0.is_empty()
    }

    /// A session took a seat, or leaves it.
    pub(crate) fn set(&mut self, seat: u32, session: &Session, value: bool) {
        for (bit, set) in self.0.iter_mut().enumerate() {
            if session.intents >> bit & 1 != 0 {
                set.set(seat, value);
            }
        }
    }

    /// Begins to keep sets, when the second word of seats does. What sits in the first is put in.
    pub(crate) fn keep<T>(&mut self, seats: &Seats<T>) {
        if self.is_kept() || seats.words() <= 1 {
            return;
        }
        self.0 = vec![Bits::default(); Self::SETS];
        for seat in 0..SEATS as u32 {
            if seats.taken().get(seat)
                && let Some(session) = seats.session(seat)
            {
                self.set(seat, &session, true);
            }
        }
    }

    pub(crate) fn cut(&mut self, words: usize) {
        if words == 0 {
            self.0 = Vec::new();
        }
        self.0.iter_mut().for_each(|set| set.cut(words));
    }

    /// The sets of those who have one of the intents; nothing if sets are not kept.
    pub(crate) fn sets(&self, mask: u32) -> SmallVec<[&Bits; 2]> {
        let wanted = self.0.iter().enumerate().filter(|(bit, _set)| mask >> bit & 1 != 0);
        wanted.map(|(_bit, set)| set).collect()
    }
}
