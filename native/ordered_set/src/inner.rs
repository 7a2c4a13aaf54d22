//! An inner node: its children, what each holds, and where each begins.

use crate::arena::Id;
use crate::run::{Footprint, Probe, Run};

/// **Invariant:** the three have one length, and `firsts` has the first entry below each child as
/// it stands in its leaf now. A removed entry is nobody's separator.
#[derive(Debug, Default)]
pub(crate) struct Inner<R> {
    pub(crate) children: Vec<Id>,
    pub(crate) counts: Vec<usize>,
    pub(crate) firsts: R,
}

impl<R: Footprint> Footprint for Inner<R> {
    fn bytes(&self) -> usize {
        self.children.capacity() * size_of::<Id>()
            + self.counts.capacity() * size_of::<usize>()
            + self.firsts.bytes()
    }
}

impl<R: Run> Inner<R> {
    /// How many children there are.
    pub(crate) fn len(&self) -> usize {
        self.children.len()
    }

    /// The child in which what is sought is, or would be.
    #[inline]
    pub(crate) fn find(&self, sought: &impl Probe<R>) -> usize {
        // All that is read here and when the child is known, at once.
        self.firsts.prefetch();
        prefetch::slice(&self.counts);
        prefetch::slice(&self.children);
        sought.search(&self.firsts).unwrap_or_else(|next| next.saturating_sub(1))
    }

    /// How many entries are below.
    pub(crate) fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Makes `child` the one at `slot`.
    pub(crate) fn insert(&mut self, slot: usize, child: Id, count: usize, first: R::Entry<'_>) {
        self.children.insert(slot, child);
        self.counts.insert(slot, count);
        self.firsts.insert(slot, first);
    }

    /// The child at `slot` is no more: the one before it has its entries.
    pub(crate) fn unite(&mut self, slot: usize) {
        self.children.remove(slot);
        self.firsts.remove(slot);
        let count = self.counts.remove(slot);
        self.counts[slot - 1] += count;
    }

    /// The child at `slot` begins with another entry.
    pub(crate) fn set_first(&mut self, slot: usize, first: R::Entry<'_>) {
        self.firsts.remove(slot);
        self.firsts.insert(slot, first);
    }

    /// Entries have moved between the child at `left` and the next, which has the number `right`.
    pub(crate) fn moved(&mut self, left: usize, right: Id, counts: (usize, usize)) {
        self.children[left + 1] = right;
        (self.counts[left], self.counts[left + 1]) = counts;
    }

    /// Takes over the children of the node on its right.
    pub(crate) fn append(&mut self, mut right: Self) {
        self.children.append(&mut right.children);
        self.counts.append(&mut right.counts);
        self.firsts.append(right.firsts);
    }

    /// Parts with the children from `slot` on.
    pub(crate) fn split_off(&mut self, slot: usize) -> Self {
        Self {
            children: self.children.split_off(slot),
            counts: self.counts.split_off(slot),
            firsts: self.firsts.split_off(slot),
        }
    }
}
