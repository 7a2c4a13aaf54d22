//! A table in blocks.

use crate::{LARGE_PAGE, ask};

/// Bytes of a small block, at least; the first one grows up to it.
const SMALL: usize = 1 << 16;
/// Small blocks, before large ones follow.
const FEW: usize = 256;
/// Small blocks that a large one is as large as: an allocator gives it pages of its own, and takes them
/// back as soon as it is dropped.
const TIMES: usize = 512;
/// Small blocks that a table which became shorter keeps.
const SPARE: usize = 2;

/// Values by number, from 0 up. None ever moves but those of the first block, while it grows.
///
/// The first 16 MB and more are blocks of some 64 KB. Then large ones come, of which pages of 2 MB are
/// taken as the table grows.
#[derive(Debug)]
pub struct Blocks<T> {
    /// The last ones may be empty.
    blocks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), len: 0 }
    }
}

impl<T> Blocks<T> {
    /// Values of a small block, and of a large one.
    const SLOTS: usize =
        (SMALL / if size_of::<T>() == 0 { 1 } else { size_of::<T>() }).next_power_of_two();
    const MANY: usize = Self::SLOTS * TIMES;
    /// Values for which the first block has room in the beginning.
    const FIRST: usize = 1 + 127 / if size_of::<T>() == 0 { 1 } else { size_of::<T>() };

    /// How many values there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a number, and those behind it in its block.
    #[inline]
    pub fn from(&self, at: usize) -> &[T] {
        let (block, slot) = Self::locate(at);
        self.blocks.get(block).and_then(|block| block.get(slot..)).unwrap_or_default()
    }

    /// As [`Blocks::from`], to change them.
    #[inline]
    pub fn from_mut(&mut self, at: usize) -> &mut [T] {
        let (block, slot) = Self::locate(at);
        self.blocks.get_mut(block).and_then(|block| block.get_mut(slot..)).unwrap_or_default()
    }

    /// The value of a number.
    #[inline]
    pub fn get(&self, at: usize) -> Option<&T> {
        let (block, slot) = Self::locate(at);
        self.blocks.get(block)?.get(slot)
    }

    /// The value of a number, to change it.
    #[inline]
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        let (block, slot) = Self::locate(at);
        self.blocks.get_mut(block)?.get_mut(slot)
    }

    /// Adds a value, whose number is [`Blocks::len`] before.
    pub fn push(&mut self, value: T) {
        let (at, _slot) = Self::locate(self.len);
        self.make_room(at, 1);
        if let Some(block) = self.blocks.get_mut(at) {
            block.push(value);
            self.len += 1;
        }
    }

    /// Bytes that are taken: of the last block, if it is a large one, so many pages as were written to.
    pub fn bytes(&self) -> usize {
        let last = self.blocks.len().saturating_sub(1);
        let written = self.blocks.last().map_or(0, |block| {
            let bytes = size_of_val(block.as_slice()).next_multiple_of(LARGE_PAGE);
            let all = block.capacity() * size_of::<T>();
            // An empty one was written to before.
            if last < FEW || block.is_empty() { all } else { bytes.min(all) }
        });
        let before = last.min(FEW) * Self::SLOTS + last.saturating_sub(FEW) * Self::MANY;
        before * size_of::<T>() + written + self.blocks.capacity() * size_of::<Vec<T>>()
    }

    /// By how much [`Blocks::bytes`] may grow with so many values more, which are fewer than a block's.
    pub fn growth(&self, more: usize) -> usize {
        let (at, _slot) = Self::locate(self.len + more);
        let table = if self.blocks.len() > at {
            0
        } else {
            self.blocks.capacity().max(4) * size_of::<Vec<T>>()
        };
        table
            + match self.blocks.get(at) {
                Some(block) if block.capacity() >= block.len() + more && at < FEW => 0,
                Some(block) if at == 0 => block.capacity().max(more) * size_of::<T>(),
                None if at == 0 => Self::FIRST.max(more) * size_of::<T>(),
                _small if at < FEW => Self::SLOTS * size_of::<T>(),
                _large => LARGE_PAGE,
            }
    }

    /// Forgets all values. The blocks are given back one by one: see [`Blocks::give_back`].
    pub fn clear(&mut self) {
        self.blocks.iter_mut().for_each(Vec::clear);
        self.len = 0;
    }

    /// Gives back a block that nothing is in, and tells whether there was one. A few are kept.
    pub fn give_back(&mut self) -> bool {
        let (at, _slot) = Self::locate(self.len);
        let keep = at + 1 + if at + SPARE < FEW { SPARE } else { 0 };
        let idle = self.blocks.len() > keep;
        if idle {
            self.blocks.pop();
        }
        idle
    }

    #[inline]
    const fn locate(at: usize) -> (usize, usize) {
        let small = FEW * Self::SLOTS;
        if at < small {
            (at / Self::SLOTS, at % Self::SLOTS)
        } else {
            (FEW + (at - small) / Self::MANY, (at - small) % Self::MANY)
        }
    }

    /// Makes the block of a number, and in the first one room for so many more.
    fn make_room(&mut self, at: usize, more: usize) {
        if self.blocks.len() == at {
            let block = if at == 0 {
                Vec::new()
            } else if at < FEW {
                Vec::with_capacity(Self::SLOTS)
            } else {
                let block = Vec::with_capacity(Self::MANY);
                ask(&block);
                block
            };
            self.blocks.push(block);
        }
        if at == 0
            && let Some(first) = self.blocks.first_mut()
            && first.len() + more > first.capacity()
        {
            let grown =
                (first.capacity() * 2).max(Self::FIRST).max(first.len() + more).min(Self::SLOTS);
            first.reserve_exact(grown - first.len());
        }
    }
}

