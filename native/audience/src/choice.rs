//! Who gets an item: most of them a word at a time, those that it names one by one.

use permissions::mask::ALL;
use smallvec::SmallVec;

use crate::Audience;
use crate::bits::{Bits, NONE, bit_of, word_of};
use crate::item::{Item, Moved, To};
use crate::moves::Saw;
use crate::seats::Session;
use crate::tile::TILE;
use crate::topics::Followers;

#[cfg(test)]
mod tests;

/// Beyond so many sets a word of each is looked at in a loop; before, none is allocated.
type Sets<'a> = SmallVec<[&'a Bits; 2]>;

/// Which seats have one of several things.
#[derive(Clone)]
enum Any<'a> {
    /// Nothing is needed.
    Everyone,
    Sets(Sets<'a>),
    /// These of the first word, as its sessions were asked, and there is no other.
    Word(u64),
}

/// An item as a rule for seats.
pub(crate) struct Choice<'a, T, E> {
    audience: &'a Audience<T>,
    pub(crate) item: &'a Item<E>,
    /// Who is there: in all of these, and not in that.
    within: [&'a Bits; 2],
    outside: &'a Bits,
    intents: Any<'a>,
    holders: Any<'a>,
    content: Any<'a>,
}

/// The choices of items; of one item without memory of their own.
pub(crate) type Choices<'a, T, E> = SmallVec<[Choice<'a, T, E>; 1]>;

/// MESSAGE_CONTENT.
const CONTENT: u32 = 1 << 15;

