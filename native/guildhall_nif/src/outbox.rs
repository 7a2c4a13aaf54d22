//! NIFs of `Guildhall.Outbox`.

use std::cell::RefCell;
use std::panic::RefUnwindSafe;
use std::time::{Duration, Instant};

use outbox::{Event, Failure, Frames, Info, Limits, Outbox, Pushed, ResumeError, Taken, gauge};
use rustler::{Atom, Binary, Encoder, Env, Error, NifResult, Resource, ResourceArc, Term};

use crate::outbox_link::Link;
use crate::outbox_transport::TransportResource;
use crate::{atoms, outbox_transport, reaper};

/// An option only so that the destructor can hand it over: a reference more, for however short a time,
/// would be a holder more to whoever is compressing it.
pub(crate) struct EventResource(Option<Event>);

/// Shared by the relay that pushes and the session that takes; the lock inside is held briefly.
pub(crate) struct OutboxResource {
    /// An option only so that the destructor can hand it over.
    outbox: Option<Outbox>,
    pub(crate) link: Link,
}

/// From this many events on, dropping them is the reaper's work.
pub(crate) const MANY: u64 = 256;
/// An event of this size is worth a message to the reaper.
const LARGE: u64 = 1 << 20;
/// Pushes by one call, at some 50 ns each, and ten times that where memory is cold.
const PUSHES: usize = 1_024;
/// And for how long, looked at after some of them.
const PIECE: Duration = Duration::from_micros(300);
const LOOK: usize = 32;

#[rustler::resource_impl]
impl Resource for EventResource {}

#[rustler::resource_impl]
impl Resource for OutboxResource {}

// Nothing that runs under the lock can panic half-way: it moves references and adds numbers.
impl RefUnwindSafe for OutboxResource {}

impl Drop for EventResource {
    fn drop(&mut self) {
        if let Some(event) = self.0.take_if(|event| event.size() > LARGE) {
            reaper::bury(event);
        }
    }
}

impl Drop for OutboxResource {
    fn drop(&mut self) {
        if let Some(outbox) = self.outbox.take_if(|outbox| outbox.info().ring.0 > MANY) {
            reaper::bury(outbox);
        }
    }
}

impl EventResource {
    pub(crate) fn get(&self) -> NifResult<&Event> {
        self.0.as_ref().ok_or(Error::BadArg)
    }
}

impl OutboxResource {
    pub(crate) fn get(&self) -> NifResult<&Outbox> {
        self.outbox.as_ref().ok_or(Error::BadArg)
    }

    /// Brings the outbox to the cache.
    #[inline]
    pub(crate) fn touch(&self) {
        std::hint::black_box(self.outbox.as_ref().map(Outbox::limits));
    }
}

fn event(kind: Binary<'_>, data: Term<'_>, source: u64) -> NifResult<ResourceArc<EventResource>> {
    let data = Binary::from_iolist(data)?;
    let event = Event::from_source(source, &kind, &data).map_err(|_| Error::BadArg)?;
    Ok(ResourceArc::new(EventResource(Some(event))))
}

#[rustler::nif]
fn outbox_event<'a>(
    kind: Binary<'a>,
    data: Term<'a>,
    source: u64,
) -> NifResult<ResourceArc<EventResource>> {
    event(kind, data, source)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn outbox_event_dirty<'a>(
    kind: Binary<'a>,
    data: Term<'a>,
    source: u64,
) -> NifResult<ResourceArc<EventResource>> {
    event(kind, data, source)
}

#[rustler::nif]
fn outbox_new(max_events: u64, max_bytes: u64) -> ResourceArc<OutboxResource> {
    let limit = |limit| u32::try_from(limit).unwrap_or(u32::MAX);
    let limits = Limits { events: limit(max_events), bytes: limit(max_bytes) };
    ResourceArc::new(OutboxResource { outbox: Some(Outbox::new(limits)), link: Link::default() })
}

#[rustler::nif]
fn outbox_push(outbox: &OutboxResource, event: &EventResource) -> NifResult<Atom> {
    Ok(match outbox.get()?.push(event.get()?) {
        Pushed::Wake => atoms::wake(),
        Pushed::Queued => atoms::queued(),
        Pushed::Full => atoms::full(),
    })
}

