//! Entries in order, from a rank on.

use crate::run::Run;
use crate::tree::Tree;

/// The entries from a rank on, in order.
#[derive(Debug)]
pub struct Iter<'a, R> {
    tree: &'a Tree<R>,
    /// The leaf that is being read, and how far.
    leaf: Option<(&'a R, usize)>,
    rank: usize,
}

impl<'a, R: Run> Iter<'a, R> {
    pub(crate) fn new(tree: &'a Tree<R>, rank: usize) -> Self {
        Self { tree, leaf: tree.select(rank), rank }
    }
}

impl<'a, R: Run> Iterator for Iter<'a, R> {
    type Item = R::Entry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (leaf, at) = self.leaf?;
        let entry = leaf.get(at)?;
        self.rank += 1;
        // Leaves do not know each other: the next is found from the root, once in a leaf's length.
        self.leaf =
            if at + 1 < leaf.len() { Some((leaf, at + 1)) } else { self.tree.select(self.rank) };
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.tree.len().saturating_sub(self.rank);
        (left, Some(left))
    }
}

impl<R: Run> ExactSizeIterator for Iter<'_, R> {}
