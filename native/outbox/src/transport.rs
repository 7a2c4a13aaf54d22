//! How payloads travel on one connection: plain, or compressed as its policy says.

use std::fmt;

use crate::frame::Opcode;
use crate::gauge::TRANSPORTS;
use crate::policy::Policy;
use crate::splice::Splice;
use crate::zlib::Zlib;
use crate::zstd::Zstd;
use crate::{Encoding, Event, Frames, NotJson, etf};

/// The transports of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Payloads as they are, JSON in text messages.
    Plain,
    /// One zlib stream in binary messages, each of which ends with a sync flush.
    Zlib,
    /// One zstd frame that never ends in binary messages, each of which ends with a flush.
    Zstd,
}

/// The compressor refused to go on. The connection cannot be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// Why a payload was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The connection cannot be used any more.
    Broken,
    /// What should be JSON is not.
    NotJson,
}

impl From<Broken> for Failure {
    fn from(_: Broken) -> Self {
        Self::Broken
    }
}

impl From<NotJson> for Failure {
    fn from(_: NotJson) -> Self {
        Self::NotJson
    }
}

/// One connection's way of sending payloads. The order of its payloads is the order on the wire.
#[derive(Debug)]
pub struct Transport {
    encoding: Encoding,
    codec: Codec,
}

enum Codec {
    Plain,
    Zlib(Zlib),
    Zstd(Box<Zstd>),
    Splice(Splice),
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Zlib(_) => "Zlib",
            Self::Zstd(_) => "Zstd",
            Self::Splice(_) => "Splice",
        })
    }
}

impl Transport {
    /// What a byte costs to compress or to spell anew, in bytes copied.
    const COMPRESSED: usize = 32;
    const SPELT: usize = 16;

    /// A transport for a new connection, or `Broken` if there is no memory for its context.
    pub fn new(kind: Kind, encoding: Encoding, policy: Policy) -> Result<Self, Broken> {
        let codec = match kind {
            Kind::Plain => Codec::Plain,
            Kind::Zlib => Codec::Zlib(Zlib::new(policy)),
            Kind::Zstd => match policy {
                Policy::Context(limit) => {
                    Zstd::within(limit)?.map(|zstd| Codec::Zstd(Box::new(zstd)))
                }
                Policy::Shared | Policy::Auto(_) => None,
            }
            .unwrap_or_else(|| Codec::Splice(Splice::new(encoding))),
        };
        TRANSPORTS.add(size_of::<Self>());
        Ok(Self { encoding, codec })
    }

    /// How its payloads are spelt.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Whether what it writes is made once for all connections: no context of its own to compress with.
    pub fn is_shared(&self) -> bool {
        match &self.codec {
            Codec::Plain | Codec::Splice(_) => true,
            Codec::Zlib(zlib) => zlib.memory() == 0,
            Codec::Zstd(_) => false,
        }
    }

    /// Bytes that this transport holds, its context included.
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + match &self.codec {
                Codec::Plain | Codec::Splice(_) => 0,
                Codec::Zlib(zlib) => zlib.memory(),
                Codec::Zstd(zstd) => zstd.memory(),
            }
    }

    /// What it takes to write a payload of so many bytes of JSON, in bytes copied.
    pub fn work(&self, bytes: usize) -> usize {
        let spelt = if self.encoding == Encoding::Etf { Self::SPELT } else { 0 };
        let compressed = if matches!(self.codec, Codec::Plain) { 1 } else { Self::COMPRESSED };
        bytes.saturating_mul(spelt + compressed)
    }

    /// The same for an event: less if others have had it before.
    pub(crate) fn work_of(&self, event: &Event) -> usize {
        let bytes = event.size() as usize;
        let Some(encoded) = event.made(self.encoding) else { return self.work(bytes) };
        let made = match &self.codec {
            Codec::Plain => true,
            Codec::Zlib(zlib) => zlib.memory() == 0 && encoded.is_deflated(),
            Codec::Zstd(_) => false,
            Codec::Splice(splice) => !splice.is_stale() && encoded.has_blocks(),
        };
        if made { bytes } else { bytes.saturating_mul(Self::COMPRESSED) }
    }

    /// Appends a payload of this connection alone, given as JSON, as one message.
    pub fn frame(&mut self, payload: &[u8], out: &mut Frames) -> Result<(), Failure> {
        if self.encoding == Encoding::Json {
            return Ok(self.append(&[], payload, out)?);
        }
        let mut spelt = Vec::new();
        etf::append(&mut spelt, payload)?;
        Ok(self.append(&[etf::VERSION], &spelt, out)?)
    }

    /// Appends an event as one message.
    pub(crate) fn append_event(
        &mut self,
        number: u64,
        event: &Event,
        out: &mut Frames,
    ) -> Result<(), Failure> {
        let encoded = event.encoded(self.encoding)?;
        let head = self.encoding.head(number);
        let head = head.as_slice();

        match &mut self.codec {
            Codec::Zlib(zlib) => {
                if !zlib.splices(event.holders()) {
                    return Ok(self.append(head, encoded.tail(), out)?);
                }
                out.append_with(|out| zlib.splice(head, encoded.deflated(), out));
            }
            Codec::Splice(splice) => {
                let holders = event.holders();
                out.append_with(|out| splice.splice(head, encoded, holders, out));
            }
            Codec::Plain | Codec::Zstd(_) => self.append(head, encoded.tail(), out)?,
        }
        Ok(())
    }

    /// Appends a payload in two parts as one message.
    fn append(&mut self, head: &[u8], tail: &[u8], out: &mut Frames) -> Result<(), Broken> {
        match &mut self.codec {
            Codec::Plain if self.encoding == Encoding::Json => {
                out.append(Opcode::Text, head, tail);
                Ok(())
            }
            Codec::Plain => {
                out.append(Opcode::Binary, head, tail);
                Ok(())
            }
            Codec::Zlib(zlib) => out.append_with(|out| zlib.compress(head, tail, out)),
            Codec::Zstd(zstd) => out.append_with(|out| zstd.compress(head, tail, out)),
            Codec::Splice(splice) => {
                out.append_with(|out| splice.compress([head, tail].concat(), out));
                Ok(())
            }
        }
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        TRANSPORTS.remove(size_of::<Self>());
    }
}