/// What `read` makes of the first terms of a list, up to `limit`, and the rest of the list. By hand,
/// because rustler's iterator panics at an improper list.
pub(crate) fn cells<'a, T>(
    list: Term<'a>,
    limit: usize,
    read: impl Fn(Term<'a>) -> NifResult<T>,
) -> NifResult<(Vec<T>, Term<'a>)> {
    let (mut found, mut rest) = (Vec::new(), list);
    while found.len() < limit && !rest.is_empty_list() {
        let (cell, tail) = rest.list_get_cell()?;
        found.push(read(cell)?);
        rest = tail;
    }
    Ok((found, rest))
}

/// The events of one call, and the exceptions: which outbox gets what instead of which.
struct Batch<'a> {
    events: Vec<&'a Event>,
    /// By the outbox's address.
    instead: Vec<(usize, usize, Option<&'a Event>)>,
}

impl<'a> Batch<'a> {
    /// From a list of events and `{event, [{outbox, event | nil}]}`.
    fn read(list: Term<'a>) -> NifResult<Self> {
        let mut batch = Self { events: Vec::new(), instead: Vec::new() };
        let (items, _none) = cells(list, usize::MAX, |item| {
            let none = Term::list_new_empty(item.get_env());
            item.decode::<(Term<'a>, Term<'a>)>().or(Ok((item, none)))
        })?;

        for (index, (event, instead)) in items.into_iter().enumerate() {
            batch.events.push(event.decode::<&EventResource>()?.get()?);
            let (instead, _none) = cells(instead, usize::MAX, |item| {
                let (outbox, event): (&OutboxResource, Option<&EventResource>) = item.decode()?;
                Ok((address(outbox), index, event.map(EventResource::get).transpose()?))
            })?;
            batch.instead.extend(instead);
        }
        batch.instead.sort_unstable_by_key(|(outbox, index, _event)| (*outbox, *index));
        Ok(batch)
    }

    fn push(&self, outbox: &OutboxResource) -> NifResult<Pushed> {
        let from = self.instead.partition_point(|(other, ..)| *other < address(outbox));
        let exceptions = self.instead.get(from..).unwrap_or_default();
        let exceptions = exceptions.iter().take_while(|(other, ..)| *other == address(outbox));
        let mut exceptions = exceptions.peekable();
        if exceptions.peek().is_none() {
            return Ok(outbox.get()?.push_all(&self.events));
        }

        let mut events = Vec::with_capacity(self.events.len());
        for (index, event) in self.events.iter().enumerate() {
            let mut event = Some(*event);
            while let Some((_outbox, _index, other)) = exceptions.next_if(|next| next.1 == index) {
                event = *other;
            }
            events.extend(event);
        }
        Ok(outbox.get()?.push_all(&events))
    }
}

fn address(outbox: &OutboxResource) -> usize {
    std::ptr::from_ref(outbox).addr()
}

/// Pushes the events to the first outboxes of the list, whose positions begin at `first`. Returns
/// `{wake, full, rest, next}`. The whole piece is checked before the first push.
#[rustler::nif]
fn outbox_push_many<'a>(
    env: Env<'a>,
    outboxes: Term<'a>,
    events: Term<'a>,
    first: u64,
) -> NifResult<(Vec<u64>, Vec<u64>, Term<'a>, u64)> {
    let batch = Batch::read(events)?;
    let limit = (PUSHES / batch.events.len().max(1)).max(1);
    let (piece, rest) = cells(outboxes, limit, |outbox| outbox.decode::<&OutboxResource>())?;

    let (mut wake, mut full) = (Vec::new(), Vec::new());
    let (began, mut done) = (Instant::now(), 0);
    let look = (LOOK / batch.events.len().max(1)).max(1);
    for (position, outbox) in (first..).zip(&piece) {
        match batch.push(outbox)? {
            Pushed::Wake => wake.push(position),
            Pushed::Queued => {}
            Pushed::Full => full.push(position),
        }
        done += 1;
        // Rings that are equally long grow at the same push, which takes ten times as long as others.
        if done % look == 0 && began.elapsed() > PIECE {
            break;
        }
    }
    let rest = if done < piece.len() { cells(outboxes, done, Ok)?.1 } else { rest };
    let percent = done * batch.events.len() * 50 / PUSHES;
    if percent > 0 {
        rustler::schedule::consume_timeslice(env, percent.min(100) as i32);
    }
    Ok((wake, full, rest, first.saturating_add(done as u64)))
}

