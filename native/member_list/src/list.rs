//! The list: who is in it, under which name and in which group.

use crate::collation;
use crate::gauge::LISTS;
use crate::group::Group;
use crate::groups::{Groups, OFFLINE};
use crate::index::Index;
use crate::journal::{Edit, Journal, Thing};
use crate::records::{Place, Records};
use crate::windows::Audiences;

/// A list of so many entries does not show who is offline. An entry is a member, a role, or one of the two
/// other groups.
const LARGE: u64 = 1_000;
/// So many members and more are not all in the processor's caches: to ask for memory pays off.
const SCATTERED: u64 = 50_000;
/// More than one change adds to a tree: two leaves and what is above them.
const TREE_GROWTH: usize = 8_192;

/// How large a list may become.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of native memory.
    pub bytes: usize,
    /// Subscribers.
    pub subscribers: usize,
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It could pass the limit of bytes.
    MemoryLimit,
    /// The group is a role that the list does not have.
    UnknownRole,
    /// There are as many subscribers as there may be.
    TooManySubscribers,
}

/// A member list. Windows that are looked at are part of it: see [`List::updates`].
pub struct List {
    pub(crate) records: Records,
    pub(crate) index: Index,
    pub(crate) groups: Groups,
    pub(crate) journal: Journal,
    pub(crate) audiences: Audiences,
    pub(crate) limits: Limits,
    members: u64,
    /// Members who are offline and were not put.
    absent: u64,
    /// What the gauge counts for this list.
    counted: usize,
}

impl List {
    /// An empty list without roles.
    pub fn new(limits: Limits) -> Self {
        let mut list = Self {
            records: Records::default(),
            index: Index::new(),
            groups: Groups::new(),
            journal: Journal::default(),
            audiences: Audiences::default(),
            limits,
            members: 0,
            absent: 0,
            counted: 0,
        };
        list.counted = list.bytes();
        LISTS.add(list.counted);
        list
    }

