//! Blocks and what stands before the first (RFC 8878, 3.1.1).

/// Bytes that one block may stand for, and that it may have.
pub(crate) const MAX_BYTES: usize = 128 * 1024;
/// How far back an offset may lead.
pub(crate) const WINDOW: usize = 1 << WINDOW_LOG;
const WINDOW_LOG: u8 = 20;

/// Of one block.
pub(crate) const HEADER: usize = 3;

/// Magic number and header of a frame with a window of 2^20, no known size and no checksum.
pub(crate) const FRAME: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0, (WINDOW_LOG - 10) << 3];

enum Kind {
    Raw = 0,
    Compressed = 2,
}

fn header(kind: Kind, size: usize) -> [u8; HEADER] {
    let [a, b, c, _] = ((kind as u32) << 1 | (size as u32) << 3).to_le_bytes();
    [a, b, c]
}

/// Appends bytes as they are.
#[inline]
pub(crate) fn write_raw(bytes: &[u8], out: &mut Vec<u8>) {
    for part in bytes.chunks(MAX_BYTES) {
        out.extend_from_slice(&header(Kind::Raw, part.len()));
        out.extend_from_slice(part);
    }
}

/// Appends a compressed block whose content `write` appends.
pub(crate) fn write_compressed(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    write(out);
    let size = out.len() - start - HEADER;
    out[start..start + HEADER].copy_from_slice(&header(Kind::Compressed, size));
}
