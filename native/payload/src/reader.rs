//! Text to terms, without recursion: open arrays and objects are frames over two shared stacks.

use std::collections::HashMap;

use ahash::RandomState;

use crate::keys::{Key, KeyCache};
use crate::{Error, MAX_BYTES, MAX_DEPTH, Reason, number, text};

/// Maps of up to this size are arrays sorted by key in the VM, which sorts by insertion what it is
/// given: keys that are in order already are a third of the cost.
const SORTED: usize = 32;

/// What makes terms of what a [`Reader`] finds.
pub trait Build {
    /// A term. It is copied, so it should be a word.
    type Term: Copy + Default;

    /// `null`.
    fn null(&mut self) -> Self::Term;
    /// `true` or `false`.
    fn boolean(&mut self, boolean: bool) -> Self::Term;
    /// An integer.
    fn signed(&mut self, number: i64) -> Self::Term;
    /// An integer beyond `i64`.
    fn unsigned(&mut self, number: u64) -> Self::Term;
    /// An integer beyond 64 bits, its magnitude little-endian.
    fn big(&mut self, negative: bool, magnitude: &[u8]) -> Self::Term;
    /// A float, which is finite.
    fn float(&mut self, number: f64) -> Self::Term;
    /// A string or a key, which is UTF-8.
    fn string(&mut self, text: &[u8]) -> Self::Term;
    /// An array.
    fn list(&mut self, values: &[Self::Term]) -> Self::Term;
    /// An object; `None` if two keys are the same.
    fn map(&mut self, keys: &[Self::Term], values: &[Self::Term]) -> Option<Self::Term>;
}

/// An array or object that is still open, and where its values and keys start.
#[derive(Clone, Copy)]
struct Frame {
    values: usize,
    keys: Option<usize>,
}

/// Reads documents, one after the other, and keeps its memory in between.
pub struct Reader<T> {
    frames: Vec<Frame>,
    values: Vec<T>,
    keys: Vec<Key>,
    key_terms: Vec<T>,
    cache: KeyCache<T>,
    /// Keys that had escapes, one after the other.
    unescaped: Vec<u8>,
    /// A string that has escapes.
    string: Vec<u8>,
}

impl<T: Copy + Default> Default for Reader<T> {
    fn default() -> Self {
        Self {
            frames: vec![],
            values: vec![],
            keys: vec![],
            key_terms: vec![],
            cache: KeyCache::new(),
            unescaped: vec![],
            string: vec![],
        }
    }
}

impl<T: Copy + Default> Reader<T> {
    /// Makes the term that `input` spells. Of equal keys of an object the last one counts.
    pub fn read<B: Build<Term = T>>(&mut self, input: &[u8], build: &mut B) -> Result<T, Error> {
        if input.len() > MAX_BYTES {
            return Err(Error::new(Reason::TooLarge, MAX_BYTES));
        }
        self.clear();

        let mut at = 0;
        loop {
            at = skip(input, at);
            let (mut term, next) = match input.get(at) {
                Some(b'"') => self.string(input, at + 1, build)?,
                Some(b'{') => match self.open(input, at, b'}', Some(self.keys.len()))? {
                    Opened::Empty(next) => {
                        (self.map(input, self.keys.len(), self.values.len(), build), next)
                    }
                    Opened::At(next) => {
                        at = self.key(input, next, build)?;
                        continue;
                    }
                },
                Some(b'[') => match self.open(input, at, b']', None)? {
                    Opened::Empty(next) => (build.list(&[]), next),
                    Opened::At(next) => {
                        at = next;
                        continue;
                    }
                },
                Some(b'-' | b'0'..=b'9') => number::read(input, at, build)?,
                Some(b'n') => (build.null(), literal(input, at, b"null")?),
                Some(b't') => (build.boolean(true), literal(input, at, b"true")?),
                Some(b'f') => (build.boolean(false), literal(input, at, b"false")?),
                _ => return Err(Error::unexpected(input, at)),
            };

            // The term may be the last of its array or object, and that the last of its own.
            at = next;
            loop {
                at = skip(input, at);
                let Some(&frame) = self.frames.last() else {
                    return if at == input.len() {
                        Ok(term)
                    } else {
                        Err(Error::unexpected(input, at))
                    };
                };
                self.values.push(term);

                match (input.get(at), frame.keys) {
                    (Some(b','), None) => {
                        at += 1;
                        break;
                    }
                    (Some(b','), Some(_)) => {
                        at = self.key(input, skip(input, at + 1), build)?;
                        break;
                    }
                    (Some(b']'), None) => {
                        term = build.list(self.values.get(frame.values..).unwrap_or_default());
                    }
                    (Some(b'}'), Some(keys)) => term = self.map(input, keys, frame.values, build),
                    _ => return Err(Error::unexpected(input, at)),
                }
                self.values.truncate(frame.values);
                self.frames.pop();
                at += 1;
            }
        }
    }

