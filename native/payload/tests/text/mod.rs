//! A builder whose terms are JSON texts: what was read, written again.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::ok_expect, reason = "for tests")]

use payload::{Build, Error, Reader, write};

/// The texts made so far; a term is the place of one.
#[derive(Default)]
struct Texts(Vec<Vec<u8>>);

impl Texts {
    fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let mut text = vec![];
        write(&mut text);
        self.0.push(text);
        self.0.len() - 1
    }
}

impl Build for Texts {
    type Term = usize;

    fn null(&mut self) -> usize {
        self.push(|out| out.extend(b"null"))
    }

    fn boolean(&mut self, boolean: bool) -> usize {
        self.push(|out| out.extend(boolean.to_string().as_bytes()))
    }

    fn signed(&mut self, number: i64) -> usize {
        self.push(|out| write::signed(out, number))
    }

    fn unsigned(&mut self, number: u64) -> usize {
        self.push(|out| write::unsigned(out, number))
    }

    fn big(&mut self, negative: bool, magnitude: &[u8]) -> usize {
        self.push(|out| write::big(out, negative, magnitude).ok().expect("it was read"))
    }

    fn float(&mut self, number: f64) -> usize {
        assert!(number.is_finite());
        self.push(|out| write::float(out, number))
    }

    fn string(&mut self, text: &[u8]) -> usize {
        self.push(|out| write::string(out, text).ok().expect("a string is UTF-8"))
    }

    fn list(&mut self, values: &[usize]) -> usize {
        let values: Vec<_> = values.iter().map(|&value| self.0[value].clone()).collect();
        self.push(|out| {
            out.push(b'[');
            out.extend(values.join(&b','));
            out.push(b']');
        })
    }

    fn map(&mut self, keys: &[usize], values: &[usize]) -> Option<usize> {
        let mut pairs: Vec<_> =
            keys.iter().zip(values).map(|(&key, &value)| (key, value)).collect();
        for (at, (key, _)) in pairs.iter().enumerate() {
            if pairs[..at].iter().any(|(other, _)| self.0[*other] == self.0[*key]) {
                return None;
            }
        }
        // In order of keys, since an object has none: where a key stood twice they come otherwise.
        pairs.sort_by(|(one, _), (other, _)| self.0[*one].cmp(&self.0[*other]));
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| [&*self.0[*key], b":", &*self.0[*value]].concat())
            .collect();
        Some(self.push(|out| {
            out.push(b'{');
            out.extend(pairs.join(&b','));
            out.push(b'}');
        }))
    }
}

/// Reads a document and writes it again, with a reader that has read others before.
pub(crate) fn rewritten(reader: &mut Reader<usize>, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut texts = Texts::default();
    let term = reader.read(input, &mut texts)?;
    Ok(texts.0.swap_remove(term))
}
