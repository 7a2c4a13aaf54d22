//! The keys of the database: two bytes, the partition, the key within it.
//!
//! The two bytes are the partition's length, and in the six bits above it the
//! partition's *generation* (see `generation.rs`), which is 0 but for partitions
//! that were dropped while they were large.

use std::ops::Bound;

/// How many generations six bits hold.
pub(crate) const GENERATIONS: u8 = 64;

/// Where the bytes of the partition begin.
const HEADER: usize = 2;

/// Appends the start of every key of the partition.
pub(crate) fn push_prefix(out: &mut Vec<u8>, partition: &[u8]) {
    let length = u16::try_from(partition.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(partition);
}

/// The start of every key of the partition in that generation.
pub(crate) fn prefix(partition: &[u8], generation: u8, room: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + partition.len() + room);
    push_prefix(&mut out, partition);
    set_generation(&mut out, generation);
    out
}

/// Moves a key to another generation.
pub(crate) fn set_generation(key: &mut [u8], generation: u8) {
    if let Some(first) = key.first_mut() {
        *first = (*first & 0b11) | (generation << 2);
    }
}

/// The first key after all that start with `prefix`, or nothing if there can be none.
pub(crate) fn after_prefix(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_not_the_start_of_another() {
        assert_ne!(prefix(b"a", 0, 0), prefix(b"ab", 0, 0)[..3]);
    }

    #[test]
    fn generation_and_length_share_two_bytes() {
        let longest = vec![7; crate::MAX_PARTITION_BYTES];
        let mut key = prefix(&longest, GENERATIONS - 1, 0);
        assert_eq!(key[..2], [0xff, 0xff]);
        set_generation(&mut key, 0);
        assert_eq!(key[..2], [0x03, 0xff]);
    }

    #[test]
    fn the_end_of_a_prefix_carries() {
        assert_eq!(after_prefix(&[1, 0xff]), Bound::Excluded(vec![2]));
        assert_eq!(after_prefix(&[0xff]), Bound::Unbounded);
    }
}
