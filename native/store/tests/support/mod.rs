//! What the suites share: an engine with its results in hand, and a model of the store.

#![allow(dead_code, reason = "each suite uses its part")]

pub(crate) mod disk;
pub(crate) mod model;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use store::{Batch, Engine, Failure, Medium, OpenFailure, Options, Report};

/// As many tables as the models have.
pub(crate) const TABLES: u8 = 2;

pub(crate) fn options() -> Options {
    Options {
        tables: (0..TABLES).map(|n| format!("table_{n}")).collect(),
        cache_bytes: 1 << 20,
        pending_bytes: 16 << 20,
        commit_bytes: 1 << 20,
        log_bytes: 64 << 10,
        reserve_bytes: 0,
        sweep_rows: 2048,
    }
}

/// An engine whose batches are numbered.
pub(crate) struct Subject {
    pub(crate) engine: Engine<usize>,
    reports: Receiver<Report<usize>>,
    /// Results of a commit that nobody has asked for yet.
    waiting: RefCell<VecDeque<(usize, Result<(), Failure>)>>,
}

impl Subject {
    pub(crate) fn open(medium: impl Medium, options: Options) -> Result<Self, OpenFailure> {
        let (sender, reports) = channel();
        let engine = Engine::open(medium, options, move |report| drop(sender.send(report)))?;
        Ok(Self { engine, reports, waiting: RefCell::default() })
    }

    /// The results of the next `count` batches.
    pub(crate) fn results(&self, count: usize) -> Vec<(usize, Result<(), Failure>)> {
        let mut waiting = self.waiting.borrow_mut();
        while waiting.len() < count {
            let report = self.reports.recv_timeout(Duration::from_secs(60));
            waiting.extend(report.expect("the writer answers").results);
        }
        waiting.drain(..count).collect()
    }

    pub(crate) fn write(&self, batch: Batch) -> Result<(), Failure> {
        self.engine.submit(batch, 0).expect("accepted");
        self.results(1)[0].1
    }

    pub(crate) fn put(&self, partition: &[u8], key: &[u8], value: &[u8]) -> Result<(), Failure> {
        let mut batch = Batch::default();
        batch.put(0, partition, key, value).unwrap();
        self.write(batch)
    }

    pub(crate) fn get(&self, partition: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.engine.get_many(0, &[(partition, key)])?.remove(0))
    }
}