impl<T: Clone + Default> Blocks<T> {
    /// Adds so many values next to each other, which are fewer than a block's, and tells the number of the
    /// first. What a block has no room for begins in the next one.
    pub fn extend(&mut self, more: usize) -> usize {
        let (mut at, slot) = Self::locate(self.len);
        let slots = if at < FEW { Self::SLOTS } else { Self::MANY };
        if slot + more > slots {
            let rest = slots - slot;
            if let Some(block) = self.blocks.get_mut(at) {
                block.resize(slots, T::default());
                self.len += rest;
            }
            at += 1;
        }
        let first = self.len;
        self.make_room(at, more);
        if let Some(block) = self.blocks.get_mut(at) {
            block.resize(block.len() + more, T::default());
            self.len += more;
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_where_they_are() {
        let mut blocks = Blocks::default();
        // Of 64 KB, so that there are large blocks soon, of which little is ever touched.
        for n in 0..300_u32 {
            let most = blocks.bytes() + blocks.growth(1);
            blocks.push([n; 1 << 14]);
            assert!(blocks.bytes() <= most, "{n}: {} {most}", blocks.bytes());
        }
        assert!((0..300).all(|n| blocks.get(n).is_some_and(|value| value[0] == n as u32)));
        assert!(blocks.get(300).is_none());
        assert!(blocks.bytes() <= (300 << 16) + LARGE_PAGE + (1 << 14));

        blocks.clear();
        assert!(blocks.is_empty() && blocks.get(0).is_none());
        while blocks.give_back() {}
        assert!(blocks.bytes() <= 3 * (1 << 16) + (1 << 14), "{}", blocks.bytes());
        blocks.push([7; 1 << 14]);
        assert_eq!(blocks.get(0), Some(&[7; 1 << 14]));
    }

    #[test]
    fn what_is_added_together_stays_together() {
        let mut blocks: Blocks<u8> = Blocks::default();
        let mut known = Vec::new();
        for n in 0..3_000_usize {
            let length = n * 7_919 % 20_000 + 1;
            let most = blocks.bytes() + blocks.growth(length);
            let at = blocks.extend(length);
            assert!(blocks.bytes() <= most, "{n}: {} {most}", blocks.bytes());
            blocks.from_mut(at)[..length].fill(n as u8);
            known.push((at, length));
        }
        for (n, (at, length)) in known.into_iter().enumerate() {
            assert!(blocks.from(at)[..length].iter().all(|byte| *byte == n as u8));
        }
    }

    #[test]
    fn a_small_table_is_small() {
        let mut blocks = Blocks::default();
        blocks.push(1_u64);
        assert!(blocks.bytes() <= 128 + 4 * size_of::<Vec<u64>>());
    }
}
