//! What an audience takes in memory, from what it has.

use std::ops::Add;

use crate::Audience;
use crate::bits::{Bits, SEATS};
use crate::class::{Class, Rule};
use crate::intents::Intents;
use crate::rights::{Channel, Role};
use crate::seats::Seats;

/// A topic that a session follows: its name twice, and a share of two trees' nodes.
const FOLLOW: usize = 256;

/// How much there is of what takes memory.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Size {
    pub(crate) seats: usize,
    pub(crate) sessions: usize,
    pub(crate) roles: usize,
    pub(crate) channels: usize,
    pub(crate) classes: usize,
    pub(crate) rules: usize,
    pub(crate) follows: usize,
    pub(crate) topic_sets: usize,
}

impl Size {
    /// From above: every set as long as the longest, every vector grown by doubling.
    pub(crate) fn bytes<T>(self) -> usize {
        let words = self.seats.div_ceil(SEATS);
        // One for each role, class and intent, and: taken, passive, view, above, spare.
        let sets = self.roles + self.classes + Intents::SETS + 5 + self.topic_sets;
        size_of::<Audience<T>>()
            + Seats::<T>::bytes(self.seats, self.sessions)
            + sets * Bits::bytes(words)
            + usize::from(words > 1) * Intents::SETS * size_of::<Bits>()
            + self.roles * (size_of::<Role>() + 8)
            + self.channels * (size_of::<Channel>() + 8)
            + self.classes * size_of::<Class>()
            + self.rules * size_of::<Rule>()
            + self.follows * FOLLOW
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            seats: self.seats + more.seats,
            sessions: self.sessions + more.sessions,
            roles: self.roles + more.roles,
            channels: self.channels + more.channels,
            classes: self.classes + more.classes,
            rules: self.rules + more.rules,
            follows: self.follows + more.follows,
            topic_sets: self.topic_sets + more.topic_sets,
        }
    }
}
