//! Whether what many get is compressed once for all of them, or by each connection for itself.

use crate::gauge::CONTEXTS;

/// How connections compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Once an event: no memory and next to no time a connection, but more bytes.
    Shared,
    /// In a context a connection, which knows what went before: fewer bytes, for memory and time.
    Context,
    /// In contexts where they are worth it, while those of all connections hold fewer bytes than this.
    Auto(u64),
}

impl Policy {
    /// From so many holders of an event on, compressing it once costs less than doing so in their contexts.
    pub(crate) const MANY: usize = 16;

    /// Whether a new zlib-stream begins with a context.
    pub(crate) fn has_room(self) -> bool {
        match self {
            Self::Shared => false,
            Self::Context => true,
            Self::Auto(bytes) => CONTEXTS.read().1 < bytes,
        }
    }
}
