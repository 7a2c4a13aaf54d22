//! Where the bytes that come next came before.

use std::ops::Range;

/// Bytes that bodies are matched against, with every place where four of them begin.
#[derive(Debug)]
pub(crate) struct Index {
    bytes: Box<[u8]>,
    /// The last place of each hash, plus one.
    heads: Box<[u16]>,
    /// The place before it with the same hash, plus one.
    before: Box<[u16]>,
}

impl Index {
    /// How many places are tried.
    const TRIES: usize = 24;
    const LOG: u32 = 12;

    /// An index of at most 2^16 - 1 bytes.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut heads = vec![0; 1 << Self::LOG].into_boxed_slice();
        let mut before = Vec::with_capacity(bytes.len());
        for (place, four) in bytes.windows(4).enumerate() {
            let head: &mut u16 = &mut heads[hash(four, Self::LOG)];
            before.push(*head);
            *head = place as u16 + 1;
        }
        Self { bytes: bytes.into(), heads, before: before.into() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Places where `rest` may begin, the last one first.
    #[inline]
    pub(crate) fn candidates(&self, rest: &[u8], mut visit: impl FnMut(usize)) {
        let Some(four) = rest.get(..4) else { return };
        let mut next = self.heads[hash(four, Self::LOG)];
        for _try in 0..Self::TRIES {
            let Some(place) = usize::from(next).checked_sub(1) else { return };
            visit(place);
            next = self.before[place];
        }
    }

    pub(crate) fn memory(&self) -> usize {
        self.bytes.len() + 2 * (self.heads.len() + self.before.len())
    }
}

/// The most recent places in a body where four and where eight bytes began.
pub(crate) struct Recent {
    /// Plus one.
    fours: Box<[u32]>,
    eights: Box<[u32]>,
    log: u32,
    /// Bodies of this size are searched at every place.
    thorough: bool,
}

impl Recent {
    const THOROUGH: usize = 64 * 1024;
    /// No offset is larger, so that the window holds what it leads to.
    const REACH: usize = (1 << 20) - 1;

    pub(crate) fn new(body: usize) -> Self {
        let log = body.max(1).ilog2().clamp(8, 16);
        let table = || vec![0; 1 << log].into_boxed_slice();
        Self { fours: table(), eights: table(), log, thorough: body <= Self::THOROUGH }
    }

    #[inline]
    pub(crate) fn candidates(&self, body: &[u8], at: usize, mut visit: impl FnMut(usize)) {
        let near =
            |next: u32| (next as usize).checked_sub(1).filter(|place| at - place <= Self::REACH);
        if let Some(bytes) = body.get(at..at + 8)
            && let Some(place) = near(self.eights[hash8(bytes, self.log)])
        {
            visit(place);
        }
        if let Some(bytes) = body.get(at..at + 4)
            && let Some(place) = near(self.fours[hash(bytes, self.log)])
        {
            visit(place);
        }
    }

    #[inline]
    pub(crate) fn insert(&mut self, body: &[u8], at: usize) {
        if let Some(bytes) = body.get(at..at + 8) {
            self.eights[hash8(bytes, self.log)] = at as u32 + 1;
            self.fours[hash(&bytes[..4], self.log)] = at as u32 + 1;
        }
    }

    pub(crate) fn insert_all(&mut self, body: &[u8], places: Range<usize>) {
        if self.thorough {
            for place in places {
                self.insert(body, place);
            }
        } else {
            self.insert(body, places.start + 1);
            self.insert(body, places.end - 2);
        }
    }
}

#[inline]
fn hash(four: &[u8], log: u32) -> usize {
    let four = four.first_chunk().copied().map_or(0, u32::from_le_bytes);
    (four.wrapping_mul(0x9e37_79b1) >> (32 - log)) as usize
}

#[inline]
fn hash8(eight: &[u8], log: u32) -> usize {
    let eight = eight.first_chunk().copied().map_or(0, u64::from_le_bytes);
    (eight.wrapping_mul(0x9e37_79b1_85eb_ca87) >> (64 - log)) as usize
}
