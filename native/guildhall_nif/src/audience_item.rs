//! Events and whom they are for, as terms.

use audience::{Item, Moved, To};
use rustler::{Atom, Error, NifResult, Term};

use crate::atoms;
use crate::audience::{MovesResource, few_ids, topic};

/// An item as `Guildhall.Audience` makes it of its struct, `nil` where it says nothing:
/// `{to, body, {content, content_for, author, author_id}, {intents, permissions, passive?, shard},
/// {always, except}}`, where `intents` may stand for all four. `event` reads a body.
pub(crate) fn item<'a, E>(
    term: Term<'a>,
    event: impl Fn(Term<'a>) -> NifResult<E>,
) -> NifResult<Item<E>> {
    type Five<'a> = (Term<'a>, Term<'a>, Term<'a>, Term<'a>, Term<'a>);
    let (to, body, variants, filter, names): Five<'a> = term.decode()?;

    let mut item = Item::new(event(body)?);
    item.to = place(to)?;
    if filter.is_number() {
        item.intents = filter.decode()?;
    } else {
        (item.intents, item.permissions, item.passive, item.shard) = filter.decode()?;
    }
    if !is_nil(names) {
        let (always, except): (Term<'a>, Term<'a>) = names.decode()?;
        (item.always, item.except) = (few_ids(always)?.into(), few_ids(except)?.into());
    }
    if !is_nil(variants) {
        let (content, content_for, author, author_id): (Term<'a>, Term<'a>, Term<'a>, Term<'a>) =
            variants.decode()?;
        item.content_for = few_ids(content_for)?.into();
        if !is_nil(content) {
            item.content = Some(event(content)?);
        }
        if !is_nil(author) {
            item.author = Some((author_id.decode()?, event(author)?));
        }
    }
    Ok(item)
}

/// Several items.
pub(crate) fn items<'a, E>(
    term: Term<'a>,
    event: impl Fn(Term<'a>) -> NifResult<E>,
) -> NifResult<Vec<Item<E>>> {
    let (items, rest) = crate::outbox::cells(term, usize::MAX, |term| item(term, &event))?;
    if rest.is_empty_list() { Ok(items) } else { Err(Error::BadArg) }
}

pub(crate) fn is_nil(term: Term<'_>) -> bool {
    rustler::types::atom::nil() == term
}

fn place(term: Term<'_>) -> NifResult<To> {
    if term.is_atom() {
        return if atoms::room() == term { Ok(To::Room) } else { Err(Error::BadArg) };
    }
    if let Ok((kind, what)) = term.decode::<(Atom, Term<'_>)>() {
        return match kind {
            kind if kind == atoms::channel() => Ok(To::Channel(what.decode()?)),
            kind if kind == atoms::topic() => Ok(To::Topic(topic(what)?)),
            kind if kind == atoms::users() => Ok(To::Users(few_ids(what)?.into())),
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
