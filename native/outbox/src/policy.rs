//! Whether what many get is compressed once for all of them, or by each connection for itself.

/// How connections compress. The bytes are what the contexts of all connections of the process may take: one
/// that begins when they do is [`Shared`](Self::Shared).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Once an event: no memory and next to no time a connection, but more bytes.
    Shared,
    /// In a context a connection, which knows what went before: fewer bytes, for memory and time.
    Context(u64),
    /// In contexts where they are worth it.
    Auto(u64),
}

impl Policy {
    /// From so many holders of an event on, compressing it once costs less than doing so in their contexts.
    pub(crate) const MANY: usize = 16;
    /// Up to so many holders, blocks are not worth their memory: the ring's reference, the take's own, and
    /// the term of whoever made the event.
    pub(crate) const FEW: usize = 3;
}
