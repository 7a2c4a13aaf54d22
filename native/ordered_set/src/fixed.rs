//! A run of values of one size, in an order that only the caller knows.

use std::cmp::Ordering;

use crate::run::{Footprint, Probe, Run};

/// Up to `N` values: a key, and whatever belongs to it, in one `Copy` type.
///
/// The values stand in one block, whose size follows their number in steps of an eighth: a list of
/// ten entries does not pay for 128, and a full tree wastes little.
#[derive(Debug)]
pub struct Fixed<E, const N: usize = 128> {
    entries: Vec<E>,
}

impl<E, const N: usize> Default for Fixed<E, N> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<E, const N: usize> Footprint for Fixed<E, N> {
    fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<E>()
    }
}

impl<E: Copy, const N: usize> Fixed<E, N> {
    /// The values in order, for a [`Probe`] that knows a better search than by halves.
    pub fn as_slice(&self) -> &[E] {
        &self.entries
    }

    /// The smallest block.
    const FIRST: usize = 4;

    fn fit(&mut self) {
        let len = self.entries.len();
        if self.entries.capacity() > len + len / 2 + Self::FIRST {
            self.entries.shrink_to(len + len / 8);
        }
    }
}

impl<E: Copy, const N: usize> Run for Fixed<E, N> {
    type Entry<'a>
        = E
    where
        E: 'a;
    type Removed = E;

    const CAPACITY: usize = N;
    const FANOUT: usize = if N / 2 > 4 { N / 2 } else { 4 };

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn load(&self) -> usize {
        self.entries.len()
    }

    fn get(&self, at: usize) -> Option<E> {
        self.entries.get(at).copied()
    }

    fn separator(&self, at: usize) -> Option<E> {
        self.get(at)
    }

    #[inline]
    fn prefetch(&self) {
        prefetch::slice(&self.entries);
    }

    fn insert(&mut self, at: usize, entry: E) {
        let len = self.entries.len();
        if len == self.entries.capacity() {
            // One more than a leaf may have, which is split then.
            let room = (N + 1).saturating_sub(len).max(1);
            self.entries.reserve_exact((len / 8).max(Self::FIRST).min(room));
        }
        self.entries.insert(at, entry);
    }

    fn remove(&mut self, at: usize) -> E {
        let entry = self.entries.remove(at);
        self.fit();
        entry
    }

    fn append(&mut self, right: Self) {
        self.entries.reserve_exact(right.entries.len());
        self.entries.extend_from_slice(&right.entries);
    }

    fn split_off(&mut self, at: usize) -> Self {
        let entries = self.entries.split_off(at);
        self.fit();
        Self { entries }
    }

    fn middle(&self) -> usize {
        self.entries.len() / 2
    }
}

/// How a stored value compares to the one sought, as in [`slice::binary_search_by`].
impl<E: Copy, const N: usize, F: Fn(&E) -> Ordering> Probe<Fixed<E, N>> for F {
    fn search(&self, run: &Fixed<E, N>) -> Result<usize, usize> {
        run.entries.binary_search_by(self)
    }
}
