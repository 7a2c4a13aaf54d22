//! A room as a list of sessions, each asked by itself.

use std::collections::BTreeMap;

use audience::{Change, Item, Session, To, Topic};
use permissions::mask::VIEW_CHANNEL;
use permissions::{Channel, Guild, Kind, Member, Overwrite};

pub(crate) const GUILD: u64 = 1;

/// What each session got, by key.
pub(crate) type Got = BTreeMap<u64, Vec<u32>>;

#[derive(Clone)]
pub(crate) struct Model {
    owner: Option<u64>,
    roles: BTreeMap<u64, u64>,
    channels: BTreeMap<u64, (Kind, Vec<Overwrite>)>,
    pub(crate) sessions: BTreeMap<u64, (Session, Vec<u64>)>,
    topics: BTreeMap<u64, Vec<Topic>>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            owner: Some(90),
            roles: BTreeMap::new(),
            channels: BTreeMap::new(),
            sessions: BTreeMap::new(),
            topics: BTreeMap::new(),
        }
    }

    pub(crate) fn attach(&mut self, session: Session, roles: Vec<u64>) {
        self.detach(session.key);
        self.sessions.insert(session.key, (session, roles));
    }

    pub(crate) fn detach(&mut self, key: u64) -> bool {
        self.topics.remove(&key);
        self.sessions.remove(&key).is_some()
    }

    pub(crate) fn follow(&mut self, key: u64, topics: &[Topic]) -> bool {
        let here = self.sessions.contains_key(&key);
        if here {
            self.topics.insert(key, topics.to_vec());
        }
        here
    }

    pub(crate) fn set_passive(&mut self, key: u64, passive: bool) -> bool {
        self.sessions.get_mut(&key).map(|(session, _roles)| session.passive = passive).is_some()
    }

    pub(crate) fn change(&mut self, change: &Change) {
        match change.clone() {
            Change::Owner(owner) => self.owner = owner,
            Change::Role(id, permissions) => drop(self.roles.insert(id, permissions)),
            Change::RoleDeleted(id) => drop(self.roles.remove(&id)),
            Change::Channel(id, overwrites) => {
                drop(self.channels.insert(id, (Kind::Text, overwrites)))
            }
            Change::Thread(id, parent) => {
                drop(self.channels.insert(id, (Kind::Thread(parent), Vec::new())))
            }
            Change::ChannelDeleted(id) => drop(self.channels.remove(&id)),
            Change::Member(user, roles) => {
                for (session, of_session) in self.sessions.values_mut() {
                    if session.user == user {
                        of_session.clone_from(&roles);
                    }
                }
            }
        }
    }

    fn guild(&self) -> Guild {
        let channels = self.channels.iter().map(|(id, (kind, overwrites))| {
            Channel::new(GUILD, *id, *kind, overwrites.iter().copied())
        });
        let roles = self.roles.iter().map(|(id, mask)| (*id, *mask));
        Guild::new(GUILD, self.owner, usize::MAX).filled(roles, channels).unwrap()
    }

    pub(crate) fn sees(&self, session: &Session, roles: &[u64], channel: u64) -> bool {
        let guild = self.guild();
        let standing = guild.standing(member(session), roles.iter().copied());
        guild.in_channel(&standing, channel) & VIEW_CHANNEL != 0
    }

    pub(crate) fn is_there(&self, item: &Item<u32>, session: &Session) -> bool {
        match &item.to {
            To::Room => true,
            To::Users(users) => users.contains(session.user),
            To::Channel(channel) => self.sees(session, &self.sessions[&session.key].1, *channel),
            To::Topic(topic) => {
                self.topics.get(&session.key).is_some_and(|topics| topics.contains(topic))
            }
            To::Moved(..) => false,
        }
    }

    pub(crate) fn deliver(
        &self,
        items: &[Item<u32>],
        is_there: impl Fn(&Item<u32>, &Session) -> bool,
    ) -> Got {
        let guild = self.guild();
        let mut got = Got::new();
        for (key, (session, roles)) in &self.sessions {
            let base = guild.standing(member(session), roles.iter().copied()).base();
            for item in items {
                let always = item.always.contains(session.user);
                let named = always || matches!(item.to, To::Users(_) | To::Topic(_));
                if (item.intents == 0 || session.intents & item.intents != 0 || always)
                    && (item.permissions == 0 || base & item.permissions != 0)
                    && (!session.passive || item.passive || named)
                    && item.shard.is_none_or(|shard| shard == session.shard)
                    && !item.except.contains(session.user)
                    && is_there(item, session)
                {
                    got.entry(*key).or_default().push(event(item, session));
                }
            }
        }
        got
    }
}

fn member(session: &Session) -> Member {
    Member { id: session.user, timed_out: false }
}

fn event(item: &Item<u32>, session: &Session) -> u32 {
    let content = session.intents & 1 << 15 != 0 || item.content_for.contains(session.user);
    match (item.author, item.content) {
        (Some((author, event)), _) if author == session.user => event,
        (_, Some(event)) if content => event,
        _ => item.body,
    }
}
