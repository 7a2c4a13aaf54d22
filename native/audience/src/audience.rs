//! The sessions of a room, what decides what they see, and the changes of both.

use gauge::Gauge;
use permissions::mask::{ADMINISTRATOR, ALL};
use permissions::{Mask, Overwrite};

use crate::bits::Bits;
use crate::class::{Rule, rules};
use crate::intents::Intents;
use crate::item::Item;
use crate::rights::{Place, Rights};
use crate::seats::{Seats, Session};
use crate::size::Size;
use crate::topics::{Topic, Topics};
use crate::work::Budget;

/// Audiences of this process and their bytes.
pub static MEMORY: Gauge = Gauge::new();

/// Why a change was refused. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The audience would pass its limit of bytes.
    Memory,
    /// It would have too many roles, channels or overwrites for changes to be quick.
    Many,
}

/// Roles, and classes of channels.
const MANY: usize = 4_096;
/// Channels, and rules of all classes together.
const VERY_MANY: usize = 65_536;

/// A change of what decides who sees a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another owner, or none.
    Owner(Option<u64>),
    /// A role is there, with these permissions. The one with the guild's id is @everyone's.
    Role(u64, Mask),
    /// A role is gone. Members may still have it, which gives them nothing.
    RoleDeleted(u64),
    /// A channel is there, with these overwrites.
    Channel(u64, Vec<Overwrite>),
    /// A thread is there, in the channel that comes second.
    Thread(u64, u64),
    /// A channel or thread is gone.
    ChannelDeleted(u64),
    /// A user has these roles and no others.
    Member(u64, Vec<u64>),
}

/// The sessions of a room, each on a seat with a sink for its events.
#[derive(Debug)]
pub struct Audience<T> {
    pub(crate) seats: Seats<T>,
    pub(crate) rights: Rights,
    pub(crate) intents: Intents,
    pub(crate) passive: Bits,
    pub(crate) topics: Topics,
    max_bytes: usize,
    counted: usize,
}

impl<T> Audience<T> {
    /// An audience without sessions, roles and channels.
    pub fn new(guild: u64, owner: Option<u64>, max_bytes: usize) -> Self {
        let audience = Self {
            seats: Seats::default(),
            rights: Rights::new(guild, owner),
            intents: Intents::default(),
            passive: Bits::default(),
            topics: Topics::default(),
            max_bytes,
            counted: size_of::<Self>(),
        };
        MEMORY.add(audience.counted);
        audience
    }

    /// Gives a session a seat, in the place of the one its key may have. Returns the old one's sink.
    pub fn attach(&mut self, session: Session, roles: &[u64], sink: T) -> Result<Option<T>, Full> {
        let known = self.seats.of_key(session.key).is_some();
        let seats = (self.seats.next() as usize + 1).saturating_sub(self.seats.len());
        let seats = if known { 0 } else { seats };
        let sessions = usize::from(!known);
        self.fits(Size { seats, sessions, roles: self.unknown(roles), ..Size::default() })?;

        let old = self.detach(session.key);
        let before = self.seats.words();
        let seat = self.seats.take(session, sink);
        let words = self.seats.words();
        self.rights.sights_mut().for_each(|sight| sight.grow(before, words));
        if session.passive {
            self.passive.set(seat, true);
        }
        self.intents.keep(&self.seats);
        self.intents.set(seat, &session, true);
        self.rights.assign(seat, roles);
        self.rights.look(seat, session.user);
        self.count();
        Ok(old)
    }

    /// Takes a session's seat away. Returns its sink.
    pub fn detach(&mut self, key: u64) -> Option<T> {
        let seat = self.seats.of_key(key)?;
        let session = self.seats.session(seat)?;
        self.intents.set(seat, &session, false);
        self.passive.set(seat, false);
        self.rights.leave(seat);
        self.topics.leave(seat);
        let sink = self.seats.leave(seat);
        self.rights.sweep();

        if let Some(words) = self.seats.cut() {
            self.rights.cut(words);
            self.intents.cut(words);
            self.passive.cut(words);
        }
        self.count();
        sink
    }

    /// Makes a session passive, or active again. Returns whether it is here.
    pub fn set_passive(&mut self, key: u64, passive: bool) -> bool {
        let Some(seat) = self.seats.of_key(key) else { return false };
        self.passive.set(seat, passive);
        true
    }

    /// Lets a session follow these topics and no others. Returns whether it is here.
    pub fn follow(&mut self, key: u64, topics: Vec<Topic>) -> Result<bool, Full> {
        let Some(seat) = self.seats.of_key(key) else { return Ok(false) };
        let follows = topics.len().saturating_sub(self.topics.of_seat(seat));
        self.fits(Size { follows, ..Size::default() })?;
        self.topics.follow(seat, topics);
        self.count();
        Ok(true)
    }

    /// Applies a change. What it takes does not grow with the sessions.
    pub fn change(&mut self, change: &Change) -> Result<(), Full> {
        match change {
            Change::Owner(owner) => self.set_owner(*owner),
            Change::Role(id, permissions) => {
                self.fits(Size { roles: self.unknown(&[*id]), ..Size::default() })?;
                self.rights.set_role(*id, Some(*permissions & ALL));
            }
            Change::RoleDeleted(id) => self.rights.set_role(*id, None),
            Change::Channel(id, overwrites) => {
                self.set_channel(*id, rules(self.rights.guild, overwrites), None)?;
            }
            Change::Thread(id, parent) => self.set_channel(*id, Box::default(), Some(*parent))?,
            Change::ChannelDeleted(id) => self.rights.delete_channel(*id),
            Change::Member(user, roles) => {
                self.fits(Size { roles: self.unknown(roles), ..Size::default() })?;
                for seat in self.seats.of_user(*user) {
                    self.rights.assign(seat, roles);
                    self.rights.look(seat, *user);
                }
                self.rights.sweep();
            }
        }
        self.count();
        Ok(())
    }

