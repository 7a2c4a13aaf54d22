//! NIFs of `Guildhall.Outbox.Transport`.

use std::panic::RefUnwindSafe;

use outbox::{Encoding, Failure, Kind, Policy, Transport};
use parking_lot::{Mutex, MutexGuard};
use rustler::{Atom, Binary, Encoder, Env, Error, NifResult, Resource, ResourceArc, Term};
use zstd_splice::Primer;

use crate::atoms;
use crate::outbox::{binary, with_frames};

/// Owned by one session. The mutex makes sharing safe, not fast.
pub(crate) struct TransportResource(Mutex<Transport>);

#[rustler::resource_impl]
impl Resource for TransportResource {}

// A panic in a compressor ends the caller, and with it the only user of the context.
impl RefUnwindSafe for TransportResource {}

/// Work, in bytes copied, that a call on a normal scheduler may do and stay well below 1 ms.
pub(crate) const BUDGET: usize = 512 * 1024;

impl TransportResource {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Transport> {
        self.0.lock()
    }

    /// `None` if somebody compresses with it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, Transport>> {
        self.0.try_lock()
    }
}

pub(crate) fn error(failure: Failure) -> Error {
    match failure {
        Failure::Broken => Error::RaiseAtom("transport_broken"),
        Failure::NotJson => Error::BadArg,
    }
}

#[rustler::nif]
fn outbox_transport_new(
    kind: Atom,
    encoding: Atom,
    policy: Atom,
    context_bytes: u64,
) -> NifResult<ResourceArc<TransportResource>> {
    let kind = one_of(
        kind,
        [
            (atoms::plain(), Kind::Plain),
            (atoms::zlib_stream(), Kind::Zlib),
            (atoms::zstd_stream(), Kind::Zstd),
        ],
    )?;
    let encoding =
        one_of(encoding, [(atoms::json(), Encoding::Json), (atoms::etf(), Encoding::Etf)])?;
    let policy = one_of(
        policy,
        [
            (atoms::shared(), Policy::Shared),
            (atoms::context(), Policy::Context(context_bytes)),
            (atoms::auto(), Policy::Auto(context_bytes)),
        ],
    )?;
    let transport =
        Transport::new(kind, encoding, policy).map_err(|_| Error::RaiseAtom("no_memory"))?;
    Ok(ResourceArc::new(TransportResource(Mutex::new(transport))))
}

fn one_of<T, const N: usize>(atom: Atom, choices: [(Atom, T); N]) -> NifResult<T> {
    let choice = choices.into_iter().find(|(name, _choice)| *name == atom);
    choice.map(|(_name, choice)| choice).ok_or(Error::BadArg)
}

#[rustler::nif]
fn outbox_transport_without_context() -> u64 {
    outbox::gauge::without_context()
}

/// `:ok`, `:in_use` if connections build on other bytes already, or `:unfit`.
#[rustler::nif]
fn outbox_transport_prime(json: Binary<'_>) -> Atom {
    match Primer::new(&json).map(Primer::install) {
        Ok(true) => rustler::types::atom::ok(),
        Ok(false) => atoms::in_use(),
        Err(_) => atoms::unfit(),
    }
}

/// The frame of one payload, or `:beyond` if it takes more work than `budget`.
fn frame<'a>(
    env: Env<'a>,
    transport: &TransportResource,
    payload: Term<'a>,
    budget: usize,
) -> NifResult<Term<'a>> {
    let payload = Binary::from_iolist(payload)?;
    with_frames(|frames| {
        let mut transport = transport.lock();
        if transport.work(payload.len()) > budget {
            return Ok(atoms::beyond().encode(env));
        }
        transport.frame(&payload, frames).map_err(error)?;
        Ok(binary(env, frames.as_slice()).encode(env))
    })
}

#[rustler::nif]
fn outbox_transport_frame<'a>(
    env: Env<'a>,
    transport: &TransportResource,
    payload: Term<'a>,
) -> NifResult<Term<'a>> {
    frame(env, transport, payload, BUDGET)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn outbox_transport_frame_dirty<'a>(
    env: Env<'a>,
    transport: &TransportResource,
    payload: Term<'a>,
) -> NifResult<Term<'a>> {
    frame(env, transport, payload, usize::MAX)
}
