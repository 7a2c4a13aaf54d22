//! The invariants, executed.

use crate::arena::Id;
use crate::run::{Footprint, Run};
use crate::tree::Tree;

impl<R: Run> Tree<R> {
    /// Goes through all nodes, for a test or a fuzzer: panics where an invariant does not hold.
    /// `same` says whether two entries are one, as separators. `O(n)`.
    pub fn check(&self, same: impl Fn(R::Entry<'_>, R::Entry<'_>) -> bool) {
        let mut bytes = 0;
        let (len, _) = self.check_node(self.root, self.height, &same, &mut bytes);
        assert_eq!(len, self.len(), "the entries are as many as counted");
        assert!(bytes <= self.bytes(), "the bytes of the nodes are counted");
    }

    fn check_node(
        &self,
        node: Id,
        height: usize,
        same: &impl Fn(R::Entry<'_>, R::Entry<'_>) -> bool,
        bytes: &mut usize,
    ) -> (usize, Id) {
        if height == 0 {
            let leaf = &self.leaves[node];
            *bytes += leaf.bytes();
            assert!(self.height == 0 || !leaf.is_empty(), "a leaf has an entry");
            return (leaf.len(), node);
        }
        let inner = &self.inners[node];
        *bytes += inner.bytes();
        assert!((2..=R::FANOUT).contains(&inner.len()), "an inner node has two children");
        assert_eq!(inner.len(), inner.firsts.len(), "a separator for each child");
        let mut leftmost = None;
        for (slot, (&child, &count)) in inner.children.iter().zip(&inner.counts).enumerate() {
            let (below, leaf) = self.check_node(child, height - 1, same, bytes);
            assert_eq!(count, below, "a count is that of its child");
            let first = self.leaves[leaf].separator(0).zip(inner.firsts.get(slot));
            assert!(first.is_some_and(|(a, b)| same(a, b)), "a separator is an entry");
            leftmost.get_or_insert(leaf);
        }
        (inner.total(), leftmost.unwrap_or(node))
    }
}
