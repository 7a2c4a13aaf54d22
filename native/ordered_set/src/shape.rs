//! What a change of a leaf means for the nodes above it.
//!
//! A leaf that is too full first evens out with a neighbour that has room, and is split only where
//! none has: leaves stay fuller than halves would be. One that is too empty joins a neighbour.

use crate::arena::Id;
use crate::inner::Inner;
use crate::path::{Path, Step};
use crate::run::Run;
use crate::tree::{Place, Tree};

impl<R: Run> Tree<R> {
    /// Children below which an inner node is joined with a neighbour.
    const FEW: usize = if R::FANOUT / 4 > 2 { R::FANOUT / 4 } else { 2 };

    /// An entry was inserted in a leaf.
    pub(crate) fn inserted(&mut self, Place { path, leaf, .. }: Place, at: usize) {
        for step in path.steps() {
            self.inners.slot(step.node).counts[step.slot()] += 1;
        }
        self.replaced(path, leaf, at);
    }

    /// An entry of a leaf is another now.
    pub(crate) fn replaced(&mut self, path: Path, leaf: Id, at: usize) {
        if at == 0 {
            self.refresh_first(&path, leaf);
        }
        let run = &self.leaves[leaf];
        if run.load() > R::CAPACITY && run.len() > 1 {
            self.relieve(path, leaf);
        }
    }

    /// An entry was removed from a leaf.
    pub(crate) fn removed(&mut self, Place { mut path, leaf, .. }: Place, at: usize) {
        for step in path.steps() {
            self.inners.slot(step.node).counts[step.slot()] -= 1;
        }
        let few = self.leaves[leaf].load() < R::CAPACITY / 4;
        if few && let Some(step) = path.last() {
            self.join_leaves(step.node, step.slot().saturating_sub(1));
        }
        // The leaf is still where the path says, unless one on its left took it over; then it was
        // not the first, and nobody above knows where it began.
        let gone = few && path.last().is_some_and(|step| step.slot > 0);
        if at == 0 && !gone {
            self.refresh_first(&path, leaf);
        }
        if few {
            self.rise(&mut path);
        }
    }

    /// A leaf goes behind the last one.
    pub(crate) fn extended(&mut self, Place { path, .. }: Place, leaf: R) {
        for step in path.steps() {
            self.inners.slot(step.node).counts[step.slot()] += leaf.len();
        }
        // The counts above are right once the parent has moved them to the new child.
        if let Some(step) = path.last() {
            self.inners.slot(step.node).counts[step.slot()] -= leaf.len();
        }
        // Two are enough for the new node: those that come will fill it.
        self.add_leaf(path, leaf, |children| children - 2);
    }

    /// The first entry of a leaf has changed: so have the separators that are copies of it.
    pub(crate) fn refresh_first(&mut self, path: &Path, leaf: Id) {
        let leaf = &self.leaves[leaf];
        for step in path.steps().iter().rev() {
            if let Some(first) = leaf.separator(0) {
                self.inners.edit(step.node, |inner| inner.set_first(step.slot(), first));
            }
            if step.slot > 0 {
                break;
            }
        }
    }

    fn relieve(&mut self, path: Path, leaf: Id) {
        if self.leaves[leaf].load() <= 2 * R::CAPACITY
            && let Some(step) = path.last()
            && let Some(left) = self.neighbour_with_room(step)
        {
            return self.join_leaves(step.node, left);
        }
        let right = self.leaves.edit(leaf, |run| run.split_off(run.middle()));
        if let Some(step) = path.last() {
            self.inners.slot(step.node).counts[step.slot()] -= right.len();
        }
        self.add_leaf(path, right, |children| children / 2);
    }

    /// The left one of the pair in which the other has room to take a part.
    fn neighbour_with_room(&self, step: Step) -> Option<usize> {
        let children = &self.inners[step.node].children;
        let room = |slot: usize| {
            let child = *children.get(slot)?;
            (self.leaves[child].load() <= R::CAPACITY - R::CAPACITY / 4).then_some(())
        };
        let slot = step.slot();
        let left = slot.checked_sub(1);
        let on_left = left.filter(|left| room(*left).is_some());
        on_left.or_else(|| room(slot + 1).map(|()| slot))
    }

