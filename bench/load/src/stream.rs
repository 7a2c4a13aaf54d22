//! How payloads come: as they are, or through the decompressor that the connection has for its life.

use zlib_rs::{Inflate, InflateFlush};
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

/// The transports of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Zlib,
    Zstd,
}

impl Transport {
    /// The transport of this name in the protocol.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "plain" => Some(Self::Plain),
            "zlib-stream" => Some(Self::Zlib),
            "zstd-stream" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Zlib => "zlib-stream",
            Self::Zstd => "zstd-stream",
        }
    }

    /// What a client asks for in the URL.
    pub(crate) fn query(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Zlib => "&compress=zlib-stream",
            Self::Zstd => "&compress=zstd-stream",
        }
    }
}

/// One connection's payloads.
pub(crate) enum Stream {
    Plain,
    Zlib(Box<Inflate>),
    Zstd(DCtx<'static>),
    /// Payloads are counted and not read: a decompressor holds a window, of a MiB or so, and takes
    /// longer than the kernel does for the bytes.
    Blind,
}

/// What cannot be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corrupt;

impl Stream {
    pub(crate) fn new(transport: Transport) -> Self {
        match transport {
            Transport::Plain => Self::Plain,
            Transport::Zlib => Self::Zlib(Box::new(Inflate::new(true, 15))),
            Transport::Zstd => {
                let mut context = DCtx::create();
                // Never larger than what the protocol's clients accept.
                let _ignored = context.set_parameter(DParameter::WindowLogMax(27));
                Self::Zstd(context)
            }
        }
    }

    /// The payload of a message, decompressed into `space` if need be; None if it is not read.
    pub(crate) fn read<'a>(
        &mut self,
        message: &'a [u8],
        space: &'a mut Vec<u8>,
    ) -> Result<Option<&'a [u8]>, Corrupt> {
        match self {
            Self::Plain => Ok(Some(message)),
            Self::Blind => Ok(None),
            Self::Zlib(inflate) => unzlib(inflate, message, space).map(Some),
            Self::Zstd(context) => unzstd(context, message, space).map(Some),
        }
    }
}

// How much longer the space gets when a payload does not fit.
const STEP: usize = 64 * 1024;

fn unzlib<'a>(
    inflate: &mut Inflate,
    mut input: &[u8],
    space: &'a mut Vec<u8>,
) -> Result<&'a [u8], Corrupt> {
    let mut length = 0;
    loop {
        if length == space.len() {
            space.resize(length + STEP, 0);
        }
        let room = space.get_mut(length..).unwrap_or_default();
        let (read, written) = (inflate.total_in(), inflate.total_out());
        inflate.decompress(input, room, InflateFlush::SyncFlush).map_err(|_| Corrupt)?;
        let (read, written) = (inflate.total_in() - read, inflate.total_out() - written);
        input = input.get(read as usize..).unwrap_or_default();
        length += written as usize;
        if input.is_empty() && length < space.len() {
            return Ok(space.get(..length).unwrap_or_default());
        }
    }
}

fn unzstd<'a>(
    context: &mut DCtx<'static>,
    message: &[u8],
    space: &'a mut Vec<u8>,
) -> Result<&'a [u8], Corrupt> {
    let mut input = InBuffer::around(message);
    let mut length = 0;
    loop {
        if length == space.len() {
            space.resize(length + STEP, 0);
        }
        let mut room = OutBuffer::around(space.get_mut(length..).unwrap_or_default());
        context.decompress_stream(&mut room, &mut input).map_err(|_| Corrupt)?;
        length += room.pos();
        if input.pos() == message.len() && length < space.len() {
            return Ok(space.get(..length).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zstd_safe::{CCtx, zstd_sys::ZSTD_EndDirective::ZSTD_e_flush};

    #[test]
    fn a_zstd_stream_is_read_message_by_message() {
        let mut writer = CCtx::create();
        let mut stream = Stream::new(Transport::Zstd);
        let mut space = Vec::new();
        for length in [0, 10, STEP, 3 * STEP] {
            let payload = vec![b'x'; length];
            let mut message = vec![0; length + 1_024];
            let mut out = OutBuffer::around(&mut message[..]);
            let mut input = InBuffer::around(&payload[..]);
            assert_eq!(writer.compress_stream2(&mut out, &mut input, ZSTD_e_flush), Ok(0));
            let message = out.as_slice();
            assert_eq!(stream.read(message, &mut space), Ok(Some(&payload[..])));
        }
        assert_eq!(stream.read(b"nonsense", &mut space), Err(Corrupt));
    }

    #[test]
    fn a_zlib_stream_is_read_message_by_message() {
        let mut writer = zlib_rs::Deflate::new(1, true, 15);
        let mut stream = Stream::new(Transport::Zlib);
        let mut space = Vec::new();
        for length in [1, 10, STEP, 3 * STEP] {
            let payload = vec![b'x'; length];
            let mut message = vec![0; length + 1_024];
            let before = writer.total_out();
            let flush = zlib_rs::DeflateFlush::SyncFlush;
            writer.compress(&payload, &mut message, flush).unwrap();
            let end = (writer.total_out() - before) as usize;
            assert_eq!(stream.read(&message[..end], &mut space), Ok(Some(&payload[..])));
        }
    }

    #[test]
    fn a_blind_stream_reads_nothing() {
        assert_eq!(Stream::Blind.read(b"whatever", &mut Vec::new()), Ok(None));
    }
}
