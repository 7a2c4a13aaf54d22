//! Which channels share a list: those that the same people see.

/// What one overwrite of a channel says about seeing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It allows `VIEW_CHANNEL`.
    Allow,
    /// It denies it.
    Deny,
}

/// The id of the list of all who see the guild at all.
pub const EVERYONE: &str = "everyone";

/// The id of a channel's list, from whether the @everyone role may see channels and from what the
/// channel's overwrites, by the id of their role or user, say about seeing it.
pub fn list_id(everyone_sees: bool, overwrites: &[(u64, Sight)]) -> String {
    if everyone_sees && overwrites.iter().all(|(_id, sight)| *sight == Sight::Allow) {
        return EVERYONE.into();
    }
    let word = |sight| if sight == Sight::Allow { "allow" } else { "deny" };
    let mut tokens: Vec<String> =
        overwrites.iter().map(|(id, sight)| format!("{}:{id}", word(*sight))).collect();
    // As text: that is what clients sort.
    tokens.sort_unstable();
    murmur3(tokens.join(",").as_bytes()).to_string()
}

/// MurmurHash3_x86_32 with seed 0.
fn murmur3(bytes: &[u8]) -> u32 {
    let scramble =
        |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = words.iter().fold(0_u32, |hash, word| {
        let hash = (hash ^ scramble(u32::from_le_bytes(*word))).rotate_left(13);
        hash.wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    hash ^= scramble(rest);
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_clients_do() {
        assert_eq!(murmur3(b""), 0);
        assert_eq!(murmur3(b"deny:41771983423143936"), 3_571_130_906);
        let tokens = b"allow:1174109841002725376,deny:1174109841006919680";
        assert_eq!(murmur3(tokens), 389_890_879);
    }

    #[test]
    fn a_channel_that_all_see_has_the_list_of_everyone() {
        assert_eq!(list_id(true, &[]), "everyone");
        assert_eq!(list_id(true, &[(7, Sight::Allow)]), "everyone");
    }

    #[test]
    fn overwrites_count_in_the_order_of_their_text() {
        let deny = (1_174_109_841_006_919_680, Sight::Deny);
        let allow = (1_174_109_841_002_725_376, Sight::Allow);
        assert_eq!(list_id(true, &[deny, allow]), "389890879");
        assert_eq!(list_id(true, &[(41_771_983_423_143_936, Sight::Deny)]), "3571130906");
        assert_eq!(list_id(false, &[]), "0");
    }
}
