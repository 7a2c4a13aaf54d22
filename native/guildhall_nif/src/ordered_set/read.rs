//! Keys back to terms. As when they are written, what is open is on a stack of our own.

use ordered_set::term::{Common, Reader, Token};
use rustler::{Atom, Encoder, Env, NifResult, Term};

use super::broken;
use super::piece::binary;
use crate::beam::{Beam, Raw};

/// What is open: where its elements begin among those that were read, and what it waits for.
enum Open {
    Tuple { start: usize, elements: usize },
    List { start: usize },
    Tail { start: usize },
}

/// Makes the terms of keys.
pub(super) struct Terms<'a> {
    env: Env<'a>,
    beam: Beam,
    open: Vec<Open>,
    read: Vec<Raw>,
}

impl<'a> Terms<'a> {
    pub(super) fn new(env: Env<'a>) -> Self {
        Self { env, beam: Beam::new(env), open: Vec::new(), read: Vec::new() }
    }

    /// The term of a key.
    pub(super) fn read(&mut self, key: &[u8]) -> NifResult<Raw> {
        let mut reader = Reader::new(key);
        self.open.clear();
        self.read.clear();
        loop {
            if let Some(term) = self.part(&mut reader)?
                && let Some(whole) = self.close(term)?
            {
                return Ok(whole);
            }
        }
    }

    /// The next part, if it is a term by itself; opens it, if others are in it.
    #[inline(always)]
    fn part(&mut self, reader: &mut Reader<'_>) -> NifResult<Option<Raw>> {
        Ok(match reader.common() {
            Some(Common::Unsigned(number)) => Some(self.beam.make_unsigned(number)),
            Some(Common::Binary(bytes)) => Some(self.beam.make_binary(bytes)),
            Some(Common::Tuple(elements)) => self.tuple(elements),
            None => self.rare(reader)?,
        })
    }

    #[inline(always)]
    fn tuple(&mut self, elements: usize) -> Option<Raw> {
        if elements == 0 {
            return Some(self.beam.make_tuple(&[]));
        }
        self.open.push(Open::Tuple { start: self.read.len(), elements });
        None
    }

    #[cold]
    fn rare(&mut self, reader: &mut Reader<'_>) -> NifResult<Option<Raw>> {
        Ok(match reader.token().map_err(|_| broken())? {
            Token::Tuple(elements) => self.tuple(elements as usize),
            // The next cell of a list that is open, or the first of another.
            Token::Cell => {
                match self.open.last_mut() {
                    Some(open @ &mut Open::Tail { start }) => *open = Open::List { start },
                    _ => self.open.push(Open::List { start: self.read.len() }),
                }
                None
            }
            Token::Nil => Some(self.beam.make_list(&[])),
            token => Some(scalar(self.env, token)?.as_c_arg()),
        })
    }

    /// Ends what ends with this term, and returns the whole if all does.
    #[inline(always)]
    fn close(&mut self, mut term: Raw) -> NifResult<Option<Raw>> {
        loop {
            match self.open.last_mut() {
                None => return Ok(Some(term)),
                Some(&mut Open::Tuple { start, elements }) => {
                    self.read.push(term);
                    if self.read.len() - start < elements {
                        return Ok(None);
                    }
                    term = self.beam.make_tuple(self.read.get(start..).ok_or_else(broken)?);
                    self.read.truncate(start);
                }
                Some(open @ &mut Open::List { start }) => {
                    self.read.push(term);
                    *open = Open::Tail { start };
                    return Ok(None);
                }
                Some(&mut Open::Tail { start }) => {
                    let heads = self.read.drain(start..).rev();
                    term = heads.fold(term, |tail, head| self.beam.make_cell(head, tail));
                }
            }
            self.open.pop();
        }
    }
}

/// A part that nothing is in, as the interface of the terms has it.
fn scalar<'a>(env: Env<'a>, token: Token<'_>) -> NifResult<Term<'a>> {
    Ok(match token {
        Token::Integer { negative: false, magnitude } => magnitude.encode(env),
        Token::Integer { negative: true, magnitude } => {
            match 0i64.checked_sub_unsigned(magnitude) {
                Some(number) => number.encode(env),
                None => big(env, true, &magnitude.to_be_bytes())?,
            }
        }
        Token::Big { negative, magnitude } => big(env, negative, &magnitude)?,
        Token::Float(number) => number.encode(env),
        Token::Atom(name) => atom(env, &name).ok_or_else(broken)?,
        Token::Binary(bytes) => binary(env, &bytes).to_term(env),
        Token::Nil | Token::Tuple(_) | Token::Cell => return Err(broken()),
    })
}

/// An integer of more than 64 bits.
fn big<'a>(env: Env<'a>, negative: bool, magnitude: &[u8]) -> NifResult<Term<'a>> {
    // LARGE_BIG_EXT: the magnitude has its least significant byte first.
    let length = (magnitude.len() as u32).to_be_bytes();
    let mut external = [&[131, 111][..], &length, &[u8::from(negative)]].concat();
    external.extend(magnitude.iter().rev());
    env.binary_to_term(&external).map(|(term, _)| term).ok_or_else(broken)
}

/// The atom of a name, if there is one: none is made.
pub(super) fn atom<'a>(env: Env<'a>, name: &str) -> Option<Term<'a>> {
    if name.chars().all(|letter| letter <= '\u{ff}') {
        return Atom::existing_from_str(env, name).ok().map(|atom| atom.to_term(env));
    }
    // The interface knows names beyond Latin-1 only in the external format: ATOM_UTF8_EXT.
    let length = u16::try_from(name.len()).ok()?.to_be_bytes();
    let external = [&[131, 118][..], &length, name.as_bytes()].concat();
    env.binary_to_term(&external).map(|(term, _)| term)
}