impl<'a, T, E> Choice<'a, T, E> {
    pub(crate) fn all(audience: &'a Audience<T>, items: &'a [Item<E>]) -> Choices<'a, T, E> {
        let mut choices = Choices::with_capacity(items.len());
        for item in items {
            let choice = Self::new(audience, item, choices.last());
            choices.push(choice);
        }
        choices
    }

    /// What is as with the item before is not worked out again: those of a busy room are much alike.
    pub(crate) fn new(audience: &'a Audience<T>, item: &'a Item<E>, before: Option<&Self>) -> Self {
        let taken = audience.seats.taken();
        let sight = |channel: u64| audience.sight_of(channel);
        let (within, outside) = match &item.to {
            To::Room => ([taken, taken], &NONE),
            To::Channel(channel) => ([taken, sight(*channel)], &NONE),
            To::Users(_) => ([&NONE, &NONE], &NONE),
            To::Topic(topic) => {
                let many = audience.topics.followers(topic).map_or(&NONE, Followers::many);
                ([taken, many], &NONE)
            }
            To::Moved(moves, channel, moved) => match (moves.saw(*channel), moved) {
                (Some(Saw::Set(set)), Moved::Gained) => {
                    ([taken, sight(*channel)], moves.bits(*set))
                }
                (Some(Saw::Set(set)), Moved::Lost) => ([taken, moves.bits(*set)], sight(*channel)),
                (Some(Saw::Set(set)), Moved::Kept) => ([sight(*channel), moves.bits(*set)], &NONE),
                (Some(Saw::Seats(_)) | None, Moved::Kept) => ([taken, sight(*channel)], &NONE),
                (Some(Saw::Seats(_)) | None, Moved::Gained | Moved::Lost) => {
                    ([&NONE, &NONE], &NONE)
                }
            },
        };
        let alike = before.filter(|before| before.item.intents == item.intents);
        let content = before.filter(|before| before.item.content.is_some());
        let intents = alike.map(|before| before.intents.clone());
        let content = content.map(|before| before.content.clone());
        let wanted = if item.content.is_some() { CONTENT } else { 0 };
        Self {
            audience,
            item,
            within,
            outside,
            intents: intents.unwrap_or_else(|| audience.having(item.intents)),
            holders: audience.holding(item.permissions),
            content: content.unwrap_or_else(|| audience.having(wanted)),
        }
    }

    /// What `fill` makes of one word, for rooms that have no other: a few instructions.
    pub(crate) fn word(&self, index: usize) -> (u64, u64) {
        let [one, other] = self.within;
        let audience = self.audience;
        let mut body = one.word(index) & other.word(index) & !self.outside.word(index);
        body &= audience.any(&self.intents, index) & audience.any(&self.holders, index);
        if !self.item.passive && !self.means_seats() {
            body &= !audience.passive.word(index);
        }
        if let Some(shard) = self.item.shard {
            body &= audience.seats.select(index, |session| session.shard == shard);
        }
        if self.item.content.is_none() {
            return (body, 0);
        }
        let content = body & audience.any(&self.content, index);
        (body & !content, content)
    }

    /// Whether there is a seat that the item names.
    fn names_any(&self) -> bool {
        !matches!(self.item.to, To::Room | To::Channel(_))
            || self.item.author.is_some()
            || self.item.names() > 0
    }

    /// Whether it is for anyone but those it names.
    pub(crate) fn is_bulk(&self) -> bool {
        !self.within.iter().any(|set| std::ptr::eq(*set, &raw const NONE))
    }

    /// Whether the item means seats by their user or topic, and passive ones as well.
    fn means_seats(&self) -> bool {
        matches!(self.item.to, To::Users(_) | To::Topic(_))
    }

    /// The seats of some words, from one on, that get the body, and those that get the content. Those
    /// that the item names may be among them wrongly.
    pub(crate) fn fill(&self, from: usize, body: &mut [u64], content: &mut [u64]) {
        let [one, other] = self.within;
        content.fill(0);
        assign(body, one.from(from));
        keep(body, other.from(from));
        drop_all(body, self.outside.from(from));
        self.audience.keep_any(&self.intents, from, body);
        self.audience.keep_any(&self.holders, from, body);
        if !self.item.passive && !self.means_seats() {
            drop_all(body, self.audience.passive.from(from));
        }
        if let Some(shard) = self.item.shard {
            for (index, word) in (from..).zip(body.iter_mut()).filter(|(_index, word)| **word != 0)
            {
                *word &= self.audience.seats.select(index, |session| session.shard == shard);
            }
        }
        if self.item.content.is_some() {
            assign(content, body);
            self.audience.keep_any(&self.content, from, content);
            drop_all(body, content);
        }
    }

    /// The seats for which the bulk may be wrong.
    pub(crate) fn named(&self) -> Vec<u32> {
        let mut seats = Vec::new();
        self.each_named(|seat| seats.push(seat));
        seats.sort_unstable();
        seats.dedup();
        seats
    }

    /// The same as a word, for rooms that have no other.
    pub(crate) fn named_word(&self) -> u64 {
        let mut word = 0;
        self.each_named(|seat| word |= bit_of(seat));
        word
    }

    fn each_named(&self, mut found: impl FnMut(u32)) {
        if !self.names_any() {
            return;
        }
        let item = self.item;
        let author = item.author.iter().map(|(user, _event)| user);
        let content = item.content.iter().flat_map(|_event| item.content_for.ids());
        let to: &[u64] = if let To::Users(users) = &item.to { users.ids() } else { &[] };
        let users = item.always.ids().iter().chain(item.except.ids());
        let users = users.chain(author).chain(content).chain(to);

        users.flat_map(|user| self.audience.seats.of_user(*user)).for_each(&mut found);
        match &item.to {
            To::Moved(moves, ..) => moves.affected().iter().copied().for_each(found),
            To::Topic(topic) => {
                let few = self.audience.topics.followers(topic).map_or(&[][..], Followers::few);
                few.iter().copied().for_each(found);
            }
            _ => {}
        }
    }

    /// What a seat gets: the definition, for one seat.
    pub(crate) fn alone(&self, seat: u32) -> Option<&'a E> {
        let item = self.item;
        let session = self.audience.seats.session(seat)?;
        let always = item.always.contains(session.user);
        let wants = item.intents == 0 || session.intents & item.intents != 0;
        let awake = item.passive || self.means_seats() || !self.audience.passive.get(seat);

        let receives = self.audience.seats.taken().get(seat)
            && (always || wants && awake)
            && !item.except.contains(session.user)
            && item.shard.is_none_or(|shard| shard == session.shard)
            && self.audience.any(&self.holders, word_of(seat)) & bit_of(seat) != 0
            && self.is_there(seat, &session);
        receives.then(|| self.event(&session))
    }

    fn is_there(&self, seat: u32, session: &Session) -> bool {
        match &self.item.to {
            To::Users(users) => users.contains(session.user),
            To::Topic(topic) => self
                .audience
                .topics
                .followers(topic)
                .is_some_and(|followers| followers.contains(seat)),
            To::Moved(moves, channel, moved) if let Some(Saw::Seats(saw)) = moves.saw(*channel) => {
                let sees = self.audience.seat_sees(seat, *channel);
                // Whoever the change does not bear on saw what it sees.
                let affected = moves.affected().binary_search(&seat).is_ok();
                let saw = if affected { saw.binary_search(&seat).is_ok() } else { sees };
                (saw, sees)
                    == match moved {
                        Moved::Gained => (false, true),
                        Moved::Lost => (true, false),
                        Moved::Kept => (true, true),
                    }
            }
            _ => {
                let [one, other] = self.within;
                one.get(seat) && other.get(seat) && !self.outside.get(seat)
            }
        }
    }

    fn event(&self, session: &Session) -> &'a E {
        let item = self.item;
        match (&item.author, &item.content) {
            (Some((author, event)), _) if *author == session.user => event,
            (_, Some(content))
                if session.intents & CONTENT != 0 || item.content_for.contains(session.user) =>
            {
                content
            }
            _ => &item.body,
        }
    }
}

