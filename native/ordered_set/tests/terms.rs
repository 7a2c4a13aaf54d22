//! Keys sort as the terms do, and are read as they were written.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::cmp::Ordering;

use ordered_set::term::{self, Common, Reader, Token};
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq)]
enum Term {
    Integer(i128),
    Float(f64),
    Atom(String),
    Tuple(Vec<Term>),
    /// The elements, and the tail of an improper one.
    List(Vec<Term>, Option<Box<Term>>),
    Binary(Vec<u8>),
}

use Term::{Atom, Binary, Float, Integer, List, Tuple};

fn kind(term: &Term) -> u8 {
    match term {
        Integer(_) | Float(_) => 0,
        Atom(_) => 1,
        Tuple(_) => 2,
        List(..) => 3,
        Binary(_) => 4,
    }
}

/// A float is compared with an integer of up to 2^52 exactly, and a larger one by magnitude.
fn number(a: &Term, b: &Term) -> Ordering {
    let value = |term: &Term| match term {
        Integer(n) => *n as f64,
        Float(f) => *f,
        _ => unreachable!("a number"),
    };
    let whole = |term: &Term| matches!(term, Float(_));
    match (a, b) {
        (Integer(a), Integer(b)) => a.cmp(b),
        _ => value(a).partial_cmp(&value(b)).unwrap().then(whole(a).cmp(&whole(b))),
    }
}

fn compare(a: &Term, b: &Term) -> Ordering {
    let each = |a: &[Term], b: &[Term]| {
        a.iter().zip(b).map(|(a, b)| compare(a, b)).find(|order| order.is_ne())
    };
    match (a, b) {
        (Integer(_) | Float(_), Integer(_) | Float(_)) => number(a, b),
        (Atom(a), Atom(b)) => a.cmp(b),
        (Tuple(a), Tuple(b)) => {
            a.len().cmp(&b.len()).then_with(|| each(a, b).unwrap_or(Ordering::Equal))
        }
        (List(a, a_tail), List(b, b_tail)) => each(a, b).unwrap_or_else(|| {
            let common = a.len().min(b.len());
            compare_rests((&a[common..], a_tail), (&b[common..], b_tail))
        }),
        (Binary(a), Binary(b)) => a.cmp(b),
        _ => kind(a).cmp(&kind(b)),
    }
}

type Rest<'a> = (&'a [Term], &'a Option<Box<Term>>);

/// One of the two has no more elements: what its tail is, decides.
fn compare_rests(a: Rest<'_>, b: Rest<'_>) -> Ordering {
    let rest = |(elements, tail): Rest<'_>| match (elements, tail) {
        ([], Some(tail)) => (**tail).clone(),
        _ => List(elements.to_vec(), tail.clone()),
    };
    match (rest(a), rest(b)) {
        (List(a, _), List(b, _)) => a.len().cmp(&b.len()),
        (a, b) => compare(&a, &b),
    }
}

fn write(term: &Term, out: &mut Vec<u8>) {
    match term {
        Integer(n) => match (i64::try_from(*n), u64::try_from(*n)) {
            (Ok(n), _) => term::signed(out, n),
            (_, Ok(n)) => term::unsigned(out, n),
            _ => term::big(out, *n < 0, &n.unsigned_abs().to_be_bytes()),
        },
        Float(f) => term::float(out, *f),
        Atom(name) => term::atom(out, name),
        Tuple(elements) => {
            term::tuple(out, elements.len() as u32);
            elements.iter().for_each(|element| write(element, out));
        }
        List(elements, tail) => {
            for element in elements {
                term::cell(out);
                write(element, out);
            }
            match tail {
                None => term::nil(out),
                Some(tail) => write(tail, out),
            }
        }
        Binary(bytes) => term::binary(out, bytes),
    }
}

/// The next part, which is the same in either way of reading it.
fn token<'a>(reader: &mut Reader<'a>) -> Token<'a> {
    let mut short = *reader;
    let common = short.common();
    let token = reader.token().unwrap();
    match &token {
        Token::Integer { negative: false, magnitude } => {
            assert_eq!(common, Some(Common::Unsigned(*magnitude)));
        }
        Token::Binary(bytes) if !bytes.contains(&0) => {
            assert_eq!(common, Some(Common::Binary(bytes)));
        }
        Token::Tuple(n @ ..15) => assert_eq!(common, Some(Common::Tuple(*n as usize))),
        _ => assert_eq!(common, None),
    }
    if common.is_some() {
        assert_eq!(short, *reader);
    }
    token
}

fn read(reader: &mut Reader<'_>) -> Term {
    let mut elements = vec![];
    loop {
        let tail = match token(reader) {
            Token::Cell => {
                elements.push(read(reader));
                continue;
            }
            Token::Nil => return List(elements, None),
            Token::Integer { negative, magnitude } => {
                Integer(if negative { -i128::from(magnitude) } else { magnitude.into() })
            }
            Token::Big { negative, magnitude } => {
                let n = magnitude.iter().fold(0, |n: i128, byte| n << 8 | i128::from(*byte));
                Integer(if negative { -n } else { n })
            }
            Token::Float(f) => Float(f),
            Token::Atom(name) => Atom(name.into_owned()),
            Token::Binary(bytes) => Binary(bytes.into_owned()),
            Token::Tuple(n) => Tuple((0..n).map(|_| read(reader)).collect()),
        };
        return if elements.is_empty() { tail } else { List(elements, Some(Box::new(tail))) };
    }
}

