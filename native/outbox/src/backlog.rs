//! The numbered events of one session: sent ones that the client may ask for again, then unsent ones.
//!
//! ```text
//!                                           sequence
//! forgotten ... | sent | to be sent again | unsent |
//!               ^      |------- waiting -----------|
//!               front of the ring
//! ```
//!
//! **Invariant:** the ring holds the numbers up to `sequence` without a gap, and
//! `unsent <= waiting <= ring.len()`. More waits than is unsent only while a resumed client is sent again
//! what it missed.
//!
//! A push to an outbox that nobody touched lately waits for memory, for the header and for the ring's end.
//! So a ring holds nothing but references, eight to a cache line, and sizes are asked of the events
//! when they leave.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::{Event, Limits};

/// References for which the room is kept when they leave: a cache line of them.
const KEPT: usize = 8;

/// Events that left the ring. Drop them without the lock: it frees memory.
pub(crate) type Forgotten = SmallVec<[Event; 2]>;

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The taker must be told: it has found the outbox empty since it was told last.
    Wake,
    /// The taker knows already that something waits.
    Queued,
    /// More waits than the limits allow, now or at an earlier push. The session must end.
    Overflow,
}

/// Why a session cannot be resumed at a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumeError {
    /// Some event after the number is no longer held.
    Gone,
    /// The number was never given.
    Invalid,
}

/// Counters of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Info {
    /// The last number given; 0 before the first.
    pub sequence: u64,
    /// The last number that the client said it has.
    pub acknowledged: u64,
    /// Events that wait to be taken, and their bytes.
    pub pending: (u64, u64),
    /// Events held in all, and their bytes.
    pub ring: (u64, u64),
    /// Whether an overflow ended this outbox.
    pub overflowed: bool,
}

/// The fields that every push needs are the first ones, side by side.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Backlog {
    woken: bool,
    overflowed: bool,
    /// How many events at the back of the ring were never sent.
    unsent: u32,
    /// How many wait to be taken.
    waiting: u32,
    sequence: u64,
    unsent_bytes: u64,
    ring_bytes: u64,
    ring: VecDeque<Event>,
    acknowledged: u64,
}

impl Backlog {
    #[inline]
    pub(crate) fn push(&mut self, event: Event, limits: &Limits) -> (Pushed, Forgotten) {
        if self.overflowed {
            return (Pushed::Overflow, Forgotten::new());
        }
        // One event may pass the limit in bytes, or a large one could never be sent.
        if self.unsent >= limits.events || self.unsent_bytes >= limits.bytes.into() {
            return (Pushed::Overflow, self.overflow());
        }

        let size = event.size();
        self.sequence += 1;
        self.waiting += 1;
        self.unsent += 1;
        self.unsent_bytes += size;
        self.ring_bytes += size;
        self.ring.push_back(event);
        let forgotten = self.trim(limits);

        let pushed = if self.woken { Pushed::Queued } else { Pushed::Wake };
        self.woken = true;
        (pushed, forgotten)
    }

    /// The events that wait, oldest first, each with its number.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (u64, &Event)> {
        (self.taken() + 1..).zip(self.last(self.waiting))
    }

    /// Moves past the oldest `count` events that wait. Returns whether more do; if not, the next push wakes.
    pub(crate) fn take(&mut self, count: usize) -> bool {
        self.wait_for(self.waiting.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX)));
        self.woken = self.waiting > 0;
        self.woken
    }

    /// Forgets what the client says it has. A number that was not sent is ignored: it is the client's word.
    pub(crate) fn acknowledge(&mut self, number: u64) -> Forgotten {
        if number <= self.acknowledged || number > self.taken() {
            return Forgotten::new();
        }
        self.acknowledged = number;
        let kept = self.sequence - number;
        self.forget(self.ring.len().saturating_sub(kept as usize))
    }

    /// Moves back, so that the next take begins with the number after `number`.
    pub(crate) fn resume(&mut self, number: u64) -> Result<(), ResumeError> {
        let missed = self.sequence.checked_sub(number).ok_or(ResumeError::Invalid)?;
        if self.overflowed || missed > self.ring.len() as u64 {
            return Err(ResumeError::Gone);
        }
        self.wait_for(missed as u32);
        Ok(())
    }

    pub(crate) fn info(&self) -> Info {
        let waiting_bytes = if self.waiting == self.unsent {
            self.unsent_bytes
        } else {
            self.last(self.waiting).map(Event::size).sum()
        };
        Info {
            sequence: self.sequence,
            acknowledged: self.acknowledged,
            pending: (u64::from(self.waiting), waiting_bytes),
            ring: (self.ring.len() as u64, self.ring_bytes),
            overflowed: self.overflowed,
        }
    }

    /// Bytes of the ring itself, without the events.
    pub(crate) fn memory(&self) -> usize {
        self.ring.capacity() * size_of::<Event>()
    }

    /// The last number that was taken.
    fn taken(&self) -> u64 {
        self.sequence - u64::from(self.waiting)
    }

    /// The last `count` events of the ring.
    fn last(&self, count: u32) -> impl Iterator<Item = &Event> {
        self.ring.range(self.ring.len().saturating_sub(count as usize)..)
    }

    /// Lets the last `count` events wait; those of the unsent ones before them are sent now.
    fn wait_for(&mut self, count: u32) {
        self.waiting = count;
        let sent = self.unsent.saturating_sub(count);
        let bytes: u64 = self.last(self.unsent).take(sent as usize).map(Event::size).sum();
        self.unsent -= sent;
        self.unsent_bytes -= bytes;
    }

    /// Ends the outbox: nothing waits any more, and nothing can be resumed.
    fn overflow(&mut self) -> Forgotten {
        self.overflowed = true;
        self.wait_for(0);
        self.forget(self.ring.len())
    }

    /// Lets taken events fall off while the ring is beyond the limits without the oldest one.
    #[inline]
    fn trim(&mut self, limits: &Limits) -> Forgotten {
        if self.ring.len() <= limits.events as usize && self.ring_bytes < limits.bytes.into() {
            return Forgotten::new();
        }
        self.trim_full(limits)
    }

    fn trim_full(&mut self, limits: &Limits) -> Forgotten {
        let (mut held, mut bytes) = (self.ring.len(), self.ring_bytes);
        let may_go = held - self.waiting as usize;
        let beyond = |event: &&Event| {
            bytes -= event.size();
            held -= 1;
            held >= limits.events as usize || bytes >= limits.bytes.into()
        };
        let count = self.last(u32::MAX).take(may_go).take_while(beyond).count();
        self.forget(count)
    }

    fn forget(&mut self, count: usize) -> Forgotten {
        let forgotten: Forgotten = self.ring.drain(..count.min(self.ring.len())).collect();
        self.ring_bytes -= forgotten.iter().map(Event::size).sum::<u64>();

        if self.ring.capacity() > KEPT && self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(KEPT.max(self.ring.len() * 2));
        }
        forgotten
    }
}
