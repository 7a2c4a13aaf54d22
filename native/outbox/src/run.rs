//! Runs of raw deflate that may stand anywhere in a zlib stream: made once, spliced into many.
//!
//! A run begins on a byte, looks back at nothing before it, and ends with a sync flush: on a byte again,
//! with the four bytes by which clients know the end of a message.

use std::cell::RefCell;

use zlib_rs::{Deflate, DeflateConfig};

use crate::deflate;

/// What ends a message that nothing else ends: an empty stored block.
const END: [u8; 5] = [0, 0, 0, 0xff, 0xff];
/// The most that a stored block holds.
const STORED: usize = 0xffff;

/// On messages of 830 bytes, the first of a stream: level 1 makes 520 bytes, 6 makes 436.
const LEVEL: i32 = 6;

/// The bytes as a run. Each thread keeps a context, of some 270 KB.
pub(crate) fn deflate(bytes: &[u8]) -> Box<[u8]> {
    thread_local! {
        static CONTEXT: RefCell<Deflate> = RefCell::new(Deflate::new_with_config(DeflateConfig {
            // Negative: no header, which is the connection's.
            window_bits: -15,
            ..DeflateConfig::new(LEVEL)
        }));
    }

    CONTEXT.with_borrow_mut(|context| {
        context.reset();
        let mut out = Vec::new();
        match deflate::feed(context, bytes, zlib_rs::DeflateFlush::SyncFlush, &mut out) {
            Ok(()) => {}
            // It cannot be, and stored bytes are a run, too.
            Err(_) => {
                out.clear();
                append_stored(bytes, &mut out);
                out.extend_from_slice(&END);
            }
        }
        out.into_boxed_slice()
    })
}

/// Appends bytes that are not compressed. They do not end a message.
pub(crate) fn append_stored(bytes: &[u8], out: &mut Vec<u8>) {
    for piece in bytes.chunks(STORED) {
        let length = piece.len() as u16;
        out.push(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(piece);
    }
}

/// Ends a message of stored bytes.
pub(crate) fn append_end(out: &mut Vec<u8>) {
    out.extend_from_slice(&END);
}
