//! The VM's poll set: which process is told when a descriptor can be read or written. All the unsafe
//! code of sockets.
//!
//! **Invariant:** a descriptor that was ever selected is closed by [`close`] alone. The VM may still be
//! polling it on another thread; it calls [`stop`] when it no longer is.
//!
//! The VM wants a resource object with every descriptor, of a type that has a `stop`, which the safe
//! interface cannot make. One object serves all descriptors: what it is told of one is in the call.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::{io, ptr};

use rustler::{Encoder, Env, LocalPid, sys};

/// What a process may be told of a descriptor, in `{select, object, undefined, ready_input | ready_output}`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ready {
    Input = 1,
    Output = 2,
}

/// `ERL_NIF_SELECT_CANCEL`.
const CANCEL: c_int = 1 << 3;
const STOP: c_int = sys::ERL_NIF_SELECT_STOP;

const NAME: &CStr = c"descriptor";

/// The one object, as an address; never released.
static OBJECT: OnceLock<usize> = OnceLock::new();

/// Makes the object. For the library's `load`.
pub(crate) fn load(env: Env<'_>) -> bool {
    let init = sys::ErlNifResourceTypeInit {
        dtor: ptr::null(),
        stop: stop as *const sys::ErlNifResourceStop,
        down: ptr::null(),
        members: 2,
        dyncall: ptr::null(),
    };
    let mut tried = MaybeUninit::uninit();
    // SAFETY: called within `load`; the VM copies the callbacks, which live as long as the library.
    let object = unsafe {
        let create = sys::ErlNifResourceFlags::ERL_NIF_RT_CREATE;
        let kind = sys::enif_init_resource_type(
            env.as_c_arg(),
            NAME.as_ptr(),
            &raw const init,
            create,
            tried.as_mut_ptr(),
        );
        if kind.is_null() {
            return false;
        }
        sys::enif_alloc_resource(kind, 1)
    };
    OBJECT.set(object.expose_provenance()).is_ok()
}

/// Duplicates a descriptor that somebody else will close.
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: it is not -1, and is borrowed for one call of the kernel, which checks it.
    unsafe { BorrowedFd::borrow_raw(fd) }.try_clone_to_owned()
}

/// Has `pid` told, once, when the descriptor is ready. Told at once if it is already.
pub(crate) fn select(
    env: Env<'_>,
    fd: BorrowedFd<'_>,
    ready: Ready,
    pid: LocalPid,
) -> io::Result<()> {
    let pid: *const sys::ErlNifPid = pid.as_c_arg();
    call(env, fd.as_raw_fd(), ready as c_int, pid)
}

/// Has nobody told any more.
pub(crate) fn cancel(env: Env<'_>, fd: BorrowedFd<'_>) {
    // One that was never selected has nothing to cancel.
    let _ = call(env, fd.as_raw_fd(), Ready::Input as c_int | CANCEL, ptr::null());
    let _ = call(env, fd.as_raw_fd(), Ready::Output as c_int | CANCEL, ptr::null());
}

/// Closes the descriptor, as soon as the VM does not look at it any more.
pub(crate) fn close(env: Env<'_>, fd: OwnedFd) {
    let fd = fd.into_raw_fd();
    if call(env, fd, STOP, ptr::null()).is_err() {
        // SAFETY: it was taken out of its owner above, and the VM has not taken it over.
        drop(unsafe { OwnedFd::from_raw_fd(fd) });
    }
}

fn call(env: Env<'_>, fd: RawFd, flags: c_int, pid: *const sys::ErlNifPid) -> io::Result<()> {
    let undefined = rustler::types::atom::undefined().encode(env);
    let Some(object) = OBJECT.get() else { return Err(io::ErrorKind::Unsupported.into()) };
    let object = ptr::with_exposed_provenance_mut::<c_void>(*object);
    // SAFETY: the object is never freed; `pid` is null or valid for the call; the descriptor is open.
    let result =
        unsafe { sys::enif_select(env.as_c_arg(), fd, flags, object, pid, undefined.as_c_arg()) };
    if result < 0 { Err(io::ErrorKind::Other.into()) } else { Ok(()) }
}

unsafe extern "C" fn stop(
    _env: *mut sys::ErlNifEnv,
    _object: *mut c_void,
    fd: sys::ErlNifEvent,
    _is_direct_call: c_int,
) {
    // SAFETY: `close` took it out of its owner and gave it to the VM, which hands it back once.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
}
