//! A vector in pieces, which grows without a pause: a call moves one piece at most.

/// Elements of a piece: a few for a room of two, and then always as many.
const PIECE: usize = 2_048;

/// All pieces but the last one are full.
#[derive(Debug)]
pub(crate) struct Pieces<T>(Vec<Vec<T>>);

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Pieces<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * PIECE + last.len())
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.0.get(index / PIECE)?.get(index % PIECE)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.0.get_mut(index / PIECE)?.get_mut(index % PIECE)
    }

    /// The elements from one on, as many as its piece has.
    #[inline]
    pub(crate) fn from(&self, index: usize) -> &[T] {
        self.0.get(index / PIECE).and_then(|piece| piece.get(index % PIECE..)).unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.0.last().is_none_or(|last| last.len() == PIECE) {
            let whole = if self.0.is_empty() { 0 } else { PIECE };
            self.0.reserve_exact(usize::from(self.0.len() < 2));
            self.0.push(Vec::with_capacity(whole));
        }
        if let Some(last) = self.0.last_mut() {
            if last.len() < 2 {
                last.reserve_exact(1);
            }
            last.push(value);
        }
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.0.truncate(length.div_ceil(PIECE));
        let whole = self.0.len().saturating_sub(1) * PIECE;
        if let Some(last) = self.0.last_mut() {
            last.truncate(length - whole);
            if last.capacity() > 256 && last.len() < last.capacity() / 4 {
                last.shrink_to(last.len() * 2);
            }
        }
    }

    /// Bytes for so many elements: from above.
    pub(crate) fn bytes(length: usize) -> usize {
        let room = match length {
            0..=2 => length,
            3..=PIECE => length.next_power_of_two(),
            _ => length.next_multiple_of(PIECE),
        };
        room * size_of::<T>() + length.div_ceil(PIECE).next_power_of_two() * size_of::<Vec<T>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_shrinks_over_the_pieces() {
        let mut pieces = Pieces::default();
        for n in 0..3 * PIECE + 5 {
            assert_eq!(pieces.len(), n);
            assert_eq!(pieces.get(n), None);
            pieces.push(n);
        }
        assert!(pieces.iter().copied().eq(0..3 * PIECE + 5));
        assert_eq!(pieces.from(PIECE - 1), [PIECE - 1]);
        assert_eq!(pieces.from(3 * PIECE + 3), [3 * PIECE + 3, 3 * PIECE + 4]);
        assert!(pieces.from(3 * PIECE + 5).is_empty());
        for left in [3 * PIECE, 2 * PIECE + 1, PIECE, 7, 0] {
            pieces.truncate(left);
            assert!(pieces.iter().copied().eq(0..left));
            pieces.truncate(left + 1);
            assert_eq!(pieces.len(), left);
        }
        pieces.push(1);
        assert_eq!(pieces.get(0), Some(&1));
        assert_eq!(pieces.get_mut(0), Some(&mut 1));
    }
}
