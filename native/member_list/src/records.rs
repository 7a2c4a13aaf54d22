//! The members' records, one behind the other, at 10 bytes beside the name's key.
//!
//! A record is found by its place, a u32: the number of its first byte. It is id, group, length of
//! the key, and key. What a deleted record leaves is given to the next one that fits.

use pages::Blocks;

/// Id, group and length.
const HEAD: usize = 10;
const LONGEST: usize = HEAD + u8::MAX as usize;
/// Bytes that most records do not exceed.
const USUAL: usize = 32;
/// No place: no record has its one byte there.
const NONE: Place = Place::MAX;
/// More than a record, and what is left of a block before it.
const MARGIN: Place = 1 << 10;

/// Where a record is.
pub(crate) type Place = u32;

/// There is no place for another record: 4 GB of them are.
#[derive(Debug)]
pub(crate) struct Full;

#[derive(Default)]
pub(crate) struct Records {
    blocks: Blocks<u8>,
    /// The record freed last, by length. Each begins with the place of the one before.
    free: Vec<Place>,
    /// Bytes of freed records, and of the others.
    freed: usize,
    used: usize,
}

impl Records {
    /// Makes a record. A key has at most 255 bytes.
    pub(crate) fn insert(&mut self, id: u64, group: u8, key: &[u8]) -> Result<Place, Full> {
        let place = self.reserve(HEAD + key.len())?;
        self.used += HEAD + key.len();
        if let Some(record) = self.at_mut(place, HEAD + key.len())
            && let Some((head, rest)) = record.split_first_chunk_mut::<HEAD>()
        {
            let [i0, i1, i2, i3, i4, i5, i6, i7] = id.to_le_bytes();
            *head = [i0, i1, i2, i3, i4, i5, i6, i7, group, key.len() as u8];
            rest.copy_from_slice(key);
        }
        Ok(place)
    }

    pub(crate) fn remove(&mut self, place: Place) {
        let length = HEAD + self.key(place).len();
        self.release(place, length);
        self.used -= length;
        if self.used == 0 {
            self.blocks.clear();
            self.free.clear();
            self.freed = 0;
        }
    }

    #[inline]
    pub(crate) fn id(&self, place: Place) -> u64 {
        self.at(place).first_chunk().map_or(0, |id| u64::from_le_bytes(*id))
    }

    #[inline]
    pub(crate) fn group(&self, place: Place) -> u8 {
        self.at(place).get(8).copied().unwrap_or_default()
    }

    pub(crate) fn set_group(&mut self, place: Place, group: u8) {
        if let Some([.., last]) = self.at_mut(place, 9) {
            *last = group;
        }
    }

    #[inline]
    pub(crate) fn key(&self, place: Place) -> &[u8] {
        let record = self.at(place);
        let length = record.get(9).map_or(0, |length| usize::from(*length));
        record.get(HEAD..HEAD + length).unwrap_or_default()
    }

    /// The key and the id.
    #[inline]
    pub(crate) fn read(&self, place: Place) -> (&[u8], u64) {
        let Some((head, rest)) = self.at(place).split_first_chunk::<HEAD>() else {
            return (&[], 0);
        };
        let [i0, i1, i2, i3, i4, i5, i6, i7, _group, length] = *head;
        let key = rest.get(..usize::from(length)).unwrap_or_default();
        (key, u64::from_le_bytes([i0, i1, i2, i3, i4, i5, i6, i7]))
    }

    /// Asks for the memory of a record.
    #[inline]
    pub(crate) fn fetch(&self, place: Place) {
        let record = self.at(place);
        prefetch::slice(record.get(..USUAL).unwrap_or(record));
    }

    /// Asks for the memory that the next record of a key of that length may be given.
    pub(crate) fn fetch_free(&self, length: usize) {
        if let Some(place) = self.free.get(HEAD + length).filter(|place| **place != NONE) {
            self.fetch(*place);
        }
    }

