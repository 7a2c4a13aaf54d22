//! JSON in the external term format says what serde_json says that it says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod etf;

use outbox::{Encoding, Frames, Kind, Policy, Transport};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn spelt(json: &str) -> etf::Term {
    let mut transport = Transport::new(Kind::Plain, Encoding::Etf, Policy::Shared).unwrap();
    let mut frames = Frames::default();
    transport.frame(json.as_bytes(), &mut frames).unwrap();
    etf::read(etf::payload(frames.as_slice()))
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_][a-z0-9_]{0,4}", "[0-9]{17,20}", "\\PC{0,8}", "[a-z]{63,66}"]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_000..1_000_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,300}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 200, 40, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..40).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..40)
                .prop_map(|fields| Value::from(Map::from_iter(fields))),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_the_term_that_it_says(json in json()) {
        let term = spelt(&json.to_string());
        prop_assert!(etf::is(&term, &json), "{term:?} is not {json}");
    }
}

#[test]
fn of_equal_keys_the_last_counts() {
    for json in [r#"{"a":1,"a":[2]}"#, r#"{"a":1,"\u0061":2}"#, r#"{"1":1,"b":3,"1":2}"#] {
        assert!(etf::is(&spelt(json), &serde_json::from_str(json).unwrap()), "{json}");
    }
}

#[test]
fn another_term_is_told_apart() {
    let json = serde_json::json!({"a": [1, 2.5, "x", null, true]});
    for other in [r#"{"a":[1,2.5,"x",null,false]}"#, r#"{"a":[1,2.5,"x",null]}"#, "{}"] {
        assert!(!etf::is(&spelt(other), &json), "{other}");
    }
}
