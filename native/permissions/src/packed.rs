//! Members packed into little-endian words: the user's id, flags, the number of roles, and those.
//!
//! The lowest bit of the flags says that the member is timed out.

use crate::{Guild, Mask, Member, Standing};

/// The bytes end within a member, or are not whole words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn;

/// Members one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Members<'a> {
    words: &'a [[u8; 8]],
}

impl<'a> Members<'a> {
    /// Members that these bytes hold. Whether they do so to the end is seen on the way.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Torn> {
        match bytes.as_chunks() {
            (words, []) => Ok(Self { words }),
            (_words, _rest) => Err(Torn),
        }
    }

    /// Each one's permissions in a channel of the guild, in their order.
    pub fn in_channel(self, guild: &Guild, channel: u64) -> Result<Vec<Mask>, Torn> {
        let mut masks = Vec::with_capacity(self.words.len() / 4);
        let mut rest = self.words;
        while !rest.is_empty() {
            let standing;
            (standing, rest) = split(guild, rest).ok_or(Torn)?;
            masks.push(guild.in_channel(&standing, channel));
        }
        Ok(masks)
    }
}

fn split<'a>(guild: &Guild, words: &'a [[u8; 8]]) -> Option<(Standing, &'a [[u8; 8]])> {
    let ([id, flags, count], rest) = words.split_first_chunk()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    let (roles, rest) = rest.split_at_checked(count)?;
    let timed_out = u64::from_le_bytes(*flags) & 1 == 1;
    let member = Member { id: u64::from_le_bytes(*id), timed_out };
    Some((guild.standing(member, roles.iter().map(|word| u64::from_le_bytes(*word))), rest))
}
