//! JSON text as the external term format.
//!
//! Texts become binaries, `null` the atom `nil`, and the keys of objects atoms, because clients in Erlang
//! match on them. A key that is no name, such as an id, stays a binary: a client that reads atoms keeps
//! each of them for ever. Atoms have the old tag 100, which all clients know; they refuse the newer ones.

use std::cell::RefCell;
use std::collections::HashSet;

use payload::{Build, Reader};

use crate::NotJson;

/// What every external term begins with.
pub(crate) const VERSION: u8 = 131;

const ATOM: u8 = 100;
const BINARY: u8 = 109;
const LIST: u8 = 108;
const NIL: u8 = 106;
pub(crate) const MAP: u8 = 116;
const FLOAT: u8 = 70;
const BYTE: u8 = 97;
const INTEGER: u8 = 98;
const SMALL_BIG: u8 = 110;
const LARGE_BIG: u8 = 111;

/// The longest key that becomes an atom. Those of the protocol are far shorter.
const LONGEST_NAME: usize = 64;

/// Memory that a thread keeps for its next conversion.
const KEPT: usize = 256 * 1024;

/// Appends what the JSON text `json` spells, without the version.
pub(crate) fn append(out: &mut Vec<u8>, json: &[u8]) -> Result<(), NotJson> {
    thread_local! {
        static CONVERTER: RefCell<(Reader<Term>, Terms)> = RefCell::default();
    }

    CONVERTER.with_borrow_mut(|(reader, terms)| {
        let read = reader.read(json, terms).map_err(|_| NotJson);
        if let Ok(root) = read {
            out.reserve(json.len());
            terms.append(out, root);
        }
        reader.shrink(KEPT);
        terms.clear();
        read.map(drop)
    })
}

/// Appends an atom, whose name is ASCII and shorter than 256 bytes.
pub(crate) fn append_atom(out: &mut Vec<u8>, name: &[u8]) {
    out.push(ATOM);
    out.extend_from_slice(&(name.len() as u16).to_be_bytes());
    out.extend_from_slice(name);
}

/// A document between its two passes: the sizes of lists and maps stand before what is in them, and are
/// known after it.
#[derive(Default)]
struct Terms {
    /// Encoded leaves, and texts as they are.
    bytes: Vec<u8>,
    /// What is in lists and, as pairs, in maps.
    children: Vec<Term>,
}

/// A place in [`Terms`]; 64 MB of text are fewer than 2^32 of them.
#[derive(Clone, Copy, Default)]
enum Term {
    #[default]
    Null,
    Leaf(u32, u32),
    /// Not encoded, because it may be a key.
    Text(u32, u32),
    List(u32, u32),
    Map(u32, u32),
}

impl Terms {
    /// Recursive: the reader lets nothing through that is nested deeper than its limit.
    fn append(&self, out: &mut Vec<u8>, term: Term) {
        match term {
            Term::Null => append_atom(out, b"nil"),
            Term::Leaf(from, to) => out.extend_from_slice(self.text(from, to)),
            Term::Text(from, to) => {
                out.push(BINARY);
                out.extend_from_slice(&(to - from).to_be_bytes());
                out.extend_from_slice(self.text(from, to));
            }
            Term::List(from, to) if from == to => out.push(NIL),
            Term::List(from, to) => {
                out.push(LIST);
                out.extend_from_slice(&(to - from).to_be_bytes());
                self.among(from, to).iter().for_each(|term| self.append(out, *term));
                out.push(NIL);
            }
            Term::Map(from, to) => {
                out.push(MAP);
                out.extend_from_slice(&((to - from) / 2).to_be_bytes());
                for pair in self.among(from, to).chunks_exact(2) {
                    let &[key, value] = pair else { continue };
                    match key {
                        Term::Text(from, to) if is_name(self.text(from, to)) => {
                            append_atom(out, self.text(from, to));
                        }
                        key => self.append(out, key),
                    }
                    self.append(out, value);
                }
            }
        }
    }

    fn text(&self, from: u32, to: u32) -> &[u8] {
        self.bytes.get(from as usize..to as usize).unwrap_or_default()
    }

    fn among(&self, from: u32, to: u32) -> &[Term] {
        self.children.get(from as usize..to as usize).unwrap_or_default()
    }

    fn leaf(&mut self, tag: u8, parts: [&[u8]; 2]) -> Term {
        let from = self.bytes.len() as u32;
        self.bytes.push(tag);
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        Term::Leaf(from, self.bytes.len() as u32)
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.children.clear();
        self.children.shrink_to(KEPT / size_of::<Term>());
    }
}

