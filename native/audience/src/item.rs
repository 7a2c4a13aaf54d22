//! An event and whom it is for.

use std::sync::Arc;

use permissions::Mask;

use crate::moves::Moves;

/// Where an event goes.
#[derive(Debug, Clone)]
pub enum To {
    /// To everyone.
    Room,
    /// To those who see a channel.
    Channel(u64),
    /// To the sessions of some users.
    Users(Vec<u64>),
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
    pub always: Vec<u64>,
    /// Users who do not get it.
    pub except: Vec<u64>,
    /// Users who get `content` whatever their intents.
    pub content_for: Vec<u64>,
    /// Whether passive sessions get it too.
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
            always: Vec::new(),
            except: Vec::new(),
            content_for: Vec::new(),
            passive: false,
            shard: None,
        }
    }

    /// The channel that must be worked out before.
    pub(crate) fn channel(&self) -> Option<u64> {
        match &self.to {
            To::Channel(channel) | To::Moved(_, channel, _) => Some(*channel),
            To::Room | To::Users(_) => None,
        }
    }
}
