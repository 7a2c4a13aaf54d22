//! What ends a walk before its term does.

use payload::write;
use rustler::Atom;

use super::atoms;
use crate::beam::{Kind, Raw};

/// What ends a walk early.
pub(super) enum Stop {
    /// Enough text for now. The term is what to go on with, none if it is the one after the last.
    Large(Option<Raw>),
    /// A term that cannot be text, and the offset in it.
    Refused { reason: Atom, position: Option<usize>, term: Raw },
}

#[cold]
pub(super) fn refuse(reason: Atom, term: Raw) -> Stop {
    Stop::Refused { reason, position: None, term }
}

#[cold]
pub(super) fn not_utf8(error: write::NotUtf8, term: Raw) -> Stop {
    Stop::Refused { reason: atoms::invalid_utf8(), position: Some(error.0), term }
}

#[cold]
pub(super) fn unsupported(kind: Kind) -> Atom {
    match kind {
        Kind::ERL_NIF_TERM_TYPE_TUPLE => atoms::tuple(),
        Kind::ERL_NIF_TERM_TYPE_PID => atoms::pid(),
        Kind::ERL_NIF_TERM_TYPE_PORT => atoms::port(),
        Kind::ERL_NIF_TERM_TYPE_REFERENCE => atoms::reference(),
        Kind::ERL_NIF_TERM_TYPE_FUN => atoms::function(),
        _ => atoms::unknown(),
    }
}
