//! The disk fails an operation, or has no room, and works again. The engine goes on by
//! itself, and keeps its word about every batch.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::ErrorKind;
use std::process::Command;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use redb::StorageBackend;
use store::{Failure, Folder, Medium, OpenFailure, Options, Stats};
use support::disk::{Disk, Fault};
use support::model::{self, Op, Rows};
use support::{Subject, options};

/// All states in which the rows may be, after a batch with that answer.
fn follow(possible: &[Rows], ops: &[Op], result: Result<(), Failure>) -> Vec<Rows> {
    let mut after = Vec::new();
    for rows in possible {
        let mut changed = rows.clone();
        let expected = model::apply(&mut changed, ops);
        match result {
            Ok(()) if expected.is_ok() => after.push(changed),
            Err(Failure::Conflict) if expected.is_err() => after.push(changed),
            Ok(()) | Err(Failure::Conflict) => {}
            Err(Failure::StorageFull) => after.push(rows.clone()),
            Err(Failure::Unavailable) => after.extend([rows.clone(), changed]),
        }
    }
    after.dedup();
    after
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

    #[test]
    fn an_operation_that_fails_loses_nothing(
        bursts in prop::collection::vec((prop::collection::vec(model::ops(), 1..4), 0..60_u64, any::<bool>()), 1..5)
    ) {
        let disk = Disk::default();
        // Small enough that some reads have to ask the disk.
        let options = Options { sweep_rows: 8, cache_bytes: 16 << 10, ..options() };
        let subject = Subject::open(disk.clone(), options).unwrap();
        let mut possible = vec![Rows::new()];

        for (burst, after, full) in &bursts {
            let kind = if *full { ErrorKind::StorageFull } else { ErrorKind::Other };
            disk.fail_after(*after, Fault::Error(kind));
            for (n, ops) in burst.iter().enumerate() {
                subject.engine.submit(model::batch(ops), n).expect("accepted");
            }
            for (n, result) in subject.results(burst.len()) {
                possible = follow(&possible, &burst[n], result);
                prop_assert!(!possible.is_empty(), "{result:?} is no answer to {:?}", burst[n]);
            }
            disk.heal();
            let found = model::dump(&subject.engine);
            prop_assert!(possible.contains(&found), "{found:?}\nis none of {possible:?}");
            possible = vec![found];
        }
        subject.engine.close();
    }
}

/// Writes rows of 4 KiB until the disk is full, and returns how many were acknowledged.
fn fill(subject: &Subject) -> u32 {
    for n in 0_u32.. {
        match subject.put(b"p", &n.to_be_bytes(), &[7; 4096]) {
            Ok(()) => {}
            Err(failure) => {
                assert_eq!(failure, Failure::StorageFull);
                return n;
            }
        }
        assert!(n < 100_000, "the disk is never full");
    }
    0
}

fn rows(subject: &Subject) -> Vec<u32> {
    let range = store::Range {
        lower: std::ops::Bound::Unbounded,
        upper: std::ops::Bound::Unbounded,
        direction: store::Direction::Ascending,
        limit: 100_000,
    };
    let page = subject.engine.scan(0, b"p", range).expect("readable");
    let number = |(key, _)| u32::from_be_bytes(Vec::try_into(key).unwrap());
    model::pairs(&page).into_iter().map(number).collect()
}

