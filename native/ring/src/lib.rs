//! Consistent hashing with bounded load: which node owns a key, the same
//! answer on every node and in every version.

/// Where `key` lies on the ring: SplitMix64's finaliser, whose seed is fixed.
pub fn position(key: u64) -> u64 {
    let key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_never_changes() {
        assert_eq!(position(0), 0xe220_a839_7b1d_cdaf);
    }
}
