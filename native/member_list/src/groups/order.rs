//! Which roles a list has, and in which order.

use std::collections::HashSet;

use ordered_set::Tree;

use super::{Groups, OFFLINE, ONLINE, Slot};
use crate::group::Group;

impl Groups {
    /// The roles that are not among `roles`.
    pub(crate) fn leaving(&self, roles: &[u64]) -> Vec<u8> {
        let stay: HashSet<u64> = roles.iter().copied().collect();
        let leave = self.roles.iter().filter(|(id, _slot)| !stay.contains(id));
        leave.map(|(_id, slot)| *slot).collect()
    }

    /// Makes `roles` those of the list, in their order. The others must be empty, and are forgotten.
    /// Tells whether what is shown stands elsewhere now.
    pub(crate) fn arrange(&mut self, roles: &[u64]) -> bool {
        let before: Vec<_> = self.shown().collect();
        let mut known = std::mem::take(&mut self.roles);
        for id in roles {
            if let Some(slot) = known.remove(id) {
                self.roles.insert(*id, slot);
            }
        }
        self.free.extend(known.into_values());

        self.order.clear();
        for id in roles {
            let slot = self.roles.get(id).copied().unwrap_or_else(|| self.add(*id));
            self.order.push(slot);
        }
        self.order.extend([ONLINE, OFFLINE]);
        self.sizes = vec![0; self.order.len()];
        for (position, slot) in self.order.clone().into_iter().enumerate() {
            if let Some(slot) = self.slots.get_mut(usize::from(slot)) {
                slot.position = position;
            }
            self.measure(slot);
        }
        before.into_iter().ne(self.shown())
    }

    fn add(&mut self, id: u64) -> u8 {
        // At most `MAX_ROLES` and the two others are in use.
        let slot = self.free.pop().unwrap_or(self.slots.len() as u8);
        let new = Slot { group: Group::Role(id), members: Tree::new(), position: 0 };
        match self.slots.get_mut(usize::from(slot)) {
            Some(free) => *free = new,
            None => self.slots.push(new),
        }
        self.roles.insert(id, slot);
        slot
    }
}
