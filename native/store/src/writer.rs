//! The thread that writes: one commit after the other, each for all who wait.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::batch::Batch;
use crate::failure::{Failure, OpenFailure};
use crate::ledger::Ledger;
use crate::medium::Medium;
use crate::queue::Work;
use crate::shared::Shared;

/// How long the writer waits before it tries again what failed.
const PAUSE: Duration = Duration::from_millis(250);
/// And at most, when it fails again and again.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// Room on the disk that a commit may take beside its own bytes, for each operation: a
/// page of every level is written anew, but neighbours share them.
const PAGE_BYTES: u64 = 4096;

/// What became of the batches of one commit.
pub struct Report<T> {
    /// Each batch in the order in which they were submitted.
    pub results: Vec<(T, Result<(), Failure>)>,
    /// The commit that made them durable, if there was one.
    pub commit: Option<Commit>,
    /// How long it took to open the database again, if that was necessary.
    pub reopened: Option<Duration>,
}

/// A commit that succeeded.
#[derive(Debug, Clone, Copy)]
pub struct Commit {
    /// From the start of the transaction to its end on the disk.
    pub duration: Duration,
    /// How many operations it had.
    pub ops: usize,
    /// How many bytes of keys and values.
    pub bytes: usize,
}

pub(crate) struct Writer<T, S> {
    shared: Arc<Shared<T>>,
    sink: S,
    ledger: Option<Ledger>,
    pause: Pause,
    // Last, so that the lock of a folder is the last thing to go.
    medium: Box<dyn Medium>,
}

/// Keeps the writer from trying in vain all the time.
struct Pause {
    until: Instant,
    length: Duration,
    reason: Failure,
}

impl<T, S: FnMut(Report<T>)> Writer<T, S> {
    /// Opens the database, on the thread of the caller, who wants to know why not.
    pub(crate) fn open(
        shared: Arc<Shared<T>>,
        medium: Box<dyn Medium>,
        sink: S,
    ) -> Result<Self, OpenFailure> {
        let mut writer = Self { shared, sink, ledger: None, pause: Pause::none(), medium };
        writer.open_ledger()?;
        Ok(writer)
    }

    /// Writes until the queue is closed and empty, then closes the database.
    pub(crate) fn run(mut self) {
        loop {
            let patience = self.patience();
            let work = self.shared.queue.take(self.shared.options.commit_bytes, patience);
            let closed = work.closed;
            self.work(work);
            if closed {
                break;
            }
        }
        self.shared.withdraw(true);
        // Here redb syncs what is in memory alone.
        self.ledger = None;
    }

    /// How long to wait for batches before there is something else to do.
    fn patience(&self) -> Option<Duration> {
        if self.ledger.is_some() && !self.is_sweeping() { None } else { Some(self.pause.left()) }
    }

    fn work(&mut self, work: Work<T>) {
        let repair = work.repair.is_some_and(|opened| opened == self.shared.opened());
        let down = self.ledger.is_none() && self.pause.left().is_zero();
        let mut reopened = if repair || down { self.reopen() } else { None };

        let (batches, tokens): (Vec<_>, Vec<_>) = work.group.into_iter().unzip();
        let mut results = Vec::with_capacity(batches.len());
        let attempted = self.number() + 1;
        let commit = match self.write(&batches, &mut results) {
            Ok(commit) => commit,
            Err(failure) => {
                self.pause.extend(failure);
                reopened = self.reopen().or(reopened);
                if let Some(result) = self.outcome(failure, attempted) {
                    results = vec![Err(result); batches.len()];
                }
                None
            }
        };

        self.shared.queue.release(batches.len(), batches.iter().map(Batch::cost).sum());
        if commit.is_some() || reopened.is_some() || !tokens.is_empty() {
            let results = tokens.into_iter().zip(results).collect();
            (self.sink)(Report { results, commit, reopened });
        }
    }

    /// What a commit that failed amounts to, or nothing if it is there all the same: a full
    /// disk can fail its very last step.
    fn outcome(&self, failure: Failure, attempted: u64) -> Option<Failure> {
        match failure {
            _ if self.ledger.is_none() => Some(Failure::Unavailable),
            Failure::StorageFull if attempted == self.number() => None,
            failure => Some(failure),
        }
    }