    /// Bytes of native memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.records.bytes()
            + self.index.bytes()
            + self.groups.bytes()
            + self.audiences.bytes()
    }

    /// Adds a member, or gives him another name or group. One who keeps his place has changed in a way
    /// that the list does not know, and is told of too.
    pub fn put(&mut self, id: u64, name: &str, group: Group) -> Result<(), Refusal> {
        collation::with_key(name, |key| self.put_key(id, key, group))
    }

    fn put_key(&mut self, id: u64, key: &[u8], group: Group) -> Result<(), Refusal> {
        let slot = self.groups.slot(group).ok_or(Refusal::UnknownRole)?;
        // The member's place in his group is elsewhere in the memory than his record and what finds it:
        // all are fetched at the same time.
        if self.members >= SCATTERED {
            self.index.fetch(id);
            self.records.fetch_free(key.len());
            self.groups.prefetch(&self.records, slot, key, id);
        }
        match self.index.get(&self.records, id) {
            None => self.add(id, key, slot)?,
            Some(place) if self.records.key(place) != key => self.rename(id, place, key, slot)?,
            Some(place) if self.records.group(place) != slot => self.regroup(place, slot),
            Some(place) => self.touch(id, place),
        }
        self.count();
        Ok(())
    }

    /// Removes a member. Tells whether he was there.
    pub fn delete(&mut self, id: u64) -> bool {
        let Some(place) = self.index.get(&self.records, id) else { return false };
        self.leave(place);
        self.index.remove(&self.records, id);
        self.records.remove(place);
        self.members -= 1;
        self.size_changed();
        self.count();
        true
    }

    /// Says how many members there are who were not put, and are offline.
    pub fn set_absent(&mut self, absent: u64) {
        self.absent = absent;
        self.size_changed();
    }

    /// All members, those who were not put too.
    pub fn members(&self) -> u64 {
        self.members.saturating_add(self.absent)
    }

    /// Members who are in another group than that of those who are offline.
    pub fn online(&self) -> u64 {
        self.members - self.groups.len(OFFLINE) as u64
    }

    fn add(&mut self, id: u64, key: &[u8], slot: u8) -> Result<(), Refusal> {
        self.reserve(self.records.growth(key) + self.index.growth())?;
        let place = self.records.insert(id, slot, key).map_err(|_full| Refusal::MemoryLimit)?;
        self.index.insert(&self.records, id, place);
        self.enter(slot, place);
        self.members += 1;
        self.size_changed();
        Ok(())
    }

    fn rename(&mut self, id: u64, old: Place, key: &[u8], slot: u8) -> Result<(), Refusal> {
        self.reserve(self.records.growth(key))?;
        let new = self.records.insert(id, slot, key).map_err(|_full| Refusal::MemoryLimit)?;
        if self.records.group(old) == slot {
            self.move_within(id, slot, old, new);
        } else {
            self.leave(old);
            self.enter(slot, new);
        }
        self.index.replace(&self.records, id, new);
        self.records.remove(old);
        Ok(())
    }

    pub(crate) fn regroup(&mut self, place: Place, slot: u8) {
        self.leave(place);
        self.records.set_group(place, slot);
        self.enter(slot, place);
    }

    /// A member's place in the same group, whose header stays as it is.
    fn move_within(&mut self, id: u64, slot: u8, old: Place, new: Place) {
        let from = self.groups.remove(&self.records, slot, old);
        let to = self.groups.insert(&self.records, slot, new);
        if self.is_watched(slot) {
            let first = self.groups.start(slot) + 1;
            if from == to {
                self.journal.push(Edit::Update(first + to, id));
            } else {
                self.journal.push(Edit::Delete(first + from));
                self.journal.push(Edit::Insert(first + to, Thing::Member(id)));
            }
        }
    }

    fn touch(&mut self, id: u64, place: Place) {
        let slot = self.records.group(place);
        if self.is_watched(slot) {
            let rank = self.groups.rank(&self.records, slot, place);
            self.journal.push(Edit::Update(self.groups.start(slot) + 1 + rank, id));
        }
    }

    fn enter(&mut self, slot: u8, place: Place) {
        let rank = self.groups.insert(&self.records, slot, place);
        if self.is_watched(slot) {
            let start = self.groups.start(slot);
            if self.groups.len(slot) == 1 {
                let header = Thing::Header(self.groups.group(slot));
                self.journal.push(Edit::Insert(start, header));
            }
            let member = Thing::Member(self.records.id(place));
            self.journal.push(Edit::Insert(start + 1 + rank, member));
        }
    }

    fn leave(&mut self, place: Place) {
        let slot = self.records.group(place);
        let rank = self.groups.remove(&self.records, slot, place);
        if self.is_watched(slot) {
            let start = self.groups.start(slot);
            self.journal.push(Edit::Delete(start + 1 + rank));
            if self.groups.len(slot) == 0 {
                self.journal.push(Edit::Delete(start));
            }
        }
    }

    /// Whether anybody may have to be told what happens in the group.
    fn is_watched(&self, slot: u8) -> bool {
        !self.audiences.is_empty() && self.groups.is_shown(slot)
    }

    /// There are more or fewer entries: whether who is offline is shown depends on it.
    pub(crate) fn size_changed(&mut self) {
        let entries = self.members().saturating_add(self.groups.roles() as u64 + 2);
        let hide = entries >= LARGE;
        if hide != self.groups.hides_offline() {
            self.groups.hide_offline(hide);
            if self.groups.len(OFFLINE) > 0 {
                self.journal.break_off();
            }
        }
    }

    /// Whether there may be so many bytes more.
    pub(crate) fn reserve(&self, growth: usize) -> Result<(), Refusal> {
        let most = self.bytes() + growth + TREE_GROWTH;
        if most > self.limits.bytes { Err(Refusal::MemoryLimit) } else { Ok(()) }
    }

    /// Brings the gauge up to date.
    pub(crate) fn count(&mut self) {
        let bytes = self.bytes();
        LISTS.resize(self.counted, bytes);
        self.counted = bytes;
    }
}

impl Drop for List {
    fn drop(&mut self) {
        LISTS.remove(self.counted);
    }
}
