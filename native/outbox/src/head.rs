//! The part of a payload that differs from session to session: `{"s":N,`.

/// A head with its number, on the stack.
#[derive(Debug)]
pub(crate) struct Head {
    bytes: [u8; Head::MAX_BYTES],
    length: usize,
}

impl Head {
    const JSON: &'static [u8] = br#"{"s":"#;
    /// A map of four pairs, the first of which has the atom `s` as its key.
    const ETF: &'static [u8] = &[131, 116, 0, 0, 0, 4, 100, 0, 1, b's'];
    /// 20 digits is the longest number of 64 bits.
    pub(crate) const MAX_BYTES: usize = Self::JSON.len() + 20 + 1;

    pub(crate) fn json(number: u64) -> Self {
        let mut head = Self::new(Self::JSON);
        head.append(itoa::Buffer::new().format(number).as_bytes());
        head.append(b",");
        head
    }

    pub(crate) fn etf(number: u64) -> Self {
        let mut head = Self::new(Self::ETF);
        if let Ok(number) = i32::try_from(number) {
            head.append(&[98]);
            head.append(&number.to_be_bytes());
        } else {
            head.append(&[110, 8, 0]);
            head.append(&number.to_le_bytes());
        }
        head
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn new(start: &[u8]) -> Self {
        let mut head = Self { bytes: [0; Self::MAX_BYTES], length: 0 };
        head.append(start);
        head
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
        assert_eq!(Head::json(1).as_slice(), br#"{"s":1,"#);
        assert_eq!(Head::json(u64::MAX).as_slice(), br#"{"s":18446744073709551615,"#);
        assert_eq!(Head::etf(258).as_slice()[10..], [98, 0, 0, 1, 2]);
        assert_eq!(
            Head::etf(u64::MAX).as_slice()[10..],
            [110, 8, 0, 255, 255, 255, 255, 255, 255, 255, 255]
        );
    }
}
