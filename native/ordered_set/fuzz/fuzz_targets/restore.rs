//! Any bytes are restored or refused; what was restored has a snapshot that restores the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ordered_set::snapshot::{self, Restored};
use ordered_set::{Entries, Record};
use xxhash_rust::xxh64::xxh64;

fuzz_target!(|input: &[u8]| {
    if let Some(entries) = restored(input) {
        check(&entries);
    }
    // Checksums keep a fuzzer out, but nobody who means it.
    for count in [1, 2, 3] {
        let forged = [snapshot::header().to_vec(), chunk(input), snapshot::end(count)].concat();
        if let Some(entries) = restored(&forged) {
            check(&entries);
        }
    }
});

fn chunk(body: &[u8]) -> Vec<u8> {
    let chunk = [&[1][..], &(body.len() as u32).to_le_bytes(), body].concat();
    let checksum = xxh64(&chunk, 0).to_le_bytes();
    [chunk.as_slice(), &checksum].concat()
}

fn restored(bytes: &[u8]) -> Option<Entries> {
    let mut entries = Entries::new(1 << 20);
    let mut place = 0;
    loop {
        match snapshot::restore(&mut entries, bytes, place, |name| name.len() < 4).ok()? {
            Restored::More(next) => place = next,
            Restored::Done => return Some(entries),
        }
    }
}

fn key(record: Record<'_>) -> Vec<u8> {
    let mut key = vec![];
    record.write_key(&mut key);
    key
}

fn check(entries: &Entries) {
    entries.tree().check(|a, b| key(a) == key(b));
    let mut again = snapshot::header().to_vec();
    let (mut from, mut before) = (Some(vec![]), 0);
    while let Some(start) = from {
        let batch = snapshot::read(entries, &start);
        if !batch.is_empty() {
            again.extend(snapshot::chunk(&batch, before));
        }
        before += batch.len() as u64;
        from = batch.next();
    }
    again.extend(snapshot::end(before));
    let again = restored(&again).expect("a snapshot of one's own is restored");
    assert!(again.tree().iter(0).eq(entries.tree().iter(0)));
}
