//! Roles, channels and the owner: what decides who sees a channel.

use permissions::Mask;
use permissions::mask::{ADMINISTRATOR, ALL, VIEW_CHANNEL};

use crate::bits::Bits;
use crate::class::{Classes, Rule, Sight, Whom};
use crate::table::Table;

/// A role, or one that members have although the guild does not.
#[derive(Debug, Default)]
pub(crate) struct Role {
    /// `None` if the guild does not have it: it gives nothing.
    pub(crate) permissions: Option<Mask>,
    pub(crate) members: Bits,
    pub(crate) count: usize,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    pub(crate) class: usize,
    /// Of a thread: the channel whose overwrites count.
    pub(crate) parent: Option<u64>,
}

/// Where one sees or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Class(usize),
    /// A thread whose parent is not there: for those above all overwrites.
    Orphan,
}

#[derive(Debug)]
pub(crate) struct Rights {
    pub(crate) guild: u64,
    pub(crate) owner: Option<u64>,
    /// The permissions of @everyone.
    pub(crate) everyone: Mask,
    pub(crate) roles: Table<Role>,
    pub(crate) channels: Table<Channel>,
    pub(crate) classes: Classes,
    /// Those whose roles say VIEW_CHANNEL.
    pub(crate) view: Sight,
    /// The owner and administrators, who see everything.
    pub(crate) above: Sight,
}

impl Rights {
    pub(crate) fn new(guild: u64, owner: Option<u64>) -> Self {
        Self {
            guild,
            owner,
            everyone: 0,
            roles: Table::default(),
            channels: Table::default(),
            classes: Classes::default(),
            view: Sight::default(),
            above: Sight::default(),
        }
    }

    /// Where a channel's events are seen; `None` if the channel is not there.
    pub(crate) fn place(&self, channel: u64) -> Option<Place> {
        let channel = self.channels.get(channel)?;
        Some(match channel.parent {
            None => Place::Class(channel.class),
            Some(parent) => {
                self.channels.get(parent).map_or(Place::Orphan, |parent| Place::Class(parent.class))
            }
        })
    }

    pub(crate) fn sight(&self, place: Place) -> &Sight {
        match place {
            Place::Class(index) => {
                self.classes.get(index).map_or(&self.above, |class| &class.sight)
            }
            Place::Orphan => &self.above,
        }
    }

    /// Everything that is kept up to date.
    pub(crate) fn sights_mut(&mut self) -> impl Iterator<Item = &mut Sight> {
        let classes = self.classes.iter_mut().map(|class| &mut class.sight);
        [&mut self.view, &mut self.above].into_iter().chain(classes)
    }

    /// The roles that the guild has and that have one of these permissions, @everyone not among them.
    pub(crate) fn granting(&self, mask: Mask) -> impl Iterator<Item = &Role> {
        self.roles.values().filter(move |role| role.permissions.unwrap_or(0) & mask != 0)
    }

    /// What the roles of a seat come to.
    pub(crate) fn base(&self, seat: u32, user: u64) -> Mask {
        if self.owner == Some(user) {
            return ALL;
        }
        let mine = self.roles.values().filter(|role| role.members.get(seat));
        permissions::mask::base(
            mine.fold(self.everyone, |mask, role| mask | role.permissions.unwrap_or(0)),
        )
    }

    /// Whether a seat sees what has these rules: the definition, for one seat.
    pub(crate) fn sees(&self, seat: u32, user: u64, base: Mask, rules: &[Rule]) -> bool {
        if base & ADMINISTRATOR != 0 {
            return true;
        }
        let (mut seen, mut allowed, mut denied) = (base & VIEW_CHANNEL != 0, false, false);
        for rule in rules {
            match rule.whom {
                Whom::Everyone => seen = rule.allow,
                Whom::Role(id) if self.has(seat, id) => {
                    allowed |= rule.allow;
                    denied |= !rule.allow;
                }
                Whom::Member(id) if id == user => return rule.allow,
                _ => {}
            }
        }
        allowed || seen && !denied
    }

    fn has(&self, seat: u32, role: u64) -> bool {
        self.roles
            .get(role)
            .is_some_and(|role| role.permissions.is_some() && role.members.get(seat))
    }

    /// Works out what a seat sees, after its user's roles or the owner have changed.
    pub(crate) fn look(&mut self, seat: u32, user: u64) {
        let base = self.base(seat, user);
        self.view.set(seat, base & VIEW_CHANNEL != 0);
        self.above.set(seat, base & ADMINISTRATOR != 0);

        // Taken out, because the rules are applied with the rest of `self` at hand.
        let mut classes = std::mem::take(&mut self.classes);
        for class in classes.iter_mut() {
            if class.sight.covers(seat) {
                let sees = self.sees(seat, user, base, &class.rules);
                class.sight.set(seat, sees);
            }
        }
        self.classes = classes;
    }

    /// Takes a seat out of everything.
    pub(crate) fn leave(&mut self, seat: u32) {
        for role in self.roles.values_mut() {
            if role.members.set(seat, false) {
                role.count -= 1;
            }
        }
        self.sights_mut().for_each(|sight| sight.set(seat, false));
    }

    /// Gives a seat these roles and no others. @everyone has everyone.
    pub(crate) fn assign(&mut self, seat: u32, ids: &[u64]) {
        for role in self.roles.values_mut() {
            if role.members.set(seat, false) {
                role.count -= 1;
            }
        }
        for id in ids.iter().filter(|id| **id != self.guild) {
            if self.roles.get(*id).is_none() {
                self.roles.insert(*id, Role::default());
            }
            if let Some(role) = self.roles.get_mut(*id)
                && role.members.set(seat, true)
            {
                role.count += 1;
            }
        }
    }

    /// Forgets a role that the guild does not have and nobody else.
    pub(crate) fn sweep(&mut self) {
        self.roles.retain(|role| role.permissions.is_some() || role.count > 0);
    }

    /// Gives a role permissions, or with `None` takes it from the guild.
    pub(crate) fn set_role(&mut self, id: u64, permissions: Option<Mask>) {
        let (before, members) = if id == self.guild {
            (Some(std::mem::replace(&mut self.everyone, permissions.unwrap_or(0))), usize::MAX)
        } else {
            match self.roles.get_mut(id) {
                Some(role) => (std::mem::replace(&mut role.permissions, permissions), role.count),
                None => {
                    let role = Role { permissions, ..Role::default() };
                    self.roles.insert(id, role);
                    (None, 0)
                }
            }
        };

        let bears = |mask: Option<Mask>| mask.map(|mask| mask & (VIEW_CHANNEL | ADMINISTRATOR));
        if members > 0 && bears(before) != bears(permissions) {
            self.sights_mut().for_each(Sight::spoil);
        }
        self.sweep();
    }

    pub(crate) fn set_channel(&mut self, id: u64, rules: Box<[Rule]>, parent: Option<u64>) {
        let class = self.classes.join(rules);
        if let Some(old) = self.channels.insert(id, Channel { class, parent }) {
            self.classes.part(old.class);
        }
    }

    pub(crate) fn delete_channel(&mut self, id: u64) {
        if let Some(old) = self.channels.remove(id) {
            self.classes.part(old.class);
        }
    }

    /// No set has words from this one on.
    pub(crate) fn cut(&mut self, words: usize) {
        self.roles.values_mut().for_each(|role| role.members.cut(words));
        self.view.cut(words);
        self.above.cut(words);
        self.classes.cut(words);
    }
}
