//! How much memory the resources of this crate hold, by kind, for the whole process.

use ::gauge::Gauge;

/// Blocks for zstd-stream, of events that somebody was sent in it.
pub use zstd_splice::SHARED as BLOCKS;

/// Events, each counted once however many outboxes hold it.
pub static EVENTS: Gauge = Gauge::new();
/// Outboxes with their rings, without the events in them.
pub static OUTBOXES: Gauge = Gauge::new();
/// Transports, without the contexts of their own.
pub static TRANSPORTS: Gauge = Gauge::new();
/// Compression contexts of connections.
pub static CONTEXTS: Gauge = Gauge::new();
/// Sockets, with what the kernel did not take of their data.
pub static SOCKETS: Gauge = Gauge::new();
