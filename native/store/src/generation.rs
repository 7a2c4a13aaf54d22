//! Partitions that were dropped while they were large.
//!
//! To remove a million rows takes seconds, and whoever writes would wait for it. So a
//! large partition is not emptied at once: the drop moves the partition to its next
//! *generation*, a number that is part of every key, and leaves the rows of the one
//! before to be removed in pieces, a few with each commit. To readers the partition is
//! empty as soon as the drop is committed.
//!
//! A row of the table `_generations` says where such a partition is. It goes away when
//! nothing of the old generations is left and the current one is empty too.

use std::collections::HashMap;

use redb::{ReadTransaction, TableDefinition, WriteTransaction};

use crate::failure::{Failure, Fault};
use crate::key::GENERATIONS;

/// `table index, partition` -> `version, current, oldest`.
pub(crate) const GENERATIONS_TABLE: TableDefinition<'_, &[u8], &[u8]> =
    TableDefinition::new("_generations");

const VERSION: u8 = 1;

/// Where a partition is: its rows are in `current`, those from `oldest` on are rubbish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation {
    pub(crate) current: u8,
    pub(crate) oldest: u8,
}

impl Generation {
    /// The generation after the current one, unless all are in use.
    pub(crate) fn next(self) -> Option<Self> {
        let current = (self.current + 1) % GENERATIONS;
        (current != self.oldest).then_some(Self { current, ..self })
    }

    /// What it is when the rows of the oldest one are gone.
    pub(crate) fn swept(self) -> Self {
        Self { oldest: (self.oldest + 1) % GENERATIONS, ..self }
    }

    pub(crate) fn is_clean(self) -> bool {
        self.current == self.oldest
    }

    fn decode(value: &[u8]) -> Option<Self> {
        match *value {
            [VERSION, current, oldest] => Some(Self { current, oldest }),
            _ => None,
        }
    }
}

fn row_key(table: u8, partition: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + partition.len());
    key.push(table);
    key.extend_from_slice(partition);
    key
}

/// All partitions that are not in generation 0, as the writer knows them.
#[derive(Debug, Default)]
pub(crate) struct Generations(HashMap<Vec<u8>, Generation>);

impl Generations {
    pub(crate) fn load(transaction: &ReadTransaction) -> Result<Self, Failure> {
        let mut known = HashMap::new();
        for row in transaction.open_table(GENERATIONS_TABLE)?.range::<&[u8]>(..)? {
            let (key, value) = row?;
            let generation = Generation::decode(value.value()).ok_or(Failure::Unavailable)?;
            known.insert(key.value().to_vec(), generation);
        }
        Ok(Self(known))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many partitions have rows to remove.
    pub(crate) fn unswept_len(&self) -> u64 {
        self.0.values().filter(|generation| !generation.is_clean()).count() as u64
    }

    pub(crate) fn get(&self, table: u8, partition: &[u8]) -> Generation {
        if self.0.is_empty() {
            return Generation { current: 0, oldest: 0 };
        }
        let known = self.0.get(&row_key(table, partition)).copied();
        known.unwrap_or(Generation { current: 0, oldest: 0 })
    }

    /// A partition with rows to remove, if there is one.
    pub(crate) fn unswept(&self) -> Option<(u8, Vec<u8>, Generation)> {
        let (key, generation) = self.0.iter().find(|(_, generation)| !generation.is_clean())?;
        let (table, partition) = key.split_first()?;
        Some((*table, partition.to_vec(), *generation))
    }

    /// Keeps where the partition is, in the transaction too.
    pub(crate) fn put(
        &mut self,
        transaction: &WriteTransaction,
        table: u8,
        partition: &[u8],
        generation: Generation,
    ) -> Result<(), Failure> {
        let key = row_key(table, partition);
        let value = [VERSION, generation.current, generation.oldest];
        transaction.open_table(GENERATIONS_TABLE)?.insert(key.as_slice(), value.as_slice())?;
        self.0.insert(key, generation);
        Ok(())
    }

    /// Forgets the partition, which is empty in every generation.
    pub(crate) fn forget(
        &mut self,
        transaction: &WriteTransaction,
        table: u8,
        partition: &[u8],
    ) -> Result<(), Failure> {
        let key = row_key(table, partition);
        if self.0.remove(&key).is_some() {
            transaction.open_table(GENERATIONS_TABLE)?.remove(key.as_slice())?;
        }
        Ok(())
    }
}

/// Where a reader finds the rows of the partition.
pub(crate) fn current(
    transaction: &ReadTransaction,
    table: u8,
    partition: &[u8],
) -> Result<u8, Fault> {
    let rows = transaction.open_table(GENERATIONS_TABLE)?;
    match rows.get(row_key(table, partition).as_slice())? {
        None => Ok(0),
        Some(value) => Generation::decode(value.value())
            .map(|generation| generation.current)
            .ok_or(Fault::Data),
    }
}
