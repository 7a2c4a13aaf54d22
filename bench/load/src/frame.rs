//! WebSocket frames as a client sees them: unmasked ones come, masked ones go.

use std::ops::Range;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    /// A payload, in text or binary.
    Message,
    /// The server's last words.
    Close,
    /// To be answered with the same bytes.
    Ping,
    /// What a client does not ask for.
    Pong,
}

/// Bytes that are no frame of a server which sends each message whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

// The mask is there to be undone by the server; it need not be a secret on loopback.
const MASK: [u8; 4] = [0x5a, 0x13, 0xc7, 0x2e];

/// The first frame of `bytes` and where its payload lies, or None if it is not whole yet.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Opcode, Range<usize>)>, Broken> {
    let (flags, length, start) = match *bytes {
        [flags, 126, a, b, ..] => (flags, usize::from(u16::from_be_bytes([a, b])), 4_usize),
        [flags, 127, a, b, c, d, e, f, g, h, ..] => {
            let length = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            (flags, usize::try_from(length).map_err(|_| Broken)?, 10)
        }
        [flags, length, ..] if length < 126 => (flags, usize::from(length), 2),
        [_, length, ..] if length >= 128 => return Err(Broken),
        _ => return Ok(None),
    };
    let opcode = match flags {
        0x81 | 0x82 => Opcode::Message,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        _ => return Err(Broken),
    };
    let end = start.checked_add(length).ok_or(Broken)?;
    Ok((end <= bytes.len()).then_some((opcode, start..end)))
}

/// Appends a text message.
pub(crate) fn text(payload: &[u8], out: &mut Vec<u8>) {
    masked(0x81, payload, out);
}

/// Appends the answer to a ping.
pub(crate) fn pong(payload: &[u8], out: &mut Vec<u8>) {
    masked(0x8a, payload, out);
}

/// Appends the close frame of a client that leaves for good.
pub(crate) fn close(out: &mut Vec<u8>) {
    masked(0x88, &1000_u16.to_be_bytes(), out);
}

fn masked(flags: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(flags);
    match payload.len() {
        length @ 0..126 => out.push(0x80 | length as u8),
        length @ 126..65_536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![flags];
        match payload.len() {
            length @ 0..126 => frame.push(length as u8),
            length @ 126..65_536 => {
                frame.push(126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(payload);
        frame
    }

    #[test]
    fn frames_of_each_length_are_found_once_they_are_whole() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let frame = server(0x82, &vec![7; length]);
            for cut in [0, 1, 2, 3, 9, frame.len() - 1] {
                let part = frame.get(..cut.min(frame.len() - 1)).unwrap();
                assert_eq!(parse(part), Ok(None), "{length} bytes, cut at {cut}");
            }
            let (opcode, payload) = parse(&frame).unwrap().unwrap();
            assert_eq!(opcode, Opcode::Message);
            assert_eq!(payload, frame.len() - length..frame.len());
        }
    }

    #[test]
    fn what_no_server_sends_is_refused() {
        assert_eq!(parse(&[0x81, 0x80]), Err(Broken), "masked");
        assert_eq!(parse(&[0x01, 0]), Err(Broken), "a fragment");
        assert_eq!(parse(&[0xc1, 0]), Err(Broken), "a reserved bit");
    }

    #[test]
    fn what_a_client_sends_is_masked() {
        let mut out = Vec::new();
        text(b"hello", &mut out);
        assert_eq!(out.get(..2), Some(&[0x81, 0x85][..]));
        let payload: Vec<u8> =
            out.iter().skip(6).zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(payload, b"hello");
    }
}
