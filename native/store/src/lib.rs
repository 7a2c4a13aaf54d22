//! Wide rows, `(table, partition, key) -> value`, on an embedded engine.
//!
//! An [`Engine`] has one writer thread. It takes every batch that waits, applies them
//! one after the other in one transaction, commits with one sync of the disk and reports
//! the results of all of them at once: a batch that is answered `Ok` is durable. Mostly
//! it is a short log that is synced, and the database only now and then. A read has a
//! transaction of its own and neither waits for the writer nor holds it up.
//!
//! **Invariant:** a batch is in the database whole or not at all, and what was answered
//! `Ok` outlives the process, the machine's power and a disk that was full.

mod batch;
mod database;
mod engine;
mod failure;
mod folder;
mod generation;
mod key;
mod ledger;
mod limits;
mod log;
mod medium;
mod queue;
mod read;
mod shared;
mod transaction;
mod writer;

pub use batch::Batch;
pub use engine::{Engine, Stats};
pub use failure::{Failure, OpenFailure, Refused, TooLarge};
pub use folder::Folder;
pub use limits::{
    LOG_BYTES, MAX_BATCH_BYTES, MAX_BATCH_OPS, MAX_KEY_BYTES, MAX_PARTITION_BYTES, MAX_SCAN_BYTES,
    MAX_VALUE_BYTES, Options, SWEEP_ROWS,
};
pub use medium::Medium;
pub use read::{Answer, Buffer, Direction, Page, Range, Request};
pub use writer::{Commit, Report};

/// The version of the layout of tables and keys. A database of a newer one is not opened.
pub const FORMAT: u64 = 1;