fn is_name(key: &[u8]) -> bool {
    let [first, rest @ ..] = key else { return false };
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    key.len() <= LONGEST_NAME
        && is_letter(first)
        && rest.iter().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

impl Build for Terms {
    type Term = Term;

    fn null(&mut self) -> Term {
        Term::Null
    }

    fn boolean(&mut self, boolean: bool) -> Term {
        let name: &[u8] = if boolean { b"true" } else { b"false" };
        self.leaf(ATOM, [&(name.len() as u16).to_be_bytes(), name])
    }

    fn signed(&mut self, number: i64) -> Term {
        match (u8::try_from(number), i32::try_from(number)) {
            (Ok(number), _) => self.leaf(BYTE, [&[number], &[]]),
            (_, Ok(number)) => self.leaf(INTEGER, [&number.to_be_bytes(), &[]]),
            _ => self.big(number < 0, &number.unsigned_abs().to_le_bytes()),
        }
    }

    fn unsigned(&mut self, number: u64) -> Term {
        self.big(false, &number.to_le_bytes())
    }

    fn big(&mut self, negative: bool, magnitude: &[u8]) -> Term {
        let digits = magnitude.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
        let (magnitude, _zeros) = magnitude.split_at(digits);
        match u8::try_from(digits) {
            Ok(digits) => self.leaf(SMALL_BIG, [&[digits, u8::from(negative)], magnitude]),
            Err(_) => {
                let [a, b, c, d] = (digits as u32).to_be_bytes();
                self.leaf(LARGE_BIG, [&[a, b, c, d, u8::from(negative)], magnitude])
            }
        }
    }

    fn float(&mut self, number: f64) -> Term {
        self.leaf(FLOAT, [&number.to_be_bytes(), &[]])
    }

    fn string(&mut self, text: &[u8]) -> Term {
        let from = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        Term::Text(from, self.bytes.len() as u32)
    }

    fn list(&mut self, values: &[Term]) -> Term {
        let from = self.children.len() as u32;
        self.children.extend_from_slice(values);
        Term::List(from, self.children.len() as u32)
    }

    fn map(&mut self, keys: &[Term], values: &[Term]) -> Option<Term> {
        let text = |key: &Term| match *key {
            Term::Text(from, to) => self.text(from, to),
            _ => &[],
        };
        // The reader sorts the keys of small objects.
        if !keys.is_sorted_by(|a, b| text(a) < text(b)) {
            let mut seen = HashSet::with_capacity(keys.len());
            if !keys.iter().all(|key| seen.insert(text(key))) {
                return None;
            }
        }
        let from = self.children.len() as u32;
        self.children.extend(keys.iter().zip(values).flat_map(|(key, value)| [*key, *value]));
        Some(Term::Map(from, self.children.len() as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn etf(json: &str) -> Vec<u8> {
        let mut out = Vec::new();
        append(&mut out, json.as_bytes()).unwrap();
        out
    }

    #[test]
    fn values_are_spelt_as_the_vm_spells_them() {
        assert_eq!(etf("null"), b"d\0\x03nil");
        assert_eq!(etf("true"), b"d\0\x04true");
        assert_eq!(etf("255"), [97, 255]);
        assert_eq!(etf("-1"), [98, 255, 255, 255, 255]);
        assert_eq!(etf("-2147483649"), [110, 4, 1, 1, 0, 0, 128]);
        assert_eq!(etf("18446744073709551615")[..3], [110, 8, 0]);
        assert_eq!(etf("1.5"), [70, 63, 248, 0, 0, 0, 0, 0, 0]);
        assert_eq!(etf(r#""a\u00e9""#), [109, 0, 0, 0, 3, b'a', 0xc3, 0xa9]);
        assert_eq!(etf("[]"), [106]);
        assert_eq!(etf("[1,[]]"), [108, 0, 0, 0, 2, 97, 1, 106, 106]);
        assert_eq!(etf("{}"), [116, 0, 0, 0, 0]);
    }

    #[test]
    fn an_integer_of_a_thousand_digits_has_a_longer_size() {
        assert_eq!(etf(&"9".repeat(1_000))[..6], [111, 0, 0, 1, 160, 0]);
    }

    #[test]
    fn names_are_atoms_and_other_keys_are_not() {
        assert_eq!(etf(r#"{"id":1}"#), *b"t\0\0\0\x01d\0\x02ida\x01");
        for key in ["123", "", "A", "a b", "\u{e9}", &"a".repeat(65)] {
            let expected =
                [b"t\0\0\0\x01m\0\0\0", &[key.len() as u8][..], key.as_bytes(), b"a\x01"];
            assert_eq!(etf(&format!("{{\"{key}\":1}}")), expected.concat());
        }
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        assert_eq!(etf(r#"{"a":1,"a":2}"#), etf(r#"{"a":2}"#));
        let many: Vec<_> = (0..40).map(|n| format!("\"k{n}\":1")).collect();
        let twice = format!("{{{},\"k7\":1}}", many.join(","));
        assert_eq!(etf(&twice)[..5], [116, 0, 0, 0, 40]);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(100_000);
        for text in ["", "1 2", "{", "nul", "\"\u{1}\"", &deep] {
            assert_eq!(append(&mut Vec::new(), text.as_bytes()), Err(NotJson));
        }
        assert_eq!(append(&mut Vec::new(), b"\"\xff\""), Err(NotJson));
    }
}
