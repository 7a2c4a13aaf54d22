//! NIFs of `Guildhall.Audience`: who is in a room, and what decides what they see.

use std::panic::RefUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use audience::{Audience, Budget, Change, Full, MEMORY, Moves, Session, Topic};
use parking_lot::{Mutex, RwLock};
use permissions::Kind;
use rustler::{
    Atom, Binary, Encoder, Env, Error, LocalPid, NewBinary, NifResult, Resource, ResourceArc, Term,
};

use crate::failure::Failure;
use crate::outbox::OutboxResource;
use crate::permissions::Described;
use crate::{atoms, reaper};

/// An audience of this size takes longer to free than a scheduler should be held.
const LARGE: usize = 1 << 20;
/// More roles than this are no member's, and more users are named by no event.
const MAX_IDS: usize = 4_096;
/// Overwrites of one channel.
const MAX_OVERWRITES: usize = 1_000;
/// Topics of one session, and bytes of one topic.
const MAX_TOPICS: usize = 64;
const MAX_TOPIC_BYTES: usize = 64;
/// Changes that are looked at, before they are made, for whom they bear on.
const MAX_CHANGES: usize = 1_000;
/// What one call does before others get a turn.
const PIECE: Duration = Duration::from_micros(300);

/// Where a session's events go, and who is told.
pub(crate) struct Sink {
    pub(crate) outbox: Option<ResourceArc<OutboxResource>>,
    pub(crate) pid: LocalPid,
}

/// Read by dispatches, many at a time; changed for microseconds.
pub(crate) struct AudienceResource {
    /// An option only so that the destructor can hand it over.
    audience: Option<RwLock<Audience<Sink>>>,
}

/// Who saw some channels before a change: gathered in pieces, then never changed.
pub(crate) struct MovesResource {
    gathered: Mutex<Option<Moves>>,
    done: OnceLock<Arc<Moves>>,
}

#[rustler::resource_impl]
impl Resource for AudienceResource {}

#[rustler::resource_impl]
impl Resource for MovesResource {}

// Nothing that runs under the lock can panic half-way: it sets bits and moves references.
impl RefUnwindSafe for AudienceResource {}

impl Drop for AudienceResource {
    fn drop(&mut self) {
        if let Some(audience) = self.audience.take_if(|audience| audience.get_mut().bytes() > LARGE)
        {
            reaper::bury(audience);
        }
    }
}

impl Drop for MovesResource {
    fn drop(&mut self) {
        if let Some(moves) = self.done.take().filter(|moves| moves.bytes() > LARGE) {
            reaper::bury(moves);
        }
    }
}

impl AudienceResource {
    pub(crate) fn get(&self) -> NifResult<&RwLock<Audience<Sink>>> {
        self.audience.as_ref().ok_or(Error::BadArg)
    }
}

impl MovesResource {
    pub(crate) fn get(&self) -> NifResult<&Arc<Moves>> {
        self.done.get().ok_or(Error::BadArg)
    }

    /// Gathers some more. Returns whether it is done.
    fn work(&self, audience: &AudienceResource) -> NifResult<bool> {
        let mut gathered = self.gathered.lock();
        let Some(moves) = gathered.as_mut() else { return Ok(true) };
        if !moves.work(&mut audience.get()?.write(), &mut Budget::piece()) {
            return Ok(false);
        }
        if let Some(moves) = gathered.take() {
            // Nobody else has put one there: the other is gone from under the lock.
            let _ = self.done.set(Arc::new(moves));
        }
        Ok(true)
    }
}

impl From<Full> for Failure {
    fn from(full: Full) -> Self {
        match full {
            Full::Memory => Self::MemoryLimit,
            Full::Many => Self::TooMany,
        }
    }
}

/// A list of ids, or ids packed in a binary.
pub(crate) fn ids(term: Term<'_>, most: usize) -> NifResult<Vec<u64>> {
    if term.is_empty_list() {
        return Ok(Vec::new());
    }
    if let Ok(packed) = Binary::from_term(term) {
        let (ids, rest) = packed.as_chunks::<8>();
        if !rest.is_empty() || ids.len() > most {
            return Err(Error::BadArg);
        }
        return Ok(ids.iter().map(|id| u64::from_le_bytes(*id)).collect());
    }
    let (ids, rest) = crate::outbox::cells(term, most, |id| id.decode())?;
    if rest.is_empty_list() { Ok(ids) } else { Err(Error::BadArg) }
}

