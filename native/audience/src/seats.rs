//! Which session has which seat.

use crate::bits::{Bits, SEATS, bit_of, seats, word_of};
use crate::index::Index;
use crate::pieces::Pieces;

/// A session, as far as it decides what the session gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The caller's name for it.
    pub key: u64,
    /// Whose it is.
    pub user: u64,
    /// What it asked for, a bit each.
    pub intents: u32,
    /// Its shard, for events that go to one shard.
    pub shard: u32,
    /// Whether it gets only what is for its user, and what is for passive sessions too.
    pub passive: bool,
}

/// The sessions, each on a seat. The lowest free seat is given first, so that sets stay short.
#[derive(Debug)]
pub(crate) struct Seats<T> {
    sessions: Pieces<Session>,
    /// Beside the sessions, because a dispatch reads nothing else.
    sinks: Pieces<Option<T>>,
    taken: Bits,
    /// No word before it has a free seat.
    free: usize,
    count: usize,
    index: Index,
}

impl<T> Default for Seats<T> {
    fn default() -> Self {
        Self {
            sessions: Pieces::default(),
            sinks: Pieces::default(),
            taken: Bits::default(),
            free: 0,
            count: 0,
            index: Index::default(),
        }
    }
}

impl<T> Seats<T> {
    /// Every seat that is taken.
    pub(crate) fn taken(&self) -> &Bits {
        &self.taken
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many seats there are, taken or not.
    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// How many words a set of seats has.
    pub(crate) fn words(&self) -> usize {
        self.sessions.len().div_ceil(SEATS)
    }

    /// The seat that comes next, and so how many words there will be.
    pub(crate) fn next(&self) -> u32 {
        let mut index = self.free;
        let word = loop {
            let words = self.taken.from(index);
            match words.iter().position(|word| *word != u64::MAX) {
                Some(full) => {
                    index += full;
                    break self.taken.word(index);
                }
                None if words.is_empty() => break 0,
                None => index += words.len(),
            }
        };
        (index * SEATS + word.trailing_ones() as usize) as u32
    }

    pub(crate) fn take(&mut self, session: Session, sink: T) -> u32 {
        let seat = self.next();
        let index = seat as usize;
        if index < self.sessions.len() {
            self.put(seat, session, Some(sink));
        } else {
            self.sessions.push(session);
            self.sinks.push(Some(sink));
        }
        self.free = word_of(seat);
        self.taken.set(seat, true);
        self.count += 1;
        self.index.insert(&session, seat);
        self.index.keep(&self.sessions, |seat| self.taken.get(seat));
        seat
    }

    pub(crate) fn leave(&mut self, seat: u32) -> Option<T> {
        let session = self.session(seat)?;
        let sink = self.sinks.get_mut(seat as usize)?.take()?;
        self.taken.set(seat, false);
        self.free = self.free.min(word_of(seat));
        self.count -= 1;
        self.index.remove(&session, seat);
        Some(sink)
    }

    /// Cuts off the seats after the last one that is taken. Returns how many words are left, if fewer.
    pub(crate) fn cut(&mut self) -> Option<usize> {
        let words = self.words();
        let left = words.min(self.taken.end());
        if left == words {
            return None;
        }
        self.taken.cut(left);
        self.sessions.truncate(left * SEATS);
        self.sinks.truncate(left * SEATS);
        self.index.keep(&self.sessions, |_seat| false);
        Some(left)
    }

    #[inline]
    pub(crate) fn session(&self, seat: u32) -> Option<Session> {
        self.sessions.get(seat as usize).copied()
    }

    pub(crate) fn sink(&self, seat: u32) -> Option<&T> {
        self.sinks.get(seat as usize)?.as_ref()
    }

    /// The sessions and sinks of a word's seats.
    pub(crate) fn of_word(&self, word: usize) -> (&[Session], &[Option<T>]) {
        (self.sessions.from(word * SEATS), self.sinks.from(word * SEATS))
    }

    pub(crate) fn of_key(&self, key: u64) -> Option<u32> {
        self.index.of_key(key).unwrap_or_else(|| self.few(move |session| session.key == key).next())
    }

    /// The seats of a user.
    pub(crate) fn of_user(&self, user: u64) -> impl Iterator<Item = u32> {
        let kept = self.index.of_user(user);
        let few = kept.is_none().then(|| self.few(move |session| session.user == user));
        kept.into_iter().flatten().chain(few.into_iter().flatten())
    }

    /// Of the seats in the first word, those whose session is as `like` says.
    fn few(&self, like: impl Fn(&Session) -> bool) -> impl Iterator<Item = u32> {
        seats(0, self.select(0, like))
    }

    /// Those of a word's seats whose session is as `like` says.
    pub(crate) fn select(&self, word: usize, like: impl Fn(&Session) -> bool) -> u64 {
        let sessions = self.sessions.from(word * SEATS).iter().take(SEATS);
        let like = (0_u32..)
            .zip(sessions)
            .map(|(seat, session)| if like(session) { bit_of(seat) } else { 0 });
        like.fold(0, |word, bit| word | bit) & self.taken.word(word)
    }

    fn put(&mut self, seat: u32, session: Session, sink: Option<T>) {
        if let Some(place) = self.sessions.get_mut(seat as usize) {
            *place = session;
        }
        if let Some(place) = self.sinks.get_mut(seat as usize) {
            *place = sink;
        }
    }

    /// Bytes of so many seats and sessions, as memory is grown: an estimate from above.
    pub(crate) fn bytes(seats: usize, sessions: usize) -> usize {
        Pieces::<Session>::bytes(seats)
            + Pieces::<Option<T>>::bytes(seats)
            + Index::bytes(seats, sessions)
    }
}
