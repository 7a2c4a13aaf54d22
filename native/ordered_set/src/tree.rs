//! The tree: finding, and the changes of one leaf. What follows for its shape is in `shape.rs`.

use crate::arena::{Arena, Id};
use crate::fixed::Fixed;
use crate::inner::Inner;
use crate::iter::Iter;
use crate::path::Path;
use crate::run::{Probe, Run};

/// An order-statistic B+tree.
///
/// **Invariants:** every leaf but a lone one has an entry, every inner node two children; the counts
/// of an inner node are those of its children; its separators are entries of the set.
#[derive(Debug)]
pub struct Tree<R> {
    pub(crate) leaves: Arena<R>,
    pub(crate) inners: Arena<Inner<R>>,
    pub(crate) root: Id,
    /// Levels of inner nodes: 0 while the root is a leaf.
    pub(crate) height: usize,
    len: usize,
}

/// Where an entry is, or would be.
pub(crate) struct Place {
    pub(crate) path: Path,
    pub(crate) leaf: Id,
    /// The entries before the leaf.
    pub(crate) before: usize,
}

impl<R: Run> Default for Tree<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Run> Tree<R> {
    /// An empty set.
    pub fn new() -> Self {
        let mut leaves = Arena::default();
        let root = leaves.add(R::default());
        Self { leaves, inners: Arena::default(), root, height: 0, len: 0 }
    }

    /// How many entries there are. `O(1)`.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that it holds on the heap, itself not included. `O(1)`.
    pub fn bytes(&self) -> usize {
        self.leaves.bytes() + self.inners.bytes()
    }

    /// The rank of what is sought: `Ok` where it is, `Err` where it would be. `O(log n)`.
    pub fn rank(&self, sought: &impl Probe<R>) -> Result<usize, usize> {
        let (mut node, mut before) = (self.root, 0);
        for _ in 0..self.height {
            let inner = &self.inners[node];
            let slot = inner.find(sought);
            before += inner.counts[..slot].iter().sum::<usize>();
            node = inner.children[slot];
        }
        let leaf = &self.leaves[node];
        leaf.prefetch();
        match sought.search(leaf) {
            Ok(at) => Ok(before + at),
            Err(at) => Err(before + at),
        }
    }

