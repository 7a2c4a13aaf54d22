//! Reads: each in a transaction of its own, which sees all that was committed before.

use std::ops::Bound;

use redb::ReadTransaction;

use crate::database::Definition;
use crate::failure::Fault;
use crate::limits::MAX_SCAN_BYTES;
use crate::{generation, key};

/// Bytes that are fetched before they are read: some rows.
const AHEAD: usize = 1_024;

/// Which end a scan starts at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the lowest key on.
    Ascending,
    /// From the highest key on.
    Descending,
}

/// Which rows of a partition a scan returns.
#[derive(Debug, Clone, Copy)]
pub struct Range<'a> {
    /// Keys below are left out.
    pub lower: Bound<&'a [u8]>,
    /// Keys above are left out.
    pub upper: Bound<&'a [u8]>,
    /// Which end comes first.
    pub direction: Direction,
    /// How many rows at most.
    pub limit: usize,
}

/// Where the bytes of a scan go: once, to where they are wanted.
pub trait Buffer {
    /// An empty one, with room for so many bytes.
    fn with_room(bytes: usize) -> Self;

    /// Appends bytes.
    fn push(&mut self, bytes: &[u8]);

    /// How many bytes it has.
    fn count(&self) -> usize;
}

impl Buffer for Vec<u8> {
    fn with_room(bytes: usize) -> Self {
        Self::with_capacity(bytes)
    }

    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn count(&self) -> usize {
        self.len()
    }
}

/// The rows of a scan, their bytes in one piece.
#[derive(Debug)]
pub struct Page<B = Vec<u8>> {
    bytes: B,
    rows: Vec<(usize, usize)>,
    more: bool,
}

impl<B: Buffer> Page<B> {
    /// Keys and values, one after the other.
    pub fn bytes(&self) -> &B {
        &self.bytes
    }

    /// The same, and the lengths of each key and value.
    pub fn into_parts(self) -> (B, Vec<(usize, usize)>) {
        (self.bytes, self.rows)
    }

    /// The length of each key and value in [`bytes`](Self::bytes).
    pub fn lengths(&self) -> &[(usize, usize)] {
        &self.rows
    }

    /// Whether the scan ended because of the size of the page.
    pub fn more(&self) -> bool {
        self.more
    }

    /// Room for so many small rows, within reason.
    fn with_room(rows: usize) -> Self {
        let rows = rows.min(64);
        Self { bytes: B::with_room(rows * 384), rows: Vec::with_capacity(rows), more: false }
    }

    fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.push(key);
        self.bytes.push(value);
        self.rows.push((key.len(), value.len()));
    }
}

/// One of several reads as of one moment.
#[derive(Debug)]
pub enum Request<'a> {
    /// Rows of a table, by partition and key.
    Rows(u8, Vec<(&'a [u8], &'a [u8])>),
    /// Rows of a table's partition within a range.
    Range(u8, &'a [u8], Range<'a>),
}

/// What a [`Request`] found.
#[derive(Debug)]
pub enum Answer<B = Vec<u8>> {
    /// The value of each row, in order.
    Rows(Vec<Option<Vec<u8>>>),
    /// The rows of the range.
    Range(Page<B>),
}

/// A view of the database at one moment.
pub(crate) struct Snapshot<'a> {
    pub(crate) redb: ReadTransaction,
    pub(crate) names: &'a [String],
    /// Whether any partition may be in a later generation than the first.
    pub(crate) generations: bool,
}

impl Snapshot<'_> {
    /// The answer to each request, in order.
    pub(crate) fn read_all<B: Buffer>(
        &self,
        requests: &[Request<'_>],
    ) -> Result<Vec<Answer<B>>, Fault> {
        let answer = |request: &Request<'_>| match request {
            Request::Rows(table, rows) => self.get_many(*table, rows).map(Answer::Rows),
            Request::Range(table, partition, range) => {
                self.scan(*table, partition, *range).map(Answer::Range)
            }
        };
        requests.iter().map(answer).collect()
    }

    /// The value of each row that is asked for, in order.
    pub(crate) fn get_many(
        &self,
        table: u8,
        rows: &[(&[u8], &[u8])],
    ) -> Result<Vec<Option<Vec<u8>>>, Fault> {
        let open = self.redb.open_table(self.definition(table)?)?;
        let get = |&(partition, key): &(&[u8], &[u8])| -> Result<_, Fault> {
            let mut full = self.prefix(table, partition, key.len())?;
            full.extend_from_slice(key);
            Ok(open.get(full.as_slice())?.map(|value| value.value().to_vec()))
        };
        rows.iter().map(get).collect()
    }

    /// The rows of the partition within the range, bounded in number and size.
    pub(crate) fn scan<B: Buffer>(
        &self,
        table: u8,
        partition: &[u8],
        range: Range<'_>,
    ) -> Result<Page<B>, Fault> {
        let prefix = self.prefix(table, partition, 0)?;
        let within = |key: &[u8]| [&prefix, key].concat();
        let lower = match range.lower {
            Bound::Unbounded => Bound::Included(prefix.clone()),
            bound => bound.map(within),
        };
        let upper = match range.upper {
            Bound::Unbounded => key::after_prefix(&prefix),
            bound => bound.map(within),
        };
        let mut page = Page::with_room(range.limit);
        if is_empty(&lower, &upper) {
            return Ok(page);
        }

        let open = self.redb.open_table(self.definition(table)?)?;
        let bounds = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
        let mut rows = open.range::<&[u8]>(bounds)?;
        while page.rows.len() < range.limit {
            let row = match range.direction {
                Direction::Ascending => rows.next(),
                Direction::Descending => rows.next_back(),
            };
            let Some((key, value)) = row.transpose()? else { break };
            if page.bytes.count() >= MAX_SCAN_BYTES {
                page.more = true;
                break;
            }
            // Rows of a page of the database stand side by side, and the next is asked for only when this
            // one is copied.
            match range.direction {
                Direction::Ascending => prefetch::around(value.value(), 0, AHEAD),
                Direction::Descending => prefetch::around(value.value(), AHEAD, 0),
            }
            page.push(key.value().get(prefix.len()..).unwrap_or_default(), value.value());
        }
        Ok(page)
    }

    fn definition(&self, table: u8) -> Result<Definition<'_>, Fault> {
        let name = self.names.get(usize::from(table)).ok_or(Fault::Data)?;
        Ok(Definition::new(name))
    }

    fn prefix(&self, table: u8, partition: &[u8], room: usize) -> Result<Vec<u8>, Fault> {
        let generation = match self.generations {
            true => generation::current(&self.redb, table, partition)?,
            false => 0,
        };
        Ok(key::prefix(partition, generation, room))
    }
}

/// Whether no key can be within; redb panics at a range that ends before it starts.
fn is_empty(lower: &Bound<Vec<u8>>, upper: &Bound<Vec<u8>>) -> bool {
    match (lower, upper) {
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (Bound::Included(lower) | Bound::Excluded(lower), Bound::Excluded(upper))
        | (Bound::Excluded(lower), Bound::Included(upper)) => lower >= upper,
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
    }
}
