//! What a list is asked.

use crate::group::{Group, Item};
use crate::journal::Thing;
use crate::list::List;
use crate::ops::View;

/// Where a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// At this index.
    Index(usize),
    /// In the list, but in a group that is not shown.
    Hidden,
}

impl List {
    /// Where a member is, or `None` for one who was not put.
    pub fn rank(&self, id: u64) -> Option<Rank> {
        let place = self.index.get(&self.records, id)?;
        let slot = self.records.group(place);
        if !self.groups.is_shown(slot) {
            return Some(Rank::Hidden);
        }
        let rank = self.groups.rank(&self.records, slot, place);
        Some(Rank::Index(self.groups.start(slot) + 1 + rank))
    }

    /// Calls `take` with what stands at the indexes from `from` on, at most `count`.
    pub fn slice(&self, from: usize, count: usize, take: impl FnMut(Item)) {
        self.groups.slice(&self.records, from, count, take);
    }

    /// The groups that have a header, in order, with how many members follow it.
    pub fn groups(&self) -> impl Iterator<Item = (Group, usize)> + '_ {
        self.groups.shown()
    }

    /// How many indexes there are.
    pub fn indexes(&self) -> usize {
        self.groups.indexes()
    }
}

impl View for List {
    fn indexes(&self) -> usize {
        self.groups.indexes()
    }

    fn item(&self, thing: Thing) -> Item {
        match thing {
            Thing::Member(id) => Item::Member(id),
            Thing::Header(group) => {
                let members = self.groups.slot(group).map_or(0, |slot| self.groups.len(slot));
                Item::Header(group, members)
            }
        }
    }

    fn slice(&self, from: usize, count: usize) -> Vec<Item> {
        let mut items = Vec::new();
        self.groups.slice(&self.records, from, count, |item| items.push(item));
        items
    }
}
