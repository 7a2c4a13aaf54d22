//! A folder on a disk: the database, and a lock beside it that outlives a reopening.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use redb::StorageBackend;
use redb::backends::FileBackend;

use crate::failure::OpenFailure;
use crate::medium::Medium;

const DATABASE: &str = "rows.redb";
/// A database in the making: a crash must not leave half of one under the real name.
const NEW: &str = "rows.redb.new";
const LOG: &str = "rows.log";
const LOCK: &str = "lock";

/// A folder that this process has for itself until it is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there, for the owner alone, and locks it.
    pub fn lock(path: &Path) -> Result<Self, OpenFailure> {
        if !path.is_dir() {
            builder().recursive(true).create(path)?;
            path.parent().map_or(Ok(()), sync)?;
        }

        let lock = open(&path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenFailure::InUse),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

impl Medium for Folder {
    fn open(&self) -> Result<Option<Box<dyn StorageBackend>>, OpenFailure> {
        if !self.database().try_exists()? {
            return Ok(None);
        }
        Ok(Some(Box::new(FileBackend::new(open(&self.database())?)?)))
    }

    fn create(&self) -> Result<Box<dyn StorageBackend>, OpenFailure> {
        let file = open(&self.path.join(NEW))?;
        file.set_len(0)?;
        Ok(Box::new(FileBackend::new(file)?))
    }

    fn adopt(&self) -> Result<(), OpenFailure> {
        fs::rename(self.path.join(NEW), self.database())?;
        sync(&self.path)
    }

    fn open_log(&self) -> Result<Box<dyn StorageBackend>, OpenFailure> {
        let file = open(&self.path.join(LOG))?;
        sync(&self.path)?;
        Ok(Box::new(FileBackend::new(file)?))
    }

    #[cfg(unix)]
    fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.path).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    #[cfg(not(unix))]
    fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// What the disk gives for them: the database may have holes.
    #[cfg(unix)]
    fn used_bytes(&self) -> Option<u64> {
        use std::os::unix::fs::MetadataExt;
        let blocks = |name| fs::metadata(self.path.join(name)).map(|file| file.blocks());
        Some((blocks(DATABASE).ok()? + blocks(LOG).unwrap_or(0)).saturating_mul(512))
    }

    #[cfg(not(unix))]
    fn used_bytes(&self) -> Option<u64> {
        let length = |name| fs::metadata(self.path.join(name)).map(|file| file.len());
        Some(length(DATABASE).ok()? + length(LOG).unwrap_or(0))
    }
}

fn builder() -> fs::DirBuilder {
    #[allow(unused_mut, reason = "only unix has modes")]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn open(path: &Path) -> Result<File, OpenFailure> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(options.open(path)?)
}

/// Makes it durable which files the folder has.
fn sync(folder: &Path) -> Result<(), OpenFailure> {
    #[cfg(unix)]
    if !folder.as_os_str().is_empty() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