    /// Bytes allocated.
    pub(crate) fn bytes(&self) -> usize {
        self.blocks.bytes() + self.free.capacity() * size_of::<Place>()
    }

    /// By how much `bytes` may grow with the next record.
    pub(crate) fn growth(&self, key: &[u8]) -> usize {
        self.blocks.growth(HEAD + key.len())
    }

    fn reserve(&mut self, length: usize) -> Result<Place, Full> {
        if let Some(place) = self.reuse(length) {
            return Ok(place);
        }
        // Names that changed their lengths must not leave behind more than is in use. What is left of
        // a record must be a record's length.
        if self.freed * 2 > self.blocks.len() {
            for larger in length + HEAD..=LONGEST {
                if let Some(place) = self.reuse(larger) {
                    self.release(place + length as Place, larger - length);
                    return Ok(place);
                }
            }
        }
        self.extend(length)
    }

    fn reuse(&mut self, length: usize) -> Option<Place> {
        let place = self.free.get(length).copied().filter(|place| *place != NONE)?;
        let before =
            self.at(place).first_chunk().map_or(NONE, |place| Place::from_le_bytes(*place));
        *self.free.get_mut(length)? = before;
        self.freed -= length;
        Some(place)
    }

    fn release(&mut self, place: Place, length: usize) {
        if self.free.len() <= length {
            self.free.reserve_exact(length + 1 - self.free.len());
            self.free.resize(length + 1, NONE);
        }
        if let Some(last) = self.free.get_mut(length) {
            let before = std::mem::replace(last, place);
            if let Some(link) = self.at_mut(place, size_of::<Place>()) {
                link.copy_from_slice(&before.to_le_bytes());
            }
            self.freed += length;
        }
    }

    /// A place behind all records.
    fn extend(&mut self, length: usize) -> Result<Place, Full> {
        // Those of a list that was emptied go one by one.
        self.blocks.give_back();
        if self.blocks.len() > (NONE - MARGIN) as usize {
            return Err(Full);
        }
        Ok(self.blocks.extend(length) as Place)
    }

    #[inline]
    fn at(&self, place: Place) -> &[u8] {
        self.blocks.from(place as usize)
    }

    fn at_mut(&mut self, place: Place, length: usize) -> Option<&mut [u8]> {
        self.blocks.from_mut(place as usize).get_mut(..length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_what_they_are_given() {
        let mut records = Records::default();
        let places: Vec<_> = (0..20_000_u64)
            .map(|id| records.insert(id, id as u8, id.to_string().as_bytes()).unwrap())
            .collect();
        for (id, place) in places.into_iter().enumerate() {
            assert_eq!(records.id(place), id as u64);
            assert_eq!(records.group(place), id as u8);
            assert_eq!(records.key(place), id.to_string().as_bytes());
        }
    }

    #[test]
    fn names_that_change_take_the_places_of_others() {
        let mut records = Records::default();
        let key = |n: usize| vec![b'a'; n % 41];
        let mut places: Vec<_> =
            (0..10_000).map(|n| records.insert(n as u64, 0, &key(n)).unwrap()).collect();
        let filled = records.bytes();
        for round in 1..20 {
            for (n, place) in places.iter_mut().enumerate() {
                records.remove(*place);
                *place = records.insert(n as u64, 0, &key(n * round + round * round)).unwrap();
            }
        }
        assert!(records.bytes() < filled * 3 / 2, "{} {filled}", records.bytes());
        places.into_iter().for_each(|place| records.remove(place));
        for id in 0..20 {
            records.insert(id, 0, b"").unwrap();
        }
        assert!(records.bytes() < 4 << 16);
    }

    #[test]
    fn a_small_list_is_small_and_growth_is_told() {
        let mut records = Records::default();
        for id in 0..30_000 {
            let (before, growth) = (records.bytes(), records.growth(b"0123456789"));
            records.insert(id, 0, b"0123456789").unwrap();
            assert!(records.bytes() <= before + growth, "{id}");
            assert!(id > 5 || records.bytes() < 400);
        }
    }
}
