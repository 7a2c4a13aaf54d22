//! Keys back to terms. As when they are written, what is open is on a stack of our own.

use ordered_set::term::{Reader, Token};
use rustler::{Atom, Encoder, Env, NifResult, Term, types::tuple::make_tuple};
use smallvec::SmallVec;

use super::broken;
use super::piece::binary;

/// What is open: where its elements begin among those that were read, and what it waits for.
enum Open {
    Tuple { start: usize, elements: usize },
    List { start: usize },
    Tail { start: usize },
}

/// The term of a key.
pub(super) fn term<'a>(env: Env<'a>, key: &[u8]) -> NifResult<Term<'a>> {
    let mut reader = Reader::new(key);
    let mut open: SmallVec<[Open; 8]> = SmallVec::new();
    let mut read: SmallVec<[Term<'a>; 16]> = SmallVec::new();
    loop {
        let token = reader.token().map_err(|_| broken())?;
        let mut term = match (token, open.last()) {
            (Token::Tuple(elements), _) if elements > 0 => {
                open.push(Open::Tuple { start: read.len(), elements: elements as usize });
                continue;
            }
            // The next cell of a list that is open, or the first of another.
            (Token::Cell, last) => {
                match last {
                    Some(&Open::Tail { start }) => {
                        open.pop();
                        open.push(Open::List { start });
                    }
                    _ => open.push(Open::List { start: read.len() }),
                }
                continue;
            }
            (token, _) => scalar(env, token)?,
        };
        // What ends with this term, ends.
        loop {
            match open.pop() {
                None => return Ok(term),
                Some(Open::Tuple { start, elements }) => {
                    read.push(term);
                    if read.len() - start < elements {
                        open.push(Open::Tuple { start, elements });
                        break;
                    }
                    term = make_tuple(env, read.get(start..).ok_or_else(broken)?);
                    read.truncate(start);
                }
                Some(Open::List { start }) => {
                    read.push(term);
                    open.push(Open::Tail { start });
                    break;
                }
                Some(Open::Tail { start }) => {
                    term =
                        read.drain(start..).rev().fold(term, |tail, head| tail.list_prepend(head));
                }
            }
        }
    }
}

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
        Token::Nil => Term::list_new_empty(env),
        Token::Tuple(_) | Token::Cell => make_tuple(env, &[]),
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
