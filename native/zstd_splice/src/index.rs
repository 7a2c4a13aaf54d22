//! Where the bytes that come next came before.

use std::ops::Range;

/// Bytes that bodies are matched against, with every place where seven of them begin: fewer save less than an
/// offset as far as the primer costs.
#[derive(Debug)]
pub(crate) struct Index {
    bytes: Box<[u8]>,
    /// The last place of each hash, plus one.
    heads: Box<[u16; 1 << Index::LOG]>,
    /// The place before it with the same hash, plus one.
    before: Box<[u16]>,
}

impl Index {
    /// How many places are tried.
    const TRIES: usize = 8;
    const LOG: u32 = 12;

    /// An index of at most 2^16 - 1 bytes.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut heads = Box::new([0; 1 << Self::LOG]);
        let mut before = Vec::with_capacity(bytes.len());
        for place in 0..bytes.len() {
            let Some(word) = word(bytes, place) else { break };
            let head: &mut u16 = &mut heads[Self::hash(word)];
            before.push(*head);
            *head = place as u16 + 1;
        }
        Self { bytes: bytes.into(), heads, before: before.into() }
    }

    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Places where the bytes of `word` may begin, the last one first.
    #[inline]
    pub(crate) fn candidates(&self, word: u64, mut visit: impl FnMut(usize)) {
        let mut next = self.heads[Self::hash(word)];
        for _try in 0..Self::TRIES {
            let Some(place) = usize::from(next).checked_sub(1) else { return };
            visit(place);
            next = self.before[place];
        }
    }

    #[inline]
    fn hash(word: u64) -> usize {
        hash(word << 8, Self::LOG)
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

    /// Places where eight or four bytes of `word`, which is at `at`, may have begun.
    #[inline]
    pub(crate) fn candidates(&self, word: u64, at: usize, mut visit: impl FnMut(usize)) {
        let (eight, four) = (self.eights[hash(word, self.log)], self.fours[self.hash_four(word)]);
        for next in [eight, if four == eight { 0 } else { four }] {
            if let Some(place) = (next as usize).checked_sub(1)
                && at - place <= Self::REACH
            {
                visit(place);
            }
        }
    }

    #[inline]
    pub(crate) fn insert(&mut self, body: &[u8], at: usize) {
        if let Some(word) = word(body, at) {
            let four = self.hash_four(word);
            self.eights[hash(word, self.log)] = at as u32 + 1;
            self.fours[four] = at as u32 + 1;
        }
    }

    /// Inserts what is copied.
    pub(crate) fn insert_all(&mut self, body: &[u8], places: Range<usize>) {
        if self.thorough {
            places.for_each(|place| self.insert(body, place));
        } else {
            self.insert(body, places.start);
            self.insert(body, places.end - 2);
        }
    }

    #[inline]
    fn hash_four(&self, word: u64) -> usize {
        hash(word << 32, self.log)
    }
}

/// The next eight bytes.
#[inline]
pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

#[inline]
fn hash(word: u64, log: u32) -> usize {
    (word.wrapping_mul(0x9e37_79b1_85eb_ca87) >> (64 - log)) as usize
}
