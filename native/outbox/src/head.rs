//! The part of a payload that differs from session to session: `{"s":N,`.

/// A head with its number, on the stack.
#[derive(Debug)]
pub(crate) struct Head {
    bytes: [u8; Head::MAX_BYTES],
    length: usize,
}

impl Head {
    const OPEN: &'static [u8] = br#"{"s":"#;
    /// 20 digits is the longest number of 64 bits.
    pub(crate) const MAX_BYTES: usize = Self::OPEN.len() + 20 + 1;

    pub(crate) fn new(number: u64) -> Self {
        let mut head = Self { bytes: [0; Self::MAX_BYTES], length: 0 };
        head.append(Self::OPEN);
        head.append(itoa::Buffer::new().format(number).as_bytes());
        head.append(b",");
        head
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn append(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        if let Some(space) = self.bytes.get_mut(self.length..end) {
            space.copy_from_slice(part);
            self.length = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_holds_every_number() {
        assert_eq!(Head::new(1).as_slice(), br#"{"s":1,"#);
        assert_eq!(Head::new(u64::MAX).as_slice(), br#"{"s":18446744073709551615,"#);
    }
}
