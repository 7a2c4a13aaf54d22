//! The handle: what the rest of the world may ask.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use crate::batch::Batch;
use crate::failure::{Failure, OpenFailure, Refused};
use crate::limits::Options;
use crate::medium::Medium;
use crate::read::{Answer, Buffer, Page, Range, Request};
use crate::shared::Shared;
use crate::writer::{Report, Writer};

/// An open database with its writer thread. Dropped, it still writes what waits and
/// closes behind the caller's back; [`close`](Self::close) waits for that.
pub struct Engine<T> {
    shared: Arc<Shared<T>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What an engine is doing.
#[derive(Debug, Clone, Copy)]
pub struct Stats {
    /// Commits since it was opened.
    pub commits: u64,
    /// Batches in those commits.
    pub batches: u64,
    /// The time those commits took, in nanoseconds.
    pub commit_nanos: u64,
    /// How often the database had to be opened again.
    pub reopenings: u64,
    /// Partitions that were dropped and whose rows are not all removed yet.
    pub sweeping: u64,
    /// Batches without an answer yet.
    pub pending: usize,
    /// What they take in memory.
    pub pending_bytes: usize,
    /// What the cache takes in memory.
    pub cache_bytes: usize,
    /// What the database takes on the disk.
    pub disk_bytes: u64,
}

impl<T: Send + 'static> Engine<T> {
    /// Opens the database on `medium`. `sink` is called on the writer thread after each
    /// commit, with the results of the batches that were submitted with each token.
    pub fn open(
        medium: impl Medium,
        options: Options,
        sink: impl FnMut(Report<T>) + Send + 'static,
    ) -> Result<Self, OpenFailure> {
        let shared = Arc::new(Shared::new(options));
        let writer = Writer::open(shared.clone(), Box::new(medium), sink)?;
        let thread = thread::Builder::new()
            .name("store writer".into())
            .spawn(move || writer.run())
            .map_err(|_: io::Error| OpenFailure::Unavailable)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Has the batch written. The result comes to the sink, unless the batch is refused.
    pub fn submit(&self, batch: Batch, token: T) -> Result<(), (Refused, T)> {
        self.shared.queue.push(batch, token)
    }

    /// The values of rows given as partition and key, all as of one moment.
    pub fn get_many(
        &self,
        table: u8,
        rows: &[(&[u8], &[u8])],
    ) -> Result<Vec<Option<Vec<u8>>>, Failure> {
        self.shared.read(|snapshot| snapshot.get_many(table, rows))
    }

    /// The rows of a partition within a range.
    pub fn scan(&self, table: u8, partition: &[u8], range: Range<'_>) -> Result<Page, Failure> {
        self.scan_to(table, partition, range)
    }

    /// The rows of a partition within a range, in a buffer of the caller's kind.
    pub fn scan_to<B: Buffer>(
        &self,
        table: u8,
        partition: &[u8],
        range: Range<'_>,
    ) -> Result<Page<B>, Failure> {
        self.shared.read(|snapshot| snapshot.scan(table, partition, range))
    }

    /// The answers to several requests, all as of one moment.
    pub fn read_all<B: Buffer>(&self, requests: &[Request<'_>]) -> Result<Vec<Answer<B>>, Failure> {
        self.shared.read(|snapshot| snapshot.read_all(requests))
    }

    /// What the engine is doing.
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        let (pending, pending_bytes) = self.shared.queue.pending();
        Stats {
            commits: counters.commits.load(Ordering::Relaxed),
            batches: counters.batches.load(Ordering::Relaxed),
            commit_nanos: counters.commit_nanos.load(Ordering::Relaxed),
            reopenings: counters.reopenings.load(Ordering::Relaxed),
            sweeping: counters.sweeping.load(Ordering::Relaxed),
            pending,
            pending_bytes,
            cache_bytes: self.shared.cache_bytes(),
            disk_bytes: counters.disk_bytes.load(Ordering::Relaxed),
        }
    }

    /// Refuses batches from now on. Those that wait are still written.
    pub fn refuse(&self) {
        self.shared.queue.close();
    }

    /// Writes what waits, closes the database and lets go of the medium.
    pub fn close(&self) {
        self.refuse();
        if let Some(thread) = self.thread.lock().take() {
            // It catches its own panics; one that got through has been reported.
            let _ = thread.join();
        }
    }
}

impl<T> Drop for Engine<T> {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}