    /// Puts two leaves together in the left one, or evens them out where one cannot hold all.
    fn join_leaves(&mut self, parent: Id, left: usize) {
        let inner = &self.inners[parent];
        let (a, b) = (inner.children[left], inner.children[left + 1]);
        let right = self.leaves.take(b);
        let right = self.leaves.edit(a, |run| {
            run.append(right);
            let split = run.load() > R::CAPACITY && run.len() > 1;
            split.then(|| run.split_off(run.middle()))
        });
        let Some(right) = right else {
            return self.inners.edit(parent, |inner| inner.unite(left + 1));
        };
        let counts = (self.leaves[a].len(), right.len());
        if let Some(first) = right.separator(0) {
            self.inners.edit(parent, |inner| inner.set_first(left + 1, first));
        }
        let id = self.leaves.add(right);
        self.inners.slot(parent).moved(left, id, counts);
    }

    fn join_inners(&mut self, parent: Id, left: usize) {
        let inner = &self.inners[parent];
        let (a, b) = (inner.children[left], inner.children[left + 1]);
        let right = self.inners.take(b);
        let right = self.inners.edit(a, |inner| {
            inner.append(right);
            (inner.len() > R::FANOUT).then(|| inner.split_off(inner.len() / 2))
        });
        let Some(right) = right else {
            return self.inners.edit(parent, |inner| inner.unite(left + 1));
        };
        let counts = (self.inners[a].total(), right.total());
        if let Some(first) = right.firsts.separator(0) {
            self.inners.edit(parent, |inner| inner.set_first(left + 1, first));
        }
        let id = self.inners.add(right);
        self.inners.slot(parent).moved(left, id, counts);
    }

    /// Joins the inner nodes on a path that have too few children, from the leaf's parent up.
    fn rise(&mut self, path: &mut Path) {
        while let Some(step) = path.pop() {
            if self.inners[step.node].len() >= Self::FEW {
                return;
            }
            if let Some(above) = path.last() {
                self.join_inners(above.node, above.slot().saturating_sub(1));
            }
        }
        if self.height > 0 && self.inners[self.root].len() == 1 {
            let root = self.inners.take(self.root);
            self.root = root.children[0];
            self.height -= 1;
        }
    }

    /// Gives the last leaf of a path a neighbour on its right. Nodes that become too full are split
    /// where `split` says.
    fn add_leaf(&mut self, mut path: Path, leaf: R, split: impl Fn(usize) -> usize) {
        let count = leaf.len();
        let Some(step) = path.pop() else {
            let id = self.leaves.add(leaf);
            let leaves = [self.root, id].map(|id| (id, self.leaves[id].len()));
            return self.grow(leaves, |tree, id| tree.leaves[id].separator(0));
        };
        let id = self.leaves.add(leaf);
        if let Some(first) = self.leaves[id].separator(0) {
            self.inners.edit(step.node, |inner| inner.insert(step.slot() + 1, id, count, first));
        }
        self.split_up(path, step.node, split);
    }

    /// Splits a node that has too many children, and those above it that then have.
    fn split_up(&mut self, mut path: Path, mut node: Id, split: impl Fn(usize) -> usize) {
        while self.inners[node].len() > R::FANOUT {
            let right = self.inners.edit(node, |inner| inner.split_off(split(inner.len())));
            let count = right.total();
            let Some(step) = path.pop() else {
                let id = self.inners.add(right);
                let nodes = [node, id].map(|id| (id, self.inners[id].total()));
                return self.grow(nodes, |tree, id| tree.inners[id].firsts.separator(0));
            };
            self.inners.slot(step.node).counts[step.slot()] -= count;
            let id = self.inners.add(Inner::default());
            if let Some(first) = right.firsts.separator(0) {
                let slot = step.slot() + 1;
                self.inners.edit(step.node, |inner| inner.insert(slot, id, count, first));
            }
            self.inners.edit(id, |node| *node = right);
            node = step.node;
        }
    }

    /// A new root over two nodes.
    fn grow(&mut self, nodes: [(Id, usize); 2], first: impl Fn(&Self, Id) -> Option<R::Entry<'_>>) {
        let mut root = Inner::default();
        for (slot, (id, count)) in nodes.into_iter().enumerate() {
            if let Some(first) = first(self, id) {
                root.insert(slot, id, count, first);
            }
        }
        self.root = self.inners.add(root);
        self.height += 1;
    }
}
