//! A member, as far as the guild's roles say what he may do.

use smallvec::SmallVec;

use crate::{Mask, mask};

/// A member without the roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The user's id.
    pub id: u64,
    /// Whether he is timed out now.
    pub timed_out: bool,
}

/// A member's base permissions, and those of his roles that the guild has.
#[derive(Debug, Clone)]
pub struct Standing {
    pub(crate) member: Member,
    pub(crate) base: Mask,
    pub(crate) roles: SmallVec<[u64; 16]>,
}

impl Standing {
    /// His permissions in the guild, before any channel and without regard to a timeout.
    pub fn base(&self) -> Mask {
        self.base
    }

    /// How many of his roles the guild has.
    pub fn roles(&self) -> usize {
        self.roles.len()
    }

    /// An owner or administrator, whom neither overwrites nor timeouts touch.
    pub fn administrator(&self) -> bool {
        self.base & mask::ADMINISTRATOR != 0
    }
}
