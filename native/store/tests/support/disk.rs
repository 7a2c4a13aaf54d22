//! A disk that forgets what was not synced, fills up and fails, as the test says.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use redb::StorageBackend;
use store::{Medium, OpenFailure};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
const BLOCK: u64 = 4096;

/// Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    files: [File; 2],
    capacity: Option<u64>,
    /// Whether the engine may ask how much room there is.
    tells_room: bool,
    operations: u64,
    syncs: u64,
    faults: Vec<(u64, Fault)>,
    dead: bool,
    /// Syncs wait while it is so.
    held: bool,
    /// Whether there is a database, or only one in the making.
    adopted: bool,
}

#[derive(Debug, Default)]
struct File {
    /// What a reader sees.
    content: Vec<u8>,
    /// What a loss of power leaves for certain.
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// Blocks that take room; the others are holes.
    blocks: BTreeSet<u64>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// One file of the disk.
#[derive(Debug)]
struct Handle(Disk, usize);

const DATABASE: usize = 0;
const LOG: usize = 1;

/// What happens at the n-th operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// That one fails.
    Error(ErrorKind),
    /// That one and all later ones fail, until [`Disk::lose_power`].
    Death,
}

impl Disk {
    pub(crate) fn with_capacity(bytes: u64, tells_room: bool) -> Self {
        let disk = Self::default();
        disk.set_capacity(Some(bytes));
        disk.lock().tells_room = tells_room;
        disk
    }

    pub(crate) fn set_capacity(&self, bytes: Option<u64>) {
        self.lock().capacity = bytes;
    }

    /// Lets the operation that comes after so many others meet the fault.
    pub(crate) fn fail_after(&self, operations: u64, fault: Fault) {
        let mut state = self.lock();
        let at = state.operations + operations;
        state.faults.push((at, fault));
    }

    /// Forgets the faults that nothing has met yet.
    pub(crate) fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Lets syncs wait, or go on.
    pub(crate) fn hold(&self, held: bool) {
        self.lock().held = held;
        self.0.1.notify_all();
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// Lets the power fail and come back. Of what was not synced, `survives` says for
    /// each change of length and each sector whether it is on the disk.
    pub(crate) fn lose_power(&self, mut survives: impl FnMut() -> bool) {
        let mut state = self.lock();
        state.files.iter_mut().for_each(|file| file.lose_power(&mut survives));
        state.faults.clear();
        state.dead = false;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }
}

impl State {
    fn begin(&mut self) -> Result<()> {
        let now = self.operations;
        self.operations += 1;
        let due = self.faults.iter().position(|(at, _)| *at <= now);
        match due.map(|n| self.faults.swap_remove(n).1) {
            Some(Fault::Error(kind)) => return Err(kind.into()),
            Some(Fault::Death) => self.dead = true,
            None => {}
        }
        if self.dead { Err(Error::other("no power")) } else { Ok(()) }
    }

    fn free(&self) -> Option<u64> {
        let used: u64 = self.files.iter().map(File::used).sum();
        Some(self.capacity?.saturating_sub(used))
    }
}

impl File {
    fn used(&self) -> u64 {
        self.blocks.len() as u64 * BLOCK
    }

    fn lose_power(&mut self, mut survives: impl FnMut() -> bool) {
        let mut content = std::mem::take(&mut self.durable);
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Change::Length(length) if survives() => content.resize(length, 0),
                Change::Length(_) => {}
                Change::Write(offset, bytes) => {
                    for (n, sector) in bytes.chunks(SECTOR).enumerate() {
                        if survives() {
                            overwrite(&mut content, offset + n * SECTOR, sector);
                        }
                    }
                }
            }
        }
        self.durable = content.clone();
        self.content = content;
    }

    fn take_room(&mut self, offset: u64, length: u64, free: Option<u64>) -> Result<()> {
        let new: Vec<u64> = (offset / BLOCK..(offset + length).div_ceil(BLOCK))
            .filter(|block| !self.blocks.contains(block))
            .collect();
        if free.is_some_and(|free| free < new.len() as u64 * BLOCK) {
            return Err(ErrorKind::StorageFull.into());
        }
        self.blocks.extend(new);
        Ok(())
    }
}

fn overwrite(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

impl Medium for Disk {
    fn open(&self) -> std::result::Result<Option<Box<dyn StorageBackend>>, OpenFailure> {
        let mut state = self.lock();
        state.begin()?;
        let handle = || -> Box<dyn StorageBackend> { Box::new(Handle(self.clone(), DATABASE)) };
        Ok(state.adopted.then(handle))
    }

    fn create(&self) -> std::result::Result<Box<dyn StorageBackend>, OpenFailure> {
        let mut state = self.lock();
        state.begin()?;
        state.files[DATABASE] = File::default();
        Ok(Box::new(Handle(self.clone(), DATABASE)))
    }

    fn adopt(&self) -> std::result::Result<(), OpenFailure> {
        let mut state = self.lock();
        state.begin()?;
        state.adopted = true;
        Ok(())
    }

    fn open_log(&self) -> std::result::Result<Box<dyn StorageBackend>, OpenFailure> {
        self.lock().begin()?;
        Ok(Box::new(Handle(self.clone(), LOG)))
    }

    fn free_bytes(&self) -> Option<u64> {
        let state = self.lock();
        if state.tells_room { state.free() } else { None }
    }

    fn used_bytes(&self) -> Option<u64> {
        Some(self.lock().files.iter().map(File::used).sum())
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> Result<u64> {
        let mut state = self.0.lock();
        state.begin()?;
        Ok(state.files[self.1].content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let mut state = self.0.lock();
        state.begin()?;
        let start = offset as usize;
        let bytes = state.files[self.1].content.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut state = self.0.lock();
        state.begin()?;
        let file = &mut state.files[self.1];
        file.content.resize(len as usize, 0);
        file.blocks.retain(|block| block * BLOCK < len);
        file.unsynced.push(Change::Length(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let mut state = self.0.lock();
        state.begin()?;
        state.syncs += 1;
        state = self.0.0.1.wait_while(state, |state| state.held).unwrap();
        let file = &mut state.files[self.1];
        file.durable = file.content.clone();
        file.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut state = self.0.lock();
        state.begin()?;
        let free = state.free();
        let file = &mut state.files[self.1];
        file.take_room(offset, data.len() as u64, free)?;
        overwrite(&mut file.content, offset as usize, data);
        file.unsynced.push(Change::Write(offset as usize, data.to_vec()));
        Ok(())
    }
}
