//! NIFs of `Guildhall.Outbox.Socket`.

use std::io;
use std::panic::RefUnwindSafe;

use outbox::{Read, Socket, Stream, Written};
use parking_lot::Mutex;
use rustler::{
    Atom, Binary, Encoder, Env, Error, LocalPid, Monitor, NifResult, Resource, ResourceArc, Term,
};

use crate::atoms;
use crate::outbox::{binary, with_frames};
use crate::outbox_transport::{self, TransportResource};
use crate::readiness::{self, Ready};

/// A socket and the process that owns it: with that process it ends.
pub(crate) struct SocketResource {
    socket: Socket,
    owner: Mutex<Option<(LocalPid, Monitor)>>,
}

/// Bytes of one read: a client's payload is shorter.
const READ: usize = 16 * 1024;

// What runs under the locks leaves them valid at every step.
impl RefUnwindSafe for SocketResource {}

#[rustler::resource_impl]
impl Resource for SocketResource {
    const IMPLEMENTS_DOWN: bool = true;
    const IMPLEMENTS_DESTRUCTOR: bool = true;

    fn destructor(self, env: Env<'_>) {
        self.close(env);
    }

    fn down<'a>(&'a self, env: Env<'a>, _pid: LocalPid, monitor: Monitor) {
        // Another process may have got it in the meantime.
        let is_owner = self.owner.lock().as_ref().is_some_and(|(_pid, owner)| *owner == monitor);
        if is_owner {
            self.close(env);
        }
    }
}

impl SocketResource {
    pub(crate) fn get(&self) -> &Socket {
        &self.socket
    }

    /// Has the owner told when the socket takes data again.
    pub(crate) fn await_output(&self, env: Env<'_>, stream: &Stream) -> io::Result<()> {
        self.select(env, stream, Ready::Output)
    }

    fn select(&self, env: Env<'_>, stream: &Stream, ready: Ready) -> io::Result<()> {
        let owner = self.owner.lock().as_ref().map(|(pid, _monitor)| *pid);
        let (Some(owner), Some(fd)) = (owner, stream.fd()) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        readiness::select(env, fd, ready, owner)
    }

    fn close(&self, env: Env<'_>) {
        if let Some(fd) = self.socket.lock().close() {
            readiness::close(env, fd);
        }
    }

    /// `:ok`, `:blocked`, `:slow` or `:lost`; the owner is told when it may go on.
    fn answer(&self, env: Env<'_>, stream: &Stream, written: Written) -> Atom {
        match written {
            Written::All => rustler::types::atom::ok(),
            Written::Behind => atoms::blocked(),
            Written::Blocked => match self.await_output(env, stream) {
                Ok(()) => atoms::blocked(),
                Err(_) => atoms::lost(),
            },
            Written::Slow => atoms::slow(),
            Written::Lost => atoms::lost(),
        }
    }

    /// Makes the process the owner, unless it is dead.
    fn own(resource: &ResourceArc<Self>, env: Env<'_>, pid: LocalPid) -> bool {
        let mut owner = resource.owner.lock();
        let Some(monitor) = env.monitor(resource, &pid) else { return false };
        if let Some((_pid, monitor)) = owner.replace((pid, monitor)) {
            env.demonitor(resource, &monitor);
        }
        true
    }
}

/// A duplicate of the descriptor as the caller's socket, or `{:error, atom}`.
#[rustler::nif]
fn outbox_socket_adopt<'a>(env: Env<'a>, fd: i32, limit: usize) -> NifResult<Term<'a>> {
    let error = rustler::types::atom::error();
    let socket = match readiness::duplicate(fd).and_then(|fd| Socket::new(fd, limit)) {
        Ok(socket) => socket,
        Err(_) => return Ok((error, atoms::unsupported()).encode(env)),
    };
    let resource = ResourceArc::new(SocketResource { socket, owner: Mutex::new(None) });
    SocketResource::own(&resource, env, env.pid());
    Ok((rustler::types::atom::ok(), resource).encode(env))
}

