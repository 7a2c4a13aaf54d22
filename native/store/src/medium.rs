//! Where a database lies.

use std::fmt::Debug;

use redb::StorageBackend;

use crate::failure::OpenFailure;

/// Something that keeps a database: a folder, or in tests a disk that fails.
///
/// An engine opens it again after an error of the disk, so it may be opened more than
/// once; the one opened before has failed by then and is not written any more.
pub trait Medium: Debug + Send + Sync + 'static {
    /// Opens the storage of the database, if there is one.
    fn open(&self) -> Result<Option<Box<dyn StorageBackend>>, OpenFailure>;

    /// Opens empty storage beside it, for a database in the making.
    fn create(&self) -> Result<Box<dyn StorageBackend>, OpenFailure>;

    /// Puts what was made in the place of the database, at once and for good.
    fn adopt(&self) -> Result<(), OpenFailure>;

    /// Opens the storage of the log, which is empty at first.
    fn open_log(&self) -> Result<Box<dyn StorageBackend>, OpenFailure>;

    /// How much more fits, if that is known.
    fn free_bytes(&self) -> Option<u64>;

    /// How much is taken, if that is known.
    fn used_bytes(&self) -> Option<u64>;
}

/// A backend of known size, as redb wants it. It leaves out the locks of files: those of
/// the instance that failed would keep its successor out.
#[derive(Debug)]
pub(crate) struct Boxed(pub(crate) Box<dyn StorageBackend>);

impl StorageBackend for Boxed {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> std::io::Result<()> {
        self.0.close()
    }
}