/// At most as many as an event names.
pub(crate) fn few_ids(term: Term<'_>) -> NifResult<Vec<u64>> {
    ids(term, MAX_IDS)
}

pub(crate) fn topic(term: Term<'_>) -> NifResult<Topic> {
    let name = Binary::from_term(term)?;
    if name.len() > MAX_TOPIC_BYTES { Err(Error::BadArg) } else { Ok(name.as_slice().into()) }
}

fn change(term: Term<'_>) -> NifResult<Change> {
    if let Ok((kind, id)) = term.decode::<(Atom, Term<'_>)>() {
        return match kind {
            kind if kind == atoms::owner() => Ok(Change::Owner(id.decode()?)),
            kind if kind == atoms::role_deleted() => Ok(Change::RoleDeleted(id.decode()?)),
            kind if kind == atoms::channel_deleted() => Ok(Change::ChannelDeleted(id.decode()?)),
            kind if kind == atoms::channel() => channel(id.decode()?),
            _ => Err(Error::BadArg),
        };
    }
    let (kind, id, what): (Atom, u64, Term<'_>) = term.decode()?;
    match kind {
        kind if kind == atoms::role() => Ok(Change::Role(id, what.decode()?)),
        kind if kind == atoms::member() => Ok(Change::Member(id, few_ids(what)?)),
        _ => Err(Error::BadArg),
    }
}

fn channel(described: Described) -> NifResult<Change> {
    let Described { id, kind, overwrites } = described;
    match kind {
        Kind::Thread(parent) => Ok(Change::Thread(id, parent)),
        _ if overwrites.len() > MAX_OVERWRITES => Err(Error::BadArg),
        _ => Ok(Change::Channel(id, overwrites)),
    }
}

#[rustler::nif]
fn audience_new(guild: u64, owner: Option<u64>, max_bytes: usize) -> ResourceArc<AudienceResource> {
    let audience = RwLock::new(Audience::new(guild, owner, max_bytes));
    ResourceArc::new(AudienceResource { audience: Some(audience) })
}

#[rustler::nif]
fn audience_attach<'a>(
    audience: &AudienceResource,
    (key, user, intents, shard, passive): (u64, u64, u32, u32, bool),
    roles: Term<'a>,
    outbox: Option<ResourceArc<OutboxResource>>,
    pid: LocalPid,
) -> NifResult<Result<bool, Failure>> {
    let session = Session { key, user, intents, shard, passive };
    let roles = few_ids(roles)?;
    let old = audience.get()?.write().attach(session, &roles, Sink { outbox, pid });
    // The old sink is dropped here, without the lock.
    Ok(old.map(|old| old.is_none()).map_err(Failure::from))
}

#[rustler::nif]
fn audience_detach(audience: &AudienceResource, key: u64) -> NifResult<bool> {
    let sink = audience.get()?.write().detach(key);
    Ok(sink.is_some())
}

#[rustler::nif]
fn audience_set_passive(audience: &AudienceResource, key: u64, passive: bool) -> NifResult<bool> {
    Ok(audience.get()?.write().set_passive(key, passive))
}

/// Topics replace those that the session follows.
#[rustler::nif]
fn audience_follow<'a>(
    audience: &AudienceResource,
    key: u64,
    topics: Term<'a>,
) -> NifResult<Result<bool, Failure>> {
    let (topics, rest) = crate::outbox::cells(topics, MAX_TOPICS, topic)?;
    if !rest.is_empty_list() {
        return Err(Error::BadArg);
    }
    Ok(audience.get()?.write().follow(key, topics).map_err(Failure::from))
}

