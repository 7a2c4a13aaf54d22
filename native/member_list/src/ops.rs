//! From edits to what a client is sent, which has some windows of the list and nothing else.
//!
//! Edits move what a client knows, within its windows, out of them and back. At the end, what stands in
//! a window and is not known is sent as it is. What a client has beyond the end of the list does not
//! matter: it takes the end from the counts of the groups, and whatever is there stays there.

use smallvec::{SmallVec, smallvec};

use crate::group::Item;
use crate::journal::{Edit, Thing};
use crate::windows::{WINDOW, Windows};

/// From so many operations on, windows are sent whole.
const MANY: usize = 64;

/// What a client does to its list, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Puts what stands from an index on in place of all of that window.
    Sync(usize, Vec<Item>),
    /// Makes the item the one at the index; those from there on move up.
    Insert(usize, Item),
    /// Puts another item at the index.
    Update(usize, Item),
    /// Takes out what is at the index; those behind it move down.
    Delete(usize),
    /// Forgets the window that begins at the index.
    Invalidate(usize),
}

impl Op {
    /// Items in it, and itself.
    pub(crate) fn size(&self) -> usize {
        if let Self::Sync(_from, items) = self { 1 + items.len() } else { 1 }
    }
}

/// The list as it is now.
pub(crate) trait View {
    fn indexes(&self) -> usize;
    fn item(&self, thing: Thing) -> Item;
    fn slice(&self, from: usize, count: usize) -> Vec<Item>;
}

/// What the windows are sent after the edits.
pub(crate) fn after(
    edits: impl ExactSizeIterator<Item = Edit>,
    windows: &Windows,
    view: &impl View,
) -> Vec<Op> {
    if edits.len() > MANY {
        return sync(windows, view);
    }
    let mut known = Known::new(windows);
    let mut ops: Vec<Op> = Vec::new();
    for edit in edits {
        ops.extend(match edit {
            Edit::Insert(at, thing) => known.insert(at).then(|| Op::Insert(at, view.item(thing))),
            Edit::Delete(at) => known.delete(at).then_some(Op::Delete(at)),
            Edit::Update(at, id) => known.has(at).then_some(Op::Update(at, Item::Member(id))),
        });
    }
    for window in windows.starts() {
        let end = (window + WINDOW).min(view.indexes());
        for (from, to) in known.gaps(window, end) {
            if ops.len() + to - from > MANY {
                return sync(windows, view);
            }
            let items = view.slice(from, to - from).into_iter();
            ops.extend((from..).zip(items).map(|(at, item)| Op::Update(at, item)));
        }
    }
    ops
}

/// The windows as they are.
pub(crate) fn sync(windows: &Windows, view: &impl View) -> Vec<Op> {
    windows.starts().map(|from| Op::Sync(from, view.slice(from, WINDOW))).collect()
}

/// The indexes at which a client has what stands there: from, to, in order.
struct Known {
    runs: SmallVec<[(usize, usize); 8]>,
}

impl Known {
    fn new(windows: &Windows) -> Self {
        let mut runs: SmallVec<[(usize, usize); 8]> = smallvec![];
        for start in windows.starts() {
            match runs.last_mut() {
                Some((_from, to)) if *to == start => *to += WINDOW,
                _ => runs.push((start, start + WINDOW)),
            }
        }
        Self { runs }
    }

    fn has(&self, at: usize) -> bool {
        self.runs.iter().any(|(from, to)| (*from..*to).contains(&at))
    }

    /// Whether a change at the index moves anything that is known.
    fn concerns(&self, at: usize) -> bool {
        self.runs.last().is_some_and(|(_from, to)| at < *to)
    }

    fn insert(&mut self, at: usize) -> bool {
        if !self.concerns(at) {
            return false;
        }
        let mut inside = false;
        for (from, to) in &mut self.runs {
            if at < *to {
                inside |= *from <= at;
                *from += usize::from(at < *from);
                *to += 1;
            }
        }
        if !inside {
            let place = self.runs.partition_point(|(from, _to)| *from < at);
            self.runs.insert(place, (at, at + 1));
        }
        true
    }

    fn delete(&mut self, at: usize) -> bool {
        if !self.concerns(at) {
            return false;
        }
        for (from, to) in &mut self.runs {
            *from -= usize::from(at < *from);
            *to -= usize::from(at < *to);
        }
        self.runs.retain(|(from, to)| from < to);
        true
    }

    /// What is not known from one index to another.
    fn gaps(&self, from: usize, end: usize) -> SmallVec<[(usize, usize); 8]> {
        let (mut gaps, mut next) = (smallvec![], from);
        for (from, to) in &self.runs {
            if next < (*from).min(end) {
                gaps.push((next, (*from).min(end)));
            }
            next = next.max(*to);
        }
        if next < end {
            gaps.push((next, end));
        }
        gaps
    }
}
