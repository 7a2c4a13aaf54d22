//! What is said about a panic. The wrapper of the NIF catches it and raises.

use std::io::Write;
use std::panic;
use std::sync::Once;

/// Reports the first panic on stderr with its place, and only the first: a bug
/// that a client can reach must not become a flood of text.
pub(crate) fn log_once() {
    static HOOK: Once = Once::new();
    static FIRST: Once = Once::new();

    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            FIRST.call_once(|| {
                let thread = std::thread::current();
                let name = thread.name().unwrap_or("a scheduler");
                // Not `eprintln!`, which panics when stderr is closed.
                let _ = writeln!(std::io::stderr(), "guildhall_nif, on {name}: {info}");
            });
        }));
    });
}
