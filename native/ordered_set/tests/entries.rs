//! The set with its bounds, and its snapshots.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use ordered_set::snapshot::{self, Restored, Unrestored};
use ordered_set::{Entries, Limit, Put, Refused, Start, term};
use proptest::prelude::*;

const NO_LIMIT: usize = usize::MAX;

fn key(n: u64) -> Vec<u8> {
    let mut key = vec![];
    term::tuple(&mut key, 2);
    term::unsigned(&mut key, n);
    term::atom(&mut key, "atom");
    key
}

fn filled(keys: &[(u64, Vec<u8>)]) -> Entries {
    let mut entries = Entries::new(NO_LIMIT);
    for (n, payload) in keys {
        entries.put(&key(*n), payload).unwrap();
    }
    entries
}

fn all(entries: &Entries) -> Vec<(Vec<u8>, Vec<u8>)> {
    let everything = Limit { count: NO_LIMIT, bytes: NO_LIMIT };
    let batch = entries.read(Start::Rank(0), None, everything);
    batch.entries().map(|(key, payload)| (key.to_vec(), payload.to_vec())).collect()
}

fn taken(entries: &Entries) -> Vec<u8> {
    let mut out = snapshot::header().to_vec();
    let (mut from, mut before) = (Some(vec![]), 0);
    while let Some(key) = from {
        let batch = snapshot::read(entries, &key);
        if !batch.is_empty() {
            out.extend(snapshot::chunk(&batch, before));
        }
        before += batch.len() as u64;
        from = batch.next();
    }
    out.extend(snapshot::end(before));
    out
}

fn restored(bytes: &[u8], max_bytes: usize) -> Result<Entries, Unrestored> {
    let mut entries = Entries::new(max_bytes);
    let mut place = 0;
    loop {
        match snapshot::restore(&mut entries, bytes, place, |name| name == "atom")? {
            Restored::More(next) => place = next,
            Restored::Done => return Ok(entries),
        }
    }
}

#[test]
fn a_put_tells_whether_the_key_was_there() {
    let mut entries = Entries::new(NO_LIMIT);
    assert_eq!(entries.put(b"b", b"1"), Ok(Put::New(0)));
    assert_eq!(entries.put(b"a", b""), Ok(Put::New(0)));
    assert_eq!(entries.put(b"b", b"2"), Ok(Put::Known(1)));
    assert_eq!(all(&entries), [(b"a".to_vec(), vec![]), (b"b".to_vec(), b"2".to_vec())]);
    assert_eq!(entries.delete(b"a"), Some(0));
    assert_eq!(entries.delete(b"a"), None);
}

#[test]
fn a_set_stays_within_its_bytes_and_says_so() {
    let max_bytes = 200_000;
    let mut entries = Entries::new(max_bytes);
    let mut n = 0u64;
    while entries.put(&key(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)), &[7; 50]).is_ok() {
        assert!(entries.bytes() <= max_bytes);
        n += 1;
    }
    assert!(entries.bytes() > max_bytes - 20_000);
    let before = all(&entries);
    assert_eq!(entries.put(&key(n), &[7; 60]), Err(Refused::MemoryLimit));
    assert_eq!(all(&entries), before);
    let first = before[0].0.clone();
    assert_eq!(entries.put(&vec![1; Entries::MAX_KEY + 1], b""), Err(Refused::TooLarge));
    for (key, _) in before.iter().take(1_000) {
        entries.delete(key);
    }
    assert_eq!(entries.put(&first, b"x"), Ok(Put::New(0)));
}

#[test]
fn reading_goes_on_where_it_stopped_and_ends_where_it_should() {
    let keys: Vec<(u64, Vec<u8>)> = (0..1_000).map(|n| (n, vec![1; n as usize % 7])).collect();
    let entries = filled(&keys);
    let (until, limit) = (key(700), Limit { count: 37, bytes: 300 });
    let (mut from, mut read) = (Some(key(100)), vec![]);
    while let Some(start) = from {
        let batch = entries.read(Start::Key(&start), Some(&until), limit);
        assert!(batch.len() <= 37 && batch.bytes() < 400);
        read.extend(batch.entries().map(|(key, payload)| (key.to_vec(), payload.to_vec())));
        from = batch.next();
    }
    assert_eq!(read, all(&entries)[100..700]);
    let none = entries.read(Start::Rank(5_000), Some(&until), limit);
    assert!(none.is_empty() && none.next().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn a_snapshot_is_restored(
        keys in prop::collection::vec((0u64..100_000, prop::collection::vec(any::<u8>(), 0..60)), 0..1_500),
    ) {
        let entries = filled(&keys);
        let restored = restored(&taken(&entries), NO_LIMIT).unwrap();
        prop_assert_eq!(all(&restored), all(&entries));
    }

    #[test]
    fn what_is_not_a_snapshot_is_refused(
        keys in prop::collection::vec((0u64..1_000, Just(vec![1])), 0..30),
        at in any::<prop::sample::Index>(),
        byte in 1u8..,
        cut in any::<bool>(),
    ) {
        let mut bytes = taken(&filled(&keys));
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= byte }
        prop_assert_eq!(restored(&bytes, NO_LIMIT).err(), Some(Unrestored::Invalid));
    }
}

/// Whoever can forge a checksum still brings only what the set could have.
#[test]
fn a_forged_snapshot_is_refused() {
    let forged = |batches: &[&[&[u8]]], count: u64| {
        let mut out = snapshot::header().to_vec();
        let mut before = 0;
        for keys in batches {
            let mut entries = Entries::new(NO_LIMIT);
            for key in *keys {
                entries.put(key, b"").unwrap();
            }
            out.extend(snapshot::chunk(&snapshot::read(&entries, b""), before));
            before += keys.len() as u64;
        }
        out.extend(snapshot::end(count));
        restored(&out, NO_LIMIT).map(|entries| entries.len())
    };
    let mut strange = vec![];
    term::atom(&mut strange, "strange");
    assert_eq!(forged(&[&[&key(1), &key(2)], &[&key(3)]], 3), Ok(3));
    assert_eq!(forged(&[&[&key(1)], &[&key(1)]], 2), Err(Unrestored::Invalid));
    assert_eq!(forged(&[&[&key(2)], &[&key(1)]], 2), Err(Unrestored::Invalid));
    assert_eq!(forged(&[&[&key(1)]], 2), Err(Unrestored::Invalid));
    assert_eq!(forged(&[&[b"not a term"]], 1), Err(Unrestored::Invalid));
    assert_eq!(forged(&[&[]], 0), Err(Unrestored::Invalid));
    assert_eq!(forged(&[&[&strange]], 1), Err(Unrestored::UnknownAtom));
    assert_eq!(restored(&taken(&filled(&[(1, vec![])])), 100).err(), Some(Unrestored::MemoryLimit));
}
