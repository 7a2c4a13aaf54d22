//! NIFs of `Guildhall.Outbox.Transport`.

use std::panic::RefUnwindSafe;

use outbox::{Broken, Kind, Transport};
use parking_lot::{Mutex, MutexGuard};
use rustler::{Atom, Binary, Encoder, Env, Error, NifResult, Resource, ResourceArc, Term};

use crate::atoms;
use crate::outbox::{binary, with_frames};

/// Owned by one session. The mutex makes sharing safe, not fast.
pub(crate) struct TransportResource(Mutex<Transport>);

#[rustler::resource_impl]
impl Resource for TransportResource {}

// A panic in a compressor ends the caller, and with it the only user of the context.
impl RefUnwindSafe for TransportResource {}

impl TransportResource {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Transport> {
        self.0.lock()
    }

    /// Bytes that a call on a normal scheduler may copy or compress and stay well below 1 ms.
    pub(crate) fn budget(plain: bool) -> usize {
        if plain { 512 * 1024 } else { 16 * 1024 }
    }
}

#[rustler::nif]
fn outbox_transport_new(kind: Atom) -> NifResult<ResourceArc<TransportResource>> {
    let kind = if kind == atoms::plain() {
        Kind::Plain
    } else if kind == atoms::zlib_stream() {
        Kind::Zlib
    } else if kind == atoms::zstd_stream() {
        Kind::Zstd
    } else {
        return Err(Error::BadArg);
    };
    let transport = Transport::new(kind).map_err(|_| Error::RaiseAtom("no_memory"))?;
    Ok(ResourceArc::new(TransportResource(Mutex::new(transport))))
}

/// The frame of one payload, or `:beyond` if it is larger than `budget`.
fn frame<'a>(
    env: Env<'a>,
    transport: &TransportResource,
    payload: Term<'a>,
    budget: impl FnOnce(bool) -> usize,
) -> NifResult<Term<'a>> {
    let payload = Binary::from_iolist(payload)?;
    with_frames(|frames| {
        let mut transport = transport.lock();
        if payload.len() > budget(transport.is_plain()) {
            return Ok(atoms::beyond().encode(env));
        }
        match transport.frame(&payload, frames) {
            Ok(()) => Ok(binary(env, frames.as_slice()).encode(env)),
            Err(Broken) => Err(Error::RaiseAtom("transport_broken")),
        }
    })
}

#[rustler::nif]
fn outbox_transport_frame<'a>(
    env: Env<'a>,
    transport: &TransportResource,
    payload: Term<'a>,
) -> NifResult<Term<'a>> {
    frame(env, transport, payload, TransportResource::budget)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn outbox_transport_frame_dirty<'a>(
    env: Env<'a>,
    transport: &TransportResource,
    payload: Term<'a>,
) -> NifResult<Term<'a>> {
    frame(env, transport, payload, |_plain| usize::MAX)
}
