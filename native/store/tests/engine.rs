//! What an engine does with a disk that works.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod support;

use std::ops::Bound;
use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use store::{
    Answer, Batch, Direction, Failure, Folder, OpenFailure, Options, Range, Refused, Request,
    SWEEP_ROWS, TooLarge,
};
use support::disk::Disk;
use support::{Subject, options};

const ALL: Range<'_> = Range {
    lower: Bound::Unbounded,
    upper: Bound::Unbounded,
    direction: Direction::Ascending,
    limit: 1_000_000,
};

fn row(partition: &[u8], key: u32) -> Batch {
    rows(partition, key..key + 1)
}

fn rows(partition: &[u8], keys: std::ops::Range<u32>) -> Batch {
    let mut batch = Batch::default();
    for key in keys {
        batch.put(0, partition, &key.to_be_bytes(), b"value").unwrap();
    }
    batch
}

fn dropped(partition: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.drop_partition(0, partition).unwrap();
    batch
}

fn count(subject: &Subject, partition: &[u8]) -> usize {
    subject.engine.scan(0, partition, ALL).unwrap().lengths().len()
}

fn open(path: &Path) -> Result<Subject, OpenFailure> {
    Folder::lock(path).and_then(|folder| Subject::open(folder, options()))
}

#[test]
fn those_who_wait_share_a_sync() {
    let disk = Disk::default();
    let subject = Subject::open(disk.clone(), options()).unwrap();
    subject.put(b"p", b"warm", b"").unwrap();

    disk.hold(true);
    let before = disk.syncs();
    subject.engine.submit(row(b"p", 0), 0).unwrap();
    while disk.syncs() == before {
        std::thread::yield_now();
    }
    for n in 1..100 {
        subject.engine.submit(row(b"p", n), n as usize).unwrap();
    }
    // Nothing is waited for by readers, and nothing unsynced is shown to them.
    assert_eq!(count(&subject, b"p"), 1);
    disk.hold(false);

    let results: Vec<_> = subject.results(100);
    assert_eq!(results, (0..100).map(|n| (n, Ok(()))).collect::<Vec<_>>());
    assert_eq!(subject.engine.stats().commits, 3);
    assert!(disk.syncs() <= before + 4, "{} syncs", disk.syncs() - before);
}

#[test]
fn what_waits_is_bounded_in_bytes() {
    let disk = Disk::default();
    let options = Options { pending_bytes: 10_000, ..options() };
    let subject = Subject::open(disk.clone(), options).unwrap();

    disk.hold(true);
    let mut accepted = 0;
    let refused = loop {
        match subject.engine.submit(row(b"p", accepted), accepted as usize) {
            Ok(()) => accepted += 1,
            Err((refused, token)) => break (refused, token),
        }
        assert!(accepted < 1_000);
    };
    assert_eq!(refused, (Refused::Overloaded, accepted as usize));
    let stats = subject.engine.stats();
    assert!(stats.pending_bytes <= 10_000 && stats.pending == accepted as usize);
    disk.hold(false);

    assert_eq!(subject.results(accepted as usize).len(), accepted as usize);
    assert_eq!(subject.write(row(b"p", accepted)), Ok(()));
    assert_eq!(subject.engine.stats().pending_bytes, 0);
    // Larger than the bound, but nobody else waits.
    assert_eq!(subject.write(rows(b"p", 0..1_000)), Ok(()));
}

#[test]
fn closing_writes_what_was_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let subject = open(folder.path()).unwrap();
    for n in 0..100 {
        subject.engine.submit(row(b"p", n), n as usize).unwrap();
    }
    subject.engine.close();
    assert!(subject.results(100).iter().all(|(_, result)| result.is_ok()));
    let (refused, _token) = subject.engine.submit(row(b"p", 100), 100).unwrap_err();
    assert_eq!(refused, Refused::Unavailable);
    assert_eq!(subject.get(b"p", b"k"), Err(Failure::Unavailable));

    // The folder is free although the handle is still there.
    assert_eq!(count(&open(folder.path()).unwrap(), b"p"), 100);
}

