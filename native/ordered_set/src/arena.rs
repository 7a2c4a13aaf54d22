//! Where the nodes of one kind are: numbered slots that are used again.

use std::ops::Index;

use crate::run::Footprint;

/// The number of a node.
pub(crate) type Id = u32;

/// Slots in blocks: the table never moves as a whole, however large it grows.
const BLOCK: usize = 1_024;

/// Nodes by number, and the bytes that they hold.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    blocks: Vec<Vec<T>>,
    free: Vec<Id>,
    bytes: usize,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), free: Vec::new(), bytes: 0 }
    }
}

impl<T: Footprint + Default> Arena<T> {
    /// All bytes: of the nodes, and of the table.
    pub(crate) fn bytes(&self) -> usize {
        let slots = match self.blocks.as_slice() {
            [only] => only.capacity(),
            blocks => blocks.len() * BLOCK,
        };
        self.bytes
            + slots * size_of::<T>()
            + self.blocks.capacity() * size_of::<Vec<T>>()
            + self.free.capacity() * size_of::<Id>()
    }

    /// Gives a node a number.
    pub(crate) fn add(&mut self, node: T) -> Id {
        self.bytes += node.bytes();
        if let Some(id) = self.free.pop() {
            *self.slot(id) = node;
            return id;
        }
        let full = self.blocks.last().is_none_or(|block| block.len() == BLOCK);
        if full {
            // Most trees have a leaf or two; a large one takes whole blocks.
            let slots = if self.blocks.is_empty() { 1 } else { BLOCK };
            self.blocks.push(Vec::with_capacity(slots));
        }
        let last = self.blocks.len() - 1;
        self.blocks[last].push(node);
        (last * BLOCK + self.blocks[last].len() - 1) as Id
    }

    /// Takes a node out; its number will be another's.
    pub(crate) fn take(&mut self, id: Id) -> T {
        let node = std::mem::take(self.slot(id));
        self.bytes -= node.bytes();
        self.free.push(id);
        node
    }

    /// Changes a node and counts the bytes that it gained or lost.
    pub(crate) fn edit<U>(&mut self, id: Id, change: impl FnOnce(&mut T) -> U) -> U {
        let node = self.slot(id);
        let before = node.bytes();
        let result = change(node);
        let after = node.bytes();
        self.bytes = self.bytes - before + after;
        result
    }

    /// A node, for a change that does not concern its memory.
    pub(crate) fn slot(&mut self, id: Id) -> &mut T {
        let id = id as usize;
        &mut self.blocks[id / BLOCK][id % BLOCK]
    }
}

impl<T> Index<Id> for Arena<T> {
    type Output = T;

    fn index(&self, id: Id) -> &T {
        let id = id as usize;
        &self.blocks[id / BLOCK][id % BLOCK]
    }
}