impl<T> Audience<T> {
    /// Who sees a channel, if that is worked out.
    pub(crate) fn sight_of(&self, channel: u64) -> &Bits {
        self.rights.place(channel).map_or(&NONE, |place| &self.rights.sight(place).bits)
    }

    fn having(&self, intents: u32) -> Any<'_> {
        if intents == 0 {
            Any::Everyone
        } else if self.intents.is_kept() {
            Any::Sets(self.intents.sets(intents))
        } else {
            Any::Word(self.seats.select(0, |session| session.intents & intents != 0))
        }
    }

    fn holding(&self, permissions: u64) -> Any<'_> {
        if permissions == 0 || self.rights.everyone & permissions != 0 {
            return Any::Everyone;
        }
        let mut sets: Sets<'_> =
            self.rights.granting(permissions).map(|role| &role.members).collect();
        if permissions & ALL != 0 {
            sets.push(&self.rights.above.bits);
        }
        Any::Sets(sets)
    }

    /// Keeps those of some words, from one on, who have any of the things.
    fn keep_any(&self, any: &Any<'_>, from: usize, words: &mut [u64]) {
        match any {
            Any::Everyone => {}
            Any::Sets(sets) => match &**sets {
                [] => words.fill(0),
                [set] => keep(words, set.from(from)),
                [first, rest @ ..] => {
                    let mut all: SmallVec<[u64; TILE]> = SmallVec::from_elem(0, words.len());
                    assign(&mut all, first.from(from));
                    for set in rest {
                        all.iter_mut().zip(set.from(from)).for_each(|(word, set)| *word |= set);
                    }
                    keep(words, &all);
                }
            },
            Any::Word(_) => {
                for (index, word) in (from..).zip(words.iter_mut()) {
                    *word &= self.any(any, index);
                }
            }
        }
    }

    #[inline]
    fn any(&self, any: &Any<'_>, index: usize) -> u64 {
        match any {
            Any::Everyone => u64::MAX,
            Any::Sets(sets) => sets.iter().fold(0, |word, set| word | set.word(index)),
            Any::Word(word) if index == 0 => *word,
            Any::Word(_) => 0,
        }
    }
}

// Words that the other set does not have are 0.

fn assign(words: &mut [u64], other: &[u64]) {
    let (copied, empty) = words.split_at_mut(other.len().min(words.len()));
    copied.iter_mut().zip(other).for_each(|(word, other)| *word = *other);
    empty.fill(0);
}

fn keep(words: &mut [u64], other: &[u64]) {
    let (kept, empty) = words.split_at_mut(other.len().min(words.len()));
    kept.iter_mut().zip(other).for_each(|(word, other)| *word &= other);
    empty.fill(0);
}

fn drop_all(words: &mut [u64], other: &[u64]) {
    words.iter_mut().zip(other).for_each(|(word, other)| *word &= !other);
}
