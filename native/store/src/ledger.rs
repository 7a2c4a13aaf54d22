//! The database and its log, as the writer sees them: one thing that can be written and
//! that comes back as it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Database, Durability, ReadableDatabase};

use crate::batch::Batch;
use crate::database;
use crate::failure::{Failure, OpenFailure};
use crate::generation::Generations;
use crate::limits::Options;
use crate::log::Log;
use crate::medium::Medium;
use crate::transaction::Transaction;

/// A commit that syncs the database writes down as many pages as were touched since the
/// one before, in the worst case one for each operation; so long all others wait.
const LOGGED_OPS: usize = 8192;

pub(crate) struct Ledger {
    database: Arc<Database>,
    log: Log,
    generations: Generations,
    /// The number of the last commit.
    number: u64,
    /// Operations that are in the log alone.
    logged_ops: usize,
}

impl Ledger {
    /// Opens the database and applies what the log has beyond it.
    pub(crate) fn open(medium: &dyn Medium, options: &Options) -> Result<Self, OpenFailure> {
        let database = database::open(medium, options)?;
        let (id, number) = database::identity(&database)?;
        let mut log = Log::open(medium.open_log()?, id, options.log_bytes)?;
        let (recovered, number) = log.recover(number)?;
        let transaction = database.begin_read().map_err(Failure::from)?;
        let generations = Generations::load(&transaction)?;
        drop(transaction);

        let database = Arc::new(database);
        let mut ledger = Self { database, log, generations, number, logged_ops: 0 };
        if !recovered.is_empty() {
            ledger.apply_again(&recovered, options)?;
        }
        Ok(ledger)
    }

    pub(crate) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// The number of the last commit that is in it.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn generations(&self) -> &Generations {
        &self.generations
    }

    /// Commits the batches, and a piece of what drops have left. A failure is one of the
    /// whole, and leaves the ledger unusable.
    pub(crate) fn write(
        &mut self,
        batches: &[Batch],
        results: &mut Vec<Result<(), Failure>>,
        options: &Options,
        dropped: &AtomicBool,
    ) -> Result<(), Failure> {
        let bytes = batches.iter().map(Batch::bytes).sum();
        let ops: usize = batches.iter().map(Batch::len).sum();
        let synced = self.logged_ops + ops > LOGGED_OPS || !self.log.fits(bytes, ops);

        let mut redb = self.database.begin_write()?;
        if synced {
            // The next opening need not look at every row.
            redb.set_quick_repair(true);
        } else {
            redb.set_durability(Durability::None).map_err(|_| Failure::Unavailable)?;
        }

        let mut transaction = Transaction::new(&redb, options, &mut self.generations);
        for batch in batches {
            match transaction.apply(batch) {
                Err(failure) if failure != Failure::Conflict => return Err(failure),
                result => results.push(result),
            }
        }
        let swept = transaction.sweep()?;
        drop(transaction);
        if !self.generations.is_empty() {
            dropped.store(true, Ordering::SeqCst);
        }

        let number = self.number + u64::from(!batches.is_empty());
        database::put_number(&redb, number)?;
        // Before the commit, which shows it to readers.
        if !synced && !batches.is_empty() {
            let written = batches.iter().zip(&*results).filter(|(_, result)| result.is_ok());
            self.log
                .append(number, written.map(|(batch, _)| batch))
                .map_err(|e| Failure::from(&e))?;
        }
        redb.commit()?;

        self.number = number;
        self.logged_ops += ops + swept;
        if synced {
            self.log.restart();
            self.logged_ops = 0;
        }
        Ok(())
    }

    /// Does what the log has once more. Its records stay where they are, so this needs no
    /// room on the disk.
    fn apply_again(&mut self, recovered: &[Batch], options: &Options) -> Result<(), Failure> {
        let mut redb = self.database.begin_write()?;
        redb.set_durability(Durability::None).map_err(|_| Failure::Unavailable)?;
        let mut transaction = Transaction::new(&redb, options, &mut self.generations);
        for batch in recovered {
            transaction.apply(batch)?;
        }
        drop(transaction);
        database::put_number(&redb, self.number)?;
        redb.commit()?;
        self.logged_ops = recovered.iter().map(Batch::len).sum();
        Ok(())
    }
}
