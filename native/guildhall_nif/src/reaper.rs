//! A thread that drops what takes long to drop.
//!
//! A destructor of a resource runs on a normal scheduler, where it may not hold up others; and a
//! large value is many small frees.

use std::any::Any;
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};

type Corpse = Box<dyn Any + Send>;

/// Beyond it a value is dropped where it is: slow, but no queue grows.
const WAITING: usize = 1_024;

/// Drops `value` on the reaper's thread.
pub(crate) fn bury<T: Send + 'static>(value: T) {
    static REAPER: OnceLock<Option<SyncSender<Corpse>>> = OnceLock::new();

    if let Some(reaper) = REAPER.get_or_init(start) {
        // What comes back in the error is dropped here.
        let _ = reaper.try_send(Box::new(value));
    }
}

/// No thread, no reaper: values are then dropped where they are.
fn start() -> Option<SyncSender<Corpse>> {
    let (sender, corpses) = sync_channel::<Corpse>(WAITING);
    let thread = std::thread::Builder::new().name("guildhall_reaper".into());
    thread.spawn(move || corpses.iter().for_each(drop)).ok()?;
    Some(sender)
}
