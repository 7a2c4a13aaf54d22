//! The walk from terms to text. Open lists and maps are frames, so that nothing recurses.

use payload::{MAX_BYTES, MAX_DEPTH, write};
use rustler::Atom;

use super::atoms::{self, AtomTexts, Words};
use super::beam::{Beam, Integer, Kind, Pairs, Raw};

/// What a scheduler encodes at a time, in bytes of text.
pub(super) const NORMAL_BYTES: usize = 64 * 1024;

/// Why a term is no text.
pub(super) enum Failure {
    /// It is more than a normal scheduler should do at a time.
    Large,
    /// It has something that JSON has not.
    Term {
        reason: Atom,
        /// The offset in a string.
        position: Option<usize>,
        term: Raw,
        /// Where the term is: keys and indexes, from the outside in.
        path: Vec<Step>,
    },
}

pub(super) enum Step {
    Key(Raw),
    Index(usize),
}

/// A list or a map that is still open.
enum Frame {
    List { list: Raw, rest: Raw },
    Map { map: Raw, pairs: Pairs, start: usize },
}

/// What ends a walk early: too much text, or a term that cannot be text.
enum Stop {
    Large,
    Refused { reason: Atom, position: Option<usize>, term: Raw },
}

/// Encodes documents, one after the other, and keeps its memory in between.
pub(super) struct Encoder {
    pub(super) out: Vec<u8>,
    frames: Vec<Frame>,
    texts: AtomTexts,
    words: &'static Words,
    limit: usize,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self { out: vec![], frames: vec![], texts: AtomTexts::new(), words: Words::get(), limit: 0 }
    }

    /// Bytes of memory that are kept for the next document.
    pub(super) fn retained(&self) -> usize {
        self.out.capacity() + self.frames.capacity() * size_of::<Frame>() + self.texts.size()
    }

    /// Gives memory back, so that at most about `limit` bytes are kept.
    pub(super) fn shrink(&mut self, limit: usize) {
        self.out.clear();
        self.out.shrink_to(limit);
    }

    /// Writes the text of `term` to `out`, if it has at most `limit` bytes.
    pub(super) fn encode(&mut self, beam: Beam, term: Raw, limit: usize) -> Result<(), Failure> {
        self.out.clear();
        self.limit = limit;
        let result = self.walk(beam, term).map_err(|stop| match stop {
            Stop::Large if limit < MAX_BYTES => Failure::Large,
            Stop::Large => {
                Failure::Term { reason: atoms::too_large(), position: None, term, path: vec![] }
            }
            Stop::Refused { reason, position, term } => self.failure(beam, reason, position, term),
        });
        self.frames.clear();
        result
    }

    #[inline(always)]
    fn walk(&mut self, beam: Beam, mut term: Raw) -> Result<(), Stop> {
        loop {
            let opened = match beam.kind(term) {
                Kind::ERL_NIF_TERM_TYPE_BITSTRING => {
                    self.string(beam, term)?;
                    None
                }
                Kind::ERL_NIF_TERM_TYPE_ATOM => {
                    self.atom(beam, term);
                    None
                }
                Kind::ERL_NIF_TERM_TYPE_INTEGER => {
                    self.integer(beam, term)?;
                    None
                }
                Kind::ERL_NIF_TERM_TYPE_MAP => self.open_map(beam, term)?,
                Kind::ERL_NIF_TERM_TYPE_LIST => self.open_list(beam, term)?,
                Kind::ERL_NIF_TERM_TYPE_FLOAT => {
                    write::float(&mut self.out, beam.float(term));
                    None
                }
                kind => return Err(refuse(unsupported(kind), term)),
            };

            if self.out.len() > self.limit {
                return Err(Stop::Large);
            }
            term = match opened {
                Some(first) => first,
                None => match self.next(beam)? {
                    Some(next) => next,
                    None => return Ok(()),
                },
            };
        }
    }

    /// The term after the one that was written, when all that ends with that one is closed.
    #[inline(always)]
    fn next(&mut self, beam: Beam) -> Result<Option<Raw>, Stop> {
        loop {
            match self.frames.last_mut() {
                None => return Ok(None),
                Some(Frame::List { rest, .. }) => {
                    if let Some((head, tail)) = beam.cell(*rest) {
                        *rest = tail;
                        self.out.push(b',');
                        return Ok(Some(head));
                    }
                    if !beam.is_empty_list(*rest) {
                        return Err(self.improper());
                    }
                    self.out.push(b']');
                }
                Some(Frame::Map { pairs, .. }) => {
                    pairs.advance();
                    if let Some((key, value)) = pairs.pair() {
                        self.out.push(b',');
                        if key != self.words.module {
                            self.key(beam, key)?;
                            return Ok(Some(value));
                        }
                        self.fragment(beam)?;
                    } else {
                        self.out.push(b'}');
                    }
                }
            }
            self.frames.pop();
        }
    }

    fn open_list(&mut self, beam: Beam, list: Raw) -> Result<Option<Raw>, Stop> {
        self.check_depth(list)?;
        match beam.cell(list) {
            None => {
                self.out.extend_from_slice(b"[]");
                Ok(None)
            }
            Some((head, rest)) => {
                self.out.push(b'[');
                self.frames.push(Frame::List { list, rest });
                Ok(Some(head))
            }
        }
    }

    fn open_map(&mut self, beam: Beam, map: Raw) -> Result<Option<Raw>, Stop> {
        self.check_depth(map)?;
        let mut pairs = Pairs::new(beam, map);
        let Some((key, value)) = pairs.pair() else {
            self.out.extend_from_slice(b"{}");
            return Ok(None);
        };
        self.frames.push(Frame::Map { map, pairs, start: self.out.len() });

        if key == self.words.module {
            self.fragment(beam)?;
            self.frames.pop();
            return Ok(None);
        }
        self.out.push(b'{');
        self.key(beam, key)?;
        Ok(Some(value))
    }

    #[inline(always)]
    fn check_depth(&self, term: Raw) -> Result<(), Stop> {
        if self.frames.len() < MAX_DEPTH { Ok(()) } else { Err(refuse(atoms::too_deep(), term)) }
    }

    #[inline(always)]
    fn string(&mut self, beam: Beam, term: Raw) -> Result<(), Stop> {
        let text = beam.binary(term).ok_or_else(|| refuse(atoms::bitstring(), term))?;
        write::string(&mut self.out, text).map_err(|error| not_utf8(error, term))
    }

    #[inline(always)]
    fn atom(&mut self, beam: Beam, atom: Raw) {
        let words = self.words;
        if atom == words.nil {
            self.out.extend_from_slice(b"null");
        } else if atom == words.no {
            self.out.extend_from_slice(b"false");
        } else if atom == words.yes {
            self.out.extend_from_slice(b"true");
        } else {
            self.texts.push(&mut self.out, beam, atom);
        }
    }

    #[inline(always)]
    fn integer(&mut self, beam: Beam, term: Raw) -> Result<(), Stop> {
        match beam.integer(term) {
            Integer::Signed(number) => write::signed(&mut self.out, number),
            Integer::Unsigned(number) => write::unsigned(&mut self.out, number),
            Integer::Big => return self.big(beam, term),
        }
        Ok(())
    }

    #[cold]
    fn big(&mut self, beam: Beam, term: Raw) -> Result<(), Stop> {
        let external = beam.write_external(term);
        let (sign, magnitude) = match external.as_slice() {
            // SMALL_BIG_EXT and LARGE_BIG_EXT.
            [131, 110, _, sign, magnitude @ ..] => (*sign, magnitude),
            [131, 111, _, _, _, _, sign, magnitude @ ..] => (*sign, magnitude),
            _ => return Err(refuse(atoms::unknown(), term)),
        };
        write::big(&mut self.out, sign == 1, magnitude)
            .map_err(|_| refuse(atoms::number_too_long(), term))
    }

    #[inline(always)]
    fn key(&mut self, beam: Beam, key: Raw) -> Result<(), Stop> {
        match beam.kind(key) {
            Kind::ERL_NIF_TERM_TYPE_ATOM => self.texts.push(&mut self.out, beam, key),
            Kind::ERL_NIF_TERM_TYPE_BITSTRING => {
                let text = beam.binary(key).ok_or_else(|| refuse(atoms::invalid_key(), key))?;
                write::string(&mut self.out, text).map_err(|error| not_utf8(error, key))?;
            }
            Kind::ERL_NIF_TERM_TYPE_INTEGER => {
                self.out.push(b'"');
                self.integer(beam, key)?;
                self.out.push(b'"');
            }
            _ => return Err(refuse(atoms::invalid_key(), key)),
        }
        self.out.push(b':');
        Ok(())
    }

    /// Writes the text that the innermost map, which is a struct, has ready; it must be a fragment.
    #[cold]
    fn fragment(&mut self, beam: Beam) -> Result<(), Stop> {
        let Some(&Frame::Map { map, start, .. }) = self.frames.last() else { return Ok(()) };

        if beam.value(map, self.words.module) != Some(self.words.raw) {
            return Err(refuse(atoms::__struct__(), map));
        }
        let json = beam.value(map, self.words.json);
        let text = json
            .filter(|json| matches!(beam.kind(*json), Kind::ERL_NIF_TERM_TYPE_BITSTRING))
            .and_then(|json| beam.binary(json))
            .ok_or_else(|| refuse(atoms::invalid_raw(), map))?;

        self.out.truncate(start);
        if text.len() > self.limit.saturating_sub(start) {
            return Err(Stop::Large);
        }
        self.out.extend_from_slice(text);
        Ok(())
    }

    /// The innermost list, whose last tail is no list.
    #[cold]
    fn improper(&self) -> Stop {
        let list = match self.frames.last() {
            Some(Frame::List { list, .. }) => *list,
            _ => self.words.nil,
        };
        refuse(atoms::improper_list(), list)
    }

    /// The refusal of `term` with its path. A struct around it is refused in its place: whether the
    /// walk met the field or the name of the struct first is the VM's choice.
    #[cold]
    fn failure(&mut self, beam: Beam, reason: Atom, position: Option<usize>, term: Raw) -> Failure {
        let mut path = vec![];
        for frame in &mut self.frames {
            let (whole, step) = match frame {
                Frame::List { list, rest } => (*list, Step::Index(index(beam, *list, *rest))),
                Frame::Map { map, pairs, .. } => {
                    let key = pairs.pair().map_or(*map, |(key, _value)| key);
                    let module = beam.value(*map, self.words.module);
                    if module.is_some_and(|module| module != self.words.raw) {
                        let (reason, term) = (atoms::__struct__(), *map);
                        return Failure::Term { reason, position: None, term, path };
                    }
                    (if key == term { key } else { *map }, Step::Key(key))
                }
            };
            if whole == term {
                break;
            }
            path.push(step);
        }
        Failure::Term { reason, position, term, path }
    }
}

/// The index of the element before `rest`, which is one of the tails of `list`.
fn index(beam: Beam, list: Raw, rest: Raw) -> usize {
    let tails = std::iter::successors(beam.cell(list), |(_head, tail)| beam.cell(*tail));
    tails.take_while(|(_head, tail)| *tail != rest).count()
}

#[cold]
fn refuse(reason: Atom, term: Raw) -> Stop {
    Stop::Refused { reason, position: None, term }
}

#[cold]
fn not_utf8(error: write::NotUtf8, term: Raw) -> Stop {
    Stop::Refused { reason: atoms::invalid_utf8(), position: Some(error.0), term }
}

#[cold]
fn unsupported(kind: Kind) -> Atom {
    match kind {
        Kind::ERL_NIF_TERM_TYPE_TUPLE => atoms::tuple(),
        Kind::ERL_NIF_TERM_TYPE_PID => atoms::pid(),
        Kind::ERL_NIF_TERM_TYPE_PORT => atoms::port(),
        Kind::ERL_NIF_TERM_TYPE_REFERENCE => atoms::reference(),
        Kind::ERL_NIF_TERM_TYPE_FUN => atoms::function(),
        _ => atoms::unknown(),
    }
}
