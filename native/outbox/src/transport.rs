//! How payloads travel on one connection: plain, or through a compression context of its own.

use crate::deflate::Deflate;
use crate::frame::Opcode;
use crate::gauge::TRANSPORTS;
use crate::zstd::Zstd;
use crate::{Frames, gauge};

/// The transports of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON in text messages.
    Plain,
    /// One zlib stream in binary messages, each of which ends with a sync flush.
    Zlib,
    /// One zstd frame that never ends in binary messages, each of which ends with a flush.
    Zstd,
}

/// The compressor refused to go on. The connection cannot be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// One connection's way of sending payloads. The order of its payloads is the order on the wire.
#[derive(Debug)]
pub struct Transport {
    codec: Codec,
    memory: usize,
}

enum Codec {
    Plain,
    Zlib(Box<Deflate>),
    Zstd(Zstd),
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Zlib(_) => "Zlib",
            Self::Zstd(_) => "Zstd",
        })
    }
}

impl Transport {
    /// A transport for a new connection, or `Broken` if there is no memory for its context.
    pub fn new(kind: Kind) -> Result<Self, Broken> {
        let codec = match kind {
            Kind::Plain => Codec::Plain,
            Kind::Zlib => Codec::Zlib(Box::new(Deflate::new())),
            Kind::Zstd => Codec::Zstd(Zstd::new()?),
        };
        let memory = codec.memory();
        gauge::TRANSPORTS.add(memory);
        Ok(Self { codec, memory })
    }

    /// Whether payloads are copied and not compressed, so that a call can carry many more bytes.
    pub fn is_plain(&self) -> bool {
        matches!(self.codec, Codec::Plain)
    }

    /// Bytes that this transport holds, its context included.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Appends a payload as one message.
    pub fn frame(&mut self, payload: &[u8], out: &mut Frames) -> Result<(), Broken> {
        self.append(&[], payload, out)
    }

    /// Appends a payload in two parts as one message.
    pub(crate) fn append(
        &mut self,
        head: &[u8],
        tail: &[u8],
        out: &mut Frames,
    ) -> Result<(), Broken> {
        match &mut self.codec {
            Codec::Plain => {
                out.append(Opcode::Text, head, tail);
                Ok(())
            }
            Codec::Zlib(deflate) => {
                out.append_with(|scratch| deflate.compress(head, tail, scratch))
            }
            Codec::Zstd(zstd) => {
                out.append_with(|scratch| zstd.compress(head, tail, scratch))?;
                // zstd makes its tables at the first payload.
                let memory = self.codec.memory();
                TRANSPORTS.resize(self.memory, memory);
                self.memory = memory;
                Ok(())
            }
        }
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        TRANSPORTS.remove(self.memory);
    }
}

impl Codec {
    fn memory(&self) -> usize {
        size_of::<Transport>()
            + match self {
                Self::Plain => 0,
                Self::Zlib(deflate) => deflate.memory(),
                Self::Zstd(zstd) => zstd.memory(),
            }
    }
}
