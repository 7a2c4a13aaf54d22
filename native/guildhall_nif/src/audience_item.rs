//! Events and whom they are for, as terms.

use audience::{Item, Moved, To};
use rustler::{Atom, Error, NifResult, Term};

use crate::atoms;
use crate::audience::{MovesResource, few_ids};
use crate::list::List;

/// An item from a tuple, as `Guildhall.Audience` makes it of its struct. `event` reads a body.
pub(crate) fn item<'a, E>(
    term: Term<'a>,
    event: impl Fn(Term<'a>) -> NifResult<E>,
) -> NifResult<Item<E>> {
    let fields = rustler::types::tuple::get_tuple(term)?;
    let fields: [Term<'a>; 12] = fields.try_into().map_err(|_| Error::BadArg)?;
    let [
        to,
        body,
        content,
        author,
        author_id,
        intents,
        permissions,
        always,
        except,
        content_for,
        passive,
        shard,
    ] = fields;
    let author = match optional(author, &event)? {
        Some(author) => Some((author_id.decode()?, author)),
        None => None,
    };
    Ok(Item {
        body: event(body)?,
        content: optional(content, &event)?,
        author,
        to: place(to)?,
        intents: intents.decode()?,
        permissions: permissions.decode()?,
        always: few_ids(always)?,
        except: few_ids(except)?,
        content_for: few_ids(content_for)?,
        passive: passive.decode()?,
        shard: shard.decode()?,
    })
}

/// Several items.
pub(crate) fn items<'a, E>(
    term: Term<'a>,
    event: impl Fn(Term<'a>) -> NifResult<E>,
) -> NifResult<Vec<Item<E>>> {
    let List(terms) = term.decode::<List<Term<'a>>>()?;
    terms.into_iter().map(|term| item(term, &event)).collect()
}

fn optional<'a, E>(
    term: Term<'a>,
    event: impl Fn(Term<'a>) -> NifResult<E>,
) -> NifResult<Option<E>> {
    let none = term.decode::<Atom>().is_ok_and(|atom| atom == rustler::types::atom::nil());
    if none { Ok(None) } else { event(term).map(Some) }
}

fn place(term: Term<'_>) -> NifResult<To> {
    if let Ok(room) = term.decode::<Atom>() {
        return if room == atoms::room() { Ok(To::Room) } else { Err(Error::BadArg) };
    }
    if let Ok((kind, what)) = term.decode::<(Atom, Term<'_>)>() {
        return match kind {
            kind if kind == atoms::channel() => Ok(To::Channel(what.decode()?)),
            kind if kind == atoms::users() => Ok(To::Users(few_ids(what)?)),
            _ => Err(Error::BadArg),
        };
    }
    let (moved, moves, channel): (Atom, &MovesResource, u64) = term.decode()?;
    let moved = match moved {
        moved if moved == atoms::gained() => Moved::Gained,
        moved if moved == atoms::lost() => Moved::Lost,
        moved if moved == atoms::kept() => Moved::Kept,
        _ => return Err(Error::BadArg),
    };
    Ok(To::Moved(moves.get()?.clone(), channel, moved))
}
