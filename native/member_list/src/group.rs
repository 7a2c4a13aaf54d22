//! What a list consists of.

/// A group of members, as clients know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Online members whose highest hoisted role it is.
    Role(u64),
    /// Online members without a hoisted role.
    Online,
    /// Everybody else.
    Offline,
}

/// What stands at an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// The header of a group that is not empty, with how many follow it.
    Header(Group, usize),
    /// A member.
    Member(u64),
}
