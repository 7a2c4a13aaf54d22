//! The tree beside a sorted vector, with leaves so small that a few entries make many levels.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::cmp::Ordering;

use ordered_set::{Fixed, Tree};
use proptest::prelude::*;

/// Ordered by the key alone; the payload goes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    key: u16,
    payload: u16,
}

fn at(key: u16) -> impl Fn(&Entry) -> Ordering {
    move |entry: &Entry| entry.key.cmp(&key)
}

#[derive(Debug, Clone)]
enum Command {
    Insert(u16, u16),
    Remove(u16),
    RemoveAt(usize),
    Set(usize, u16),
    Push(u16),
    Read(u16, usize),
}

fn command(keys: u16) -> impl Strategy<Value = Command> {
    let rank = 0..usize::from(keys) + 2;
    prop_oneof![
        6 => (0..keys, any::<u16>()).prop_map(|(key, payload)| Command::Insert(key, payload)),
        4 => (0..keys).prop_map(Command::Remove),
        2 => rank.clone().prop_map(Command::RemoveAt),
        1 => (rank.clone(), any::<u16>()).prop_map(|(rank, payload)| Command::Set(rank, payload)),
        2 => (1u16..5).prop_map(Command::Push),
        1 => (0..keys, rank).prop_map(|(key, rank)| Command::Read(key, rank)),
    ]
}

fn run<const N: usize>(start: u16, commands: &[Command]) {
    let entry = |key| Entry { key, payload: key };
    let mut model: Vec<Entry> = (0..start).map(|n| entry(n * 2)).collect();
    let mut tree: Tree<Fixed<Entry, N>> = Tree::from_sorted(model.iter().copied());
    let place = |model: &[Entry], key| model.binary_search_by(at(key));

    for command in commands {
        match *command {
            Command::Insert(key, payload) => {
                let added = tree.insert(&at(key), Entry { key, payload });
                match place(&model, key) {
                    Ok(rank) => assert_eq!(added, Err(rank)),
                    Err(rank) => {
                        assert_eq!(added, Ok(rank));
                        model.insert(rank, Entry { key, payload });
                    }
                }
            }
            Command::Remove(key) => {
                let expected = place(&model, key).ok().map(|rank| (rank, model.remove(rank)));
                assert_eq!(tree.remove(&at(key)), expected);
            }
            Command::RemoveAt(rank) => {
                let expected = (rank < model.len()).then(|| model.remove(rank));
                assert_eq!(tree.remove_at(rank), expected);
            }
            Command::Set(rank, payload) => {
                let known = model.get_mut(rank).map(|entry| {
                    entry.payload = payload;
                    *entry
                });
                let key = known.map_or(0, |entry| entry.key);
                assert_eq!(tree.set(rank, Entry { key, payload }), known.is_some());
            }
            Command::Push(step) => {
                let key = model.last().map_or(0, |last| last.key + step);
                model.push(entry(key));
                tree.push(entry(key));
            }
            Command::Read(key, rank) => {
                assert_eq!(tree.rank(&at(key)), place(&model, key));
                assert_eq!(tree.get(rank), model.get(rank).copied());
                let rest = &model[rank.min(model.len())..];
                assert_eq!(tree.iter(rank).len(), rest.len());
                assert_eq!(tree.iter(rank).collect::<Vec<_>>(), rest);
            }
        }
        assert_eq!(tree.len(), model.len());
    }
    tree.check(|a, b| a == b);
    assert_eq!(tree.iter(0).collect::<Vec<_>>(), model);
    for (rank, entry) in model.iter().enumerate() {
        assert_eq!(tree.rank(&at(entry.key)), Ok(rank));
        assert_eq!(tree.get(rank), Some(*entry));
    }
}

proptest! {
    #[test]
    fn small_leaves_answer_as_a_vector(
        start in 0u16..200,
        commands in prop::collection::vec(command(300), 0..600),
    ) {
        run::<4>(start, &commands);
    }

    #[test]
    fn larger_leaves_answer_as_a_vector(
        start in 0u16..300,
        commands in prop::collection::vec(command(300), 0..600),
    ) {
        run::<13>(start, &commands);
    }
}

#[test]
fn a_tree_grows_and_shrinks_from_either_end_and_from_the_middle() {
    for order in [|n: u16| n, |n: u16| 3_999 - n, |n: u16| (u32::from(n) * 7_919 % 4_001) as u16] {
        let mut tree: Tree<Fixed<Entry, 8>> = Tree::new();
        let mut keys: Vec<u16> = (0..4_000).map(order).collect();
        for &key in &keys {
            assert!(tree.insert(&at(key), Entry { key, payload: 0 }).is_ok());
        }
        tree.check(|a, b| a == b);
        let full = tree.bytes();
        keys.rotate_left(1_000);
        for &key in &keys {
            assert!(tree.remove(&at(key)).is_some());
            if tree.len().is_multiple_of(500) {
                tree.check(|a, b| a == b);
            }
        }
        assert!(tree.is_empty() && tree.iter(0).next().is_none());
        assert!(tree.bytes() < full / 2, "{} of {full}", tree.bytes());
    }
}

/// What a removed entry pointed to may be gone: it must not be compared any more.
#[test]
fn a_removed_entry_is_never_compared_again() {
    let mut alive = vec![true; 3_000];
    let mut tree: Tree<Fixed<u16, 6>> = Tree::from_sorted(0..3_000);
    for round in 0..6_000u32 {
        let key = (round.wrapping_mul(2_654_435_761) >> 7) as u16 % 3_000;
        let sought = |entry: &u16| {
            assert!(alive[usize::from(*entry)], "{entry} is removed");
            entry.cmp(&key)
        };
        if alive[usize::from(key)] {
            assert!(tree.remove(&sought).is_some());
            alive[usize::from(key)] = false;
        } else {
            assert!(tree.insert(&sought, key).is_ok());
            alive[usize::from(key)] = true;
        }
    }
    tree.check(|a, b| a == b);
}

#[test]
fn full_leaves_leave_little_room() {
    let mut tree: Tree<Fixed<[u32; 6]>> = Tree::new();
    for n in 0..100_000u32 {
        let entry = [n.wrapping_mul(2_654_435_761), 0, 0, 0, 0, 0];
        assert!(tree.insert(&|e: &[u32; 6]| e.cmp(&entry), entry).is_ok());
    }
    let an_entry = tree.bytes() as f64 / 100_000.0;
    assert!(an_entry < 32.0, "{an_entry} bytes for 24");
    let sorted: Tree<Fixed<[u32; 6]>> = Tree::from_sorted((0..100_000).map(|n| [n; 6]));
    let an_entry = sorted.bytes() as f64 / 100_000.0;
    assert!(an_entry < 30.0, "{an_entry} bytes for 24, sorted");
}
