//! Roles and channels, compiled so that asking is quick.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::standing::{Member, Standing};
use crate::{Channel, Kind, MEMORY, Mask, mask};

/// The guild would pass its limit of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

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

    /// The guild with these roles and channels in the place of all it has. Of several with one id
    /// the last one counts.
    pub fn filled(
        &self,
        roles: impl IntoIterator<Item = (u64, Mask)>,
        channels: impl IntoIterator<Item = Channel>,
    ) -> Result<Self, Full> {
        let roles: BTreeMap<u64, Mask> = roles.into_iter().collect();
        let channels: BTreeMap<u64, Arc<Channel>> =
            channels.into_iter().map(|channel| (channel.id(), Arc::new(channel))).collect();
        let roles = roles.into_iter().collect();
        self.with(roles, channels.into_values().collect()).checked()
    }

    /// The guild with another owner.
    pub fn with_owner(&self, owner: Option<u64>) -> Self {
        Self::of(self.id, owner, self.roles.clone(), self.channels.clone(), self.max_bytes)
    }

    /// The guild with a role, or with other permissions of it.
    pub fn with_role(&self, id: u64, permissions: Mask) -> Result<Self, Full> {
        let roles = with(&self.roles, |(id, _mask)| *id, id, Some((id, permissions)));
        self.with(roles, self.channels.clone()).checked()
    }

    /// The guild without a role. Overwrites for it stay, and are of no account.
    pub fn without_role(&self, id: u64) -> Self {
        self.with(with(&self.roles, |(id, _mask)| *id, id, None), self.channels.clone())
    }

    /// The guild with a channel, or with another one in its place.
    pub fn with_channel(&self, channel: Channel) -> Result<Self, Full> {
        let id = channel.id();
        let channels = with(&self.channels, |channel| channel.id(), id, Some(Arc::new(channel)));
        self.with(self.roles.clone(), channels).checked()
    }

    /// The guild without a channel.
    pub fn without_channel(&self, id: u64) -> Self {
        let channels = with(&self.channels, |channel| channel.id(), id, None);
        self.with(self.roles.clone(), channels)
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

    fn with(&self, roles: Box<[(u64, Mask)]>, channels: Box<[Arc<Channel>]>) -> Self {
        Self::of(self.id, self.owner, roles, channels, self.max_bytes)
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

    fn checked(self) -> Result<Self, Full> {
        if self.bytes <= self.max_bytes { Ok(self) } else { Err(Full) }
    }
}

impl Drop for Guild {
    fn drop(&mut self) {
        MEMORY.remove(self.own_bytes());
    }
}

/// The sorted items with that of an id replaced, added or left out.
fn with<T: Clone>(items: &[T], key: impl Fn(&T) -> u64, id: u64, item: Option<T>) -> Box<[T]> {
    let (before, from) = items.split_at(items.partition_point(|item| key(item) < id));
    let after = match from.split_first() {
        Some((first, after)) if key(first) == id => after,
        _ => from,
    };
    before.iter().cloned().chain(item).chain(after.iter().cloned()).collect()
}
