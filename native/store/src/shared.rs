//! What the writer and the readers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use redb::{Database, ReadableDatabase};

use crate::failure::{Failure, Fault};
use crate::limits::Options;
use crate::queue::Queue;
use crate::read::Snapshot;

/// How long a read waits while the database is opened again after an error of the disk.
const REOPEN_PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Shared<T> {
    pub(crate) options: Options,
    pub(crate) queue: Queue<T>,
    pub(crate) counters: Counters,
    current: Mutex<Current>,
    changed: Condvar,
    /// Whether a partition may be in a later generation than the first. Set before the
    /// commit that makes it so, and never unset while the engine is open: a reader's
    /// snapshot may be older than the commit that forgot the last generation.
    pub(crate) dropped: AtomicBool,
}

/// The database, but for the moments in which it is opened again.
#[derive(Debug, Default)]
struct Current {
    database: Option<Arc<Database>>,
    /// How often it was opened.
    opened: u64,
    closed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) commit_nanos: AtomicU64,
    pub(crate) reopenings: AtomicU64,
    pub(crate) sweeping: AtomicU64,
    pub(crate) disk_bytes: AtomicU64,
}

impl<T> Shared<T> {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            queue: Queue::new(options.pending_bytes),
            options,
            counters: Counters::default(),
            current: Mutex::default(),
            changed: Condvar::new(),
            dropped: AtomicBool::new(false),
        }
    }

    /// Gives readers the database.
    pub(crate) fn publish(&self, database: &Arc<Database>) {
        let mut current = self.current.lock();
        current.database = Some(database.clone());
        current.opened += 1;
        self.changed.notify_all();
    }

    /// Takes the database from the readers. They hold it for no longer than the lock, so
    /// the writer has the only other handle.
    pub(crate) fn withdraw(&self, closed: bool) {
        let mut current = self.current.lock();
        current.database = None;
        current.closed |= closed;
        if closed {
            self.changed.notify_all();
        }
    }

    /// Runs `read` on a view of the database, and once more if the database has to be
    /// opened again because of it.
    pub(crate) fn read<R>(
        &self,
        read: impl Fn(&Snapshot<'_>) -> Result<R, Fault>,
    ) -> Result<R, Failure> {
        let mut opened = 0;
        for _attempt in 0..2 {
            let snapshot = self.snapshot(&mut opened)?;
            match snapshot.and_then(|snapshot| read(&snapshot)) {
                Ok(result) => return Ok(result),
                Err(Fault::Data) => break,
                Err(Fault::Disk) => self.queue.wake_for_repair(opened),
            }
            opened += 1;
        }
        Err(Failure::Unavailable)
    }

    pub(crate) fn cache_bytes(&self) -> usize {
        let current = self.current.lock();
        current.database.as_ref().map_or(0, |database| database.cache_stats().used_bytes())
    }

    pub(crate) fn opened(&self) -> u64 {
        self.current.lock().opened
    }

    /// A view of the database as it was opened for the `opened`-th time or later, and the
    /// number of that time.
    fn snapshot(&self, opened: &mut u64) -> Result<Result<Snapshot<'_>, Fault>, Failure> {
        let deadline = Instant::now() + REOPEN_PATIENCE;
        let mut current = self.current.lock();
        while current.database.is_none() || current.opened < *opened {
            let late =
                current.closed || self.changed.wait_until(&mut current, deadline).timed_out();
            if late {
                return Err(Failure::Unavailable);
            }
        }
        let redb = current.database.as_ref().map(|database| database.begin_read());
        *opened = current.opened;
        drop(current);

        let redb = match redb.ok_or(Failure::Unavailable)? {
            Ok(redb) => redb,
            Err(error) => return Ok(Err(error.into())),
        };
        // After the transaction has begun: it may have been set in between.
        let generations = self.dropped.load(Ordering::SeqCst);
        Ok(Ok(Snapshot { redb, names: &self.options.tables, generations }))
    }
}

impl Counters {
    pub(crate) fn count_commit(&self, batches: usize, duration: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.batches.fetch_add(batches as u64, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.commit_nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}