/// `{:ok, frames, more?}`, `:empty`, or `:beyond` if it would take more work than `budget`.
fn take<'a>(
    env: Env<'a>,
    outbox: &OutboxResource,
    transport: &TransportResource,
    max_bytes: usize,
    budget: usize,
) -> NifResult<Term<'a>> {
    with_frames(|frames| {
        let mut transport = transport.lock();
        match outbox.get()?.take(&mut transport, max_bytes, budget, frames) {
            Ok(Taken::Empty) => Ok(atoms::empty().encode(env)),
            Ok(Taken::Beyond) => Ok(atoms::beyond().encode(env)),
            Ok(Taken::Frames { more }) => {
                Ok((rustler::types::atom::ok(), binary(env, frames.as_slice()), more).encode(env))
            }
            Err(failure) => Err(passed_over(outbox.get()?, failure)),
        }
    })
}

/// The error for the taker, who is the one to know that what was wrong is over with.
pub(crate) fn passed_over(outbox: &Outbox, failure: Failure) -> Error {
    if failure == Failure::NotJson {
        outbox.skip();
    }
    outbox_transport::error(failure)
}

#[rustler::nif]
fn outbox_take<'a>(
    env: Env<'a>,
    outbox: &OutboxResource,
    transport: &TransportResource,
    max_bytes: usize,
) -> NifResult<Term<'a>> {
    take(env, outbox, transport, max_bytes, outbox_transport::BUDGET)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn outbox_take_dirty<'a>(
    env: Env<'a>,
    outbox: &OutboxResource,
    transport: &TransportResource,
    max_bytes: usize,
) -> NifResult<Term<'a>> {
    take(env, outbox, transport, max_bytes, usize::MAX)
}

#[rustler::nif]
fn outbox_acknowledge(outbox: &OutboxResource, number: u64) -> NifResult<Atom> {
    let forgotten = outbox.get()?.acknowledge(number);
    if forgotten.len() as u64 > MANY {
        reaper::bury(forgotten);
    }
    Ok(rustler::types::atom::ok())
}

#[rustler::nif]
fn outbox_resume<'a>(env: Env<'a>, outbox: &OutboxResource, number: u64) -> NifResult<Term<'a>> {
    let error = rustler::types::atom::error();
    let core = outbox.get()?;
    // What is owed again is owed to another connection.
    Ok(match outbox.link.cut_if_ok(|| core.resume(number)) {
        Ok(()) => rustler::types::atom::ok().encode(env),
        Err(ResumeError::Gone) => (error, atoms::gone()).encode(env),
        Err(ResumeError::Invalid) => (error, atoms::invalid()).encode(env),
    })
}

#[rustler::nif]
fn outbox_info<'a>(env: Env<'a>, outbox: &OutboxResource) -> NifResult<Term<'a>> {
    let Info { sequence, acknowledged, pending, ring, overflowed } = outbox.get()?.info();
    let pairs = [
        (atoms::sequence(), sequence.encode(env)),
        (atoms::acknowledged(), acknowledged.encode(env)),
        (atoms::pending_events(), pending.0.encode(env)),
        (atoms::pending_bytes(), pending.1.encode(env)),
        (atoms::ring_events(), ring.0.encode(env)),
        (atoms::ring_bytes(), ring.1.encode(env)),
        (atoms::overflowed(), overflowed.encode(env)),
    ];
    Term::map_from_pairs(env, &pairs)
}

/// `{count, bytes}` of events, blocks, outboxes, transports, contexts and sockets.
#[rustler::nif]
fn outbox_memory() -> Vec<(u64, u64)> {
    let events = [&gauge::EVENTS, &gauge::BLOCKS];
    let others = [&gauge::OUTBOXES, &gauge::TRANSPORTS, &gauge::CONTEXTS, &gauge::SOCKETS];
    events.into_iter().chain(others).map(|gauge| gauge.read()).collect()
}

/// Runs `fun` with this thread's buffer.
pub(crate) fn with_frames<T>(fun: impl FnOnce(&mut Frames) -> T) -> T {
    thread_local! {
        static FRAMES: RefCell<Frames> = RefCell::default();
    }

    FRAMES.with_borrow_mut(|frames| {
        frames.clear();
        fun(frames)
    })
}

pub(crate) fn binary<'a>(env: Env<'a>, bytes: &[u8]) -> Binary<'a> {
    let mut binary = rustler::NewBinary::new(env, bytes.len());
    binary.as_mut_slice().copy_from_slice(bytes);
    binary.into()
}
