//! The power fails at any operation of the disk, and takes what was not synced, down to
//! single sectors. What was acknowledged must be there, and every batch whole.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod support;

use proptest::prelude::*;
use support::disk::{Disk, Fault};
use support::model::{self, Op, Rows};
use support::{Subject, options};

/// One life of an engine: bursts of batches, until the power fails after so many
/// operations of the disk.
#[derive(Debug, Clone)]
struct Life {
    bursts: Vec<Vec<Vec<Op>>>,
    power_fails_after: u64,
    log_bytes: usize,
    /// How many of 8 sectors survive, and which.
    surviving: u8,
    seed: u64,
}

fn life() -> impl Strategy<Value = Life> {
    let bursts = prop::collection::vec(prop::collection::vec(model::ops(), 1..6), 0..8);
    (bursts, 0..150_u64, 12..17_u32, 0..=8_u8, any::<u64>()).prop_map(
        |(bursts, power_fails_after, log, surviving, seed)| Life {
            log_bytes: 1 << log,
            bursts,
            power_fails_after,
            surviving,
            seed,
        },
    )
}

/// Every state that the rows went through from the last acknowledged batch on.
struct Possible(Vec<Rows>);

impl Possible {
    fn submit(&mut self, ops: &[Op]) {
        let mut rows = self.0.last().cloned().unwrap_or_default();
        let _ = model::apply(&mut rows, ops);
        self.0.push(rows);
    }
}

fn live(disk: &Disk, life: &Life, rows: Rows) -> Result<Possible, TestCaseError> {
    let mut possible = Possible(vec![rows]);
    disk.fail_after(life.power_fails_after, Fault::Death);
    let options = store::Options { sweep_rows: 8, log_bytes: life.log_bytes, ..options() };
    let Ok(subject) = Subject::open(disk.clone(), options) else {
        prop_assert!(disk.is_dead(), "it did not open");
        return Ok(possible);
    };

    for burst in &life.bursts {
        for (n, ops) in burst.iter().enumerate() {
            subject.engine.submit(model::batch(ops), n).expect("accepted");
            possible.submit(ops);
        }
        let results = subject.results(burst.len());
        let acknowledged = results
            .iter()
            .filter(|(_, result)| matches!(result, Ok(()) | Err(store::Failure::Conflict)));
        // Batches are committed in their order, so what is acknowledged is a beginning.
        let acknowledged = acknowledged.count();
        possible.0.drain(..acknowledged);
        if acknowledged < burst.len() {
            break;
        }
    }
    // The engine may not tidy up in time.
    if life.seed.is_multiple_of(2) {
        disk.fail_after(0, Fault::Death);
    }
    subject.engine.close();
    Ok(possible)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_was_acknowledged_survives(lives in prop::collection::vec(life(), 1..4)) {
        let disk = Disk::default();
        let mut rows = Rows::new();

        for life in &lives {
            let possible = live(&disk, life, rows)?;
            let mut random = life.seed;
            disk.lose_power(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 60) as u8 % 8 < life.surviving
            });

            let options = store::Options { log_bytes: 4 << 10, ..options() };
            let subject = Subject::open(disk.clone(), options);
            prop_assert!(subject.is_ok(), "after a loss of power: {:?}", subject.err());
            let subject = subject.unwrap();
            let found = model::dump(&subject.engine);
            prop_assert!(possible.0.contains(&found), "{found:?}\nis none of {:?}", possible.0);
            subject.engine.close();
            rows = found;
        }
    }
}
