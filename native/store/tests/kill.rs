//! A process is killed in the middle of a load of writes, again and again on the same
//! folder. What it said it had written is there, and batches are whole.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::ops::Bound;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use store::{Batch, Direction, Engine, Folder, Range};
use support::{Subject, model, options};

const KILLS: u32 = 40;
/// Acknowledged rows, below which the kills met no load.
const ENOUGH: usize = 1_000;
const UNDER_WAY: usize = 50;
/// The rows of one batch, each in a partition of its own.
const ROWS: u8 = 3;

const FOLDER: &str = "STORE_KILL_FOLDER";
const ROUND: &str = "STORE_KILL_ROUND";

type Key = (u32, u32);

fn batch((round, number): Key) -> Batch {
    let key = [round.to_be_bytes(), number.to_be_bytes()].concat();
    let mut batch = Batch::default();
    for row in 0..ROWS {
        let value = vec![row; 100 + number as usize % 400];
        batch.put(0, &[row], &key, &value).unwrap();
    }
    batch
}

/// The process that is killed: it keeps many batches under way, and says on its output
/// which of them were acknowledged.
#[test]
#[ignore = "run by the other test, as a process of its own"]
fn write_until_killed() {
    let (Ok(folder), Ok(round)) = (env::var(FOLDER), env::var(ROUND)) else { return };
    let round = round.parse().unwrap();
    let subject = Subject::open(Folder::lock(Path::new(&folder)).unwrap(), options()).unwrap();
    let mut output = std::io::stdout().lock();
    for number in 0.. {
        subject.engine.submit(batch((round, number)), number as usize).unwrap();
        if number as usize >= UNDER_WAY {
            for (number, result) in subject.results(1) {
                assert_eq!(result, Ok(()));
                writeln!(output, "written {number}").unwrap();
            }
        }
    }
}

/// Runs that process for a while, kills it, and returns what it had acknowledged.
fn killed_writer(folder: &Path, round: u32, after: Duration) -> Vec<Key> {
    let mut writer = Command::new(env::current_exe().unwrap())
        .args(["--exact", "write_until_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(writer.stdout.take().unwrap());
    let reader = thread::spawn(move || {
        let lines = output.split(b'\n').map_while(Result::ok);
        let number = |line: Vec<u8>| {
            let line = String::from_utf8(line).ok()?;
            line.strip_prefix("written ")?.parse().ok()
        };
        lines.filter_map(number).map(|number| (round, number)).collect()
    });
    // The moment of the kill is what this is about.
    thread::sleep(after);
    writer.kill().unwrap();
    writer.wait().unwrap();
    reader.join().unwrap()
}

fn keys<T: Send + 'static>(engine: &Engine<T>, row: u8) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    let mut last = None;
    loop {
        let lower = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let range = Range {
            lower,
            upper: Bound::Unbounded,
            direction: Direction::Ascending,
            limit: 10_000,
        };
        let page = engine.scan(0, &[row], range).unwrap();
        let Some((key, _value)) = model::pairs(&page).pop() else { return keys };
        for (key, value) in model::pairs(&page) {
            let (round, number) = key.split_at(4);
            let number = u32::from_be_bytes(number.try_into().unwrap());
            assert_eq!(value, vec![row; 100 + number as usize % 400]);
            keys.insert((u32::from_be_bytes(round.try_into().unwrap()), number));
        }
        last = Some(key);
    }
}

#[test]
fn what_was_acknowledged_survives_kills() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("data");
    let mut acknowledged = BTreeSet::new();

    // A busy machine writes little between kills: it gets more of them, later and later.
    for round in 0..10 * KILLS {
        if round >= KILLS && acknowledged.len() > ENOUGH {
            break;
        }
        // From before the folder is opened to well into the load.
        let after = Duration::from_millis(u64::from(round * 37 % 90 + round / KILLS * 100));
        acknowledged.extend(killed_writer(&folder, round, after));
        // Now and then the next process finds what a kill leaves, not what a close leaves.
        if round % 2 == 0 {
            continue;
        }

        let subject = Subject::open(Folder::lock(&folder).unwrap(), options()).unwrap();
        let found = keys(&subject.engine, 0);
        for row in 1..ROWS {
            assert_eq!(keys(&subject.engine, row), found, "a batch is not whole");
        }
        let lost: Vec<_> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "lost in round {round}: {lost:?}");
        subject.engine.close();
    }
    assert!(acknowledged.len() > ENOUGH, "only {} were written", acknowledged.len());
}
