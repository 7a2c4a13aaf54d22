//! Any name has a key within its bound, and the same one composed and decomposed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use member_list::collation;
use unicode_normalization::UnicodeNormalization;

fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    collation::key(name, &mut key);
    key
}

fuzz_target!(|input: &[u8]| {
    let name = String::from_utf8_lossy(input.get(..128).unwrap_or(input));
    let ours = key(&name);
    assert!(ours.len() <= collation::MAX_KEY);
    assert_eq!(ours, key(&name.nfc().collect::<String>()));
    assert_eq!(ours, key(&name.nfd().collect::<String>()));
});
