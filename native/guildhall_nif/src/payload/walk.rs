//! The walk over a term. Open lists and maps are frames, so that nothing recurses.

use payload::{MAX_DEPTH, write};

use super::atoms::{self, AtomTexts, Words};
use super::frames::{Frame, Frames};
use super::keys::KeyPlaces;
use super::stop::{Stop, not_utf8, refuse, unsupported};
use crate::beam::{Beam, Integer, Kind, Pairs, Raw, is_boxed};

pub(super) struct Walk<'a> {
    beam: Beam,
    out: &'a mut Vec<u8>,
    texts: &'a mut AtomTexts,
    keys: &'a mut KeyPlaces,
    words: &'static Words,
    limit: usize,
    /// Whether the limit is what a normal scheduler should write, and not what a text may be.
    normal: bool,
    pub(super) frames: Frames,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        beam: Beam,
        out: &'a mut Vec<u8>,
        texts: &'a mut AtomTexts,
        keys: &'a mut KeyPlaces,
        frames: Frames,
        (limit, normal): (usize, bool),
    ) -> Self {
        keys.forget();
        Self { beam, out, texts, keys, words: Words::get(), limit, normal, frames }
    }

    /// Writes `term`, if there is one, and all that is open.
    // Apart from its callers, in whose midst its loop was a fifth slower.
    #[inline(never)]
    pub(super) fn run(&mut self, term: Option<Raw>) -> Result<(), Stop> {
        let mut next = match term {
            Some(term) => Some(term),
            None => self.next()?,
        };

        while let Some(term) = next {
            next = self.value(term)?;
            if next.is_none() {
                if self.out.len() > self.limit {
                    return Err(Stop::Large(None));
                }
                next = self.next()?;
            }
        }
        Ok(())
    }

    /// Writes `term`, or opens it and returns its first element.
    #[inline(always)]
    fn value(&mut self, term: Raw) -> Result<Option<Raw>, Stop> {
        if term == self.words.nil {
            self.out.extend_from_slice(b"null");
        } else if term == self.words.no {
            self.out.extend_from_slice(b"false");
        } else if term == self.words.yes {
            self.out.extend_from_slice(b"true");
        } else {
            // Most values are strings.
            if is_boxed(term)
                && let Some(text) = self.beam.binary(term)
            {
                self.string(term, text)?;
                return Ok(None);
            }
            match self.beam.kind(term) {
                Kind::ERL_NIF_TERM_TYPE_BITSTRING => {
                    let text = self.beam.binary(term);
                    self.string(term, text.ok_or_else(|| refuse(atoms::bitstring(), term))?)?;
                }
                Kind::ERL_NIF_TERM_TYPE_INTEGER => self.integer(term)?,
                Kind::ERL_NIF_TERM_TYPE_MAP => return self.open_map(term),
                Kind::ERL_NIF_TERM_TYPE_LIST => return self.open_list(term),
                Kind::ERL_NIF_TERM_TYPE_FLOAT => write::float(self.out, self.beam.float(term)),
                Kind::ERL_NIF_TERM_TYPE_ATOM => self.texts.push(self.out, self.beam, term),
                kind => return Err(refuse(unsupported(kind), term)),
            }
        }
        Ok(None)
    }

    /// The term after the one that was written, when all that ends with that one is closed.
    #[inline(always)]
    fn next(&mut self) -> Result<Option<Raw>, Stop> {
        loop {
            match self.frames.0.last_mut() {
                None => return Ok(None),
                Some(Frame::List { list, rest }) => {
                    if let Some((head, tail)) = self.beam.cell(*rest) {
                        *rest = tail;
                        self.out.push(b',');
                        return Ok(Some(head));
                    }
                    if !self.beam.is_empty_list(*rest) {
                        return Err(refuse(atoms::improper_list(), *list));
                    }
                    self.out.push(b']');
                }
                Some(Frame::Map { pairs, index, .. }) => {
                    pairs.advance();
                    *index += 1;
                    if let Some((key, value)) = pairs.pair() {
                        if self.key(b',', key)? {
                            return Ok(Some(value));
                        }
                        continue;
                    }
                    self.out.push(b'}');
                }
            }
            self.frames.0.pop();
        }
    }

    #[inline(always)]
    fn open_list(&mut self, list: Raw) -> Result<Option<Raw>, Stop> {
        self.check_depth(list)?;
        match self.beam.cell(list) {
            None => {
                self.out.extend_from_slice(b"[]");
                Ok(None)
            }
            Some((head, rest)) => {
                self.out.push(b'[');
                self.frames.0.push(Frame::List { list, rest });
                Ok(Some(head))
            }
        }
    }

    #[inline(always)]
    fn open_map(&mut self, map: Raw) -> Result<Option<Raw>, Stop> {
        self.check_depth(map)?;
        let start = self.out.len();
        self.frames.0.push(Frame::Map { map, pairs: Pairs::new(), index: 0, start });

        let first = self.frames.0.last_mut().and_then(|frame| frame.start(self.beam));
        let Some((key, value)) = first else {
            self.out.extend_from_slice(b"{}");
            self.frames.0.pop();
            return Ok(None);
        };
        // From OTP 26 on maps begin with any of their atoms: a fragment is told by its other key, too, before
        // its text is taken for a string.
        if key == self.words.json && self.beam.value(map, self.words.module).is_some() {
            return self.fragment().map(|()| None);
        }
        Ok(if self.key(b'{', key)? { Some(value) } else { None })
    }

    #[inline(always)]
    fn check_depth(&self, term: Raw) -> Result<(), Stop> {
        if self.frames.0.len() < MAX_DEPTH { Ok(()) } else { Err(refuse(atoms::too_deep(), term)) }
    }

    #[inline(always)]
    fn string(&mut self, term: Raw, text: &[u8]) -> Result<(), Stop> {
        if text.len() > self.limit {
            return Err(Stop::Large(Some(term)));
        }
        write::string(self.out, text).map_err(|error| not_utf8(error, term))
    }

    #[inline(always)]
    fn integer(&mut self, term: Raw) -> Result<(), Stop> {
        match self.beam.integer(term) {
            Integer::Signed(number) => write::signed(self.out, number),
            Integer::Unsigned(number) => write::unsigned(self.out, number),
            Integer::Big => return self.big(term),
        }
        Ok(())
    }

    #[cold]
    fn big(&mut self, term: Raw) -> Result<(), Stop> {
        let external = self.beam.write_external(term);
        let (sign, magnitude) = match external.as_slice() {
            // SMALL_BIG_EXT and LARGE_BIG_EXT.
            [131, 110, _, sign, magnitude @ ..] => (*sign, magnitude),
            [131, 111, _, _, _, _, sign, magnitude @ ..] => (*sign, magnitude),
            _ => return Err(refuse(atoms::unknown(), term)),
        };
        // The work grows with the square of the size.
        self.charge(64 + 8 * magnitude.len());
        write::big(self.out, sign == 1, magnitude)
            .map_err(|_| refuse(atoms::number_too_long(), term))
    }

    /// Takes text away from what a normal scheduler may write, for work that writes little.
    fn charge(&mut self, bytes: usize) {
        if self.normal {
            self.limit = self.limit.saturating_sub(bytes);
        }
    }

    /// Writes `lead`, the key of the innermost map and its colon. False if the map turns out to be a
    /// fragment, which is written in its place.
    #[inline(always)]
    fn key(&mut self, lead: u8, key: Raw) -> Result<bool, Stop> {
        if is_boxed(key) {
            if self.keys.push_key(self.out, lead, key) {
                return Ok(true);
            }
            if let Some(text) = self.beam.binary(key) {
                return self.text_key(lead, key, text);
            }
        } else if self.texts.push_key(self.out, lead, key) {
            return Ok(true);
        }
        self.other_key(lead, key)
    }

    #[inline(always)]
    fn text_key(&mut self, lead: u8, key: Raw, text: &[u8]) -> Result<bool, Stop> {
        if text.len() > self.limit {
            return Err(self.again());
        }
        let start = self.out.len();
        self.out.push(lead);
        write::string(self.out, text).map_err(|error| not_utf8(error, key))?;
        self.out.push(b':');
        self.keys.remember(self.out, start, key);
        Ok(true)
    }

    /// A key that is not remembered, and perhaps none.
    fn other_key(&mut self, lead: u8, key: Raw) -> Result<bool, Stop> {
        match self.beam.kind(key) {
            Kind::ERL_NIF_TERM_TYPE_BITSTRING => {
                let text =
                    self.beam.binary(key).ok_or_else(|| refuse(atoms::invalid_key(), key))?;
                return self.text_key(lead, key, text);
            }
            Kind::ERL_NIF_TERM_TYPE_ATOM if key == self.words.module => {
                return self.fragment().map(|()| false);
            }
            Kind::ERL_NIF_TERM_TYPE_ATOM => {
                self.out.push(lead);
                self.texts.push(self.out, self.beam, key);
            }
            Kind::ERL_NIF_TERM_TYPE_INTEGER => {
                self.out.extend_from_slice(&[lead, b'"']);
                self.integer(key)?;
                self.out.push(b'"');
            }
            _ => return Err(refuse(atoms::invalid_key(), key)),
        }
        self.out.push(b':');
        Ok(true)
    }

    /// Writes the text that the innermost map, which is a struct, has ready; it must be a fragment.
    #[cold]
    fn fragment(&mut self) -> Result<(), Stop> {
        let Some(&Frame::Map { map, start, .. }) = self.frames.0.last() else { return Ok(()) };

        if self.beam.value(map, self.words.module) != Some(self.words.raw) {
            return Err(refuse(atoms::__struct__(), map));
        }
        let json = self.beam.value(map, self.words.json);
        let text = json
            .filter(|json| matches!(self.beam.kind(*json), Kind::ERL_NIF_TERM_TYPE_BITSTRING))
            .and_then(|json| self.beam.binary(json))
            .ok_or_else(|| refuse(atoms::invalid_raw(), map))?;

        self.charge(32);
        if text.len() > self.limit.saturating_sub(start) {
            return Err(self.again());
        }
        self.cut(start);
        self.out.extend_from_slice(text);
        self.frames.0.pop();
        Ok(())
    }

    /// Takes the innermost map back, to be written from its start when there is more room.
    #[cold]
    fn again(&mut self) -> Stop {
        let popped = self.frames.pop_map();
        self.cut(popped.map_or(self.out.len(), |(_map, start)| start));
        Stop::Large(popped.map(|(map, _start)| map))
    }

    fn cut(&mut self, start: usize) {
        self.out.truncate(start);
        self.keys.forget();
    }
}
