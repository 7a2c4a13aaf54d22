//! Any bytes are refused, or are the term that serde_json says they are.
#![no_main]

#[path = "../../tests/etf/mod.rs"]
mod etf;

use libfuzzer_sys::fuzz_target;
use outbox::{Encoding, Frames, Kind, Policy, Transport};
use serde::Deserialize;
use serde_json::{Deserializer, Value};

/// How deep Guildhall reads, and serde_json does not mind.
const DEPTH: usize = 512;

fn json(input: &[u8]) -> Option<Value> {
    let mut reader = Deserializer::from_slice(input);
    reader.disable_recursion_limit();
    let value = Value::deserialize(&mut reader).ok()?;
    reader.end().ok().map(|()| value)
}

/// Whether what looks like a number is one that Guildhall reads: in the text, since of equal keys serde_json
/// keeps the last alone.
fn numbers_fit(input: &[u8]) -> bool {
    let part =
        |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    input
        .split(|byte| !part(byte))
        .filter_map(|number| String::from_utf8_lossy(number).parse::<f64>().ok())
        .all(f64::is_finite)
}

fuzz_target!(|input: &[u8]| {
    let mut transport = Transport::new(Kind::Plain, Encoding::Etf, Policy::Shared).expect("plain");
    let mut frames = Frames::default();
    let spelt = transport.frame(input, &mut frames);

    // The other reader recurses, and hides numbers in objects of a name.
    let opened = input.iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
    if opened > 2 * DEPTH || input.windows(11).any(|text| text == b"$serde_json") {
        return;
    }
    match (spelt, json(input)) {
        (Ok(()), Some(expected)) => {
            let term = etf::read(etf::payload(frames.as_slice()));
            assert!(etf::is(&term, &expected), "{term:?} is not {expected}");
        }
        (Ok(()), None) => panic!("it is no JSON, and was spelt"),
        (Err(_), Some(expected)) => {
            let fits = opened <= DEPTH && numbers_fit(input);
            assert!(!fits, "{expected} was refused");
        }
        (Err(_), None) => {}
    }
});
