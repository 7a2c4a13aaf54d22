//! What changed at which index, for those who look at it.
//!
//! Every window set has its own place in the journal, so that all may be told at once or in pieces.
//! The journal is short: who has fallen behind is sent whole windows.

use std::collections::VecDeque;

use crate::group::Group;

/// Edits that are kept.
const KEPT: usize = 128;

/// What came to an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    /// How many the group has is looked up when it is told.
    Header(Group),
    Member(u64),
}

/// A step from the list before to the list after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    Insert(usize, Thing),
    Delete(usize),
    /// The member at the index has changed, and stays there.
    Update(usize, u64),
}

#[derive(Default)]
pub(crate) struct Journal {
    /// The number of the first edit that is kept.
    first: u64,
    edits: VecDeque<Edit>,
}

impl Journal {
    pub(crate) fn push(&mut self, edit: Edit) {
        if self.edits.len() == KEPT {
            self.edits.pop_front();
            self.first += 1;
        }
        self.edits.push_back(edit);
    }

    /// A change that no edits tell: whatever anybody knows is no longer true.
    pub(crate) fn break_off(&mut self) {
        self.first = self.end() + 1;
        self.edits.clear();
    }

    /// The number of the next edit.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.edits.len() as u64
    }

    /// The edits from a number on, or `None` if not all of them are there.
    pub(crate) fn since(&self, number: u64) -> Option<impl ExactSizeIterator<Item = Edit> + '_> {
        let skip = number.checked_sub(self.first)?;
        Some(self.edits.iter().copied().skip(skip as usize))
    }
}
