//! A reader of the external term format as Erlang's documentation has it, and what JSON should be in it.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "for tests")]

use serde_json::Value;

/// A term of those that JSON can be.
#[derive(Debug, PartialEq)]
pub(crate) enum Term {
    Atom(String),
    Binary(String),
    /// In decimal.
    Integer(String),
    Float(f64),
    List(Vec<Term>),
    Map(Vec<(Term, Term)>),
}

/// Reads one external term, its version included, which must be all there is.
pub(crate) fn read(bytes: &[u8]) -> Term {
    let [131, rest @ ..] = bytes else { panic!("no version 131") };
    let mut rest = rest;
    let term = term(&mut rest);
    assert!(rest.is_empty(), "{} bytes after the term", rest.len());
    term
}

fn term(from: &mut &[u8]) -> Term {
    match take(from, 1)[0] {
        97 => Term::Integer(take(from, 1)[0].to_string()),
        98 => {
            let number = i32::from_be_bytes(take(from, 4).try_into().expect("4 bytes"));
            assert!(u8::try_from(number).is_err(), "{number} would be one byte");
            Term::Integer(number.to_string())
        }
        tag @ (110 | 111) => {
            let size = if tag == 110 { usize::from(take(from, 1)[0]) } else { number(from, 4) };
            assert_eq!(tag == 111, size > 255, "{size} digits have another tag");
            let negative = take(from, 1)[0] == 1;
            Term::Integer(decimal(negative, take(from, size)))
        }
        70 => Term::Float(f64::from_be_bytes(take(from, 8).try_into().expect("8 bytes"))),
        // Not the newer tags, 118 and 119, which erlpack refuses.
        100 => {
            let size = number(from, 2);
            Term::Atom(text(from, size))
        }
        109 => {
            let size = number(from, 4);
            Term::Binary(text(from, size))
        }
        106 => Term::List(vec![]),
        108 => {
            let count = number(from, 4);
            let values = (0..count).map(|_| term(from)).collect();
            assert_eq!(take(from, 1)[0], 106, "a list is proper");
            Term::List(values)
        }
        116 => {
            let count = number(from, 4);
            Term::Map((0..count).map(|_| (term(from), term(from))).collect())
        }
        tag => panic!("tag {tag} is of nothing in JSON"),
    }
}

fn take<'a>(from: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = from.split_at(count);
    *from = rest;
    taken
}

fn number(from: &mut &[u8], size: usize) -> usize {
    take(from, size).iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn text(from: &mut &[u8], size: usize) -> String {
    String::from_utf8(take(from, size).to_vec()).expect("UTF-8")
}

/// By division, of digits to the base of 256 that begin with the lowest.
fn decimal(negative: bool, magnitude: &[u8]) -> String {
    assert_ne!(magnitude.last(), Some(&0), "no zeros lead");
    let mut magnitude = magnitude.to_vec();
    let mut digits = vec![];
    while magnitude.iter().any(|byte| *byte != 0) {
        let mut rest = 0;
        for byte in magnitude.iter_mut().rev() {
            let number = rest << 8 | u32::from(*byte);
            *byte = (number / 10) as u8;
            rest = number % 10;
        }
        digits.push(char::from(b'0' + rest as u8));
    }
    if negative {
        digits.push('-');
    }
    digits.into_iter().rev().collect()
}

/// Whether the term is what the JSON says.
pub(crate) fn is(term: &Term, json: &Value) -> bool {
    match (term, json) {
        (Term::Atom(name), Value::Null) => name == "nil",
        (Term::Atom(name), Value::Bool(value)) => *name == value.to_string(),
        (Term::Binary(text), Value::String(expected)) => text == expected,
        (Term::Integer(number), Value::Number(expected)) => match expected.to_string().as_str() {
            "-0" => number == "0",
            expected => number == expected,
        },
        (Term::Float(number), Value::Number(expected)) => {
            let expected = expected.to_string();
            expected.contains(['.', 'e', 'E'])
                && expected.parse::<f64>().is_ok_and(|float| float.to_bits() == number.to_bits())
        }
        (Term::List(terms), Value::Array(values)) => {
            terms.len() == values.len() && terms.iter().zip(values).all(|(t, v)| is(t, v))
        }
        (Term::Map(pairs), Value::Object(fields)) => {
            let mut seen = std::collections::HashSet::new();
            pairs.len() == fields.len()
                && pairs.iter().all(|(key, value)| {
                    let (Term::Atom(text) | Term::Binary(text)) = key else { return false };
                    seen.insert(text)
                        && is_name(text) == matches!(key, Term::Atom(_))
                        && fields.get(text).is_some_and(|expected| is(value, expected))
                })
        }
        _ => false,
    }
}

fn is_name(key: &str) -> bool {
    let plain = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_');
    (1..=64).contains(&key.len())
        && key.chars().all(plain)
        && !key.starts_with(|c: char| c.is_ascii_digit())
}

/// The payload of the one binary WebSocket message in `frames`.
pub(crate) fn payload(frames: &[u8]) -> &[u8] {
    let [0x82, length, rest @ ..] = frames else { panic!("no binary message") };
    let mut rest = rest;
    let length = match length {
        126 => number(&mut rest, 2),
        127 => number(&mut rest, 8),
        length => usize::from(*length),
    };
    assert_eq!(rest.len(), length);
    rest
}
