//! A set of seats, a bit each.

/// Seats in one word.
pub(crate) const SEATS: usize = 64;

/// A set of seats. Up to 64 of them take no memory of their own; words that are not there are 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bits {
    One(u64),
    Many(Vec<u64>),
}

/// The set without a seat, where a reference to one is needed.
pub(crate) static NONE: Bits = Bits::One(0);

impl Default for Bits {
    fn default() -> Self {
        Self::One(0)
    }
}

impl Bits {
    pub(crate) fn words(&self) -> &[u64] {
        match self {
            Self::One(word) => std::slice::from_ref(word),
            Self::Many(words) => words,
        }
    }

    /// The words from one on, as many as there are.
    #[inline]
    pub(crate) fn from(&self, word: usize) -> &[u64] {
        self.words().get(word..).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn word(&self, index: usize) -> u64 {
        self.words().get(index).copied().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn get(&self, seat: u32) -> bool {
        self.word(word_of(seat)) & bit_of(seat) != 0
    }

    /// Puts a seat in or out. Returns whether it was otherwise.
    pub(crate) fn set(&mut self, seat: u32, value: bool) -> bool {
        let index = word_of(seat);
        if !value && index >= self.words().len() {
            return false;
        }
        let Some(word) = self.words_mut(index + 1).get_mut(index) else { return false };
        let before = *word;
        *word = if value { before | bit_of(seat) } else { before & !bit_of(seat) };
        before != *word
    }

    /// The words, at least `length` of them.
    pub(crate) fn words_mut(&mut self, length: usize) -> &mut [u64] {
        if let Self::One(word) = self
            && length > 1
        {
            let mut words = Vec::with_capacity(length.next_power_of_two());
            words.push(*word);
            *self = Self::Many(words);
        }
        match self {
            Self::One(word) => std::slice::from_mut(word),
            Self::Many(words) => {
                if words.len() < length {
                    words.resize(length, 0);
                }
                words
            }
        }
    }

    /// Forgets the words from one on, which hold no seat any more.
    pub(crate) fn cut(&mut self, length: usize) {
        if let Self::Many(words) = self {
            words.truncate(length);
            if words.capacity() > 64 && words.len() < words.capacity() / 4 {
                words.shrink_to(words.len() * 2);
            }
        }
    }
}

#[inline]
pub(crate) fn word_of(seat: u32) -> usize {
    seat as usize / SEATS
}

#[inline]
pub(crate) fn bit_of(seat: u32) -> u64 {
    1 << (seat as usize % SEATS)
}

/// The seats of one word.
#[inline]
pub(crate) fn seats(index: usize, mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let seat = index * SEATS + word.trailing_zeros() as usize;
        word &= word - 1;
        u32::try_from(seat).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bits: &Bits) -> Vec<u32> {
        bits.words().iter().enumerate().flat_map(|(index, word)| seats(index, *word)).collect()
    }

    #[test]
    fn a_set_grows_with_its_seats() {
        let mut bits = Bits::default();
        assert!(!bits.set(1_000, false));
        assert_eq!(bits, NONE);
        assert!(bits.set(63, true));
        assert!(matches!(bits, Bits::One(_)));
        assert!(bits.set(64, true) && !bits.set(64, true) && bits.set(1_000, true));
        assert_eq!(all(&bits), [63, 64, 1_000]);
        assert!(bits.get(64) && !bits.get(65) && !bits.get(u32::MAX));
        assert!(bits.set(64, false));
        bits.cut(1);
        assert_eq!(all(&bits), [63]);
    }
}