    /// Bytes of memory that are kept for the next document.
    pub fn retained(&self) -> usize {
        let word = size_of::<T>();
        self.frames.capacity() * size_of::<Frame>()
            + (self.values.capacity() + self.key_terms.capacity()) * word
            + self.keys.capacity() * size_of::<Key>()
            + self.unescaped.capacity()
            + self.string.capacity()
            + self.cache.size()
    }

    /// Gives memory back, so that at most about `limit` bytes of each kind are kept.
    pub fn shrink(&mut self, limit: usize) {
        self.clear();
        self.string.clear();
        self.frames.shrink_to(limit / size_of::<Frame>());
        self.values.shrink_to(limit / size_of::<T>());
        self.key_terms.shrink_to(limit / size_of::<T>());
        self.keys.shrink_to(limit / size_of::<Key>());
        self.unescaped.shrink_to(limit);
        self.string.shrink_to(limit);
    }

    fn clear(&mut self) {
        self.frames.clear();
        self.values.clear();
        self.keys.clear();
        self.key_terms.clear();
        self.unescaped.clear();
        self.cache.start();
    }

    /// Opens the array or object whose bracket is at `at`, unless it is empty.
    #[inline(always)]
    fn open(
        &mut self,
        input: &[u8],
        at: usize,
        close: u8,
        keys: Option<usize>,
    ) -> Result<Opened, Error> {
        if self.frames.len() == MAX_DEPTH {
            return Err(Error::new(Reason::TooDeep, at));
        }
        let next = skip(input, at + 1);
        if input.get(next) == Some(&close) {
            return Ok(Opened::Empty(next + 1));
        }
        self.frames.push(Frame { values: self.values.len(), keys });
        Ok(Opened::At(next))
    }

    /// Reads the string from `from` on, and returns it with the offset after its quote.
    #[inline(always)]
    fn string<B: Build<Term = T>>(
        &mut self,
        input: &[u8],
        from: usize,
        build: &mut B,
    ) -> Result<(T, usize), Error> {
        let end = text::run(input, from)?;
        if input.get(end) == Some(&b'"') {
            return Ok((build.string(input.get(from..end).unwrap_or_default()), end + 1));
        }
        self.string.clear();
        let next = text::unescape(input, from, &mut self.string)?;
        Ok((build.string(&self.string), next))
    }

    /// Reads the key whose quote should be at `at`, and returns the offset after its colon.
    #[inline(always)]
    fn key<B: Build<Term = T>>(
        &mut self,
        input: &[u8],
        at: usize,
        build: &mut B,
    ) -> Result<usize, Error> {
        if input.get(at) != Some(&b'"') {
            return Err(Error::unexpected(input, at));
        }
        let (start, end) = (at + 1, text::run(input, at + 1)?);
        let ((key, term), next) = if input.get(end) == Some(&b'"') {
            (self.cache.get(input, start, end, |text| build.string(text)), end + 1)
        } else {
            let from = self.unescaped.len();
            let next = text::unescape(input, start, &mut self.unescaped)?;
            let key = Key::unescaped(&self.unescaped, from);
            ((key, build.string(key.text(input, &self.unescaped))), next)
        };
        self.keys.push(key);
        self.key_terms.push(term);

        let colon = skip(input, next);
        if input.get(colon) == Some(&b':') {
            Ok(colon + 1)
        } else {
            Err(Error::unexpected(input, colon))
        }
    }