#[test]
fn a_large_partition_is_dropped_in_pieces_and_nobody_sees() {
    let folder = tempfile::tempdir().unwrap();
    let subject = open(folder.path()).unwrap();
    let many = 5 * SWEEP_ROWS as u32;
    subject.write(rows(b"large", 0..many)).unwrap();
    subject.write(rows(b"other", 0..10)).unwrap();

    subject.write(dropped(b"large")).unwrap();
    assert_eq!(subject.engine.stats().sweeping, 1);
    assert_eq!(count(&subject, b"large"), 0);
    assert_eq!(subject.get(b"large", &7_u32.to_be_bytes()), Ok(None));
    subject.write(row(b"large", 7)).unwrap();
    assert_eq!(count(&subject, b"large"), 1);

    // Also across a restart in the middle of it.
    subject.engine.close();
    let subject = open(folder.path()).unwrap();
    assert_eq!(count(&subject, b"large"), 1);
    while subject.engine.stats().sweeping > 0 {
        std::thread::yield_now();
    }
    assert_eq!(count(&subject, b"large"), 1);
    assert_eq!(count(&subject, b"other"), 10);
    subject.write(dropped(b"large")).unwrap();
    subject.engine.close();
    assert_eq!(stored_rows(folder.path()), (10, 0));
}

/// The rows of the table that are really there, and of `_generations`.
fn stored_rows(folder: &Path) -> (u64, u64) {
    let database = Database::open(folder.join("rows.redb")).unwrap();
    let transaction = database.begin_read().unwrap();
    let count = |name| {
        let definition = TableDefinition::<&[u8], &[u8]>::new(name);
        transaction.open_table(definition).unwrap().len().unwrap()
    };
    (count("table_0"), count("_generations"))
}

#[test]
fn a_partition_can_be_dropped_faster_than_it_is_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let lock = Folder::lock(folder.path()).unwrap();
    let options = Options { sweep_rows: 1, ..options() };
    let subject = Subject::open(lock, options).unwrap();
    for round in 0..200 {
        subject.engine.submit(rows(b"p", 0..20), round).unwrap();
        subject.engine.submit(dropped(b"p"), round).unwrap();
    }
    subject.engine.submit(row(b"p", 1), 200).unwrap();
    assert!(subject.results(401).iter().all(|(_, result)| result.is_ok()));
    assert_eq!(count(&subject, b"p"), 1);

    while subject.engine.stats().sweeping > 0 {
        std::thread::yield_now();
    }
    assert_eq!(count(&subject, b"p"), 1);
    subject.engine.close();
    assert_eq!(stored_rows(folder.path()).0, 1);
}

#[test]
fn several_requests_are_answered_in_their_order() {
    let subject = Subject::open(Disk::default(), options()).unwrap();
    subject.put(b"p", b"a", b"1").unwrap();
    subject.put(b"p", b"b", b"2").unwrap();
    let requests = [
        Request::Rows(0, vec![(b"p", b"b"), (b"q", b"b"), (b"p", b"a")]),
        Request::Range(0, b"p", ALL),
        Request::Rows(0, vec![]),
        Request::Range(0, b"q", ALL),
    ];
    let answers: Vec<Answer> = subject.engine.read_all(&requests).unwrap();
    let [Answer::Rows(rows), Answer::Range(two), Answer::Rows(none), Answer::Range(empty)] =
        &answers[..]
    else {
        panic!("{answers:?}");
    };
    assert_eq!(rows[..], [Some(b"2".to_vec()), None, Some(b"1".to_vec())]);
    assert_eq!((two.bytes().as_slice(), two.lengths().len()), (&b"a1b2"[..], 2));
    assert!(none.is_empty() && empty.lengths().is_empty());
    assert!(subject.engine.read_all::<Vec<u8>>(&[Request::Range(9, b"p", ALL)]).is_err());
}

