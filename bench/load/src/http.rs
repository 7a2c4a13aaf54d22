//! As much of HTTP/1.1 as a client needs that asks for one thing after the other.

use memchr::memmem;

/// The beginning of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Bytes of the head itself.
    pub(crate) length: usize,
    /// Bytes of what follows it.
    pub(crate) body: usize,
}

/// Bytes that are no response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl Head {
    /// Reads the head of a response, or None if it is not whole yet.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Broken> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
        let text =
            bytes.get(..end).and_then(|head| std::str::from_utf8(head).ok()).ok_or(Broken)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).ok_or(Broken)?;
        let status = status.get(..3).and_then(|digits| digits.parse().ok()).ok_or(Broken)?;
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _value)| name.eq_ignore_ascii_case("content-length"));
        let body = match length {
            Some((_name, value)) => value.trim().parse().map_err(|_| Broken)?,
            None => 0,
        };
        Ok(Some(Self { status, length: end + 4, body }))
    }
}

/// The request that turns a connection into a gateway client's.
pub(crate) fn upgrade(host: &str, query: &str) -> Vec<u8> {
    format!(
        "GET /?v=10&encoding=json{query} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: bG9hZCBnZW5lcmF0b3IhIQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// The request that posts a message.
pub(crate) fn post(host: &str, channel: u64, token: &str, body: &[u8], out: &mut Vec<u8>) {
    let head = format!(
        "POST /api/v10/channels/{channel}/messages HTTP/1.1\r\nHost: {host}\r\n\
         Authorization: {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text = b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 29\r\n\r\n{}";
        for cut in 0..text.len() - 2 {
            assert_eq!(Head::parse(&text[..cut]), Ok(None));
        }
        let head = Head { status: 200, length: text.len() - 2, body: 29 };
        assert_eq!(Head::parse(text), Ok(Some(head)));
    }

    #[test]
    fn what_is_no_response_is_refused() {
        assert_eq!(Head::parse(b"SSH-2.0\r\n\r\n"), Err(Broken));
        assert_eq!(Head::parse(b"HTTP/1.1 2\r\n\r\n"), Err(Broken));
        assert_eq!(Head::parse(b"HTTP/1.1 200\r\ncontent-length: x\r\n\r\n"), Err(Broken));
    }
}
