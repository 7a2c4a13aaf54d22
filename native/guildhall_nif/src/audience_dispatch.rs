//! NIFs of `Guildhall.Audience`: events to those who get them.

use std::panic::RefUnwindSafe;
use std::time::Instant;

use audience::{Audience, Budget, Deliver, Item};
use outbox::{Event, Pushed};
use parking_lot::RwLockReadGuard;
use rustler::{Binary, Env, LocalPid, NifResult, Resource, ResourceArc, Term};

use crate::audience::{AudienceResource, Sink, packed, timeslice};
use crate::audience_item::{item, items};
use crate::outbox::EventResource;

/// Keys that one call tells, and words that it looks at.
const KEYS: usize = 8_192;
const WORDS: usize = 65_536;

/// The items of a dispatch that takes several calls.
pub(crate) struct PlanResource(Vec<Item<Event>>);

#[rustler::resource_impl]
impl Resource for PlanResource {}

// Never changed.
impl RefUnwindSafe for PlanResource {}

/// Who must be woken, and whose outbox has overflowed.
#[derive(Default)]
struct Pushes {
    wakes: Vec<LocalPid>,
    overflowed: Vec<u64>,
}

impl Deliver<Sink, Event> for Pushes {
    #[inline]
    fn touch(&mut self, sink: &Sink) {
        if let Some(outbox) = &sink.outbox {
            outbox.touch();
        }
    }

    #[inline]
    fn push(&mut self, key: u64, sink: &Sink, events: &[&Event]) {
        let Some(outbox) = sink.outbox.as_ref().and_then(|outbox| outbox.get().ok()) else {
            return;
        };
        match outbox.push_all(events) {
            Pushed::Queued => {}
            Pushed::Wake => self.wakes.push(sink.pid),
            Pushed::Overflow => self.overflowed.push(key),
        }
    }
}

/// Runs `read` on an audience that is prepared for the items; `None` if that takes longer.
fn prepared<E, T>(
    audience: &AudienceResource,
    items: &[Item<E>],
    read: impl FnOnce(&Audience<Sink>) -> T,
) -> NifResult<Option<T>> {
    let lock = audience.get()?;
    let guard = lock.read();
    if guard.is_prepared(items) {
        return Ok(Some(read(&guard)));
    }
    drop(guard);
    let mut guard = lock.write();
    if !guard.prepare(items, &mut Budget::piece()) {
        return Ok(None);
    }
    let guard: RwLockReadGuard<'_, _> = parking_lot::RwLockWriteGuard::downgrade(guard);
    Ok(Some(read(&guard)))
}

/// A piece of a dispatch: the word to go on with or `nil`, what to go on with, deliveries, who must be
/// woken, and the keys of those who have overflowed.
type Piece<'a> = (Option<usize>, Term<'a>, usize, Vec<LocalPid>, Vec<u64>);

/// Delivers items, a list at first and then the plan that the call before returned.
#[rustler::nif]
fn audience_dispatch<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    what: Term<'a>,
    from: usize,
) -> NifResult<Piece<'a>> {
    use rustler::Encoder;
    let started = Instant::now();
    let mut pushes = Pushes::default();
    let mut run = |items: &[Item<Event>]| {
        let piece = prepared(audience, items, |audience| {
            audience.deliver(items, from, &mut Budget::piece(), &mut pushes)
        })?;
        NifResult::Ok(piece.unwrap_or((Some(from), 0)))
    };

    let (next, rest, count) = if let Ok(plan) = what.decode::<&PlanResource>() {
        let (next, count) = run(&plan.0)?;
        (next, what, count)
    } else {
        let items = items(what, |event| Ok(event.decode::<&EventResource>()?.0.clone()))?;
        let (next, count) = run(&items)?;
        let rest = match next {
            Some(_word) => ResourceArc::new(PlanResource(items)).encode(env),
            None => what,
        };
        (next, rest, count)
    };
    timeslice(env, started);
    Ok((next, rest, count, pushes.wakes, pushes.overflowed))
}

/// How many sessions of some get an item: the word to go on with or `nil`, and the count.
#[rustler::nif]
fn audience_count<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    what: Term<'a>,
    from: usize,
) -> NifResult<(Option<usize>, usize)> {
    let started = Instant::now();
    let item = item(what, |_event| Ok(()))?;
    let items = std::slice::from_ref(&item);
    let piece =
        prepared(audience, items, |audience| audience.recipients(&item, from, WORDS, None))?;
    timeslice(env, started);
    Ok(piece.unwrap_or((Some(from), 0)))
}

/// The keys of those who get an item, packed: the word to go on with or `nil`, and the keys.
#[rustler::nif]
fn audience_recipients<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    what: Term<'a>,
    from: usize,
) -> NifResult<(Option<usize>, Binary<'a>)> {
    let started = Instant::now();
    let item = item(what, |_event| Ok(()))?;
    let items = std::slice::from_ref(&item);
    let mut keys = Vec::new();
    let piece = prepared(audience, items, |audience| {
        audience.recipients(&item, from, WORDS, Some((&mut keys, KEYS)))
    })?;
    timeslice(env, started);
    Ok((piece.map_or(Some(from), |(next, _count)| next), packed(env, &keys)))
}
