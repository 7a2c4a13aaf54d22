//! What channels that are seen by the same sessions have in common.

use permissions::mask::VIEW_CHANNEL;
use permissions::{Mask, Overwrite, Target};

use crate::bits::{Bits, word_of};

/// A set that is worked out, in pieces if it is large, and then kept up to date bit by bit.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    pub(crate) bits: Bits,
    /// How many words are worked out.
    pub(crate) ready: usize,
}

impl Sight {
    /// Puts a seat in or out, if its word is worked out: else that is still to come.
    pub(crate) fn set(&mut self, seat: u32, value: bool) {
        if self.covers(seat) {
            self.bits.set(seat, value);
        }
    }

    pub(crate) fn covers(&self, seat: u32) -> bool {
        word_of(seat) < self.ready
    }

    /// A seat more: with it may come a word more, in which nobody else sits.
    pub(crate) fn grow(&mut self, before: usize, words: usize) {
        if self.ready == before && before < words {
            self.bits.cut(before);
            self.ready = words;
        }
    }

    pub(crate) fn cut(&mut self, words: usize) {
        self.bits.cut(words);
        self.ready = self.ready.min(words);
    }

    /// It must be worked out anew. The memory stays.
    pub(crate) fn spoil(&mut self) {
        self.ready = 0;
    }
}

/// Whom a rule is for, in the order in which rules are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whom {
    Everyone,
    Role(u64),
    Member(u64),
}

/// What an overwrite does to VIEW_CHANNEL. To allow beats to deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) whom: Whom,
    pub(crate) allow: bool,
}

/// The rules of some channels, and who sees these.
#[derive(Debug)]
pub(crate) struct Class {
    /// Ascending.
    pub(crate) rules: Box<[Rule]>,
    /// How many channels have it.
    pub(crate) channels: usize,
    pub(crate) sight: Sight,
}

impl Class {
    fn new(rules: Box<[Rule]>, sight: Sight) -> Self {
        Self { rules, channels: 0, sight }
    }
}

/// The rules that a channel's overwrites come to. Of several for one role or member the last counts.
pub(crate) fn rules(guild: u64, overwrites: &[Overwrite]) -> Box<[Rule]> {
    let whom = |overwrite: &Overwrite| match overwrite.target {
        Target::Role if overwrite.id == guild => Whom::Everyone,
        Target::Role => Whom::Role(overwrite.id),
        Target::Member => Whom::Member(overwrite.id),
    };
    let mut last: Vec<(Whom, Mask, Mask)> = overwrites
        .iter()
        .rev()
        .map(|overwrite| (whom(overwrite), overwrite.allow, overwrite.deny))
        .collect();
    last.sort_by_key(|(whom, ..)| *whom);
    last.dedup_by_key(|(whom, ..)| *whom);

    last.into_iter()
        .filter(|(_whom, allow, deny)| (allow | deny) & VIEW_CHANNEL != 0)
        .map(|(whom, allow, _deny)| Rule { whom, allow: allow & VIEW_CHANNEL != 0 })
        .collect()
}

/// The classes that channels have, each once.
#[derive(Debug, Default)]
pub(crate) struct Classes {
    slots: Vec<Option<Class>>,
    /// How many classes there are, and how many rules they have.
    size: (usize, usize),
    /// The memory of a class that is gone, for the next one: overwrites change more often than the
    /// number of classes.
    spare: Sight,
}

impl Classes {
    pub(crate) fn get(&self, index: usize) -> Option<&Class> {
        self.slots.get(index)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Class> {
        self.slots.get_mut(index)?.as_mut()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Class> {
        self.slots.iter_mut().flatten()
    }

    /// No set has words from this one on.
    pub(crate) fn cut(&mut self, words: usize) {
        self.spare.cut(words);
        self.iter_mut().for_each(|class| class.sight.cut(words));
    }

    /// How many there are, and how many rules they have.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.size
    }

    pub(crate) fn find(&self, rules: &[Rule]) -> Option<usize> {
        self.slots
            .iter()
            .position(|class| class.as_ref().is_some_and(|class| *class.rules == *rules))
    }

    /// Gives a channel the class of these rules.
    pub(crate) fn join(&mut self, rules: Box<[Rule]>) -> usize {
        let index = self.find(&rules).unwrap_or_else(|| {
            let sight = std::mem::take(&mut self.spare);
            self.add(Class::new(rules, sight))
        });
        if let Some(class) = self.get_mut(index) {
            class.channels += 1;
        }
        index
    }

    /// Takes a channel out of its class. One without channels is forgotten.
    pub(crate) fn part(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index)
            && let Some(class) = slot
        {
            class.channels -= 1;
            if class.channels == 0 {
                self.size = (self.size.0 - 1, self.size.1 - class.rules.len());
                self.spare = std::mem::take(&mut class.sight);
                self.spare.spoil();
                *slot = None;
            }
        }
    }

    fn add(&mut self, class: Class) -> usize {
        self.size = (self.size.0 + 1, self.size.1 + class.rules.len());
        match self.slots.iter_mut().enumerate().find(|(_index, slot)| slot.is_none()) {
            Some((index, slot)) => {
                *slot = Some(class);
                index
            }
            None => {
                if self.slots.len() < 2 {
                    self.slots.reserve_exact(1);
                }
                self.slots.push(Some(class));
                self.slots.len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overwrite(target: Target, id: u64, allow: Mask, deny: Mask) -> Overwrite {
        Overwrite { id, target, allow, deny }
    }

    #[test]
    fn only_what_bears_on_sight_makes_a_rule() {
        let both = [
            overwrite(Target::Member, 9, VIEW_CHANNEL, 0),
            overwrite(Target::Role, 2, 0, 1),
            overwrite(Target::Role, 3, 0, VIEW_CHANNEL),
            overwrite(Target::Role, 1, VIEW_CHANNEL, VIEW_CHANNEL),
            overwrite(Target::Role, 3, VIEW_CHANNEL, 0),
        ];
        let rules = rules(1, &both);
        let allow = |whom| Rule { whom, allow: true };
        assert_eq!(*rules, [allow(Whom::Everyone), allow(Whom::Role(3)), allow(Whom::Member(9))]);
    }

    #[test]
    fn a_class_is_shared_and_forgotten_with_its_last_channel() {
        let mut classes = Classes::default();
        let rule = Rule { whom: Whom::Everyone, allow: false };
        let first = classes.join(Box::new([rule]));
        assert_eq!(classes.join(Box::new([rule])), first);
        let other = classes.join(Box::new([]));
        assert_eq!(classes.size(), (2, 1));
        classes.part(first);
        classes.part(first);
        assert_eq!(classes.size(), (1, 0));
        assert_ne!(classes.join(Box::new([rule])), other);
    }
}