    fn set_owner(&mut self, owner: Option<u64>) {
        let before = std::mem::replace(&mut self.rights.owner, owner);
        for user in [before, owner].into_iter().flatten() {
            self.seats.of_user(user).for_each(|seat| self.rights.look(seat, user));
        }
    }

    fn set_channel(
        &mut self,
        id: u64,
        rules: Box<[Rule]>,
        parent: Option<u64>,
    ) -> Result<(), Full> {
        let classes = usize::from(self.rights.classes.find(&rules).is_none());
        let channels = usize::from(self.rights.channels.get(id).is_none());
        self.fits(Size { channels, classes, rules: classes * rules.len(), ..Size::default() })?;
        self.rights.set_channel(id, rules, parent);
        Ok(())
    }

    /// The ids of the roles and channels that the guild has. @everyone is not among them.
    pub fn ids(&self) -> (Vec<u64>, Vec<u64>) {
        let roles = self.rights.roles.iter().filter(|(_id, role)| role.permissions.is_some());
        (
            roles.map(|(id, _role)| *id).collect(),
            self.rights.channels.iter().map(|(id, _)| *id).collect(),
        )
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.seats.count()
    }

    /// Whether all seats are looked at together, so that a delivery is done at once.
    pub fn is_small(&self) -> bool {
        self.seats.words() <= 1
    }

    /// The keys of a user's sessions.
    pub fn of_user(&self, user: u64) -> impl Iterator<Item = u64> {
        self.seats.of_user(user).filter_map(|seat| Some(self.seats.session(seat)?.key))
    }

    /// Where a session's events go, if it is here.
    pub fn sink(&self, key: u64) -> Option<&T> {
        self.seats.sink(self.seats.of_key(key)?)
    }

    /// Whether a session sees a channel, by its roles alone: the definition, for one session.
    pub fn sees(&self, key: u64, channel: u64) -> bool {
        let Some(seat) = self.seats.of_key(key) else { return false };
        self.seat_sees(seat, channel)
    }

    pub(crate) fn seat_sees(&self, seat: u32, channel: u64) -> bool {
        let (Some(place), Some(session)) = (self.rights.place(channel), self.seats.session(seat))
        else {
            return false;
        };
        let base = self.rights.base(seat, session.user);
        match place {
            Place::Orphan => base & ADMINISTRATOR != 0,
            Place::Class(index) => self
                .rights
                .classes
                .get(index)
                .is_some_and(|class| self.rights.sees(seat, session.user, base, &class.rules)),
        }
    }

    /// Works out what the items need to be known, who sees their channels. Returns whether it is known
    /// now; if not, the budget was spent.
    pub fn prepare<E>(&mut self, items: &[Item<E>], budget: &mut Budget) -> bool {
        items.iter().all(|item| {
            (item.permissions == 0 || self.rights.work_above(&self.seats, budget))
                && item.channel().is_none_or(|channel| self.work(channel, budget))
        })
    }

    /// Whether it is known.
    pub fn is_prepared<E>(&self, items: &[Item<E>]) -> bool {
        let words = self.seats.words();
        items.iter().all(|item| {
            let place = item.channel().and_then(|channel| self.rights.place(channel));
            (item.permissions == 0 && place.is_none() || self.rights.above.ready == words)
                && place.is_none_or(|place| self.rights.sight(place).ready == words)
        })
    }

    pub(crate) fn work(&mut self, channel: u64, budget: &mut Budget) -> bool {
        self.rights.place(channel).is_none_or(|place| self.rights.work(place, &self.seats, budget))
    }

    /// What it takes in memory, estimated from above.
    pub fn bytes(&self) -> usize {
        self.counted
    }

    /// How many of the roles are new here.
    fn unknown(&self, roles: &[u64]) -> usize {
        let known = |id: u64| id == self.rights.guild || self.rights.roles.get(id).is_some();
        roles.iter().filter(|id| !known(**id)).count()
    }

    /// Whether there is room for more of these.
    fn fits(&self, more: Size) -> Result<(), Full> {
        let size = self.size() + more;
        let many = size.roles.max(size.classes) > MANY || size.rules.max(size.channels) > VERY_MANY;
        if many {
            Err(Full::Many)
        } else if size.bytes::<T>() > self.max_bytes {
            Err(Full::Memory)
        } else {
            Ok(())
        }
    }

    fn count(&mut self) {
        let bytes = self.size().bytes::<T>();
        MEMORY.resize(self.counted, bytes);
        self.counted = bytes;
    }

    fn size(&self) -> Size {
        let (classes, rules) = self.rights.classes.size();
        let (follows, topic_sets) = self.topics.size();
        Size {
            seats: self.seats.len(),
            sessions: self.seats.count(),
            roles: self.rights.roles.len(),
            channels: self.rights.channels.len(),
            classes,
            rules,
            follows,
            topic_sets,
        }
    }
}

impl<T> Drop for Audience<T> {
    fn drop(&mut self) {
        MEMORY.remove(self.counted);
    }
}
