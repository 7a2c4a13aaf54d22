//! The backlog of a session behind a short lock: a relay pushes, the session takes.

use std::borrow::Borrow;

use parking_lot::Mutex;

use crate::backlog::{Backlog, Dropped, Forgotten};
use crate::gauge::OUTBOXES;
use crate::transport::{Failure, Transport};
use crate::{Event, Frames, Head, Info, Pushed, ResumeError, Socket, Written};

/// How much an outbox keeps for a resume. Twice as much may wait unsent: then it is full. At four times as
/// much it gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events.
    pub events: u32,
    /// Their bytes, plus at most one event.
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
    /// Bytes of events that a write takes, unless a single one is larger.
    pub const WRITE: u64 = 64 * 1024;

    /// An empty outbox.
    pub fn new(limits: Limits) -> Self {
        OUTBOXES.add(size_of::<Self>());
        // A ring may hold four times as many unsent, and counts them in 32 bits.
        let max_events = limits.events.min(u32::MAX / 4);
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

    /// The same for several events, under one lock. `Full` if any of them finds it full, or else `Wake` if
    /// any of them wakes.
    pub fn push_all<E: Borrow<Event>>(&self, events: &[&E]) -> Pushed {
        self.change(|backlog| {
            let (mut result, mut forgotten) = (Pushed::Queued, Forgotten::new());
            for event in events {
                let (pushed, more) = backlog.push((*event).borrow().clone(), &self.limits());
                if !more.is_empty() {
                    forgotten.extend(more);
                }
                match pushed {
                    Pushed::Wake if result == Pushed::Queued => result = Pushed::Wake,
                    Pushed::Full => result = Pushed::Full,
                    Pushed::Queued | Pushed::Wake => {}
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
        let (mut bytes, mut work) = (0, 0);
        let events = backlog.write(|event| {
            let size = Head::MAX_BYTES + event.size() as usize;
            let fits = bytes == 0 || bytes + size <= max_bytes;
            if fits {
                bytes += size;
                work += transport.work_of(event);
            }
            fits && work <= budget
        });
        if work > budget {
            backlog.writing_ended();
            return Ok(Taken::Beyond);
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

    /// Drops unsent events if the outbox is full, those of the largest sources first, until what is left is
    /// within the limits. Returns what was dropped, by source, the events themselves, and whether the
    /// outbox is full all the same.
    pub fn relieve(&self) -> (Vec<Dropped>, Vec<Event>, bool) {
        let limits = self.limits();
        let ((dropped, is_full), forgotten) = self.change(|backlog| {
            let (dropped, forgotten) = backlog.relieve(&limits);
            ((dropped, backlog.is_full(&limits)), forgotten)
        });
        (dropped, forgotten.into_vec(), is_full)
    }

    /// Whether so many unsent bytes wait that a push would answer `Full`, or the outbox has given up.
    pub fn is_full(&self) -> bool {
        self.backlog.lock().is_full(&self.limits())
    }

    /// Whether the event may be pushed while at most `max_bytes` of events of its type wait unsent, or none
    /// but this one. `kept` bytes of earlier events are at the socket, see [`Stream::kept`].
    ///
    /// [`Stream::kept`]: crate::Stream::kept
    pub fn fits(&self, event: &Event, max_bytes: u64, kept: u64) -> bool {
        let backlog = self.backlog.lock();
        if backlog.unsent_bytes() + kept + event.size() <= max_bytes {
            return true;
        }
        // A write keeps more than this only of a single event.
        let kept = if kept > Self::WRITE { kept } else { 0 };
        let like = backlog.unsent_like(event) + kept;
        like == 0 || like + event.size() <= max_bytes
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