#[test]
fn a_scan_stops_at_its_size() {
    let subject = Subject::open(Disk::default(), options()).unwrap();
    for n in 0..6_u8 {
        subject.put(b"p", &[n], &vec![n; store::MAX_VALUE_BYTES]).unwrap();
    }
    let page = subject.engine.scan(0, b"p", ALL).unwrap();
    assert!(page.more());
    assert!(page.bytes().len() < store::MAX_SCAN_BYTES + store::MAX_VALUE_BYTES + 10);
    let lower = Bound::Excluded([page.lengths().len() as u8 - 1]);
    let lower = lower.as_ref().map(|key| &key[..]);
    let rest = subject.engine.scan(0, b"p", Range { lower, ..ALL }).unwrap();
    assert!(!rest.more());
    assert_eq!(page.lengths().len() + rest.lengths().len(), 6);
}

#[test]
fn what_is_too_large_is_named() {
    let mut batch = Batch::default();
    let large = vec![0; store::MAX_VALUE_BYTES + 1];
    assert_eq!(batch.put(0, b"p", b"k", &large), Err(TooLarge::Value));
    assert_eq!(batch.put_if(0, b"p", b"k", Some(&large), b""), Err(TooLarge::Value));
    assert_eq!(batch.delete(0, &large[..1024], b"k"), Err(TooLarge::Partition));
    assert_eq!(batch.delete(0, b"p", &large[..2049]), Err(TooLarge::Key));
    assert!(batch.is_empty());
}

#[test]
fn a_folder_is_one_engines_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/on the way");
    let subject = open(&path).unwrap();
    assert_eq!(open(&path).err(), Some(OpenFailure::InUse));
    subject.engine.close();
    assert!(open(&path).is_ok());
}

#[test]
fn what_is_no_database_is_not_opened_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("rows.redb");
    let contents = [b"not a database".to_vec(), vec![0; 100_000], vec![0xff; 10]];
    for content in contents {
        std::fs::write(&database, &content).unwrap();
        assert_eq!(open(folder.path()).err(), Some(OpenFailure::Corrupted), "{content:?}");
        assert_eq!(std::fs::read(&database).unwrap(), content);
    }
}

#[test]
fn a_database_that_lost_its_end_is_corrupted() {
    let folder = tempfile::tempdir().unwrap();
    let subject = open(folder.path()).unwrap();
    subject.write(rows(b"p", 0..10_000)).unwrap();
    subject.engine.close();
    let file = std::fs::File::options().write(true).open(folder.path().join("rows.redb")).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    assert_eq!(open(folder.path()).err(), Some(OpenFailure::Corrupted));
}

#[test]
fn a_database_of_a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().engine.close();
    let database = Database::open(folder.path().join("rows.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = TableDefinition::<&str, u64>::new("_meta");
    transaction.open_table(meta).unwrap().insert("format", store::FORMAT + 1).unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(open(folder.path()).err(), Some(OpenFailure::NewerFormat));
}

#[test]
fn a_redb_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(Database::create(folder.path().join("rows.redb")).unwrap());
    assert_eq!(open(folder.path()).err(), Some(OpenFailure::Corrupted));
}

#[test]
fn a_file_is_no_folder() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(open(file.path()).err(), Some(OpenFailure::NotAFolder));
    assert_eq!(open(&file.path().join("below")).err(), Some(OpenFailure::NotAFolder));
}

#[test]
fn a_new_table_is_made_in_an_old_database() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().put(b"p", b"k", b"v").unwrap();
    let mut options = options();
    options.tables.push("later".into());
    let lock = loop {
        // The engine above closes behind our back.
        match Folder::lock(folder.path()) {
            Err(OpenFailure::InUse) => std::thread::yield_now(),
            lock => break lock.unwrap(),
        }
    };
    let subject = Subject::open(lock, options).unwrap();
    assert_eq!(subject.get(b"p", b"k"), Ok(Some(b"v".to_vec())));
    assert_eq!(subject.engine.get_many(2, &[(b"p", b"k")]), Ok(vec![None]));
}
