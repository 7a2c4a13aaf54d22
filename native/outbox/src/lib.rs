//! What one session is owed: its sequence counter, its replay ring, and the bytes that leave on its socket.
//!
//! An [`Event`] is encoded once and shared. An [`Outbox`] numbers the events of one session and keeps them
//! until the client has them; it outlives connections. A [`Transport`] is one connection's way of writing
//! them, a [`Socket`] where they go.

mod backlog;
mod deflate;
mod encoded;
mod encoding;
mod etf;
mod event;
mod frame;
mod frames;
pub mod gauge;
mod head;
mod outbox;
mod policy;
mod run;
mod socket;
mod splice;
mod transport;
mod zlib;
mod zstd;

pub use backlog::{Dropped, Info, Pushed, ResumeError};
pub use encoding::{Encoding, NotJson};
pub use event::{Event, Invalid};
pub use frames::Frames;
use head::Head;
pub use outbox::{Flushed, Limits, Outbox, Taken};
pub use policy::Policy;
pub use socket::{Read, Socket, Stream, Written};
pub use transport::{Broken, Failure, Kind, Transport};
