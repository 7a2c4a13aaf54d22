//! Roles and channels, compiled so that asking is quick.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::standing::{Member, Standing};
use crate::{Channel, Kind, MEMORY, Mask, mask};

/// The guild would pass its limit of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A change of a guild.
#[derive(Debug)]
pub enum Change {
    /// Another owner, or none.
    Owner(Option<u64>),
    /// A role, or other permissions of it.
    Role(u64, Mask),
    /// No such role. Overwrites for it stay, and are of no account.
    RoleDeleted(u64),
    /// A channel, or another one in its place.
    Channel(Channel),
    /// No such channel.
    ChannelDeleted(u64),
}

/// A guild's roles and channels, never changed. A change is another guild, which shares the
/// channels with this one.
#[derive(Debug)]
pub struct Guild {
    id: u64,
    owner: Option<u64>,
    /// Ascending by id.
    roles: Box<[(u64, Mask)]>,
    /// Ascending by id.
    channels: Box<[Arc<Channel>]>,
    /// With the channels.
    bytes: usize,
    max_bytes: usize,
}

impl Guild {
    /// A guild without roles and channels, of at most so many bytes.
    pub fn new(id: u64, owner: Option<u64>, max_bytes: usize) -> Self {
        Self::of(id, owner, Box::default(), Box::default(), max_bytes)
    }

    /// The guild with these roles and channels beside those that it has. Of several with one id the
    /// last one counts.
    pub fn filled(
        &self,
        roles: impl IntoIterator<Item = (u64, Mask)>,
        channels: impl IntoIterator<Item = Channel>,
    ) -> Result<Self, Full> {
        let roles = roles.into_iter().map(|(id, mask)| Change::Role(id, mask));
        self.changed(roles.chain(channels.into_iter().map(Change::Channel)))
    }

    /// The guild after changes, made in their order.
    pub fn changed(&self, changes: impl IntoIterator<Item = Change>) -> Result<Self, Full> {
        let mut owner = self.owner;
        let mut roles = BTreeMap::new();
        let mut channels = BTreeMap::new();

        for change in changes {
            match change {
                Change::Owner(user) => owner = user,
                Change::Role(id, mask) => drop(roles.insert(id, Some((id, mask)))),
                Change::RoleDeleted(id) => drop(roles.insert(id, None)),
                Change::Channel(channel) => {
                    drop(channels.insert(channel.id(), Some(Arc::new(channel))));
                }
                Change::ChannelDeleted(id) => drop(channels.insert(id, None)),
            }
        }

        let roles = merged(&self.roles, |(id, _mask)| *id, roles);
        let channels = merged(&self.channels, |channel| channel.id(), channels);
        let guild = Self::of(self.id, owner, roles, channels, self.max_bytes);
        if guild.bytes <= guild.max_bytes { Ok(guild) } else { Err(Full) }
    }

    /// Its id, which is that of the role @everyone as well.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many channels it has.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// What it takes in memory, with the channels that it shares.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the roles say of a member. One that the guild does not have gives nothing.
    pub fn standing(&self, member: Member, roles: impl IntoIterator<Item = u64>) -> Standing {
        let mut together = self.role(self.id).unwrap_or(0);
        let mut known = SmallVec::new();

        for id in roles {
            if let Some(permissions) = self.role(id) {
                together |= permissions;
                known.push(id);
            }
        }

        let owner = self.owner == Some(member.id);
        let base = if owner { mask::ALL } else { mask::base(together) };
        Standing { member, base, roles: known }
    }

    /// A member's permissions after the overwrites of a channel, or of a thread's parent: what
    /// client libraries compute. 0 for a channel that is not there.
    pub fn overwritten(&self, standing: &Standing, channel: u64) -> Mask {
        match self.channel(channel) {
            None => 0,
            Some(_channel) if standing.administrator() => standing.base,
            Some(channel) => {
                self.with_overwrites(standing, channel).map_or(0, |(mask, _kind)| mask)
            }
        }
    }

    /// A member's permissions in a channel. 0 for a channel that is not there.
    pub fn in_channel(&self, standing: &Standing, channel: u64) -> Mask {
        self.channel(channel).map_or(0, |channel| self.granted(standing, channel))
    }

    /// The ids of the channels that a member sees, ascending.
    pub fn visible(&self, standing: &Standing) -> Vec<u64> {
        let sees =
            |channel: &&Arc<Channel>| self.granted(standing, channel) & mask::VIEW_CHANNEL != 0;
        self.channels.iter().filter(sees).map(|channel| channel.id()).collect()
    }

    fn granted(&self, standing: &Standing, channel: &Channel) -> Mask {
        if standing.administrator() {
            return standing.base;
        }

        let mask = match self.with_overwrites(standing, channel) {
            None => 0,
            Some((mask, Kind::Thread(_parent))) => mask::implied(mask::in_thread(mask), false),
            Some((mask, kind)) => mask::implied(mask, kind == Kind::Voice),
        };

        if standing.member.timed_out { mask::in_timeout(mask) } else { mask }
    }

    /// Nothing for a thread whose parent is gone.
    fn with_overwrites(&self, standing: &Standing, channel: &Channel) -> Option<(Mask, Kind)> {
        let kind = channel.kind();
        match kind {
            Kind::Thread(parent) => Some((self.channel(parent)?.overwritten(standing), kind)),
            Kind::Text | Kind::Voice => Some((channel.overwritten(standing), kind)),
        }
    }

    fn role(&self, id: u64) -> Option<Mask> {
        let index = self.roles.binary_search_by_key(&id, |(id, _mask)| *id).ok()?;
        self.roles.get(index).map(|(_id, mask)| *mask)
    }

    fn channel(&self, id: u64) -> Option<&Channel> {
        let index = self.channels.binary_search_by_key(&id, |channel| channel.id()).ok()?;
        self.channels.get(index).map(|channel| &**channel)
    }

    fn of(
        id: u64,
        owner: Option<u64>,
        roles: Box<[(u64, Mask)]>,
        channels: Box<[Arc<Channel>]>,
        max_bytes: usize,
    ) -> Self {
        let mut guild = Self { id, owner, roles, channels, bytes: 0, max_bytes };
        let shared: usize = guild.channels.iter().map(|channel| channel.bytes()).sum();
        guild.bytes = guild.own_bytes() + shared;
        MEMORY.add(guild.own_bytes());
        guild
    }

    fn own_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.roles) + size_of_val(&*self.channels)
    }
}

impl Drop for Guild {
    fn drop(&mut self) {
        MEMORY.remove(self.own_bytes());
    }
}

/// The sorted items, of which some are replaced, added or left out.
fn merged<T: Clone>(
    items: &[T],
    key: impl Fn(&T) -> u64,
    changes: BTreeMap<u64, Option<T>>,
) -> Box<[T]> {
    let mut merged = Vec::with_capacity(items.len() + changes.len());
    let mut rest = items;
    for (id, item) in changes {
        let (before, from) = rest.split_at(rest.partition_point(|item| key(item) < id));
        rest = match from.split_first() {
            Some((first, after)) if key(first) == id => after,
            _ => from,
        };
        merged.extend_from_slice(before);
        merged.extend(item);
    }
    merged.extend_from_slice(rest);
    merged.into_boxed_slice()
}
