//! An event and whom it is for.

use std::sync::Arc;

use permissions::Mask;

use crate::moves::Moves;
use crate::topics::Topic;

/// Some users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users(Vec<u64>);

impl From<Vec<u64>> for Users {
    fn from(mut ids: Vec<u64>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }
}

impl Users {
    /// Their ids, ascending.
    pub fn ids(&self) -> &[u64] {
        &self.0
    }

    /// Whether a user is among them.
    #[inline]
    pub fn contains(&self, user: u64) -> bool {
        self.0.binary_search(&user).is_ok()
    }
}

/// Where an event goes.
#[derive(Debug, Clone)]
pub enum To {
    /// To everyone.
    Room,
    /// To those who see a channel.
    Channel(u64),
    /// To the sessions of some users.
    Users(Users),
    /// To those who follow a topic.
    Topic(Topic),
    /// To those for whom a change made this of a channel.
    Moved(Arc<Moves>, u64, Moved),
}

/// What became of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It is seen, and was not.
    Gained,
    /// It was seen, and is not.
    Lost,
    /// It was seen, and is.
    Kept,
}

/// An event, whom it is for, and what some of these get instead of it.
#[derive(Debug, Clone)]
pub struct Item<E> {
    /// What a session gets for which nothing else is said.
    pub body: E,
    /// What those get who have the intent MESSAGE_CONTENT, and the users of `content_for`.
    pub content: Option<E>,
    /// What the sessions of its author get.
    pub author: Option<(u64, E)>,
    /// Where it goes.
    pub to: To,
    /// A session needs one of these; 0: none is needed.
    pub intents: u32,
    /// A session's roles need one of these; 0: none is needed.
    pub permissions: Mask,
    /// Users whose sessions need no intent, and get it although they are passive.
    pub always: Users,
    /// Users who do not get it.
    pub except: Users,
    /// Users who get `content` whatever their intents.
    pub content_for: Users,
    /// Whether passive sessions get it too; those that `to` means by their user or topic do anyway.
    pub passive: bool,
    /// The only shard it goes to.
    pub shard: Option<u32>,
}

impl<E> Item<E> {
    /// An event for everyone.
    pub fn new(body: E) -> Self {
        Self {
            body,
            content: None,
            author: None,
            to: To::Room,
            intents: 0,
            permissions: 0,
            always: Users::default(),
            except: Users::default(),
            content_for: Users::default(),
            passive: false,
            shard: None,
        }
    }

    /// The same item with other events.
    pub fn map<F>(self, event: impl Fn(E) -> F) -> Item<F> {
        Item {
            body: event(self.body),
            content: self.content.map(&event),
            author: self.author.map(|(user, of_author)| (user, event(of_author))),
            to: self.to,
            intents: self.intents,
            permissions: self.permissions,
            always: self.always,
            except: self.except,
            content_for: self.content_for,
            passive: self.passive,
            shard: self.shard,
        }
    }

    /// How many users it names.
    pub fn names(&self) -> usize {
        let to = if let To::Users(users) = &self.to { users.ids().len() } else { 0 };
        to + [&self.always, &self.except, &self.content_for]
            .map(|users| users.ids().len())
            .iter()
            .sum::<usize>()
    }

    /// The channel that must be worked out before.
    pub(crate) fn channel(&self) -> Option<u64> {
        match &self.to {
            To::Channel(channel) | To::Moved(_, channel, _) => Some(*channel),
            To::Room | To::Users(_) | To::Topic(_) => None,
        }
    }
}
