//! The batches that wait for the writer, bounded in bytes.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::batch::Batch;
use crate::failure::Refused;

pub(crate) struct Queue<T> {
    limit: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: VecDeque<(Batch, T)>,
    /// Of the batches that wait and of those being committed.
    pending_bytes: usize,
    pending: usize,
    repair: Option<u64>,
    closed: bool,
}

/// What the writer is to do next.
pub(crate) struct Work<T> {
    pub(crate) group: Vec<(Batch, T)>,
    /// The opening of the database on which a read failed.
    pub(crate) repair: Option<u64>,
    /// No batch will follow these.
    pub(crate) closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn new(limit: usize) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            pending_bytes: 0,
            pending: 0,
            repair: None,
            closed: false,
        };
        Self { limit, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Appends the batch. An empty queue takes a batch of any size.
    pub(crate) fn push(&self, batch: Batch, token: T) -> Result<(), (Refused, T)> {
        let mut state = self.state.lock();
        if state.closed {
            return Err((Refused::Unavailable, token));
        }
        let cost = batch.cost();
        if state.pending > 0 && state.pending_bytes + cost > self.limit {
            return Err((Refused::Overloaded, token));
        }
        state.pending_bytes += cost;
        state.pending += 1;
        state.waiting.push_back((batch, token));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes what fits one commit, as soon as there is anything to do or `patience` ends.
    pub(crate) fn take(&self, bytes: usize, patience: Option<Duration>) -> Work<T> {
        let mut state = self.state.lock();
        while state.waiting.is_empty() && state.repair.is_none() && !state.closed {
            match patience {
                None => self.changed.wait(&mut state),
                Some(patience) => {
                    self.changed.wait_for(&mut state, patience);
                    break;
                }
            }
        }

        let mut group = Vec::new();
        let mut taken = 0;
        while let Some((batch, _token)) = state.waiting.front() {
            taken += batch.cost();
            if taken > bytes && !group.is_empty() {
                break;
            }
            group.extend(state.waiting.pop_front());
        }
        let closed = state.closed && state.waiting.is_empty();
        Work { group, repair: state.repair.take(), closed }
    }

    /// Gives back the room of batches that were answered.
    pub(crate) fn release(&self, batches: usize, bytes: usize) {
        let mut state = self.state.lock();
        state.pending -= batches;
        state.pending_bytes -= bytes;
    }

    /// Tells the writer that a read failed on that opening of the database.
    pub(crate) fn wake_for_repair(&self, opened: u64) {
        self.state.lock().repair = Some(opened);
        self.changed.notify_one();
    }

    /// Refuses batches from now on; those that wait are still written.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// Batches and bytes that wait or are being committed.
    pub(crate) fn pending(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.pending, state.pending_bytes)
    }
}
