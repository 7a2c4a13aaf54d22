//! NIFs of `Guildhall.Outbox` that write what waits, and those of `Guildhall.Outbox.Queue`.
//!
//! The order of locks is link, transport, and then socket or outbox. A queue's is held by itself. Those of
//! link and transport may be held for as long as a large event takes to compress: the VM, which closes a
//! socket when its owner dies, wants the socket's alone.

use std::collections::VecDeque;
use std::panic::RefUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use outbox::{Failure, Flushed, Outbox, Transport};
use parking_lot::{Mutex, MutexGuard};
use rustler::{Atom, Encoder, Env, LocalPid, NifResult, Resource, ResourceArc, Term};

use crate::outbox::{EventResource, MANY, OutboxResource, passed_over, with_frames};
use crate::outbox_socket::SocketResource;
use crate::outbox_transport::{self, TransportResource};
use crate::{atoms, reaper};

/// Bytes of JSON that one write takes, about.
const WRITE: usize = Outbox::WRITE as usize;
/// What flushing a queue does before others get a turn.
const PIECE: Duration = Duration::from_micros(400);

/// Where an outbox writes by itself.
struct Path {
    socket: ResourceArc<SocketResource>,
    transport: ResourceArc<TransportResource>,
}

/// An outbox's path, if it has one.
#[derive(Default)]
pub(crate) struct Link {
    path: Mutex<Option<Path>>,
    /// Whether there is one, to be read without the lock.
    is_there: AtomicBool,
    /// Whether the outbox is in a queue.
    is_queued: AtomicBool,
}

impl Link {
    #[inline]
    pub(crate) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Acquire)
    }

    /// Runs `change` while nobody writes, and takes the path away if it is a success.
    pub(crate) fn cut_if_ok<T, E>(&self, change: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut guard = self.path.lock();
        let result = change();
        if result.is_ok() {
            self.put(&mut guard, None);
        }
        result
    }

    fn put(&self, guard: &mut MutexGuard<'_, Option<Path>>, path: Option<Path>) {
        self.is_there.store(path.is_some(), Ordering::Release);
        **guard = path;
    }
}

impl Path {
    /// The transport is the path's own.
    fn flush(
        &self,
        env: Env<'_>,
        outbox: &Outbox,
        transport: &mut Transport,
        budget: usize,
    ) -> Result<Flushed, Failure> {
        with_frames(|frames| {
            let socket = self.socket.get();
            let flushed = outbox.flush(socket, transport, WRITE, budget, frames)?;
            if flushed == Flushed::Blocked && self.socket.await_output(env, &socket.lock()).is_err()
            {
                return Ok(Flushed::Lost);
            }
            Ok(flushed)
        })
    }
}

#[rustler::nif]
fn outbox_connect(
    outbox: &OutboxResource,
    socket: ResourceArc<SocketResource>,
    transport: ResourceArc<TransportResource>,
) -> Atom {
    let link = &outbox.link;
    link.put(&mut link.path.lock(), Some(Path { socket, transport }));
    rustler::types::atom::ok()
}

#[rustler::nif]
fn outbox_disconnect(outbox: &OutboxResource) -> Atom {
    let link = &outbox.link;
    link.put(&mut link.path.lock(), None);
    rustler::types::atom::ok()
}

/// `:idle`, `:more`, `:blocked`, `:lost`, `:beyond`, or `:unconnected`.
fn flush<'a>(env: Env<'a>, outbox: &OutboxResource, budget: usize) -> NifResult<Atom> {
    let path = outbox.link.path.lock();
    let Some(path) = &*path else { return Ok(atoms::unconnected()) };
    let outbox = outbox.get()?;
    let flushed = path.flush(env, outbox, &mut path.transport.lock(), budget);
    Ok(match flushed.map_err(|failure| passed_over(outbox, failure))? {
        Flushed::Idle => atoms::idle(),
        Flushed::More => atoms::more(),
        Flushed::Blocked | Flushed::Behind => atoms::blocked(),
        Flushed::Beyond => atoms::beyond(),
        Flushed::Lost => atoms::lost(),
    })
}

#[rustler::nif]
fn outbox_flush<'a>(env: Env<'a>, outbox: &OutboxResource) -> NifResult<Atom> {
    flush(env, outbox, outbox_transport::BUDGET)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn outbox_flush_dirty<'a>(env: Env<'a>, outbox: &OutboxResource) -> NifResult<Atom> {
    flush(env, outbox, usize::MAX)
}

/// Writes what the socket takes, and if the outbox is full all the same drops unsent events, those of the
/// largest sources first: `{[{source, events, bytes}], full?}`.
#[rustler::nif]
fn outbox_relieve<'a>(env: Env<'a>, outbox: &OutboxResource) -> NifResult<Term<'a>> {
    let began = Instant::now();
    while outbox.get()?.is_full() && began.elapsed() < PIECE {
        match turn(env, outbox)? {
            Turn::Again => {}
            Turn::Done | Turn::Blocked(_) | Turn::Tell => break,
        }
    }
    let (dropped, events, is_full) = outbox.get()?.relieve();
    if events.len() as u64 > MANY {
        reaper::bury(events);
    }
    let dropped: Vec<_> = dropped.iter().map(|of| (of.source, of.events, of.bytes)).collect();
    Ok((dropped, is_full).encode(env))
}

