//! Any bytes are read or refused; what was read is written as bytes that read the same.
#![no_main]

#[path = "../../tests/text/mod.rs"]
mod text;

use libfuzzer_sys::fuzz_target;
use payload::Reader;
use text::rewritten;

fuzz_target!(|input: &[u8]| {
    let mut reader = Reader::default();
    match rewritten(&mut reader, input) {
        Ok(once) => assert_eq!(rewritten(&mut reader, &once).ok(), Some(once)),
        Err(error) => assert!(error.position <= input.len()),
    }
});
