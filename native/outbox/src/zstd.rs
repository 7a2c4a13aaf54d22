//! A zstd context of a connection's own: one frame, flushed after each payload and never ended.

use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

use crate::gauge::{self, CONTEXTS};
use crate::transport::Broken;

/// A zstd context, small enough to have one per connection.
pub(crate) struct Zstd(CCtx<'static>, usize);

// On messages of 830 bytes: 123 bytes in 3.1 us. Level 3 makes no fewer; a window of 2^17 and 2^14
// hashes make 110, with 96 KB more memory.
impl Zstd {
    const PARAMETERS: [CParameter; 5] = [
        CParameter::CompressionLevel(1),
        // 64 KiB: how far back a repetition is found.
        CParameter::WindowLog(16),
        CParameter::HashLog(13),
        // zstd buffers a block of input and one of output, so small blocks are less memory.
        CParameter::MaxBlockSize(8 * 1024),
        CParameter::ChecksumFlag(false),
    ];

    /// What a context takes once it has its tables. It is counted before, or a herd of new connections would
    /// pass any limit.
    const MEMORY: usize = 168 * 1024;

    /// A context, unless all of them would then hold more than `limit`.
    pub(crate) fn within(limit: u64) -> Result<Option<Self>, Broken> {
        if !gauge::takes_context(Self::MEMORY, limit) {
            return Ok(None);
        }
        let Some(context) = CCtx::try_create() else {
            CONTEXTS.remove(Self::MEMORY);
            return Err(Broken);
        };
        let mut context = Self(context, Self::MEMORY);
        for parameter in Self::PARAMETERS {
            context.0.set_parameter(parameter).map_err(|_| Broken)?;
        }
        Ok(Some(context))
    }

    /// Appends `head` and `tail` as one payload that a client can read to its end.
    pub(crate) fn compress(
        &mut self,
        head: &[u8],
        tail: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        self.feed(head, ZSTD_EndDirective::ZSTD_e_continue, out)?;
        self.feed(tail, ZSTD_EndDirective::ZSTD_e_flush, out)?;

        // zstd makes its tables at the first payload.
        let memory = self.0.sizeof();
        CONTEXTS.resize(self.1, memory);
        self.1 = memory;
        Ok(())
    }

    fn feed(
        &mut self,
        input: &[u8],
        directive: ZSTD_EndDirective,
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        let mut input = InBuffer::around(input);
        let mut length = out.len();

        loop {
            out.resize(length + (input.src.len() - input.pos()) / 2 + 64, 0);
            let mut space = OutBuffer::around(out.get_mut(length..).unwrap_or_default());
            let left =
                self.0.compress_stream2(&mut space, &mut input, directive).map_err(|_| Broken)?;
            length += space.pos();

            let flushed = left == 0 || directive == ZSTD_EndDirective::ZSTD_e_continue;
            if flushed && input.pos() == input.src.len() {
                out.truncate(length);
                return Ok(());
            }
        }
    }

    /// Bytes of the context, by zstd's own account.
    pub(crate) fn memory(&self) -> usize {
        self.1
    }
}

impl Drop for Zstd {
    fn drop(&mut self) {
        CONTEXTS.remove(self.1);
    }
}