/// Whether an event may be pushed while at most `max_bytes` of its type wait, or none but this one.
#[rustler::nif]
fn outbox_fits(outbox: &OutboxResource, event: &EventResource, max_bytes: u64) -> NifResult<bool> {
    // Events that are being written still wait in the outbox.
    let path = outbox.link.path.try_lock();
    let path = path.as_ref().and_then(|path| path.as_ref());
    let kept = path.map_or(0, |path| path.socket.get().lock().kept());
    Ok(outbox.get()?.fits(event.get()?, max_bytes, kept as u64))
}

/// An outbox, and whom to tell if it cannot be flushed.
pub(crate) type Entry = (ResourceArc<OutboxResource>, LocalPid);

/// Outboxes in the order in which they are to be flushed, each once.
pub(crate) struct QueueResource(Mutex<VecDeque<Entry>>);

#[rustler::resource_impl]
impl Resource for QueueResource {}

// Moves references alone.
impl RefUnwindSafe for QueueResource {}

impl Drop for QueueResource {
    fn drop(&mut self) {
        for (outbox, _pid) in self.0.get_mut() {
            outbox.link.is_queued.store(false, Ordering::Release);
        }
    }
}

impl QueueResource {
    /// Puts them at the end, each with whom to tell if it cannot be flushed from here.
    pub(crate) fn extend(&self, entries: Vec<Entry>) {
        let mut queue = self.0.lock();
        for entry in entries {
            if !entry.0.link.is_queued.swap(true, Ordering::AcqRel) {
                queue.push_back(entry);
            }
        }
    }

    fn next(&self) -> Option<Entry> {
        let entry = self.0.lock().pop_front()?;
        entry.0.link.is_queued.store(false, Ordering::Release);
        Some(entry)
    }
}

/// What flushing an outbox from a queue came to.
enum Turn {
    Done,
    Again,
    /// Its socket took a part, and keeps so many bytes.
    Blocked(usize),
    /// Its taker has to do it: who is at it already, has a context to compress with, or must learn
    /// that the connection is over.
    Tell,
}

fn turn(env: Env<'_>, outbox: &OutboxResource) -> NifResult<Turn> {
    let Some(path) = outbox.link.path.try_lock() else { return Ok(Turn::Tell) };
    let Some(path) = path.as_ref() else { return Ok(Turn::Tell) };
    // On a dirty scheduler a payload of its owner's may be compressed with it, for longer than to wait.
    let Some(mut transport) = path.transport.try_lock().filter(|transport| transport.is_shared())
    else {
        return Ok(Turn::Tell);
    };
    // What cannot be written at all still waits, and is an error in the taker's hands.
    let flushed = path.flush(env, outbox.get()?, &mut transport, outbox_transport::BUDGET / 8);
    Ok(match flushed.unwrap_or(Flushed::Lost) {
        Flushed::Idle => Turn::Done,
        Flushed::More => Turn::Again,
        Flushed::Blocked => Turn::Blocked(path.socket.get().lock().kept()),
        // Its owner is told when it takes data again, and flushes.
        Flushed::Behind => Turn::Done,
        Flushed::Beyond | Flushed::Lost => Turn::Tell,
    })
}

#[rustler::nif]
fn outbox_queue_new() -> ResourceArc<QueueResource> {
    ResourceArc::new(QueueResource(Mutex::default()))
}

#[rustler::nif]
fn outbox_queue_size(queue: &QueueResource) -> usize {
    queue.0.lock().len()
}

/// Flushes some outboxes: how many are left and were tried, what is kept of those that found their socket
/// full, and whom to tell.
#[rustler::nif]
fn outbox_queue_flush<'a>(env: Env<'a>, queue: &QueueResource, most: usize) -> NifResult<Term<'a>> {
    let began = Instant::now();
    let (mut tell, mut tried, mut blocked, mut again) = (Vec::new(), 0, Vec::new(), Vec::new());
    while tried < most {
        let Some((outbox, pid)) = queue.next() else { break };
        tried += 1;
        match turn(env, &outbox)? {
            Turn::Done => {}
            Turn::Again => again.push((outbox, pid)),
            Turn::Blocked(kept) => blocked.push(kept),
            Turn::Tell => tell.push(pid),
        }
        if began.elapsed() > PIECE {
            break;
        }
    }
    queue.extend(again);
    let percent = began.elapsed().as_micros() / 10;
    rustler::schedule::consume_timeslice(env, percent.clamp(1, 100) as i32);
    let left = queue.0.lock().len();
    Ok((left, tried, blocked, tell).encode(env))
}