    /// Commits the batches, and a piece of what drops have left. Fails if the disk does.
    fn write(
        &mut self,
        batches: &[Batch],
        results: &mut Vec<Result<(), Failure>>,
    ) -> Result<Option<Commit>, Failure> {
        if batches.is_empty() && !self.is_sweeping() {
            return Ok(None);
        }
        if let Err(failure) = self.ready(batches) {
            results.resize(batches.len(), Err(failure));
            return Ok(None);
        }

        let start = Instant::now();
        let Some(ledger) = &mut self.ledger else { return Err(Failure::Unavailable) };
        let (options, dropped) = (&self.shared.options, &self.shared.dropped);
        // A bug of redb must cost an answer, not the thread that gives all answers.
        panic::catch_unwind(AssertUnwindSafe(|| ledger.write(batches, results, options, dropped)))
            .unwrap_or(Err(Failure::Unavailable))?;
        let duration = start.elapsed();

        self.pause = Pause::none();
        self.shared.counters.count_commit(batches.len(), duration);
        self.measure();
        let ops = batches.iter().map(Batch::len).sum();
        let bytes = batches.iter().map(Batch::bytes).sum();
        Ok(Some(Commit { duration, ops, bytes }))
    }

    /// Whether there is a database, it has not just failed, and the disk has room.
    fn ready(&mut self, batches: &[Batch]) -> Result<(), Failure> {
        if self.ledger.is_none() {
            return Err(Failure::Unavailable);
        }
        if !self.pause.left().is_zero() {
            return Err(self.pause.reason);
        }
        if !self.has_room(batches) {
            if batches.is_empty() {
                self.pause.extend(Failure::StorageFull);
            }
            return Err(Failure::StorageFull);
        }
        Ok(())
    }

    fn has_room(&self, batches: &[Batch]) -> bool {
        let Some(free) = self.medium.free_bytes() else { return true };
        let need = |batch: &Batch| batch.bytes() as u64 + PAGE_BYTES * batch.len() as u64;
        let reserve = self.shared.options.reserve_bytes;
        free >= batches.iter().map(need).sum::<u64>().saturating_add(reserve)
    }

    /// redb gives up after an error of the disk. What was acknowledged is on the disk, so
    /// it is opened again.
    fn reopen(&mut self) -> Option<Duration> {
        let start = Instant::now();
        self.shared.withdraw(false);
        self.ledger = None;
        let opened = panic::catch_unwind(AssertUnwindSafe(|| self.open_ledger()));
        if !matches!(opened, Ok(Ok(()))) {
            self.pause.extend(Failure::Unavailable);
            return None;
        }
        self.shared.counters.reopenings.fetch_add(1, Ordering::Relaxed);
        Some(start.elapsed())
    }

    fn open_ledger(&mut self) -> Result<(), OpenFailure> {
        let ledger = Ledger::open(self.medium.as_ref(), &self.shared.options)?;
        if !ledger.generations().is_empty() {
            self.shared.dropped.store(true, Ordering::SeqCst);
        }
        self.shared.publish(ledger.database());
        self.ledger = Some(ledger);
        self.measure();
        Ok(())
    }

    fn number(&self) -> u64 {
        self.ledger.as_ref().map_or(0, Ledger::number)
    }

    fn is_sweeping(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.generations().unswept().is_some())
    }

    fn measure(&self) {
        let counters = &self.shared.counters;
        let sweeping = self.ledger.as_ref().map_or(0, |ledger| ledger.generations().unswept_len());
        counters.sweeping.store(sweeping, Ordering::Relaxed);
        counters.disk_bytes.store(self.medium.used_bytes().unwrap_or(0), Ordering::Relaxed);
    }
}

impl Pause {
    fn none() -> Self {
        Self { until: Instant::now(), length: Duration::ZERO, reason: Failure::Unavailable }
    }

    fn extend(&mut self, reason: Failure) {
        self.length = (self.length * 2).clamp(PAUSE, LONGEST_PAUSE);
        self.until = Instant::now() + self.length;
        self.reason = reason;
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}