/// Makes the first of the changes. Returns those that are left.
#[rustler::nif]
fn audience_change<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    changes: Term<'a>,
) -> NifResult<Result<Term<'a>, Failure>> {
    let audience = audience.get()?;
    let started = Instant::now();
    let mut rest = changes;
    while !rest.is_empty_list() && started.elapsed() < PIECE {
        let (first, left) = rest.list_get_cell()?;
        let first = change(first)?;
        if let Err(full) = audience.write().change(&first) {
            return Ok(Err(full.into()));
        }
        rest = left;
    }
    let percent = started.elapsed().as_micros() / 10;
    rustler::schedule::consume_timeslice(env, percent.clamp(1, 100) as i32);
    Ok(Ok(rest))
}

/// Begins to gather who sees the channels. Returns whether it is done.
#[rustler::nif]
fn audience_watch<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    channels: Term<'a>,
    changes: Term<'a>,
) -> NifResult<(Term<'a>, bool)> {
    let channels = ids(channels, usize::MAX)?;
    let (changes, rest) = crate::outbox::cells(changes, MAX_CHANGES, change)?;
    let changes = if rest.is_empty_list() { Some(changes) } else { None };
    let moves = Moves::new(&audience.get()?.read(), channels, changes.as_deref());
    let moves = MovesResource { gathered: Mutex::new(Some(moves)), done: OnceLock::new() };
    let done = moves.work(audience)?;
    Ok((ResourceArc::new(moves).encode(env), done))
}

#[rustler::nif]
fn audience_watch_more(audience: &AudienceResource, moves: &MovesResource) -> NifResult<bool> {
    moves.work(audience)
}

/// A channel, whether some gained it, and whether some lost it.
type Moved = (u64, bool, bool);

/// `{channel, gained?, lost?}` of those that some gained or lost, from one on; and the one to go on with.
#[rustler::nif]
fn audience_moved<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    moves: &MovesResource,
    from: usize,
) -> NifResult<(Vec<Moved>, Option<usize>)> {
    let mut budget = Budget::piece();
    let moved = moves.get()?.moved(&mut audience.get()?.write(), from, &mut budget);
    timeslice(env, &budget);
    Ok(moved)
}

/// The ids of the roles and of the channels, packed.
#[rustler::nif]
fn audience_ids<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
) -> NifResult<(Binary<'a>, Binary<'a>)> {
    let (roles, channels) = audience.get()?.read().ids();
    Ok((packed(env, &roles), packed(env, &channels)))
}

#[rustler::nif]
fn audience_sees(audience: &AudienceResource, key: u64, channel: u64) -> NifResult<bool> {
    Ok(audience.get()?.read().sees(key, channel))
}

/// A session's outbox, or `nil` if it is not here or has none.
#[rustler::nif]
fn audience_outbox(
    audience: &AudienceResource,
    key: u64,
) -> NifResult<Option<ResourceArc<OutboxResource>>> {
    let audience = audience.get()?.read();
    Ok(audience.sink(key).and_then(|sink| sink.outbox.clone()))
}

#[rustler::nif]
fn audience_size(audience: &AudienceResource) -> NifResult<usize> {
    Ok(audience.get()?.read().sessions())
}

#[rustler::nif]
fn audience_bytes(audience: &AudienceResource) -> NifResult<usize> {
    Ok(audience.get()?.read().bytes())
}

/// The keys of a user's sessions, packed.
#[rustler::nif]
fn audience_of_user<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    user: u64,
) -> NifResult<Binary<'a>> {
    let keys: Vec<u64> = audience.get()?.read().of_user(user).collect();
    Ok(packed(env, &keys))
}

/// `{count, bytes}` of all audiences.
#[rustler::nif]
fn audience_memory() -> (u64, u64) {
    MEMORY.read()
}

pub(crate) fn packed<'a>(env: Env<'a>, ids: &[u64]) -> Binary<'a> {
    let mut binary = NewBinary::new(env, ids.len() * 8);
    let (words, _none) = binary.as_mut_slice().as_chunks_mut::<8>();
    words.iter_mut().zip(ids).for_each(|(word, id)| *word = id.to_le_bytes());
    binary.into()
}

/// Tells the scheduler what share of its time is used up: a budget is a third of it. What is less than
/// one part of a hundred is the call's own.
pub(crate) fn timeslice(env: Env<'_>, budget: &Budget) {
    let percent = budget.percent() / 3;
    if percent > 0 {
        rustler::schedule::consume_timeslice(env, percent.min(100) as i32);
    }
}
