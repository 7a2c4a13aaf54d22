//! Terms to keys. What is open is on a stack of our own: no depth of nesting is a danger, and the
//! length of a key ends what is too large.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::mem::MaybeUninit;

use ordered_set::{Entries, term};
use rustler::{Atom, Binary, Error, NifResult, Term, TermType, sys};
use smallvec::SmallVec;

use crate::atoms;

/// What a scheduler keeps for its next key.
const KEPT: usize = 1 << 12;

thread_local! {
    static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Calls `fun` with the key of a term, or returns why it has none.
pub(super) fn with_key<T>(term: Term<'_>, fun: impl FnOnce(&[u8]) -> T) -> Result<T, Atom> {
    KEY.with_borrow_mut(|key| {
        key.clear();
        let result = write(term, key).map(|()| fun(key));
        if key.capacity() > KEPT {
            key.clear();
            key.shrink_to(KEPT);
        }
        result
    })
}

/// Appends the key of a term.
pub(super) fn write(term: Term<'_>, key: &mut Vec<u8>) -> Result<(), Atom> {
    let start = key.len();
    let mut open: SmallVec<[Term<'_>; 16]> = SmallVec::new();
    open.push(term);
    while let Some(term) = open.pop() {
        match term.get_type() {
            TermType::Integer => integer(term, key)?,
            TermType::Binary => {
                let binary = Binary::from_term(term).map_err(|_| atoms::unsupported())?;
                fits(binary.len())?;
                term::binary(key, &binary);
            }
            TermType::Atom => atom(term, key)?,
            TermType::Float => term::float(key, term.decode().map_err(|_| atoms::unsupported())?),
            TermType::Tuple => {
                let elements = elements(term)?;
                fits(elements.len())?;
                term::tuple(key, elements.len() as u32);
                // SAFETY: an element belongs to the environment of its tuple.
                open.extend(
                    elements.iter().rev().map(|raw| unsafe { Term::new(term.get_env(), *raw) }),
                );
            }
            TermType::List => match term.list_get_cell() {
                Ok((head, tail)) => {
                    term::cell(key);
                    open.extend([tail, head]);
                }
                Err(_) => term::nil(key),
            },
            _ => return Err(atoms::unsupported()),
        }
        // Each that is open is a byte at least.
        fits(key.len() - start + open.len())?;
    }
    Ok(())
}

fn fits(bytes: usize) -> Result<(), Atom> {
    if bytes <= Entries::MAX_KEY { Ok(()) } else { Err(atoms::too_large()) }
}

fn integer(term: Term<'_>, key: &mut Vec<u8>) -> Result<(), Atom> {
    if let Ok(number) = term.decode() {
        term::signed(key, number);
    } else if let Ok(number) = term.decode() {
        term::unsigned(key, number);
    } else {
        let external = term.to_binary();
        let (sign, magnitude) = match external.as_slice() {
            // SMALL_BIG_EXT and LARGE_BIG_EXT, least significant byte first.
            [131, 110, _, sign, magnitude @ ..] => (*sign, magnitude),
            [131, 111, _, _, _, _, sign, magnitude @ ..] => (*sign, magnitude),
            _ => return Err(atoms::unsupported()),
        };
        fits(magnitude.len())?;
        let magnitude: Vec<u8> = magnitude.iter().rev().copied().collect();
        term::big(key, sign == 1, &magnitude);
    }
    Ok(())
}

fn atom(term: Term<'_>, key: &mut Vec<u8>) -> Result<(), Atom> {
    if let Ok(name) = term.atom_to_string() {
        term::atom(key, &name);
        return Ok(());
    }
    // The interface knows names beyond Latin-1 only in the external format.
    let external = term.to_binary();
    let name = match external.as_slice() {
        // ATOM_UTF8_EXT and SMALL_ATOM_UTF8_EXT.
        [131, 118, _, _, name @ ..] | [131, 119, _, name @ ..] => str::from_utf8(name).ok(),
        _ => None,
    };
    term::atom(key, name.ok_or(atoms::unsupported())?);
    Ok(())
}

/// The elements of a tuple, where they are: one may have millions, and is not copied to be refused.
fn elements<'a>(tuple: Term<'a>) -> Result<&'a [sys::ErlNifTerm], Atom> {
    let mut arity = 0;
    let mut elements = MaybeUninit::uninit();
    // SAFETY: the term belongs to its environment; the elements stay where they are as long. Of the
    // empty tuple the pointer may be anything.
    unsafe {
        let env = tuple.get_env().as_c_arg();
        let found =
            sys::enif_get_tuple(env, tuple.as_c_arg(), &mut arity, elements.as_mut_ptr()) != 0;
        match usize::try_from(arity) {
            Ok(0) if found => Ok(&[]),
            Ok(arity) if found => {
                Ok(std::slice::from_raw_parts(elements.assume_init().cast(), arity))
            }
            _ => Err(atoms::unsupported()),
        }
    }
}

/// A key and a payload, or a key alone.
pub(super) fn entry<'a>(
    term: Term<'a>,
    with_payload: bool,
) -> NifResult<(Term<'a>, Option<Binary<'a>>)> {
    if !with_payload {
        return Ok((term, None));
    }
    let (key, payload): (Term<'a>, Binary<'a>) = term.decode().map_err(|_| Error::BadArg)?;
    Ok((key, Some(payload)))
}