    /// Closes the object whose keys and values start at `keys` and `values`.
    fn map<B: Build<Term = T>>(
        &mut self,
        input: &[u8],
        keys: usize,
        values: usize,
        build: &mut B,
    ) -> T {
        let term = if self.keys.len() - keys <= SORTED {
            self.sorted(input, keys, values, build)
        } else {
            let key_terms = self.key_terms.get(keys..).unwrap_or_default();
            build.map(key_terms, self.values.get(values..).unwrap_or_default())
        };
        let term = term.unwrap_or_else(|| self.distinct(input, keys, values, build));
        self.keys.truncate(keys);
        self.key_terms.truncate(keys);
        term
    }

    /// A map whose keys are in the VM's order; `None` if two are the same.
    fn sorted<B: Build<Term = T>>(
        &self,
        input: &[u8],
        keys: usize,
        values: usize,
        build: &mut B,
    ) -> Option<T> {
        let key_terms = self.key_terms.get(keys..).unwrap_or_default();
        let values = self.values.get(values..).unwrap_or_default();
        let keys = self.keys.get(keys..).unwrap_or_default();

        let mut entries = [(Key::default(), T::default(), T::default()); SORTED];
        let entries = entries.get_mut(..keys.len())?;
        for (entry, (key, (term, value))) in
            entries.iter_mut().zip(keys.iter().zip(key_terms.iter().zip(values)))
        {
            *entry = (*key, *term, *value);
        }

        let mut same = false;
        entries.sort_unstable_by(|a, b| {
            let order = a.0.order(&b.0, input, &self.unescaped);
            same |= order.is_eq();
            order
        });
        if same {
            return None;
        }

        let mut sorted = [T::default(); SORTED];
        let mut sorted_values = [T::default(); SORTED];
        for (entry, (term, value)) in
            entries.iter().zip(sorted.iter_mut().zip(sorted_values.iter_mut()))
        {
            (*term, *value) = (entry.1, entry.2);
        }
        build.map(sorted.get(..entries.len())?, sorted_values.get(..entries.len())?)
    }

    /// A map with the last of each of the keys that are the same.
    #[cold]
    fn distinct<B: Build<Term = T>>(
        &self,
        input: &[u8],
        keys: usize,
        values: usize,
        build: &mut B,
    ) -> T {
        let mut last = HashMap::with_hasher(RandomState::new());
        let terms = self.key_terms.iter().skip(keys).zip(self.values.iter().skip(values));
        for (key, entry) in self.keys.iter().skip(keys).zip(terms) {
            last.insert(key.text(input, &self.unescaped), entry);
        }
        let (keys, values): (Vec<T>, Vec<T>) = last.into_values().unzip();
        build.map(&keys, &values).unwrap_or_else(|| build.null())
    }
}

enum Opened {
    /// It is empty, and ends before this offset.
    Empty(usize),
    /// Its first value or key is at this offset.
    At(usize),
}

#[inline(always)]
fn skip(input: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = input.get(at) {
        at += 1;
    }
    at
}

/// The offset after the literal at `at`.
#[inline(always)]
fn literal(input: &[u8], at: usize, text: &[u8]) -> Result<usize, Error> {
    let found = input.get(at..).unwrap_or_default();
    if found.starts_with(text) {
        return Ok(at + text.len());
    }
    let same = found.iter().zip(text).take_while(|(a, b)| a == b).count();
    Err(Error::unexpected(input, at + same))
}
