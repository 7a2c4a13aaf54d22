//! Bits in the order of zstd's streams: the first bit written is the lowest of the first byte, and a
//! decoder reads from the end.

/// Writes bits at the end of a buffer.
pub(crate) struct Bits<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    /// Bits that are not in the buffer yet; never 32 or more between two calls.
    pending: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start, pending: 0, count: 0 }
    }

    /// Appends the low `count` bits of `value`, at most 32, which has no higher ones.
    #[inline]
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        debug_assert!(count <= 32 && u64::from(value) < 1 << count);
        self.pending |= u64::from(value) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.out.extend_from_slice(&(self.pending as u32).to_le_bytes());
            self.pending >>= 32;
            self.count -= 32;
        }
    }

    /// Bits written so far.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        (self.out.len() - self.start) * 8 + self.count as usize
    }

    /// Appends the mark of the end and fills the last byte.
    pub(crate) fn finish(mut self) {
        self.put(1, 1);
        let bytes = self.count.div_ceil(8) as usize;
        self.out.extend(self.pending.to_le_bytes().into_iter().take(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_fill_bytes_from_below() {
        let mut out = vec![0xff];
        let mut bits = Bits::new(&mut out);
        bits.put(0b101, 3);
        bits.put(0xabcd_ef01, 32);
        assert_eq!(bits.position(), 35);
        bits.put(0, 0);
        bits.finish();
        let word = u64::from(0xabcd_ef01_u32) << 3 | 0b101 | 1 << 35;
        assert_eq!(out[1..], word.to_le_bytes()[..5]);
    }
}
