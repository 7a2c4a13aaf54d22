//! The store as a map, and random batches for it.

use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::prelude::*;
use store::{Batch, Direction, Engine, Failure, Range};

use super::TABLES;

/// Few partitions and keys, so that operations meet; one partition is the start of another.
pub(crate) const PARTITIONS: [&[u8]; 4] = [b"", b"a", b"ab", &[0xff, 0xff]];

#[derive(Debug, Clone)]
pub(crate) enum Op {
    Put(u8, u8, u8, Vec<u8>),
    PutIf(u8, u8, u8, Option<Vec<u8>>, Vec<u8>),
    Delete(u8, u8, u8),
    DeleteIf(u8, u8, u8, Vec<u8>),
    Drop(u8, u8),
    /// Many rows at once, so that a partition becomes large.
    Fill(u8, u8, u8),
}

/// Fills pages of its own.
const LARGE: [u8; 9000] = [7; 9000];

pub(crate) type Rows = BTreeMap<(u8, Vec<u8>, Vec<u8>), Vec<u8>>;

pub(crate) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let place = || (0..TABLES, 0..PARTITIONS.len() as u8, 0..6_u8);
    // One value is large enough to fill pages of its own.
    let value =
        || prop_oneof![8 => prop::collection::vec(0..3_u8, 0..2), 1 => Just(LARGE.to_vec())];
    let op = prop_oneof![
        8 => (place(), value()).prop_map(|((t, p, k), v)| Op::Put(t, p, k, v)),
        3 => (place(), prop::option::of(value()), value())
            .prop_map(|((t, p, k), e, v)| Op::PutIf(t, p, k, e, v)),
        3 => place().prop_map(|(t, p, k)| Op::Delete(t, p, k)),
        1 => (place(), value()).prop_map(|((t, p, k), e)| Op::DeleteIf(t, p, k, e)),
        2 => place().prop_map(|(t, p, _)| Op::Drop(t, p)),
        2 => place().prop_map(|(t, p, k)| Op::Fill(t, p, k)),
    ];
    prop::collection::vec(op, 1..5)
}

/// Keys of a fill lie among the others.
fn fill_keys(k: u8) -> impl Iterator<Item = Vec<u8>> {
    (0..20_u8).map(move |n| vec![k, n])
}

fn partition(p: u8) -> Vec<u8> {
    PARTITIONS[usize::from(p)].to_vec()
}

/// The batch as the engine takes it.
pub(crate) fn batch(ops: &[Op]) -> Batch {
    let mut batch = Batch::default();
    for op in ops {
        match op {
            Op::Put(t, p, k, v) => batch.put(*t, &partition(*p), &[*k], v),
            Op::PutIf(t, p, k, e, v) => batch.put_if(*t, &partition(*p), &[*k], e.as_deref(), v),
            Op::Delete(t, p, k) => batch.delete(*t, &partition(*p), &[*k]),
            Op::DeleteIf(t, p, k, e) => batch.delete_if(*t, &partition(*p), &[*k], e),
            Op::Drop(t, p) => batch.drop_partition(*t, &partition(*p)),
            Op::Fill(t, p, k) => {
                fill_keys(*k).try_for_each(|key| batch.put(*t, &partition(*p), &key, b"filled"))
            }
        }
        .unwrap();
    }
    batch
}

/// What the batch makes of the rows.
pub(crate) fn apply(rows: &mut Rows, ops: &[Op]) -> Result<(), Failure> {
    let before = rows.clone();
    let holds = |op: &Op| match op {
        Op::PutIf(t, p, k, e, _) => before.get(&(*t, partition(*p), vec![*k])) == e.as_ref(),
        Op::DeleteIf(t, p, k, e) => before.get(&(*t, partition(*p), vec![*k])) == Some(e),
        _ => true,
    };
    if !ops.iter().all(holds) {
        return Err(Failure::Conflict);
    }

    for op in ops {
        match op {
            Op::Put(t, p, k, v) | Op::PutIf(t, p, k, _, v) => {
                rows.insert((*t, partition(*p), vec![*k]), v.clone());
            }
            Op::Delete(t, p, k) | Op::DeleteIf(t, p, k, _) => {
                rows.remove(&(*t, partition(*p), vec![*k]));
            }
            Op::Drop(t, p) => rows.retain(|(table, name, _), _| {
                (table, &name[..]) != (t, PARTITIONS[usize::from(*p)])
            }),
            Op::Fill(t, p, k) => {
                for key in fill_keys(*k) {
                    rows.insert((*t, partition(*p), key), b"filled".to_vec());
                }
            }
        }
    }
    Ok(())
}

/// Everything that a reader sees, scanned from both ends.
pub(crate) fn dump<T: Send + 'static>(engine: &Engine<T>) -> Rows {
    let mut rows = Rows::new();
    for table in 0..TABLES {
        for name in PARTITIONS {
            let scan = |direction| {
                let (lower, upper) = (Bound::Unbounded, Bound::Unbounded);
                let range = Range { lower, upper, direction, limit: 10_000 };
                pairs(&engine.scan(table, name, range).expect("readable"))
            };
            let ascending = scan(Direction::Ascending);
            let mut descending = scan(Direction::Descending);
            descending.reverse();
            assert_eq!(ascending, descending);
            rows.extend(ascending.into_iter().map(|(k, v)| ((table, name.to_vec(), k), v)));
        }
    }
    rows
}

pub(crate) fn pairs(page: &store::Page) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rest = page.bytes().as_slice();
    let mut take = |length| {
        let (taken, left) = rest.split_at(length);
        rest = left;
        taken.to_vec()
    };
    page.lengths().iter().map(|&(key, value)| (take(key), take(value))).collect()
}