/// Fills the disk, makes room, and checks what is said and what is there.
fn fill_and_recover(subject: &Subject, make_room: impl FnOnce()) {
    let acknowledged = fill(subject);
    assert!(acknowledged > 10);
    assert_eq!(rows(subject), (0..acknowledged).collect::<Vec<_>>());
    assert_eq!(subject.get(b"p", &1_u32.to_be_bytes()), Ok(Some(vec![7; 4096])));
    assert_eq!(subject.put(b"p", b"more", &[7; 4096]), Err(Failure::StorageFull));

    make_room();
    let deadline = Instant::now() + Duration::from_secs(20);
    let more = acknowledged.to_be_bytes();
    while let Err(failure) = subject.put(b"p", &more, b"more") {
        assert_eq!(failure, Failure::StorageFull);
        assert!(Instant::now() < deadline, "it does not recover");
    }
    assert_eq!(rows(subject), (0..=acknowledged).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_that_tells_its_room_is_never_written_beyond_it() {
    let disk = Disk::with_capacity(2 << 20, true);
    let subject =
        Subject::open(disk.clone(), Options { reserve_bytes: 128 << 10, ..options() }).unwrap();
    fill_and_recover(&subject, || disk.set_capacity(None));
    assert_eq!(subject.engine.stats().reopenings, 0);
}

#[test]
fn a_disk_that_is_full_by_surprise_is_survived() {
    let disk = Disk::with_capacity(2 << 20, false);
    let subject = Subject::open(disk.clone(), options()).unwrap();
    fill_and_recover(&subject, || disk.set_capacity(None));
    assert!(subject.engine.stats().reopenings > 0);
    subject.engine.close();

    let subject = Subject::open(disk, options()).unwrap();
    assert!(rows(&subject).len() > 10);
}

/// A file system of its own, unmounted in the end.
struct Mount(tempfile::TempDir);

impl Mount {
    /// Nothing, where this user may not mount.
    fn tmpfs(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }

    fn remount(&self, option: &str) {
        let options = format!("remount,{option}");
        let status = Command::new("mount").args(["-o", &options]).arg(self.0.path()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// A folder whose disk does not tell how much room it has.
#[derive(Debug)]
struct Silent(Folder);

impl Medium for Silent {
    fn open(&self) -> Result<Option<Box<dyn StorageBackend>>, OpenFailure> {
        self.0.open()
    }

    fn create(&self) -> Result<Box<dyn StorageBackend>, OpenFailure> {
        self.0.create()
    }

    fn adopt(&self) -> Result<(), OpenFailure> {
        self.0.adopt()
    }

    fn open_log(&self) -> Result<Box<dyn StorageBackend>, OpenFailure> {
        self.0.open_log()
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }

    fn used_bytes(&self) -> Option<u64> {
        self.0.used_bytes()
    }
}

fn fill_and_recover_tmpfs<M: Medium>(medium: impl Fn(Folder) -> M) -> Option<Stats> {
    let mount = Mount::tmpfs("4m")?;
    let open = || medium(Folder::lock(&mount.0.path().join("data")).unwrap());
    let options = Options { reserve_bytes: 512 << 10, ..options() };
    let subject = Subject::open(open(), options.clone()).unwrap();
    fill_and_recover(&subject, || mount.remount("size=8m"));
    let (stats, found) = (subject.engine.stats(), rows(&subject));
    subject.engine.close();
    drop(subject);

    let subject = Subject::open(open(), options).unwrap();
    assert_eq!(rows(&subject), found);
    subject.engine.close();
    Some(stats)
}

#[test]
fn a_real_file_system_that_tells_its_room_is_never_written_beyond_it() {
    match fill_and_recover_tmpfs(|folder| folder) {
        Some(stats) => assert_eq!(stats.reopenings, 0),
        None => eprintln!("skipped: not allowed to mount"),
    }
}

#[test]
fn a_real_file_system_that_is_full_by_surprise_is_survived() {
    match fill_and_recover_tmpfs(Silent) {
        Some(stats) => assert!(stats.reopenings > 0),
        None => eprintln!("skipped: not allowed to mount"),
    }
}

#[test]
fn a_folder_that_may_not_be_written_is_said_to_be_so() {
    let Some(mount) = Mount::tmpfs("1m") else {
        eprintln!("skipped: not allowed to mount");
        return;
    };
    let folder = mount.0.path();
    std::fs::write(folder.join("lock"), "").unwrap();
    mount.remount("ro");
    assert_eq!(Folder::lock(folder).err(), Some(OpenFailure::NotWritable));
    assert_eq!(Folder::lock(&folder.join("new")).err(), Some(OpenFailure::NotWritable));
}

#[test]
fn a_disk_that_is_full_from_the_start_is_said_to_be_so() {
    let disk = Disk::with_capacity(8 << 10, false);
    assert_eq!(Subject::open(disk, options()).err(), Some(OpenFailure::StorageFull));
}

#[test]
fn a_read_that_fails_is_tried_again() {
    let disk = Disk::default();
    let subject =
        Subject::open(disk.clone(), Options { cache_bytes: 16 << 10, ..options() }).unwrap();
    for n in 0..200_u32 {
        subject.put(b"p", &n.to_be_bytes(), &[n as u8; 1000]).unwrap();
    }
    for n in 0..200_u32 {
        disk.fail_after(0, Fault::Error(ErrorKind::Other));
        assert_eq!(subject.get(b"p", &n.to_be_bytes()), Ok(Some(vec![n as u8; 1000])));
    }
    assert!(subject.engine.stats().reopenings > 0);
}
