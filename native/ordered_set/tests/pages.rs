//! Byte strings with payloads beside a sorted vector.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use ordered_set::{Key, Page, Record, Tree};
use proptest::prelude::*;

type Bytes = Vec<u8>;

#[derive(Debug, Clone)]
enum Command {
    Put(Bytes, Bytes),
    Delete(Bytes),
    DeleteAt(usize),
    Push(u8),
}

/// Few letters and a few long runs of one: common prefixes, keys that begin another, full pages.
fn key() -> impl Strategy<Value = Bytes> {
    let part = prop_oneof![
        4 => prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(255)], 0..5),
        1 => (prop_oneof![Just(0u8), Just(7)], 0usize..400).prop_map(|(b, n)| vec![b; n]),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

fn payload() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => Just(vec![]),
        4 => prop::collection::vec(any::<u8>(), 0..20),
        1 => (0usize..6_000).prop_map(|n| vec![9; n]),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => (key(), payload()).prop_map(|(key, payload)| Command::Put(key, payload)),
        2 => key().prop_map(Command::Delete),
        2 => (0usize..60).prop_map(Command::DeleteAt),
        1 => (0u8..3).prop_map(Command::Push),
    ]
}

fn key_of(record: Record<'_>) -> Bytes {
    let mut key = vec![];
    record.write_key(&mut key);
    assert_eq!(key.len(), record.key_len());
    key
}

fn pair(record: Record<'_>) -> (Bytes, Bytes) {
    (key_of(record), record.payload.to_vec())
}

fn check(tree: &Tree<Page>, model: &[(Bytes, Bytes)]) {
    tree.check(|a, b| key_of(a) == key_of(b));
    assert_eq!(tree.iter(0).map(pair).collect::<Vec<_>>(), model);
    for (rank, (key, _)) in model.iter().enumerate() {
        assert_eq!(tree.rank(&Key(key)), Ok(rank));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn pages_answer_as_a_vector(commands in prop::collection::vec(command(), 0..250)) {
        let mut model: Vec<(Bytes, Bytes)> = vec![];
        let mut tree: Tree<Page> = Tree::new();
        for command in commands {
            match command {
                Command::Put(key, payload) => {
                    let found = model.binary_search_by(|(known, _)| known.cmp(&key));
                    let put = tree.insert(&Key(&key), Record::new(&key, &payload));
                    assert_eq!(put, found.map_or_else(Ok, Err));
                    match found {
                        Err(rank) => model.insert(rank, (key, payload)),
                        Ok(rank) => {
                            assert!(tree.set(rank, Record::new(&key, &payload)));
                            model[rank].1 = payload;
                        }
                    }
                }
                Command::Delete(key) => {
                    let rank = model.binary_search_by(|(known, _)| known.cmp(&key)).ok();
                    assert_eq!(tree.rank(&Key(&key)).ok(), rank);
                    assert_eq!(tree.remove(&Key(&key)).map(|(rank, ())| rank), rank);
                    rank.map(|rank| model.remove(rank));
                }
                Command::DeleteAt(rank) => {
                    let known = rank < model.len();
                    assert_eq!(tree.remove_at(rank).is_some(), known);
                    known.then(|| model.remove(rank));
                }
                Command::Push(step) => {
                    let mut key = model.last().map_or(vec![], |(last, _)| last.clone());
                    key.push(step);
                    tree.push(Record::new(&key, b"x"));
                    model.push((key, b"x".to_vec()));
                }
            }
            assert_eq!(tree.len(), model.len());
        }
        check(&tree, &model);
    }
}

#[test]
fn huge_entries_stand_beside_small_ones() {
    let mut tree: Tree<Page> = Tree::new();
    let mut model = vec![];
    for n in 0..200u32 {
        let mut key = (n.wrapping_mul(2_654_435_761)).to_be_bytes().to_vec();
        key.resize(if n % 3 == 0 { 50_000 } else { 8 }, n as u8);
        let payload = vec![1; if n % 5 == 0 { 70_000 } else { 3 }];
        assert!(tree.insert(&Key(&key), Record::new(&key, &payload)).is_ok());
        model.push((key, payload));
    }
    model.sort();
    check(&tree, &model);
    while let Some((key, _)) = model.pop() {
        assert_eq!(tree.remove(&Key(&key)), Some((model.len(), ())));
    }
    check(&tree, &model);
}

#[test]
fn short_keys_take_little_more_than_their_bytes() {
    let mut tree: Tree<Page> = Tree::new();
    for n in 0..50_000u32 {
        // A rank, a name, an id: 24 bytes.
        let (name, id) = (format!("{:010}", n.wrapping_mul(2_654_435_761)), u64::from(n));
        let key =
            [b"\x72\x41\x01\xa0", name.as_bytes(), b"\x00", b"\x48", &id.to_be_bytes()].concat();
        assert!(tree.insert(&Key(&key), Record::new(&key, &[])).is_ok());
    }
    let an_entry = tree.bytes() as f64 / 50_000.0;
    assert!(an_entry < 36.0, "{an_entry} bytes for 24");
}
