//! The groups in their order, a tree of members each.
//!
//! A tree's keys do not say which group they belong to, so that roles change places without a
//! touch on their members.

mod entry;
mod order;

use std::collections::HashMap;

use entry::{Entry, Sought};
use ordered_set::{Fixed, Tree};

use crate::group::{Group, Item};
use crate::records::{Place, Records};

/// Roles that a list may have.
pub const MAX_ROLES: usize = 250;
/// The groups that are always there.
pub(crate) const OFFLINE: u8 = 0;
pub(crate) const ONLINE: u8 = 1;
struct Slot {
    group: Group,
    members: Tree<Fixed<Entry>>,
    /// Where it is in the order.
    position: usize,
}

/// Every group of a list. A group is known by its slot, which it keeps while the list has it.
pub(crate) struct Groups {
    slots: Vec<Slot>,
    free: Vec<u8>,
    roles: HashMap<u64, u8>,
    /// The slots as they are shown.
    order: Vec<u8>,
    /// Indexes that each takes, in that order: its members and a header, or none.
    sizes: Vec<usize>,
    hide_offline: bool,
    /// Bytes of the trees.
    trees: usize,
}

impl Groups {
    pub(crate) fn new() -> Self {
        let slot = |group, position| Slot { group, members: Tree::new(), position };
        Self {
            slots: vec![slot(Group::Offline, 1), slot(Group::Online, 0)],
            free: Vec::new(),
            roles: HashMap::new(),
            order: vec![ONLINE, OFFLINE],
            sizes: vec![0, 0],
            hide_offline: false,
            trees: 0,
        }
    }

    pub(crate) fn slot(&self, group: Group) -> Option<u8> {
        match group {
            Group::Role(id) => self.roles.get(&id).copied(),
            Group::Online => Some(ONLINE),
            Group::Offline => Some(OFFLINE),
        }
    }

    pub(crate) fn group(&self, slot: u8) -> Group {
        self.slots.get(usize::from(slot)).map_or(Group::Offline, |slot| slot.group)
    }

    pub(crate) fn len(&self, slot: u8) -> usize {
        self.slots.get(usize::from(slot)).map_or(0, |slot| slot.members.len())
    }

    pub(crate) fn roles(&self) -> usize {
        self.roles.len()
    }

    /// Whether the members of the group have indexes.
    pub(crate) fn is_shown(&self, slot: u8) -> bool {
        slot != OFFLINE || !self.hide_offline
    }

    /// The index of the group's header, or where it would be.
    pub(crate) fn start(&self, slot: u8) -> usize {
        let position = self.slots.get(usize::from(slot)).map_or(0, |slot| slot.position);
        self.sizes.iter().take(position).sum()
    }

    /// All indexes.
    pub(crate) fn indexes(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// The groups that have an index, in order.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (Group, usize)> + '_ {
        let slots = self.order.iter().zip(&self.sizes).filter(|(_slot, size)| **size > 0);
        slots.map(|(slot, size)| (self.group(*slot), size - 1))
    }

    /// Shows the group of those who are offline, or does not.
    pub(crate) fn hide_offline(&mut self, hide: bool) {
        self.hide_offline = hide;
        self.measure(OFFLINE);
    }

    pub(crate) fn hides_offline(&self) -> bool {
        self.hide_offline
    }

    /// Adds a member who is not in the group, and tells the rank there.
    pub(crate) fn insert(&mut self, records: &Records, slot: u8, place: Place) -> usize {
        let (key, id) = records.read(place);
        let Some(to) = self.slots.get_mut(usize::from(slot)) else { return 0 };
        let before = to.members.bytes();
        let sought = Sought::new(records, key, id);
        let (Ok(rank) | Err(rank)) = to.members.insert(&sought, Entry::new(key, place));
        self.trees = self.trees + to.members.bytes() - before;
        self.measure(slot);
        rank
    }

    /// Takes a member out of the group, and tells the rank he had.
    pub(crate) fn remove(&mut self, records: &Records, slot: u8, place: Place) -> usize {
        let (key, id) = records.read(place);
        let Some(from) = self.slots.get_mut(usize::from(slot)) else { return 0 };
        let before = from.members.bytes();
        let sought = Sought::new(records, key, id);
        let rank = from.members.remove(&sought).map_or(0, |(rank, _entry)| rank);
        self.trees = self.trees + from.members.bytes() - before;
        self.measure(slot);
        rank
    }

    pub(crate) fn rank(&self, records: &Records, slot: u8, place: Place) -> usize {
        let (key, id) = records.read(place);
        self.slots.get(usize::from(slot)).map_or(0, |slot| {
            let (Ok(rank) | Err(rank)) = slot.members.rank(&Sought::new(records, key, id));
            rank
        })
    }

    /// Asks for the memory in which a member of that key and id is in the group, or will be.
    pub(crate) fn prefetch(&self, records: &Records, slot: u8, key: &[u8], id: u64) {
        if let Some(slot) = self.slots.get(usize::from(slot)) {
            slot.members.prefetch(&Sought::new(records, key, id));
        }
    }

    pub(crate) fn first(&self, slot: u8) -> Option<Place> {
        Some(self.slots.get(usize::from(slot))?.members.get(0)?.place)
    }

    /// Calls `take` with what stands at the indexes from `from` on, at most `count`.
    pub(crate) fn slice(
        &self,
        records: &Records,
        from: usize,
        count: usize,
        mut take: impl FnMut(Item),
    ) {
        let (mut skip, mut left) = (from, count);
        for (slot, size) in self.order.iter().zip(&self.sizes) {
            if left == 0 {
                break;
            }
            if skip >= *size {
                skip -= size;
                continue;
            }
            if skip == 0 {
                take(Item::Header(self.group(*slot), size - 1));
                left -= 1;
            }
            if let Some(slot) = self.slots.get(usize::from(*slot)) {
                let members = slot.members.iter(skip.saturating_sub(1)).take(left);
                members.for_each(|entry| {
                    left -= 1;
                    take(Item::Member(records.id(entry.place)));
                });
            }
            skip = 0;
        }
    }

    /// Bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        // The lists of slots and sizes and the map of roles, at what they take at most.
        self.trees + self.slots.capacity() * (size_of::<Slot>() + 64)
    }

    fn measure(&mut self, slot: u8) {
        let hidden = !self.is_shown(slot);
        if let Some(Slot { members, position, .. }) = self.slots.get(usize::from(slot))
            && let Some(size) = self.sizes.get_mut(*position)
        {
            *size = if hidden || members.is_empty() { 0 } else { members.len() + 1 };
        }
    }
}
