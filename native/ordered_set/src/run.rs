//! What a leaf is to the tree: a sorted run of entries.

/// What has memory of its own.
pub trait Footprint {
    /// The bytes that it holds on the heap.
    fn bytes(&self) -> usize;
}

/// A sorted run of entries. A leaf is one, and so are the separators of an inner node.
///
/// A run does not know its order: it is told where an entry goes, and a [`Probe`] finds the place.
pub trait Run: Default + Footprint {
    /// An entry on its way in or out.
    type Entry<'a>
    where
        Self: 'a;

    /// What a removal hands back.
    type Removed;

    /// The load above which a leaf is split, in two: where entries differ much in size, a half may
    /// still exceed it, until the next entry comes.
    const CAPACITY: usize;

    /// The children above which an inner node is split: at least four.
    const FANOUT: usize;

    /// How many entries there are.
    fn len(&self) -> usize;

    /// Whether there is no entry.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How full it is, in the unit of [`Run::CAPACITY`].
    fn load(&self) -> usize;

    /// The entry at a place below [`Run::len`].
    fn get(&self, at: usize) -> Option<Self::Entry<'_>>;

    /// The same entry as a separator: all that a [`Probe`] looks at, and no more.
    fn separator(&self, at: usize) -> Option<Self::Entry<'_>>;

    /// Asks for the memory that a [`Probe`] is about to read.
    fn prefetch(&self);

    /// Makes the entry the one at `at`.
    fn insert(&mut self, at: usize, entry: Self::Entry<'_>);

    /// Takes the entry at `at` out.
    fn remove(&mut self, at: usize) -> Self::Removed;

    /// Takes over the entries of the run on its right.
    fn append(&mut self, right: Self);

    /// Parts with the entries from `at` on.
    fn split_off(&mut self, at: usize) -> Self;

    /// Where to split so that both halves carry about the same: never 0, below [`Run::len`].
    fn middle(&self) -> usize;
}

/// What is sought: it finds its place in a run.
pub trait Probe<R: Run> {
    /// `Ok` with the place of the equal entry, or `Err` with the place where it would be.
    fn search(&self, run: &R) -> Result<usize, usize>;
}
