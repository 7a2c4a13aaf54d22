//! The numbered events of one session: sent ones that the client may ask for again, then unsent ones.
//!
//! ```text
//!          acknowledged     taken        fresh        sequence
//! forgotten ... |  sent once  |  sent again |   never sent   |
//!               ^ front of the ring                          ^ back
//! ```
//!
//! **Invariant:** the ring holds the numbers `front()..=sequence` without a gap, and
//! `front() - 1 <= taken <= fresh <= sequence`. `taken` falls behind `fresh` only while a resumed client is
//! sent again what it missed.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::{Event, Limits};

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

#[derive(Debug)]
struct Entry {
    event: Event,
    /// Bytes of all events up to and with this one, so that every sum is a subtraction.
    end: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Backlog {
    ring: VecDeque<Entry>,
    /// Bytes of all events before the ring.
    start: u64,
    sequence: u64,
    taken: u64,
    fresh: u64,
    acknowledged: u64,
    woken: bool,
    overflowed: bool,
}

impl Backlog {
    #[inline]
    pub(crate) fn push(&mut self, event: Event, limits: &Limits) -> (Pushed, Forgotten) {
        if self.overflowed {
            return (Pushed::Overflow, Forgotten::new());
        }
        // One event may pass the limit in bytes, or a large one could never be sent.
        if self.sequence - self.fresh >= limits.events
            || self.bytes_after(self.fresh) >= limits.bytes
        {
            return (Pushed::Overflow, self.overflow());
        }

        self.sequence += 1;
        let end = self.end() + event.tail().len() as u64;
        self.ring.push_back(Entry { event, end });
        let forgotten = self.trim(limits);

        let pushed = if self.woken { Pushed::Queued } else { Pushed::Wake };
        self.woken = true;
        (pushed, forgotten)
    }

    /// The events that wait, oldest first, each with its number.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (u64, &Event)> {
        let from = (self.taken + 1 - self.front()) as usize;
        (self.taken + 1..)
            .zip(self.ring.range(from.min(self.ring.len())..).map(|entry| &entry.event))
    }

    /// Moves past the oldest `count` events that wait. Returns whether more do; if not, the next push wakes.
    pub(crate) fn take(&mut self, count: u64) -> bool {
        self.taken = self.sequence.min(self.taken + count);
        self.fresh = self.fresh.max(self.taken);
        self.woken = self.taken < self.sequence;
        self.woken
    }

    /// Forgets what the client says it has. A number that was not sent is ignored: it is the client's word.
    pub(crate) fn acknowledge(&mut self, number: u64) -> Forgotten {
        if number <= self.acknowledged || number > self.taken {
            return Forgotten::new();
        }
        self.acknowledged = number;
        self.forget((number + 1).saturating_sub(self.front()) as usize)
    }

    /// Moves back, so that the next take begins with the number after `number`.
    pub(crate) fn resume(&mut self, number: u64) -> Result<(), ResumeError> {
        if number > self.sequence {
            return Err(ResumeError::Invalid);
        }
        if self.overflowed || number + 1 < self.front() {
            return Err(ResumeError::Gone);
        }
        self.taken = number;
        self.fresh = self.fresh.max(number);
        Ok(())
    }

    pub(crate) fn info(&self) -> Info {
        Info {
            sequence: self.sequence,
            acknowledged: self.acknowledged,
            pending: (self.sequence - self.taken, self.bytes_after(self.taken)),
            ring: (self.ring.len() as u64, self.end() - self.start),
            overflowed: self.overflowed,
        }
    }

    /// Bytes of the ring itself, without the events.
    pub(crate) fn memory(&self) -> usize {
        self.ring.capacity() * size_of::<Entry>()
    }

    /// The number of the oldest event held, or of the next one if none is.
    fn front(&self) -> u64 {
        self.sequence + 1 - self.ring.len() as u64
    }

    fn end(&self) -> u64 {
        self.ring.back().map_or(self.start, |entry| entry.end)
    }

    fn bytes_after(&self, number: u64) -> u64 {
        let last = number.checked_sub(self.front()).and_then(|index| self.ring.get(index as usize));
        self.end() - last.map_or(self.start, |entry| entry.end)
    }

    /// Ends the outbox: nothing waits any more, and nothing can be resumed.
    fn overflow(&mut self) -> Forgotten {
        self.overflowed = true;
        self.taken = self.sequence;
        self.fresh = self.sequence;
        self.forget(self.ring.len())
    }

    /// Lets taken events fall off while the ring is beyond the limits without the oldest one.
    #[inline]
    fn trim(&mut self, limits: &Limits) -> Forgotten {
        if self.ring.len() as u64 <= limits.events && self.end() - self.start < limits.bytes {
            return Forgotten::new();
        }
        self.trim_full(limits)
    }

    fn trim_full(&mut self, limits: &Limits) -> Forgotten {
        let may_go = (self.taken + 1 - self.front()) as usize;
        let (held, bytes) = (self.ring.len(), self.end());
        let beyond = |(index, entry): &(usize, &Entry)| {
            (held - index) as u64 > limits.events || bytes - entry.end >= limits.bytes
        };
        self.forget(self.ring.iter().take(may_go).enumerate().take_while(beyond).count())
    }

    fn forget(&mut self, count: usize) -> Forgotten {
        let count = count.min(self.ring.len());
        if let Some(last) = count.checked_sub(1).and_then(|last| self.ring.get(last)) {
            self.start = last.end;
        }
        let forgotten = self.ring.drain(..count).map(|entry| entry.event).collect();

        if self.ring.capacity() > 64 && self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(self.ring.len() * 2);
        }
        forgotten
    }
}
