//! Events to those who get them: every session once a call, with all that is for it.

use smallvec::SmallVec;

use crate::bits::{SEATS, bit_of, seats};
use crate::choice::Choice;
use crate::item::Item;
use crate::seats::Session;
use crate::tile::Tiles;
use crate::{Audience, Budget};

/// What a word of an item takes, and a delivery, in the words of a budget. An outbox that nobody touched
/// lately waits for memory, and for more of it when its ring grows.
const WORD: usize = 2;
const PUSH: usize = 128;
/// Pushes after which the clock is looked at, if a session alone does not get more.
const PART: usize = 256;
/// Items of one call for which no memory is sought.
const ALIKE: usize = 16;

/// What takes the events of a session.
pub trait Deliver<T, E> {
    /// Looks at a sink that will be pushed to soon, so that it is in the cache by then.
    fn touch(&mut self, sink: &T);
    /// Gives a session its events.
    fn push(&mut self, key: u64, sink: &T, events: &[&E]);
}

/// An item that a seat gets otherwise than most.
pub(crate) struct Exception<'a, E> {
    pub(crate) seat: u32,
    item: usize,
    pub(crate) event: Option<&'a E>,
}

/// What the items that name a seat give it, by seat and item.
pub(crate) fn exceptions<'a, T, E>(choices: &[Choice<'a, T, E>]) -> Vec<Exception<'a, E>> {
    let mut exceptions = Vec::new();
    for (item, choice) in choices.iter().enumerate() {
        let named = choice.named().into_iter();
        exceptions.extend(named.map(|seat| Exception { seat, item, event: choice.alone(seat) }));
    }
    exceptions.sort_unstable_by_key(|exception| (exception.seat, exception.item));
    exceptions
}

impl<T> Audience<T> {
    /// Delivers items, beginning with seat `from`, until the budget is spent. Returns the
    /// seat to go on with, if there is more to do, and how many events were delivered.
    ///
    /// The items must be prepared.
    pub fn deliver<E>(
        &self,
        items: &[Item<E>],
        from: usize,
        budget: &mut Budget,
        deliver: &mut impl Deliver<T, E>,
    ) -> (Option<usize>, usize) {
        if self.seats.words() == 1
            && from == 0
            && let [item] = items
        {
            let pushed = self.deliver_few(item, deliver);
            budget.spend(1 + pushed * PUSH);
            return (None, pushed);
        }
        let choices = Choice::all(self, items);
        let exceptions = exceptions(&choices);
        let bulk = choices.iter().any(Choice::is_bulk);
        let single = self.seats.words() == 1;

        let mut round = Round {
            audience: self,
            of_word: (&[], &[]),
            deliver,
            // A word alone is no tile.
            tiles: Tiles::new(if bulk && !single { choices.len() } else { 0 }, self.seats.words()),
            words: SmallVec::new(),
            events: SmallVec::new(),
            pushed: 0,
        };
        // The seats of a word together, or fewer if there is much for each. It divides a word.
        let part = 1 << (PART / choices.len().max(1)).clamp(1, SEATS).ilog2();
        let (mut from, mut tile) = (from, None);
        loop {
            let first = exceptions.partition_point(|exception| (exception.seat as usize) < from);
            let rest = exceptions.get(first..).unwrap_or_default();
            if !bulk {
                // Nobody but those who are named: on to the next of them.
                from = rest.first().map_or(usize::MAX, |exception| exception.seat as usize);
            }
            let index = from / SEATS;
            if index >= self.seats.words() {
                return (None, round.pushed);
            }
            if budget.is_spent() {
                return (Some(from), round.pushed);
            }
            let width = round.tiles.width();
            if bulk && !single && tile != Some(index / width) {
                tile = Some(index / width);
                round.tiles.fill(&choices, index / width * width);
                budget.spend(choices.len() * width * WORD);
            }
            let end = (from / part + 1) * part;
            let here = rest.partition_point(|exception| (exception.seat as usize) < end);
            round.look(index, if bulk && single { &choices } else { &[] });
            let here = rest.get(..here).unwrap_or_default();
            let pushed = round.part(index, between(from, end), &choices, here);
            budget.spend(choices.len() + pushed * PUSH);
            // Rings that are equally long grow at the same push, which takes ten times as long as others.
            if pushed > 0 {
                budget.look();
            }
            from = end;
        }
    }
}

