//! The log: what was written since the database was last synced.
//!
//! To sync the database means to write a page for every channel that someone posted in.
//! So most commits sync only the log, to which they append one record, and leave their
//! pages in memory; now and then a commit syncs the database instead, and the log begins
//! again at its start. After a crash the database is what that commit left, and the
//! records that follow it are applied once more.
//!
//! The file has its full size from the beginning, so that to sync it is to sync data
//! alone. A record counts if it is whole, of this database, and has the number that
//! comes next; so what an earlier round left behind it does not.

use std::io;
use std::ops::Range;

use redb::StorageBackend;
use zlib_rs::crc32::crc32;

use crate::batch::{Action, Batch};

/// What a disk writes whole: no record shares one with its neighbour.
const SECTOR: usize = 512;
/// Length, checksum of all that follows, database, number.
const HEADER: usize = 24;
const CHECKED: usize = 8;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const DROP: u8 = 3;

pub(crate) struct Log {
    storage: Box<dyn StorageBackend>,
    database: u64,
    capacity: usize,
    position: usize,
    record: Vec<u8>,
}

impl Log {
    pub(crate) fn open(
        storage: Box<dyn StorageBackend>,
        database: u64,
        capacity: usize,
    ) -> io::Result<Self> {
        let length = usize::try_from(storage.len()?).unwrap_or(usize::MAX);
        if length < capacity {
            storage.write(length as u64, &vec![0; capacity - length])?;
            storage.sync_data()?;
        }
        Ok(Self { storage, database, capacity, position: 0, record: Vec::new() })
    }

    /// Whether a record of so many bytes and operations fits in what is left, and is no
    /// bulk that is better written once, to the database.
    pub(crate) fn fits(&self, bytes: usize, ops: usize) -> bool {
        let size = (HEADER + bytes + ops * ENTRY).next_multiple_of(SECTOR);
        size <= self.capacity / 8 && self.position + size <= self.capacity
    }

    /// Writes a record and syncs it.
    pub(crate) fn append<'a>(
        &mut self,
        number: u64,
        batches: impl Iterator<Item = &'a Batch>,
    ) -> io::Result<()> {
        self.record.clear();
        self.record.resize(HEADER, 0);
        batches.for_each(|batch| encode(batch, &mut self.record));
        let length = self.record.len() - HEADER;
        let record = &mut self.record;
        put(record, 0..4, &u32::try_from(length).map_err(io::Error::other)?.to_le_bytes());
        put(record, 8..16, &self.database.to_le_bytes());
        put(record, 16..24, &number.to_le_bytes());
        let checksum = crc32(0, record.get(CHECKED..).unwrap_or_default());
        put(record, 4..8, &checksum.to_le_bytes());
        record.resize(record.len().next_multiple_of(SECTOR), 0);

        self.storage.write(self.position as u64, record)?;
        self.storage.sync_data()?;
        self.position += record.len();
        Ok(())
    }

    /// Begins at the start again: the database has everything.
    pub(crate) fn restart(&mut self) {
        self.position = 0;
    }

    /// Returns what was done after the number `done` and the number of the last of it,
    /// makes sure that it stays, and goes on behind it.
    pub(crate) fn recover(&mut self, done: u64) -> io::Result<(Vec<Batch>, u64)> {
        // All of it: once it may have been larger.
        let length = usize::try_from(self.storage.len()?).unwrap_or(usize::MAX);
        let mut content = vec![0; length];
        self.storage.read(0, &mut content)?;

        let (mut batches, mut last) = (Vec::new(), done);
        let mut next = self.record_at(&content, 0);
        while let Some((number, payload, end)) = next.filter(|(number, ..)| *number == last + 1) {
            batches.push(decode(payload).ok_or(io::ErrorKind::InvalidData)?);
            last = number;
            self.position = end;
            next = self.record_at(&content, end);
        }
        if batches.is_empty() {
            // Whatever is there, if the database is a copy of an earlier day even with
            // numbers that will be given out again.
            self.storage.write(0, &[0; SECTOR])?;
        }
        // What was read may not be on the disk yet.
        self.storage.sync_data()?;
        Ok((batches, last))
    }

    /// The number, the content and the end of the record that begins there.
    fn record_at<'a>(&self, content: &'a [u8], start: usize) -> Option<(u64, &'a [u8], usize)> {
        let rest = content.get(start..)?;
        let length = u32::from_le_bytes(rest.get(0..4)?.try_into().ok()?) as usize;
        let checksum = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?);
        let database = u64::from_le_bytes(rest.get(8..16)?.try_into().ok()?);
        let number = u64::from_le_bytes(rest.get(16..24)?.try_into().ok()?);
        let end = HEADER.checked_add(length)?;
        let whole = crc32(0, rest.get(CHECKED..end)?) == checksum && database == self.database;
        let payload = rest.get(HEADER..end)?;
        whole.then(|| (number, payload, start + end.next_multiple_of(SECTOR)))
    }
}

/// Kind, table, lengths of partition, key and value.
const ENTRY: usize = 10;

/// Conditions are left out: they held.
fn encode(batch: &Batch, out: &mut Vec<u8>) {
    for op in batch.ops() {
        let (kind, value) = match &op.action {
            Action::Put(value) => (PUT, batch.slice(value)),
            Action::Delete => (DELETE, &[][..]),
            Action::Drop => (DROP, &[][..]),
        };
        let (partition, key) = (batch.partition(op), batch.key(op));
        out.extend_from_slice(&[kind, op.table]);
        // All within limits that the types have.
        out.extend_from_slice(&(partition.len() as u16).to_le_bytes());
        out.extend_from_slice(&(key.len() as u16).to_le_bytes());
        out.extend_from_slice(&(value.len() as u32).to_le_bytes());
        out.extend_from_slice(partition);
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
}

fn decode(mut rest: &[u8]) -> Option<Batch> {
    let mut batch = Batch::default();
    while !rest.is_empty() {
        let (&[kind, table, p0, p1, k0, k1, v0, v1, v2, v3], after) = rest.split_first_chunk()?;
        let (partition, after) = after.split_at_checked(u16::from_le_bytes([p0, p1]).into())?;
        let (key, after) = after.split_at_checked(u16::from_le_bytes([k0, k1]).into())?;
        let length = u32::from_le_bytes([v0, v1, v2, v3]) as usize;
        let (value, after) = after.split_at_checked(length)?;
        match kind {
            PUT => batch.put(table, partition, key, value),
            DELETE => batch.delete(table, partition, key),
            DROP => batch.drop_partition(table, partition),
            _ => return None,
        }
        .ok()?;
        rest = after;
    }
    Some(batch)
}

fn put(record: &mut [u8], range: Range<usize>, bytes: &[u8]) {
    if let Some(place) = record.get_mut(range) {
        place.copy_from_slice(bytes);
    }
}
