//! What can go wrong, and for whom.

use std::io;

use redb::{CommitError, DatabaseError, StorageError, TableError, TransactionError};

/// Why a batch was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A condition of the batch did not hold.
    Conflict,
    /// The disk has no room. Reads go on, and so do writes when there is room again.
    StorageFull,
    /// The disk failed, or the engine is closing. Whether the batch is there is unknown.
    Unavailable,
}

/// Why a read failed: opening the database again helps against the one, not the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Disk,
    Data,
}

/// Why a batch was not even accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// As many bytes wait as may wait.
    Overloaded,
    /// The engine is closing.
    Unavailable,
}

/// A part of a batch is beyond its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooLarge {
    /// See [`MAX_PARTITION_BYTES`](crate::MAX_PARTITION_BYTES).
    Partition,
    /// See [`MAX_KEY_BYTES`](crate::MAX_KEY_BYTES).
    Key,
    /// See [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES).
    Value,
    /// See [`MAX_BATCH_BYTES`](crate::MAX_BATCH_BYTES) and [`MAX_BATCH_OPS`](crate::MAX_BATCH_OPS).
    Batch,
}

/// Why a database could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenFailure {
    /// Another engine, of this process or another, has the folder.
    InUse,
    /// The path names something that is no folder.
    NotAFolder,
    /// The folder or the file may not be written.
    NotWritable,
    /// The disk has no room.
    StorageFull,
    /// The file is no database, or damaged beyond what a crash can do.
    Corrupted,
    /// The file is of a later version.
    NewerFormat,
    /// The file is of a version so early that this one cannot read it.
    OlderFormat,
    /// The disk failed.
    Unavailable,
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::StorageFull,
            _ => Self::Unavailable,
        }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(error) => Self::from(&error),
            _ => Self::Unavailable,
        }
    }
}

impl From<TransactionError> for Failure {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            _ => Self::Unavailable,
        }
    }
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            _ => Self::Unavailable,
        }
    }
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Storage(error) => error.into(),
            _ => Self::Unavailable,
        }
    }
}

impl From<StorageError> for Fault {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Io(_)
            | StorageError::Backend(_)
            | StorageError::PreviousIo
            | StorageError::DatabaseClosed => Self::Disk,
            _ => Self::Data,
        }
    }
}

impl From<TransactionError> for Fault {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            _ => Self::Data,
        }
    }
}

impl From<TableError> for Fault {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            _ => Self::Data,
        }
    }
}

impl From<Failure> for OpenFailure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::StorageFull => Self::StorageFull,
            Failure::Conflict | Failure::Unavailable => Self::Unavailable,
        }
    }
}

impl From<io::Error> for OpenFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Self::NotAFolder,
            // What redb says of a file that is too short, or not its own.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Corrupted,
            _ => Failure::from(&error).into(),
        }
    }
}

impl From<DatabaseError> for OpenFailure {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => Self::InUse,
            DatabaseError::UpgradeRequired(_) => Self::OlderFormat,
            DatabaseError::Storage(StorageError::Io(error)) => error.into(),
            DatabaseError::Storage(StorageError::Corrupted(_)) => Self::Corrupted,
            _ => Self::Unavailable,
        }
    }
}
