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

use std::collections::{HashMap, VecDeque};

use smallvec::SmallVec;

use crate::{Event, Limits};

/// References for which the room is kept when they leave: a cache line of them.
const KEPT: usize = 8;
/// How many times the limits may wait unsent before a push says so, and before the outbox gives up.
const FULL: u32 = 2;
const OVERFLOW: u32 = 4;

/// Events that left the ring. Drop them without the lock: it frees memory.
pub(crate) type Forgotten = SmallVec<[Event; 2]>;

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The taker must be told: it has found the outbox empty since it was told last.
    Wake,
    /// The taker knows already that something waits.
    Queued,
    /// More than twice the limits waits unsent. The outbox must be relieved, and its taker must be told.
    Full,
}

/// The unsent events of one source that were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Where they came from.
    pub source: u64,
    /// How many there were.
    pub events: u64,
    /// Their bytes.
    pub bytes: u64,
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
    /// Whether so much waited that everything was dropped: four times the limits.
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
    /// How many of the oldest that wait are being written. They cannot be dropped.
    writing: u32,
}

impl Backlog {
    #[inline]
    pub(crate) fn push(&mut self, event: Event, limits: &Limits) -> (Pushed, Forgotten) {
        // One event may pass the limit in bytes, or a large one could never be sent.
        if self.is_full(limits) {
            return self.push_full(event, limits);
        }
        let pushed = if self.woken { Pushed::Queued } else { Pushed::Wake };
        (pushed, self.append(event, limits))
    }

    #[cold]
    #[inline(never)]
    fn push_full(&mut self, event: Event, limits: &Limits) -> (Pushed, Forgotten) {
        if self.overflowed || self.is_beyond(limits, OVERFLOW) {
            return (Pushed::Full, self.overflow());
        }
        (Pushed::Full, self.append(event, limits))
    }

    #[inline]
    fn append(&mut self, event: Event, limits: &Limits) -> Forgotten {
        let size = event.size();
        self.sequence += 1;
        self.waiting += 1;
        self.unsent += 1;
        self.unsent_bytes += size;
        self.ring_bytes += size;
        self.ring.push_back(event);
        self.woken = true;
        self.trim(limits)
    }

    /// The oldest events that wait, each with its number, as long as `fits` accepts them. They count as
    /// being written until the next take.
    pub(crate) fn write(&mut self, mut fits: impl FnMut(&Event) -> bool) -> Vec<(u64, Event)> {
        let events: Vec<_> = self
            .waiting()
            .take_while(|(_number, event)| fits(event))
            .map(|(number, event)| (number, event.clone()))
            .collect();
        self.writing = events.len() as u32;
        events
    }

    /// Drops unsent events, those of the largest sources first, until what is left is within the limits.
    /// The events that follow them move up: nobody has seen their numbers. Does nothing unless more than
    /// twice the limits waits.
    pub(crate) fn relieve(&mut self, limits: &Limits) -> (Vec<Dropped>, Forgotten) {
        if self.overflowed || !self.is_beyond(limits, FULL) {
            return (Vec::new(), Forgotten::new());
        }
        let first = self.first_droppable();
        let dropped = self.largest_sources(first, limits);
        let is_dropped = |event: &Event| {
            dropped.binary_search_by_key(&event.source(), |dropped| dropped.source).is_ok()
        };

        let forgotten: Forgotten =
            self.ring.range(first..).filter(|event| is_dropped(event)).cloned().collect();
        let mut index = 0;
        self.ring.retain(|event| {
            index += 1;
            index <= first || !is_dropped(event)
        });
        let bytes: u64 = forgotten.iter().map(Event::size).sum();
        let count = forgotten.len() as u32;
        self.sequence -= u64::from(count);
        self.waiting -= count;
        self.unsent -= count;
        self.unsent_bytes -= bytes;
        self.ring_bytes -= bytes;
        self.shrink();
        (dropped, forgotten)
    }

    /// Where in the ring the events begin that were never sent and are not being written.
    fn first_droppable(&self) -> usize {
        let kept = self.unsent.min(self.waiting.saturating_sub(self.writing));
        self.ring.len() - kept as usize
    }

    /// The sources to drop, in their order. Events without a source are never dropped.
    fn largest_sources(&self, first: usize, limits: &Limits) -> Vec<Dropped> {
        let mut sources: HashMap<u64, Dropped> = HashMap::new();
        for event in self.ring.range(first..).filter(|event| event.source() != Event::NO_SOURCE) {
            let source = event.source();
            let all = sources.entry(source).or_insert(Dropped { source, events: 0, bytes: 0 });
            all.events += 1;
            all.bytes += event.size();
        }
        let share = |of: &Dropped| {
            of.events as f64 / f64::from(limits.events) + of.bytes as f64 / f64::from(limits.bytes)
        };
        let mut sources: Vec<_> = sources.into_values().collect();
        sources.sort_by(|one, other| {
            share(other).total_cmp(&share(one)).then(one.source.cmp(&other.source))
        });

        let (mut events, mut bytes) = (u64::from(self.unsent), self.unsent_bytes);
        let mut dropped: Vec<_> = sources
            .into_iter()
            .take_while(|of| {
                let is_beyond = events > limits.events.into() || bytes > limits.bytes.into();
                (events, bytes) = (events - of.events, bytes - of.bytes);
                is_beyond
            })
            .collect();
        dropped.sort_unstable_by_key(|of| of.source);
        dropped
    }

    /// Whether at least so many times the limits waits unsent.
    #[inline]
    fn is_beyond(&self, limits: &Limits, times: u32) -> bool {
        u64::from(self.unsent) >= u64::from(limits.events) * u64::from(times)
            || self.unsent_bytes >= u64::from(limits.bytes) * u64::from(times)
    }

    /// Whether the outbox must be relieved, or has given up.
    #[inline]
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.overflowed || self.is_beyond(limits, FULL)
    }

    /// Nothing is being written after all.
    pub(crate) fn writing_ended(&mut self) {
        self.writing = 0;
    }

    /// Bytes of the unsent events that are of the same type as this one.
    pub(crate) fn unsent_like(&self, event: &Event) -> u64 {
        self.last(self.unsent).filter(|other| other.kind() == event.kind()).map(Event::size).sum()
    }

    /// Bytes of all unsent events.
    pub(crate) fn unsent_bytes(&self) -> u64 {
        self.unsent_bytes
    }

    /// The events that wait, oldest first, each with its number.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (u64, &Event)> {
        (self.taken() + 1..).zip(self.last(self.waiting))
    }

    /// Moves past the oldest `count` events that wait. Returns whether more do; if not, the next push wakes.
    pub(crate) fn take(&mut self, count: usize) -> bool {
        self.writing = 0;
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
        self.writing = 0;
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
    #[cold]
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
        self.shrink();
        forgotten
    }

    fn shrink(&mut self) {
        if self.ring.capacity() > KEPT && self.ring.len() < self.ring.capacity() / 4 {
            self.ring.shrink_to(KEPT.max(self.ring.len() * 2));
        }
    }
}
