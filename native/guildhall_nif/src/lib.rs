//! The boundary between the BEAM and the core crates: one file per noun, whose
//! functions decode, call and encode. `lib/guildhall/native.ex` has a stub for each.
//!
//! A panic unwinds to the NIF wrapper and raises in the caller; the process that
//! called crashes, the VM does not.

mod atoms;
mod audience;
mod audience_dispatch;
mod audience_item;
mod beam;
mod failure;
mod list;
mod member_list;
mod member_list_terms;
mod ordered_set;
mod outbox;
mod outbox_link;
mod outbox_socket;
mod outbox_transport;
mod panic;
mod payload;
mod permissions;
mod readiness;
mod reaper;
mod ring;
mod store;
mod store_rows;
mod store_terms;
mod thread;

use rustler::{Env, Term};

/// Whether the library is there: `true`, or the stub raises.
#[rustler::nif]
fn nif_loaded() -> bool {
    true
}

fn load(env: Env<'_>, _info: Term<'_>) -> bool {
    panic::log_once();
    readiness::load(env)
}

rustler::init!("Elixir.Guildhall.Native", load = load);
