//! The backlog of a session behind a short lock: a relay pushes, the session takes.

use std::borrow::Borrow;

use parking_lot::Mutex;

use crate::backlog::{Backlog, Forgotten};
use crate::gauge::OUTBOXES;
use crate::transport::{Failure, Transport};
use crate::{Event, Frames, Head, Info, Pushed, ResumeError, Socket, Written};

/// How much an outbox holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events that were never sent, and events that are kept for a resume.
    pub events: u32,
    /// The same in bytes, each plus at most one event.
    pub bytes: u32,
}

/// What a take found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Nothing waits. The next push wakes.
    Empty,
    /// Frames were written; whether more waits. If not, the next push wakes.
    Frames {
        /// Whether another take would find something.
        more: bool,
    },
    /// It would take more work than the budget. Nothing was moved.
    Beyond,
}

/// What became of a flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing waits any more. The next push wakes.
    Idle,
    /// More waits, which another flush would write.
    More,
    /// The socket took a part: see [`Written::Blocked`]. Flush again after resuming it.
    Blocked,
    /// The socket was full before. Nothing was taken.
    Behind,
    /// It would take more work than the budget. Nothing was taken.
    Beyond,
    /// The connection is over.
    Lost,
}

/// What one session is owed.
///
/// The limits stand at both ends: who reads them without the lock has what is between them in the cache.
#[derive(Debug)]
#[repr(C)]
pub struct Outbox {
    max_events: u32,
    backlog: Mutex<Backlog>,
    max_bytes: u32,
}

impl Outbox {
    /// An empty outbox.
    pub fn new(limits: Limits) -> Self {
        OUTBOXES.add(size_of::<Self>());
        // A ring may hold twice as many, and counts them in 32 bits.
        let max_events = limits.events.min(u32::MAX / 2);
        Self { max_events, backlog: Mutex::default(), max_bytes: limits.bytes }
    }

    /// Reads the limits, and so brings all of the outbox to the cache.
    #[inline]
    pub fn limits(&self) -> Limits {
        Limits { events: self.max_events, bytes: self.max_bytes }
    }

    /// Gives the event the next number and keeps it.
    #[inline]
    pub fn push(&self, event: &Event) -> Pushed {
        let event = event.clone();
        self.change(|backlog| backlog.push(event, &self.limits())).0
    }

    /// The same for several events, under one lock. `Wake` if any of them wakes.
    pub fn push_all<E: Borrow<Event>>(&self, events: &[&E]) -> Pushed {
        self.change(|backlog| {
            let (mut result, mut forgotten) = (Pushed::Queued, Forgotten::new());
            for event in events {
                let (pushed, more) = backlog.push((*event).borrow().clone(), &self.limits());
                if !more.is_empty() {
                    forgotten.extend(more);
                }
                match pushed {
                    Pushed::Queued => {}
                    Pushed::Wake => result = Pushed::Wake,
                    Pushed::Overflow => return (Pushed::Overflow, forgotten),
                }
            }
            (result, forgotten)
        })
        .0
    }

    /// Appends frames of what waits to `out`, about `max_bytes` of them but at least one, unless it takes
    /// more work than `budget`, in bytes copied.
    ///
    /// The lock is held to copy references; bodies are copied and compressed without it. A failure moves
    /// nothing.
    pub fn take(
        &self,
        transport: &mut Transport,
        max_bytes: usize,
        budget: usize,
        out: &mut Frames,
    ) -> Result<Taken, Failure> {
        let mut backlog = self.backlog.lock();
        let mut events = Vec::new();
        let (mut bytes, mut work) = (0, 0);

        for (number, event) in backlog.waiting() {
            let size = Head::MAX_BYTES + event.size() as usize;
            if bytes > 0 && bytes + size > max_bytes {
                break;
            }
            bytes += size;
            work += transport.work_of(event);
            if work > budget {
                return Ok(Taken::Beyond);
            }
            events.push((number, event.clone()));
        }

        if events.is_empty() {
            backlog.take(0);
            return Ok(Taken::Empty);
        }
        drop(backlog);

        // What is pushed meanwhile comes behind them.
        let mut count = 0;
        for (number, event) in &events {
            match transport.append_event(*number, event, out) {
                Ok(()) => count += 1,
                // Those before it are as good as ever.
                Err(Failure::NotJson) if count > 0 => break,
                Err(failure) => return Err(failure),
            }
        }
        Ok(Taken::Frames { more: self.backlog.lock().take(count) })
    }

    /// Passes over the oldest event that waits: the one that a take has found not to be JSON.
    pub fn skip(&self) {
        self.backlog.lock().take(1);
    }

    /// Takes what waits, as [`Outbox::take`] does, and writes it to the socket.
    ///
    /// Events count as sent once the socket has them or keeps them. The socket is not locked while bodies
    /// are compressed, so that whoever closes it does not wait for that.
    pub fn flush(
        &self,
        socket: &Socket,
        transport: &mut Transport,
        max_bytes: usize,
        budget: usize,
        frames: &mut Frames,
    ) -> Result<Flushed, Failure> {
        {
            let stream = socket.lock();
            if stream.is_over() {
                return Ok(Flushed::Lost);
            }
            if stream.kept() > 0 {
                return Ok(Flushed::Behind);
            }
        }
        frames.clear();
        Ok(match self.take(transport, max_bytes, budget, frames)? {
            Taken::Empty => Flushed::Idle,
            Taken::Beyond => Flushed::Beyond,
            Taken::Frames { more } => match socket.lock().write_events(frames.as_slice()) {
                Written::All if more => Flushed::More,
                Written::All => Flushed::Idle,
                Written::Blocked | Written::Behind => Flushed::Blocked,
                Written::Slow | Written::Lost => Flushed::Lost,
            },
        })
    }

    /// Forgets the events up to `number`, which the client says it has; ignores a number it was not sent.
    pub fn acknowledge(&self, number: u64) -> Vec<Event> {
        self.change(|backlog| ((), backlog.acknowledge(number))).1.into_vec()
    }

    /// Moves back, so that the next take begins with the event after `number`.
    pub fn resume(&self, number: u64) -> Result<(), ResumeError> {
        self.backlog.lock().resume(number)
    }

    /// The counters.
    pub fn info(&self) -> Info {
        self.backlog.lock().info()
    }

    /// Runs `change` under the lock; what it forgets is returned, to be dropped without it.
    fn change<T>(&self, change: impl FnOnce(&mut Backlog) -> (T, Forgotten)) -> (T, Forgotten) {
        let mut backlog = self.backlog.lock();
        let before = backlog.memory();
        let result = change(&mut backlog);
        OUTBOXES.resize(before, backlog.memory());
        result
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        OUTBOXES.remove(size_of::<Self>() + self.backlog.get_mut().memory());
    }
}
