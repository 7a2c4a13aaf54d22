//! Which seats a key and a user have.

use std::collections::{BTreeMap, BTreeSet};

use crate::pieces::Pieces;
use crate::seats::Session;

/// Trees, which grow without a pause; none as long as the sessions are few enough to be looked through.
#[derive(Debug, Default)]
pub(crate) struct Index(Option<Box<Trees>>);

#[derive(Debug, Default)]
struct Trees {
    keys: BTreeMap<u64, u32>,
    users: BTreeSet<(u64, u32)>,
}

/// Seats that are looked through.
const FEW: usize = 64;

impl Index {
    /// Begins to keep trees when the seats are no longer few, and ceases when none is left.
    pub(crate) fn keep(&mut self, sessions: &Pieces<Session>, is_taken: impl Fn(u32) -> bool) {
        if sessions.len() == 0 {
            self.0 = None;
        } else if self.0.is_none() && sessions.len() > FEW {
            self.0 = Some(Box::default());
            (0_u32..).zip(sessions.iter()).filter(|(seat, _)| is_taken(*seat)).for_each(
                |(seat, session)| {
                    self.insert(session, seat);
                },
            );
        }
    }

    pub(crate) fn insert(&mut self, session: &Session, seat: u32) {
        if let Some(trees) = &mut self.0 {
            trees.keys.insert(session.key, seat);
            trees.users.insert((session.user, seat));
        }
    }

    pub(crate) fn remove(&mut self, session: &Session, seat: u32) {
        if let Some(trees) = &mut self.0 {
            trees.keys.remove(&session.key);
            trees.users.remove(&(session.user, seat));
        }
    }

    /// The seat of a key; `None` if trees are not kept.
    pub(crate) fn of_key(&self, key: u64) -> Option<Option<u32>> {
        self.0.as_ref().map(|trees| trees.keys.get(&key).copied())
    }

    /// The seats of a user; `None` if trees are not kept.
    pub(crate) fn of_user(&self, user: u64) -> Option<impl Iterator<Item = u32>> {
        let trees = self.0.as_ref()?;
        Some(trees.users.range((user, 0)..=(user, u32::MAX)).map(|(_user, seat)| *seat))
    }

    /// Bytes for so many seats and sessions: an estimate from above.
    pub(crate) fn bytes(seats: usize, sessions: usize) -> usize {
        // A node has room for 11, and is full by half at least.
        let nodes = if seats > FEW { 1 + sessions / 6 } else { return 0 };
        size_of::<Trees>() + nodes * (11 * (12 + 16) + 24)
    }
}
