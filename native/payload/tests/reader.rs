//! The reader without a BEAM: into texts, and against serde_json.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod text;

use payload::Reader;
use proptest::prelude::*;
use text::rewritten;

fn read(input: &str) -> Result<String, (payload::Reason, usize)> {
    rewritten(&mut Reader::default(), input.as_bytes())
        .map(|text| String::from_utf8(text).unwrap())
        .map_err(|error| (error.reason, error.position))
}

#[test]
fn documents_are_read_and_written() {
    for (input, output) in [
        (" null ", "null"),
        ("[1, -2,3.50 ,1e3]", "[1,-2,3.5,1000.0]"),
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775809", "-9223372036854775809"),
        (r#""\u00e9\ud83d\ude00\/""#, "\"é😀/\""),
        (r#"{"a":1,"b":{},"a":[]}"#, r#"{"b":{},"a":[]}"#),
    ] {
        assert_eq!(read(input).map(|text| same(&text)), Ok(same(output)), "{input}");
    }
}

#[test]
fn what_is_no_json_is_refused_at_its_byte() {
    for (input, position) in [
        ("", 0),
        ("nul", 3),
        ("[1,]", 3),
        ("01", 1),
        ("\"\\ud800\"", 1),
        ("\"\u{1}\"", 1),
        ("1e400", 0),
        ("{\"a\" 1}", 5),
        ("null null", 5),
    ] {
        assert_eq!(read(input).map_err(|(_, at)| at), Err(position), "{input}");
    }
}

#[test]
fn depth_has_a_limit_and_no_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&nested(512)).is_ok());
    assert!(read(&nested(513)).is_err());
    assert!(read(&"[".repeat(1_000_000)).is_err());
}

/// Equal values, whatever the order of keys.
fn same(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// Pieces that make documents, and that break them.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u00e9",
        "\\ud83d",
        "\\ude00",
        "a",
        "é",
        "😀",
        " ",
        "\n",
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "1e5",
        "1E-5",
        "12345678901234567890",
        "\"a\":1",
        "\"b\":[]",
        "[1,2]",
        "\"text\"",
        "{\"k\":null}",
        "\u{0}",
        "\u{7f}",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn serde_json_agrees(input in pieces()) {
        let expected = serde_json::from_str::<serde_json::Value>(&input).ok();
        prop_assert_eq!(read(&input).ok().map(|text| same(&text)), expected, "{}", input);
    }

    #[test]
    fn a_used_reader_reads_as_a_new_one(inputs in prop::collection::vec(pieces(), 1..6)) {
        let mut reader = Reader::default();
        for input in &inputs {
            let fresh = rewritten(&mut Reader::default(), input.as_bytes());
            let used = rewritten(&mut reader, input.as_bytes());
            prop_assert_eq!(fresh.ok(), used.ok());
        }
    }

    #[test]
    fn no_bytes_panic(input in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = rewritten(&mut Reader::default(), &input);
    }
}
