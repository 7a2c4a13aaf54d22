//! The way from the root to a leaf.

use crate::arena::Id;

/// Levels of inner nodes that a tree can have. Each but the root has at least two children, and all
/// but those at the right edge a quarter of the fanout: no memory holds such a tree.
const LEVELS: usize = 20;

/// An inner node, and the child that was taken there.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Step {
    pub(crate) node: Id,
    pub(crate) slot: u32,
}

impl Step {
    pub(crate) fn slot(self) -> usize {
        self.slot as usize
    }
}

/// Steps from the root down.
#[derive(Debug, Default)]
pub(crate) struct Path {
    steps: [Step; LEVELS],
    len: usize,
}

impl Path {
    pub(crate) fn push(&mut self, node: Id, slot: usize) {
        self.steps[self.len] = Step { node, slot: slot as u32 };
        self.len += 1;
    }

    /// Steps back: the last step is no more.
    pub(crate) fn pop(&mut self) -> Option<Step> {
        self.len = self.len.checked_sub(1)?;
        Some(self.steps[self.len])
    }

    pub(crate) fn last(&self) -> Option<Step> {
        self.steps().last().copied()
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps[..self.len]
    }
}
