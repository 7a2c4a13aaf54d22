//! A set of seats, a bit each.

/// Seats in one word.
pub(crate) const SEATS: usize = 64;
/// Words of a piece. What is looked at together must not lie in two.
pub(crate) const PIECE: usize = 512;

/// A set of seats. Up to 64 of them take no memory of their own; words that are not there are 0.
///
/// More are in pieces, so that a set grows without a pause, and where nobody is in it there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bits {
    One(u64),
    Many(Vec<Vec<u64>>),
}

/// The set without a seat, where a reference to one is needed.
pub(crate) static NONE: Bits = Bits::One(0);

impl Default for Bits {
    fn default() -> Self {
        Self::One(0)
    }
}

impl Bits {
    /// The words from one on, as many as there are in its piece.
    #[inline]
    pub(crate) fn from(&self, word: usize) -> &[u64] {
        match self {
            Self::One(only) => std::slice::from_ref(only).get(word..).unwrap_or_default(),
            Self::Many(pieces) => pieces
                .get(word / PIECE)
                .and_then(|piece| piece.get(word % PIECE..))
                .unwrap_or_default(),
        }
    }

    #[inline]
    pub(crate) fn word(&self, index: usize) -> u64 {
        self.from(index).first().copied().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn get(&self, seat: u32) -> bool {
        self.word(word_of(seat)) & bit_of(seat) != 0
    }

    /// Puts a seat in or out. Returns whether it was otherwise.
    pub(crate) fn set(&mut self, seat: u32, value: bool) -> bool {
        let index = word_of(seat);
        if !value && self.from(index).is_empty() {
            return false;
        }
        let Some(word) = self.words_mut(index, index + 1).first_mut() else { return false };
        let before = *word;
        *word = if value { before | bit_of(seat) } else { before & !bit_of(seat) };
        before != *word
    }

    /// Some words of one piece.
    pub(crate) fn words_mut(&mut self, from: usize, to: usize) -> &mut [u64] {
        if let Self::One(word) = self
            && to > 1
        {
            *self = Self::Many(vec![vec![*word]]);
        }
        let pieces = match self {
            Self::One(word) => return std::slice::from_mut(word),
            Self::Many(pieces) => pieces,
        };
        let (index, from, to) = (from / PIECE, from % PIECE, to - from / PIECE * PIECE);
        if pieces.len() <= index {
            pieces.resize_with(index + 1, Vec::new);
        }
        let Some(piece) = pieces.get_mut(index) else { return &mut [] };
        if piece.len() < to {
            piece.resize(to, 0);
        }
        piece.get_mut(from..to).unwrap_or_default()
    }

    /// Forgets the words from one on, which hold no seat any more.
    pub(crate) fn cut(&mut self, length: usize) {
        if let Self::Many(pieces) = self {
            pieces.truncate(length.div_ceil(PIECE));
            if pieces.len() == length.div_ceil(PIECE)
                && let Some(last) = pieces.last_mut()
            {
                last.truncate(length - (length - 1) / PIECE * PIECE);
                if last.capacity() > 64 && last.len() < last.capacity() / 4 {
                    last.shrink_to(last.len() * 2);
                }
            }
        } else if length == 0 {
            *self = Self::One(0);
        }
    }

    /// The number of words up to the last one in which there is a seat.
    pub(crate) fn end(&self) -> usize {
        let last = |words: &[u64]| words.iter().rposition(|word| *word != 0);
        match self {
            Self::One(word) => usize::from(*word != 0),
            Self::Many(pieces) => pieces
                .iter()
                .enumerate()
                .rev()
                .find_map(|(index, piece)| Some(index * PIECE + last(piece)? + 1))
                .unwrap_or(0),
        }
    }

    /// Words that take memory.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(pieces) => pieces.iter().map(Vec::len).sum(),
        }
    }

    /// Bytes of a set of so many words, besides its own: from above.
    pub(crate) fn bytes(words: usize) -> usize {
        let room = match words {
            0..=1 => return 0,
            2..=PIECE => words.next_power_of_two(),
            _ => words.next_multiple_of(PIECE),
        };
        room * size_of::<u64>() + words.div_ceil(PIECE).next_power_of_two() * size_of::<Vec<u64>>()
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
        (0..4 * PIECE).flat_map(|index| seats(index, bits.word(index))).collect()
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
        assert_eq!((all(&bits), bits.end()), (vec![63], 1));
    }

    #[test]
    fn a_set_has_no_pieces_where_nobody_is() {
        let mut bits = Bits::default();
        let far = (3 * PIECE * SEATS) as u32 + 70;
        assert!(bits.set(5, true) && bits.set(far, true));
        assert_eq!((all(&bits), bits.len(), bits.end()), (vec![5, far], 3, 3 * PIECE + 2));
        assert!(!bits.set(PIECE as u32 * 64, false));
        assert!(bits.from(PIECE).is_empty() && bits.from(3 * PIECE).len() == 2);
        bits.words_mut(2 * PIECE - 1, 2 * PIECE).fill(1);
        assert_eq!(bits.words_mut(2 * PIECE - 2, 2 * PIECE), [0, 1]);
        assert!(bits.set(far, false));
        assert_eq!(bits.end(), 2 * PIECE);
        bits.cut(PIECE + 3);
        assert_eq!((all(&bits), bits.len()), (vec![5], 1 + 3));
        for left in [PIECE, 1, 0] {
            bits.cut(left);
            assert_eq!(all(&bits), if left == 0 { vec![] } else { vec![5] });
        }
        assert!(bits.set(64, true));
        assert_eq!(all(&bits), [64]);
    }
}
