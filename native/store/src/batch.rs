//! What a caller wants written, in one allocation for the bytes and one for the list.

use std::ops::Range;

use crate::failure::TooLarge;
use crate::key;
use crate::limits::{
    MAX_BATCH_BYTES, MAX_BATCH_OPS, MAX_KEY_BYTES, MAX_PARTITION_BYTES, MAX_VALUE_BYTES,
};

/// What a batch and each of its operations take beside their bytes.
const OVERHEAD: usize = 128;

/// Operations that are written together or not at all.
///
/// The conditions of a batch are about what was there before it: they are all checked
/// first, then the operations are done in their order.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ops: Vec<Op>,
}

#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) table: u8,
    pub(crate) partition: usize,
    pub(crate) key: Range<usize>,
    pub(crate) condition: Condition,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) enum Condition {
    Always,
    Absent,
    Equal(Range<usize>),
}

#[derive(Debug)]
pub(crate) enum Action {
    Put(Range<usize>),
    Delete,
    Drop,
}

impl Batch {
    /// An empty batch with room for so many operations.
    pub fn with_capacity(ops: usize) -> Self {
        Self { bytes: Vec::new(), ops: Vec::with_capacity(ops.min(MAX_BATCH_OPS)) }
    }

    /// Writes a row, whatever was there.
    pub fn put(
        &mut self,
        table: u8,
        partition: &[u8],
        key: &[u8],
        value: &[u8],
    ) -> Result<(), TooLarge> {
        self.push(table, partition, key, Condition::Always, Some(value))
    }

    /// Writes a row if `expected` is there, or if nothing is.
    pub fn put_if(
        &mut self,
        table: u8,
        partition: &[u8],
        key: &[u8],
        expected: Option<&[u8]>,
        value: &[u8],
    ) -> Result<(), TooLarge> {
        let condition = match expected {
            None => Condition::Absent,
            Some(expected) => Condition::Equal(self.push_value(expected)?),
        };
        self.push(table, partition, key, condition, Some(value))
    }

    /// Removes a row, if it is there.
    pub fn delete(&mut self, table: u8, partition: &[u8], key: &[u8]) -> Result<(), TooLarge> {
        self.push(table, partition, key, Condition::Always, None)
    }

    /// Removes a row if `expected` is there.
    pub fn delete_if(
        &mut self,
        table: u8,
        partition: &[u8],
        key: &[u8],
        expected: &[u8],
    ) -> Result<(), TooLarge> {
        let condition = Condition::Equal(self.push_value(expected)?);
        self.push(table, partition, key, condition, None)
    }

    /// Removes every row of the partition.
    pub fn drop_partition(&mut self, table: u8, partition: &[u8]) -> Result<(), TooLarge> {
        self.push(table, partition, &[], Condition::Always, None)?;
        if let Some(op) = self.ops.last_mut() {
            op.action = Action::Drop;
        }
        Ok(())
    }

    /// How much of the engine's room for waiting batches this one takes.
    pub fn cost(&self) -> usize {
        self.bytes.len() + OVERHEAD * (self.ops.len() + 1)
    }

    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn ops(&self) -> &[Op] {
        &self.ops
    }

    pub(crate) fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// The name of the partition of `op`, which lies behind the two bytes of its key.
    pub(crate) fn partition(&self, op: &Op) -> &[u8] {
        let start = op.key.start + 2;
        self.slice(&(start..start + op.partition))
    }

    /// The key of `op` within its partition.
    pub(crate) fn key(&self, op: &Op) -> &[u8] {
        self.slice(&(op.key.start + 2 + op.partition..op.key.end))
    }

    fn push(
        &mut self,
        table: u8,
        partition: &[u8],
        key: &[u8],
        condition: Condition,
        value: Option<&[u8]>,
    ) -> Result<(), TooLarge> {
        if partition.len() > MAX_PARTITION_BYTES {
            return Err(TooLarge::Partition);
        }
        if key.len() > MAX_KEY_BYTES {
            return Err(TooLarge::Key);
        }
        if self.ops.len() == MAX_BATCH_OPS {
            return Err(TooLarge::Batch);
        }

        let start = self.bytes.len();
        key::push_prefix(&mut self.bytes, partition);
        self.bytes.extend_from_slice(key);
        let key = start..self.bytes.len();
        let action = match value {
            Some(value) => Action::Put(self.push_value(value)?),
            None => Action::Delete,
        };

        self.ops.push(Op { table, partition: partition.len(), key, condition, action });
        if self.bytes.len() > MAX_BATCH_BYTES { Err(TooLarge::Batch) } else { Ok(()) }
    }

    fn push_value(&mut self, value: &[u8]) -> Result<Range<usize>, TooLarge> {
        if value.len() > MAX_VALUE_BYTES {
            return Err(TooLarge::Value);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        Ok(start..self.bytes.len())
    }
}