/// The bits of the seats from `from` up to, and without, `end`, which are of one word.
fn between(from: usize, end: usize) -> u64 {
    let count = end.saturating_sub(from).clamp(1, SEATS);
    (u64::MAX >> (SEATS - count)) << (from % SEATS)
}

struct Round<'a, 'b, T, E, D> {
    audience: &'b Audience<T>,
    /// The sessions and sinks of the word.
    of_word: (&'b [Session], &'b [Option<T>]),
    deliver: &'b mut D,
    /// For each item who gets it, of the words that are looked at together.
    tiles: Tiles,
    /// For each item the seats of the word that get its body, and its content.
    words: SmallVec<[(u64, u64); ALIKE]>,
    events: SmallVec<[&'a E; ALIKE]>,
    pushed: usize,
}

impl<'a, 'b, T, E, D: Deliver<T, E>> Round<'a, 'b, T, E, D> {
    /// Looks at the word: at what the tile says of it, or these choices if there is none.
    fn look(&mut self, index: usize, choices: &[Choice<'a, T, E>]) {
        self.of_word = self.audience.seats.of_word(index);
        self.words.clear();
        self.words.extend(self.tiles.column(index));
        self.words.extend(choices.iter().map(|choice| choice.word(index)));
    }

    /// Delivers to these seats of the word. Returns how many events were delivered.
    fn part(
        &mut self,
        index: usize,
        of: u64,
        choices: &[Choice<'a, T, E>],
        exceptions: &[Exception<'a, E>],
    ) -> usize {
        let pushed = self.pushed;
        let mut left = of & self.words.iter().fold(0, |all, (body, content)| all | body | content);

        for exception in exceptions {
            left &= !bit_of(exception.seat);
        }
        for seat in seats(index, left) {
            if let Some((_session, sink)) = self.seat(seat) {
                self.deliver.touch(sink);
            }
        }
        while left != 0 {
            let alike = self.alike(left, choices);
            seats(index, alike).for_each(|seat| self.push(seat));
            left &= !alike;
        }
        for of_seat in exceptions.chunk_by(|one, other| one.seat == other.seat) {
            self.alone(of_seat, choices);
        }
        self.pushed - pushed
    }

    /// Gathers the events of the first seat that is left. Returns the seats that get the same.
    fn alike(&mut self, left: u64, choices: &[Choice<'a, T, E>]) -> u64 {
        let first = left & left.wrapping_neg();
        let mut alike = left;
        self.events.clear();
        for (choice, (body, content)) in choices.iter().zip(&self.words) {
            if body & first != 0 {
                alike &= body;
                self.events.push(&choice.item.body);
            } else if content & first != 0 {
                alike &= content;
                self.events.extend(&choice.item.content);
            } else {
                alike &= !(body | content);
            }
        }
        alike
    }

    /// A seat that some items name: these say what it gets of them, the bulk what it gets of the rest.
    fn alone(&mut self, exceptions: &[Exception<'a, E>], choices: &[Choice<'a, T, E>]) {
        let Some(seat) = exceptions.first().map(|exception| exception.seat) else { return };
        let mut exceptions = exceptions.iter().peekable();
        self.events.clear();
        for (item, choice) in choices.iter().enumerate() {
            let (body, content) = self.words.get(item).copied().unwrap_or_default();
            if let Some(exception) = exceptions.next_if(|exception| exception.item == item) {
                self.events.extend(exception.event);
            } else if body & bit_of(seat) != 0 {
                self.events.push(&choice.item.body);
            } else if content & bit_of(seat) != 0 {
                self.events.extend(&choice.item.content);
            }
        }
        self.push(seat);
    }

    #[inline]
    fn seat(&self, seat: u32) -> Option<(&'b Session, &'b T)> {
        let (sessions, sinks) = self.of_word;
        let index = seat as usize % SEATS;
        Some((sessions.get(index)?, sinks.get(index)?.as_ref()?))
    }

    #[inline]
    fn push(&mut self, seat: u32) {
        if !self.events.is_empty()
            && let Some((session, sink)) = self.seat(seat)
        {
            self.pushed += self.events.len();
            self.deliver.push(session.key, sink, &self.events);
        }
    }
}