fn key(term: &Term) -> Vec<u8> {
    let mut key = vec![];
    write(term, &mut key);
    key
}

fn leaf() -> impl Strategy<Value = Term> {
    let byte = || prop_oneof![Just(0u8), Just(1), Just(255), any::<u8>()];
    prop_oneof![
        4 => (-3i128..4).prop_map(Integer),
        2 => any::<i32>().prop_map(|n| Integer(n.into())),
        2 => (-8i32..9).prop_map(|n| Float(f64::from(n) / 4.0 + 0.0)),
        1 => any::<i32>().prop_map(|n| Float(f64::from(n) / 1_024.0 + 0.0)),
        1 => prop_oneof![Just("a"), Just("ab"), Just("a\0"), Just(""), Just("\u{e9}")]
            .prop_map(|name| Atom(name.into())),
        3 => prop::collection::vec(byte(), 0..4).prop_map(Binary),
        1 => Just(List(vec![], None)),
    ]
}

fn any_term() -> impl Strategy<Value = Term> {
    leaf().prop_recursive(3, 30, 5, |inner| {
        let tail = prop::option::weighted(0.2, leaf())
            .prop_map(|tail| tail.filter(|tail| !matches!(tail, List(..))).map(Box::new));
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tuple),
            (prop::collection::vec(inner, 1..4), tail).prop_map(|(list, tail)| List(list, tail)),
        ]
    })
}

proptest! {
    #[test]
    fn keys_sort_as_terms(a in any_term(), b in any_term()) {
        prop_assert_eq!(key(&a).cmp(&key(&b)), compare(&a, &b));
    }

    #[test]
    fn what_was_written_is_read(term in any_term()) {
        let key = key(&term);
        prop_assert_eq!(term::validate(&key, |_| ()), Ok(()));
        prop_assert_eq!(read(&mut Reader::new(&key)), term);
    }

    #[test]
    fn numbers_of_any_size_sort(a in any::<i128>(), b in any::<i128>(), shift in 0u32..127) {
        let (a, b) = (Integer(a >> shift), Integer(b >> (shift / 2)));
        prop_assert_eq!(key(&a).cmp(&key(&b)), number(&a, &b));
        prop_assert_eq!(read(&mut Reader::new(&key(&a))), a);
    }

    #[test]
    fn floats_of_any_size_sort(a in prop::num::f64::NORMAL, b in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
        let (a, b) = (Float(a), Float(b));
        prop_assert_eq!(key(&a).cmp(&key(&b)), number(&a, &b));
        prop_assert_eq!(read(&mut Reader::new(&key(&a))), a);
        prop_assert_eq!(read(&mut Reader::new(&key(&b))), b);
    }

    /// What is accepted is written as the same bytes: no two keys are one term.
    #[test]
    fn any_bytes_are_refused_or_the_only_encoding(bytes in prop::collection::vec(
        prop_oneof![any::<u8>(), 0x36u8..0x4A, Just(0), Just(0x71), Just(0x81), Just(0x80), Just(0xA0), Just(0xFD), Just(0xFE)], 0..12,
    )) {
        if term::validate(&bytes, |_| ()).is_ok() {
            prop_assert_eq!(key(&read(&mut Reader::new(&bytes))), bytes);
        }
    }
}

#[test]
fn extremes_are_themselves() {
    for f in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, -f64::MIN_POSITIVE, 5e-324, -5e-324, 0.0] {
        assert_eq!(read(&mut Reader::new(&key(&Float(f)))), Float(f));
    }
    assert_eq!(key(&Float(-0.0)), key(&Float(0.0)));
    for n in [
        i64::MIN.into(),
        i128::from(i64::MIN) - 1,
        u64::MAX.into(),
        -i128::from(u64::MAX),
        i128::MAX,
    ] {
        assert_eq!(read(&mut Reader::new(&key(&Integer(n)))), Integer(n));
    }
    let wide = Tuple(vec![Integer(0); 300]);
    assert_eq!(read(&mut Reader::new(&key(&wide))), wide);
}

#[test]
fn nothing_but_one_whole_term_is_valid() {
    for bytes in [
        &b""[..],
        b"\x40\x40",
        b"\x41",
        b"\x41\x00",
        b"\x49\x00\x00\x00\x01\x01",
        b"\x60a",
        b"\x60\xFF\x00",
        b"\x72\x40",
        b"\x7F\x00\x00\x00\x01\x40",
        b"\x81\x40",
        b"\x40\xFE\x00",
        b"\x40\xFE\xFF\xF0\x00\x00\x00\x00\x00\x00",
        b"\x20",
        b"\x49\xFF\xFF\xFF\xFF",
    ] {
        assert_eq!(term::validate(bytes, |_| ()), Err(term::Invalid), "{bytes:x?}");
    }
}
