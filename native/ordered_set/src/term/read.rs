//! Keys back to terms. Keys of a snapshot come from outside: all that is not the one encoding of a
//! term is refused.

use std::borrow::Cow;

use super::number::float_of;
use super::write;
use super::{ATOM, BINARY, CELL, ESCAPED, FEW, FRACTION, NIL, SHORT, TUPLE, WHOLE, ZERO};

/// A part of a term.
#[derive(Debug, Clone, PartialEq)]
pub enum Token<'a> {
    /// An integer of up to 64 bits, by sign and magnitude.
    Integer {
        /// Whether it is below zero.
        negative: bool,
        /// Its distance from zero.
        magnitude: u64,
    },
    /// A longer integer.
    Big {
        /// Whether it is below zero.
        negative: bool,
        /// Its distance from zero, most significant byte first.
        magnitude: Cow<'a, [u8]>,
    },
    /// A finite float.
    Float(f64),
    /// An atom's name.
    Atom(Cow<'a, str>),
    /// A binary.
    Binary(Cow<'a, [u8]>),
    /// A tuple, of the elements that follow.
    Tuple(u32),
    /// A cell of a list: the element and the tail follow.
    Cell,
    /// The empty list.
    Nil,
}

/// A part of a term, of those that nearly all terms are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Common<'a> {
    /// An integer from 0 on.
    Unsigned(u64),
    /// A binary without a zero byte.
    Binary(&'a [u8]),
    /// A tuple, of the elements that follow.
    Tuple(usize),
}

/// These bytes are not the encoding of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid;

/// The tag of the longest magnitude that is read at once, and that of the shortest tuple whose length is
/// not in its tag.
const EIGHT_BYTES: u8 = ZERO + SHORT as u8;
const FULL_TUPLE: u8 = TUPLE + FEW as u8;

/// Longer names are not atoms.
const MAX_ATOM: usize = 255;

/// Reads the parts of a term, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the first part.
    pub fn new(key: &'a [u8]) -> Self {
        Self { rest: key }
    }

    /// Whether all is read.
    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next part, if it is a common one. It is read in a tenth of the time of [`Reader::token`],
    /// of a key that is known to be valid.
    #[inline]
    pub fn common(&mut self) -> Option<Common<'a>> {
        let (tag, rest) = self.rest.split_first()?;
        match *tag {
            ZERO..=EIGHT_BYTES => {
                let len = usize::from(tag - ZERO);
                let (magnitude, rest) = rest.split_at_checked(len)?;
                if let Some(&(WHOLE | FRACTION)) = rest.first() {
                    return None;
                }
                self.rest = rest;
                Some(Common::Unsigned(
                    magnitude.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)),
                ))
            }
            BINARY => {
                let (bytes, rest) = rest.split_at(memchr::memchr(0, rest)?);
                if let Some(&ESCAPED) = rest.get(1) {
                    return None;
                }
                self.rest = &rest[1..];
                Some(Common::Binary(bytes))
            }
            TUPLE..FULL_TUPLE => {
                self.rest = rest;
                Some(Common::Tuple(usize::from(tag - TUPLE)))
            }
            _ => None,
        }
    }

    /// The next part.
    pub fn token(&mut self) -> Result<Token<'a>, Invalid> {
        let start = self.rest;
        let [tag] = self.take()?;
        let long = SHORT as u8 + 1;
        match tag {
            ATOM => self.atom(),
            BINARY => Ok(Token::Binary(self.text()?)),
            NIL => Ok(Token::Nil),
            CELL => Ok(Token::Cell),
            _ if (ZERO - long..=ZERO + long).contains(&tag) => self.number(start, tag),
            _ if (TUPLE..=TUPLE + FEW as u8).contains(&tag) => self.tuple(tag - TUPLE),
            _ => Err(Invalid),
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Invalid> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Invalid)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn number(&mut self, start: &'a [u8], tag: u8) -> Result<Token<'a>, Invalid> {
        let negative = tag < ZERO;
        let sign = if negative { 0xFF } else { 0 };
        let mut len = usize::from(tag.abs_diff(ZERO));
        if len > SHORT {
            len = u32::from_be_bytes(self.take::<4>()?.map(|byte| byte ^ sign)) as usize;
            if len <= SHORT {
                return Err(Invalid);
            }
        }
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Invalid)?;
        self.rest = rest;
        let mut magnitude = Cow::Borrowed(bytes);
        if negative {
            magnitude.to_mut().iter_mut().for_each(|byte| *byte ^= sign);
        }
        if magnitude.first() == Some(&0) {
            return Err(Invalid);
        }
        match self.rest.first() {
            Some(&(WHOLE | FRACTION)) => self.float(start, negative, &magnitude),
            _ if len > SHORT => Ok(Token::Big { negative, magnitude }),
            _ => {
                let magnitude = magnitude.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
                Ok(Token::Integer { negative, magnitude })
            }
        }
    }

    fn float(&mut self, start: &[u8], negative: bool, whole: &[u8]) -> Result<Token<'a>, Invalid> {
        let [kind] = self.take()?;
        let fraction = if kind == FRACTION { Some(self.take()?) } else { None };
        let number = float_of(negative, whole, fraction);
        // Whether it is one, and the only way to write it, shows when it is written again.
        let mut again = Vec::new();
        if number.is_finite() {
            write::float(&mut again, number);
        }
        let read = &start[..start.len() - self.rest.len()];
        if again == read { Ok(Token::Float(number)) } else { Err(Invalid) }
    }

    fn tuple(&mut self, few: u8) -> Result<Token<'a>, Invalid> {
        if usize::from(few) < FEW {
            return Ok(Token::Tuple(few.into()));
        }
        let elements = u32::from_be_bytes(self.take()?);
        if elements as usize >= FEW { Ok(Token::Tuple(elements)) } else { Err(Invalid) }
    }

    fn atom(&mut self) -> Result<Token<'a>, Invalid> {
        let name = match self.text()? {
            Cow::Borrowed(name) => str::from_utf8(name).map(Cow::Borrowed).map_err(|_| Invalid)?,
            Cow::Owned(name) => String::from_utf8(name).map(Cow::Owned).map_err(|_| Invalid)?,
        };
        if name.chars().count() <= MAX_ATOM { Ok(Token::Atom(name)) } else { Err(Invalid) }
    }

    fn text(&mut self) -> Result<Cow<'a, [u8]>, Invalid> {
        let mut text = Cow::Borrowed(&[][..]);
        loop {
            let end = self.rest.iter().position(|byte| *byte == 0).ok_or(Invalid)?;
            let (part, rest) = self.rest.split_at(end);
            match &mut text {
                Cow::Owned(text) => text.extend_from_slice(part),
                text => *text = Cow::Borrowed(part),
            }
            self.rest = &rest[1..];
            let Some((&ESCAPED, rest)) = self.rest.split_first() else { return Ok(text) };
            text.to_mut().push(0);
            self.rest = rest;
        }
    }
}

/// Checks that `key` is the encoding of one term and no more, and shows the atoms in it.
pub fn validate(key: &[u8], mut atom: impl FnMut(&str)) -> Result<(), Invalid> {
    let mut reader = Reader::new(key);
    let mut missing: u64 = 1;
    while missing > 0 {
        missing -= 1;
        missing += match reader.token()? {
            Token::Tuple(elements) => u64::from(elements),
            Token::Cell => 2,
            Token::Atom(name) => {
                atom(&name);
                0
            }
            _ => 0,
        };
    }
    if reader.is_done() { Ok(()) } else { Err(Invalid) }
}
