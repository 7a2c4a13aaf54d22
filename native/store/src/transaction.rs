//! One commit in the making: batches applied one after the other.

use std::ops::Bound;

use redb::{ReadableTable, Table, WriteTransaction};

use crate::batch::{Action, Batch, Condition, Op};
use crate::database::Definition;
use crate::failure::Failure;
use crate::generation::{Generation, Generations};
use crate::key;
use crate::limits::Options;

type Rows<'txn> = Table<'txn, &'static [u8], &'static [u8]>;

pub(crate) struct Transaction<'txn> {
    redb: &'txn WriteTransaction,
    names: &'txn [String],
    tables: Vec<Option<Rows<'txn>>>,
    generations: &'txn mut Generations,
    /// How many rows may still be removed, and how many were.
    sweep_rows: usize,
    removed: usize,
    scratch: Vec<u8>,
}

impl<'txn> Transaction<'txn> {
    pub(crate) fn new(
        redb: &'txn WriteTransaction,
        options: &'txn Options,
        generations: &'txn mut Generations,
    ) -> Self {
        let tables = options.tables.iter().map(|_| None).collect();
        let (names, sweep_rows) = (&options.tables, options.sweep_rows);
        Self { redb, names, tables, generations, sweep_rows, removed: 0, scratch: Vec::new() }
    }

    /// Does all of the batch, or nothing because of a condition. Any other failure is one
    /// of the transaction as a whole.
    pub(crate) fn apply(&mut self, batch: &Batch) -> Result<(), Failure> {
        for op in batch.ops() {
            if !self.holds(batch, op)? {
                return Err(Failure::Conflict);
            }
        }

        for op in batch.ops() {
            match &op.action {
                Action::Put(value) => {
                    let (rows, key) = self.locate(batch, op)?;
                    rows.insert(key, batch.slice(value))?;
                }
                Action::Delete => {
                    let (rows, key) = self.locate(batch, op)?;
                    rows.remove(key)?;
                }
                Action::Drop => self.drop_partition(op.table, batch.partition(op))?,
            }
        }
        Ok(())
    }

    /// Removes some rows that drops have left, and says how many this and the drops of the
    /// transaction have removed.
    pub(crate) fn sweep(&mut self) -> Result<usize, Failure> {
        while self.sweep_rows > 0 {
            let Some((table, partition, generation)) = self.generations.unswept() else {
                break;
            };
            if self.remove_rows(table, &partition, generation.oldest, self.sweep_rows)? {
                let generation = generation.swept();
                self.settle(table, &partition, generation)?;
            }
        }
        Ok(self.removed)
    }

    fn holds(&mut self, batch: &Batch, op: &Op) -> Result<bool, Failure> {
        let expected = match &op.condition {
            Condition::Always => return Ok(true),
            Condition::Absent => None,
            Condition::Equal(range) => Some(batch.slice(range)),
        };
        let (rows, key) = self.locate(batch, op)?;
        let found = rows.get(key)?;
        Ok(found.as_ref().map(|value| value.value()) == expected)
    }

    /// The table of `op` and its key in the partition's generation.
    fn locate<'a>(
        &'a mut self,
        batch: &'a Batch,
        op: &Op,
    ) -> Result<(&'a mut Rows<'txn>, &'a [u8]), Failure> {
        let generation = self.generations.get(op.table, batch.partition(op)).current;
        let key = batch.slice(&op.key);
        let rows = table(self.redb, self.names, &mut self.tables, op.table)?;
        if generation == 0 {
            return Ok((rows, key));
        }

        self.scratch.clear();
        self.scratch.extend_from_slice(key);
        key::set_generation(&mut self.scratch, generation);
        Ok((rows, &self.scratch))
    }

    fn drop_partition(&mut self, table: u8, partition: &[u8]) -> Result<(), Failure> {
        let generation = self.generations.get(table, partition);
        if self.remove_rows(table, partition, generation.current, self.sweep_rows)? {
            return self.settle(table, partition, generation);
        }

        match generation.next() {
            Some(next) => self.generations.put(self.redb, table, partition, next),
            // All generations are full of rubbish: this drop takes the time it takes.
            None => {
                self.remove_rows(table, partition, generation.current, usize::MAX)?;
                Ok(())
            }
        }
    }

    /// Keeps or forgets where a partition is of which one generation was just emptied.
    fn settle(
        &mut self,
        table: u8,
        partition: &[u8],
        generation: Generation,
    ) -> Result<(), Failure> {
        if generation.is_clean() && self.is_empty(table, partition, generation.current)? {
            self.generations.forget(self.redb, table, partition)
        } else if generation == self.generations.get(table, partition) {
            Ok(())
        } else {
            self.generations.put(self.redb, table, partition, generation)
        }
    }

    fn is_empty(&mut self, index: u8, partition: &[u8], generation: u8) -> Result<bool, Failure> {
        let start = key::prefix(partition, generation, 0);
        let rows = table(self.redb, self.names, &mut self.tables, index)?;
        let mut range = rows.range::<&[u8]>(start.as_slice()..)?;
        match range.next().transpose()? {
            Some((key, _value)) => Ok(!key.value().starts_with(&start)),
            None => Ok(true),
        }
    }

    /// Removes up to `limit` rows. `true` if no more are there.
    fn remove_rows(
        &mut self,
        index: u8,
        partition: &[u8],
        generation: u8,
        limit: usize,
    ) -> Result<bool, Failure> {
        let start = key::prefix(partition, generation, 0);
        let end = key::after_prefix(&start);
        let range = (Bound::Included(start.as_slice()), end.as_ref().map(Vec::as_slice));
        let rows = table(self.redb, self.names, &mut self.tables, index)?;

        let mut removed = 0;
        let mut extract = rows.extract_from_if::<&[u8], _>(range, |_, _| true)?;
        while removed < limit {
            match extract.next().transpose()? {
                Some(_row) => removed += 1,
                None => break,
            }
        }
        drop(extract);

        self.removed += removed;
        self.sweep_rows = self.sweep_rows.saturating_sub(removed.max(1));
        Ok(removed < limit)
    }
}

/// Opens the table once a transaction.
fn table<'a, 'txn>(
    redb: &'txn WriteTransaction,
    names: &'txn [String],
    tables: &'a mut [Option<Rows<'txn>>],
    index: u8,
) -> Result<&'a mut Rows<'txn>, Failure> {
    let index = usize::from(index);
    let (Some(slot), Some(name)) = (tables.get_mut(index), names.get(index)) else {
        return Err(Failure::Unavailable);
    };
    match slot {
        Some(table) => Ok(table),
        None => Ok(slot.insert(redb.open_table(Definition::new(name))?)),
    }
}