/// `:ok`, or `:error` if the process is dead. Nobody is told of the socket until the new owner asks.
#[rustler::nif]
fn outbox_socket_give(
    env: Env<'_>,
    socket: ResourceArc<SocketResource>,
    pid: LocalPid,
) -> NifResult<Atom> {
    let is_owner =
        socket.owner.lock().as_ref().is_some_and(|(owner, _monitor)| *owner == env.pid());
    if !is_owner {
        return Err(Error::BadArg);
    }
    let stream = socket.socket.lock();
    // The dead leave the owner what it has asked for.
    if !SocketResource::own(&socket, env, pid) {
        return Ok(rustler::types::atom::error());
    }
    if let Some(fd) = stream.fd() {
        readiness::cancel(env, fd);
    }
    // What was to be told the old owner is told the new one.
    if stream.kept() > 0 && socket.await_output(env, &stream).is_err() {
        return Ok(rustler::types::atom::error());
    }
    Ok(rustler::types::atom::ok())
}

/// Has the owner told, once, when there is something to read. `:ok`, or `:lost`.
#[rustler::nif]
fn outbox_socket_await(env: Env<'_>, socket: &SocketResource) -> Atom {
    match socket.select(env, &socket.socket.lock(), Ready::Input) {
        Ok(()) => rustler::types::atom::ok(),
        Err(_) => atoms::lost(),
    }
}

/// `{:ok, bytes}`, `:empty` or `:lost`.
#[rustler::nif]
fn outbox_socket_read<'a>(env: Env<'a>, socket: &SocketResource) -> Term<'a> {
    let mut buffer = [0; READ];
    let read = socket.socket.lock().read(&mut buffer);
    match read {
        Read::Bytes(count) => {
            let bytes = binary(env, buffer.get(..count).unwrap_or_default());
            (rustler::types::atom::ok(), bytes).encode(env)
        }
        Read::Nothing => atoms::empty().encode(env),
        Read::End => atoms::lost().encode(env),
    }
}

#[rustler::nif]
fn outbox_socket_write<'a>(
    env: Env<'a>,
    socket: &SocketResource,
    data: Term<'a>,
    is_last: bool,
) -> NifResult<Atom> {
    let data = Binary::from_iolist(data)?;
    let mut stream = socket.socket.lock();
    let written = if is_last { stream.write_last(&data) } else { stream.write(&data) };
    Ok(socket.answer(env, &stream, written))
}

/// Writes a payload that has no number: framed and written at once, since the order of a transport is
/// the order on the wire. `:ok`, `:blocked`, `:lost`, or `:beyond` if it takes more work than `budget`.
fn put<'a>(
    env: Env<'a>,
    socket: &SocketResource,
    transport: &TransportResource,
    payload: Term<'a>,
    budget: usize,
) -> NifResult<Atom> {
    let payload = Binary::from_iolist(payload)?;
    with_frames(|frames| {
        let mut transport = transport.lock();
        if transport.work(payload.len()) > budget {
            return Ok(atoms::beyond());
        }
        transport.frame(&payload, frames).map_err(outbox_transport::error)?;
        // Before anything else is made with the transport.
        let mut stream = socket.socket.lock();
        let written = stream.write(frames.as_slice());
        Ok(socket.answer(env, &stream, written))
    })
}

#[rustler::nif]
fn outbox_socket_put<'a>(
    env: Env<'a>,
    socket: &SocketResource,
    transport: &TransportResource,
    payload: Term<'a>,
) -> NifResult<Atom> {
    put(env, socket, transport, payload, outbox_transport::BUDGET)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn outbox_socket_put_dirty<'a>(
    env: Env<'a>,
    socket: &SocketResource,
    transport: &TransportResource,
    payload: Term<'a>,
) -> NifResult<Atom> {
    put(env, socket, transport, payload, usize::MAX)
}

#[rustler::nif]
fn outbox_socket_resume(env: Env<'_>, socket: &SocketResource) -> Atom {
    let mut stream = socket.socket.lock();
    let written = stream.resume();
    socket.answer(env, &stream, written)
}

#[rustler::nif]
fn outbox_socket_kept(socket: &SocketResource) -> usize {
    socket.socket.lock().kept()
}

#[rustler::nif]
fn outbox_socket_total(socket: &SocketResource) -> u64 {
    socket.socket.lock().total()
}

#[rustler::nif]
fn outbox_socket_finish(socket: &SocketResource) -> Atom {
    socket.socket.lock().finish();
    rustler::types::atom::ok()
}

#[rustler::nif]
fn outbox_socket_close(env: Env<'_>, socket: &SocketResource) -> Atom {
    socket.close(env);
    rustler::types::atom::ok()
}
