//! A channel and what it allows and denies.

use std::collections::BTreeMap;

use crate::standing::Standing;
use crate::{MEMORY, Mask, mask};

/// Whom an overwrite is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A role; the one with the guild's id is @everyone.
    Role,
    /// A member.
    Member,
}

/// What a channel allows and denies to one role or member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overwrite {
    /// The role's or the user's id.
    pub id: u64,
    /// Which of the two.
    pub target: Target,
    /// What is allowed; it beats what is denied.
    pub allow: Mask,
    /// What is denied.
    pub deny: Mask,
}

/// As far as permissions depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any channel that is none of the others.
    Text,
    /// A voice channel or a stage.
    Voice,
    /// A thread in the channel with this id, whose overwrites count.
    Thread(u64),
}

/// What overwrites change, together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Change {
    allow: Mask,
    deny: Mask,
}

impl Change {
    fn apply(self, mask: Mask) -> Mask {
        mask::overwritten(mask, self.allow, self.deny)
    }

    fn and(self, other: Self) -> Self {
        Self { allow: self.allow | other.allow, deny: self.deny | other.deny }
    }
}

/// Ids in ascending order, each with its change.
type Changes = Box<[(u64, Change)]>;

/// A channel, never changed.
#[derive(Debug)]
pub struct Channel {
    id: u64,
    kind: Kind,
    everyone: Change,
    roles: Changes,
    members: Changes,
}

impl Channel {
    /// A channel of a guild. Of several overwrites for one role or member the last one counts.
    pub fn new(
        guild: u64,
        id: u64,
        kind: Kind,
        overwrites: impl IntoIterator<Item = Overwrite>,
    ) -> Self {
        let mut everyone = Change::default();
        let mut roles = BTreeMap::new();
        let mut members = BTreeMap::new();

        for Overwrite { id, target, allow, deny } in overwrites {
            let change = Change { allow, deny };
            match target {
                Target::Role if id == guild => everyone = change,
                Target::Role => drop(roles.insert(id, change)),
                Target::Member => drop(members.insert(id, change)),
            }
        }

        let roles = roles.into_iter().collect();
        let members = members.into_iter().collect();
        let channel = Self { id, kind, everyone, roles, members };
        MEMORY.resize(0, channel.bytes());
        channel
    }

    /// Its id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.roles) + size_of_val(&*self.members)
    }

    /// The member's base permissions after the overwrites.
    pub fn overwritten(&self, standing: &Standing) -> Mask {
        let roles = if self.roles.is_empty() {
            Change::default()
        } else {
            let mine = standing.roles.iter().filter_map(|id| find(&self.roles, *id));
            mine.fold(Change::default(), Change::and)
        };
        let own = find(&self.members, standing.member.id).unwrap_or_default();
        own.apply(roles.apply(self.everyone.apply(standing.base)))
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        MEMORY.resize(self.bytes(), 0);
    }
}

fn find(changes: &[(u64, Change)], id: u64) -> Option<Change> {
    let index = changes.binary_search_by_key(&id, |(id, _change)| *id).ok()?;
    changes.get(index).map(|(_id, change)| *change)
}
