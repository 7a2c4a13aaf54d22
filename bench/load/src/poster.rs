//! One who posts messages over REST, each after the answer to the last.

use crate::failure::Failure;
use crate::http::Head;

/// One poster's connection.
#[derive(Debug, Default)]
pub(crate) struct Poster {
    inbox: Vec<u8>,
}

impl Poster {
    /// Takes what has come; true once the answer is whole.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        self.inbox.extend_from_slice(bytes);
        let head = Head::parse(&self.inbox).map_err(|_| Failure::Nonsense("no HTTP response"))?;
        let Some(Head { status, length, body }) = head else { return Ok(false) };
        let Some(body) = self.inbox.get(length..length + body) else { return Ok(false) };
        if status != 200 {
            let text = String::from_utf8_lossy(body).into_owned();
            return Err(Failure::Refused("a message", status, text));
        }
        self.inbox.clear();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_once_it_is_whole() {
        let mut poster = Poster::default();
        for _ in 0..2 {
            assert_eq!(poster.receive(b"HTTP/1.1 200 OK\r\ncontent-le"), Ok(false));
            assert_eq!(poster.receive(b"ngth: 2\r\n\r\n{"), Ok(false));
            assert_eq!(poster.receive(b"}"), Ok(true));
        }
    }

    #[test]
    fn a_refusal_is_told_with_its_text() {
        let answer = b"HTTP/1.1 429 Too Many\r\ncontent-length: 4\r\n\r\nslow";
        let refused = Failure::Refused("a message", 429, "slow".into());
        assert_eq!(Poster::default().receive(answer), Err(refused));
    }
}