    /// The entry of a rank. `O(log n)`.
    pub fn get(&self, rank: usize) -> Option<R::Entry<'_>> {
        let (leaf, at) = self.select(rank)?;
        leaf.get(at)
    }

    /// The entries from a rank on. `O(log n)`, then sequential.
    pub fn iter(&self, from: usize) -> Iter<'_, R> {
        Iter::new(self, from)
    }

    /// The leaf of a rank with the place in it, and all leaves behind. `O(log n)` each.
    pub(crate) fn leaves_from(&self, rank: usize) -> impl Iterator<Item = (&R, usize)> {
        let mut rank = rank;
        std::iter::from_fn(move || {
            let (leaf, at) = self.select(rank)?;
            rank += leaf.len() - at;
            Some((leaf, at))
        })
    }

    /// Adds an entry where it is sought: `Ok` with its rank, or `Err` with the rank of the equal
    /// one, which stays. `O(log n)`.
    pub fn insert(&mut self, sought: &impl Probe<R>, entry: R::Entry<'_>) -> Result<usize, usize> {
        let place = self.place(sought);
        let before = place.before;
        match sought.search(&self.leaves[place.leaf]) {
            Ok(at) => Err(before + at),
            Err(at) => {
                self.leaves.edit(place.leaf, |leaf| leaf.insert(at, entry));
                self.len += 1;
                self.inserted(place, at);
                Ok(before + at)
            }
        }
    }

    /// Asks for the memory in which a change of what is sought begins, for a caller who has something else
    /// to do before. `O(log n)`.
    pub fn prefetch(&self, sought: &impl Probe<R>) {
        self.place(sought);
    }

    /// Adds an entry that is greater than all. `O(log n)`, and leaves are filled to seven eighths,
    /// as in a tree at rest: a set is built of sorted entries by so many calls.
    pub fn push(&mut self, entry: R::Entry<'_>) {
        let place = self.end();
        let run = &self.leaves[place.leaf];
        self.len += 1;
        if run.load() < R::CAPACITY - R::CAPACITY / 8 || run.is_empty() {
            let at = run.len();
            self.leaves.edit(place.leaf, |leaf| leaf.insert(at, entry));
            self.inserted(place, at);
        } else {
            let mut leaf = R::default();
            leaf.insert(0, entry);
            self.extended(place, leaf);
        }
    }

    /// Removes what is sought, and returns the rank that it had. `O(log n)`.
    pub fn remove(&mut self, sought: &impl Probe<R>) -> Option<(usize, R::Removed)> {
        let place = self.place(sought);
        let at = sought.search(&self.leaves[place.leaf]).ok()?;
        Some((place.before + at, self.take(place, at)))
    }

    /// Removes the entry of a rank. `O(log n)`.
    pub fn remove_at(&mut self, rank: usize) -> Option<R::Removed> {
        let (place, at) = self.place_of(rank)?;
        Some(self.take(place, at))
    }

    fn take(&mut self, place: Place, at: usize) -> R::Removed {
        let removed = self.leaves.edit(place.leaf, |leaf| leaf.remove(at));
        self.len -= 1;
        if self.len == 0 {
            // The tables of nodes are as large as they ever were: an empty set takes nothing.
            *self = Self::new();
        } else {
            self.removed(place, at);
        }
        removed
    }

    /// Puts another entry of the same order in the place of the one of a rank. `O(log n)`; `false`
    /// where there is no such rank.
    pub fn set(&mut self, rank: usize, entry: R::Entry<'_>) -> bool {
        let Some((place, at)) = self.place_of(rank) else { return false };
        self.leaves.edit(place.leaf, |leaf| {
            leaf.remove(at);
            leaf.insert(at, entry);
        });
        self.replaced(place.path, place.leaf, at);
        true
    }

    /// The leaf and the place in it of a rank, without the way there.
    pub(crate) fn select(&self, rank: usize) -> Option<(&R, usize)> {
        if rank >= self.len {
            return None;
        }
        let (mut node, mut left) = (self.root, rank);
        for _ in 0..self.height {
            let inner = &self.inners[node];
            let slot = skip(&inner.counts, &mut left);
            node = inner.children[slot];
        }
        Some((&self.leaves[node], left))
    }

    fn place(&self, sought: &impl Probe<R>) -> Place {
        let (mut path, mut node, mut before) = (Path::default(), self.root, 0);
        for _ in 0..self.height {
            let inner = &self.inners[node];
            let slot = inner.find(sought);
            before += inner.counts[..slot].iter().sum::<usize>();
            path.push(node, slot);
            node = inner.children[slot];
        }
        self.leaves[node].prefetch();
        Place { path, leaf: node, before }
    }

    fn place_of(&self, rank: usize) -> Option<(Place, usize)> {
        if rank >= self.len {
            return None;
        }
        let (mut path, mut node, mut left) = (Path::default(), self.root, rank);
        for _ in 0..self.height {
            let inner = &self.inners[node];
            let slot = skip(&inner.counts, &mut left);
            path.push(node, slot);
            node = inner.children[slot];
        }
        Some((Place { path, leaf: node, before: rank - left }, left))
    }

    fn end(&self) -> Place {
        let (mut path, mut node) = (Path::default(), self.root);
        for _ in 0..self.height {
            let inner = &self.inners[node];
            let slot = inner.len() - 1;
            path.push(node, slot);
            node = inner.children[slot];
        }
        Place { path, leaf: node, before: self.len - self.leaves[node].len() }
    }
}

impl<E: Copy, const N: usize> Tree<Fixed<E, N>> {
    /// A set of entries in ascending order, which the caller vouches for. `O(n)`.
    pub fn from_sorted(entries: impl IntoIterator<Item = E>) -> Self {
        let mut tree = Self::new();
        entries.into_iter().for_each(|entry| tree.push(entry));
        tree
    }
}

/// The child in which the entry `left` places further is; what is left of it then is within it.
fn skip(counts: &[usize], left: &mut usize) -> usize {
    let mut slot = 0;
    while *left >= counts[slot] {
        *left -= counts[slot];
        slot += 1;
    }
    slot
}
