//! How large things may be, and how much of the machine an engine may take.

/// The longest name of a partition: its length shares two bytes with its generation.
pub const MAX_PARTITION_BYTES: usize = 1023;
/// The longest key within a partition.
pub const MAX_KEY_BYTES: usize = 2048;
/// The largest value.
pub const MAX_VALUE_BYTES: usize = 1 << 20;
/// The most operations of one batch.
pub const MAX_BATCH_OPS: usize = 100_000;
/// The most bytes of keys and values in one batch.
pub const MAX_BATCH_BYTES: usize = 16 << 20;
/// What one scan returns at most, give or take a row.
pub const MAX_SCAN_BYTES: usize = 4 << 20;

/// How many rows one commit removes at most for partitions that are dropped, by default.
pub const SWEEP_ROWS: usize = 2048;

/// The size of the log, by default.
pub const LOG_BYTES: usize = 4 << 20;

/// What an engine is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The tables, in the order of their indexes. A name stays with its rows for good.
    pub tables: Vec<String>,
    /// How much of the database is kept in memory.
    pub cache_bytes: usize,
    /// Batches beyond this many waiting bytes are refused.
    pub pending_bytes: usize,
    /// A commit takes no further batch beyond this many bytes.
    pub commit_bytes: usize,
    /// The size of the log: how much is written to it before the database is synced.
    pub log_bytes: usize,
    /// Writes are refused while the disk has less room than this. It should be enough for
    /// what is in memory alone, at most a page of 4 KiB for each of 8,192 operations.
    pub reserve_bytes: u64,
    /// How many rows a commit removes at most for partitions that are dropped. More are
    /// left to later commits, so that nobody waits for them.
    pub sweep_rows: usize,
}
