//! WebSocket frames from server to client: whole messages, never masked (RFC 6455, 5.2).

/// The longest header: one byte of flags, one of length, eight more of length.
pub(crate) const MAX_HEADER: usize = 10;

/// What the payload of a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 1,
    Binary = 2,
}

/// Appends the header of a message of `length` bytes.
pub(crate) fn append_header(out: &mut Vec<u8>, opcode: Opcode, length: usize) {
    // The FIN bit: every message is one frame.
    out.push(0x80 | opcode as u8);

    match length {
        0..=125 => out.push(length as u8),
        126..=0xffff => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_7_16_or_64_bits() {
        let header = |length| {
            let mut out = Vec::new();
            append_header(&mut out, Opcode::Text, length);
            out
        };

        assert_eq!(header(0), [0x81, 0]);
        assert_eq!(header(125), [0x81, 125]);
        assert_eq!(header(126), [0x81, 126, 0, 126]);
        assert_eq!(header(65_535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(header(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
        assert!(header(usize::MAX).len() <= MAX_HEADER);
    }

    #[test]
    fn compressed_messages_are_binary() {
        let mut out = Vec::new();
        append_header(&mut out, Opcode::Binary, 1);
        assert_eq!(out, [0x82, 1]);
    }
}
