//! The sidebar of a guild: hoisted roles with their online members, then
//! online, then offline, each sorted by name, with ranks.

/// How many keys a leaf of the tree holds.
pub const LEAF: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_splits_in_equal_halves() {
        assert_eq!(LEAF % 2, 0);
    }
}
