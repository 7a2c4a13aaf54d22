//! Who saw some channels before a change: what was gained and lost is the difference to what is now.

use crate::bits::Bits;
use crate::rights::Place;
use crate::work::Budget;
use crate::{Audience, Change, MEMORY};

/// Who saw what.
#[derive(Debug)]
pub(crate) enum Saw {
    /// All who did, of a place: an index into `sets`, or nobody.
    Set(Option<usize>),
    /// Of the seats that a change bears on, those who did.
    Seats(Vec<u32>),
}

/// Who saw some channels before a change.
#[derive(Debug)]
pub struct Moves {
    channels: Vec<(u64, Saw)>,
    /// Shared by channels that are seen by the same sessions.
    sets: Vec<(Place, Bits)>,
    /// The seats that the change bears on, if these are few.
    affected: Option<Vec<u32>>,
    /// The channels that are still to be looked at, last first.
    waiting: Vec<u64>,
    counted: usize,
}

/// Beyond so many questions of one seat and one channel, all seats are looked at together.
const FEW: usize = 2_000;

impl Moves {
    /// Is to remember who sees the channels before these changes; `None` stands for changes that bear
    /// on anyone.
    pub fn new<T>(
        audience: &Audience<T>,
        mut channels: Vec<u64>,
        changes: Option<&[Change]>,
    ) -> Self {
        let affected = changes.and_then(|changes| affected(audience, changes));
        let affected = affected.filter(|seats| seats.len() * channels.len() <= FEW);
        channels.reverse();
        Self { channels: Vec::new(), sets: Vec::new(), affected, waiting: channels, counted: 0 }
    }

    /// Remembers some more. Returns whether it is done.
    pub fn work<T>(&mut self, audience: &mut Audience<T>, budget: &mut Budget) -> bool {
        while let Some(channel) = self.waiting.last().copied() {
            if budget.is_spent() {
                return false;
            }
            let saw = if let Some(affected) = &self.affected {
                budget.spend(20 * affected.len());
                Saw::Seats(
                    affected
                        .iter()
                        .copied()
                        .filter(|seat| audience.seat_sees(*seat, channel))
                        .collect(),
                )
            } else {
                if !audience.work(channel, budget) {
                    return false;
                }
                Saw::Set(
                    audience.rights.place(channel).map(|place| self.set(audience, place, budget)),
                )
            };
            self.channels.push((channel, saw));
            self.waiting.pop();
        }
        self.channels.sort_by_key(|(channel, _saw)| *channel);
        self.count();
        true
    }

    /// Whether everything is remembered.
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    fn set<T>(&mut self, audience: &Audience<T>, place: Place, budget: &mut Budget) -> usize {
        self.sets.iter().position(|(known, _bits)| *known == place).unwrap_or_else(|| {
            let bits = audience.rights.sight(place).bits.clone();
            budget.spend(2 * bits.len());
            self.sets.push((place, bits));
            self.sets.len() - 1
        })
    }

    /// The channels that some gained or lost, each with whether some gained and some lost it, beginning
    /// with the channel at `from`. Returns the one to go on with, if the budget was spent.
    pub fn moved<T>(
        &self,
        audience: &mut Audience<T>,
        from: usize,
        budget: &mut Budget,
    ) -> (Vec<(u64, bool, bool)>, Option<usize>) {
        let (mut moved, mut known) = (Vec::new(), Vec::new());
        for (index, (channel, saw)) in self.channels.iter().enumerate().skip(from) {
            if budget.is_spent() || !audience.work(*channel, budget) {
                return (moved, Some(index));
            }
            let (gained, lost) = match saw {
                Saw::Seats(saw) => self.seats_moved(audience, *channel, saw, budget),
                Saw::Set(set) => {
                    // Channels of the same sets before and now move alike.
                    let pair = (*set, audience.rights.place(*channel));
                    let found = known.iter().find(|(other, _found)| *other == pair);
                    let found = found.map(|(_pair, found)| *found);
                    found.unwrap_or_else(|| {
                        let found = self.set_moved(audience, *set, *channel, budget);
                        known.push((pair, found));
                        found
                    })
                }
            };
            if gained || lost {
                moved.push((*channel, gained, lost));
            }
        }
        (moved, None)
    }

    fn seats_moved<T>(
        &self,
        audience: &Audience<T>,
        channel: u64,
        saw: &[u32],
        budget: &mut Budget,
    ) -> (bool, bool) {
        budget.spend(20 * self.affected().len());
        self.affected().iter().fold((false, false), |(gained, lost), seat| {
            let (saw, sees) = (saw.binary_search(seat).is_ok(), audience.seat_sees(*seat, channel));
            (gained || sees && !saw, lost || saw && !sees)
        })
    }

    fn set_moved<T>(
        &self,
        audience: &Audience<T>,
        set: Option<usize>,
        channel: u64,
        budget: &mut Budget,
    ) -> (bool, bool) {
        let (saw, sees) = (self.bits(set), audience.sight_of(channel));
        budget.spend(audience.seats.words());
        (0..audience.seats.words()).fold((false, false), |(gained, lost), word| {
            let (saw, sees) = (saw.word(word), sees.word(word));
            (gained || sees & !saw != 0, lost || saw & !sees != 0)
        })
    }

    /// Who saw a channel, if that was asked.
    pub(crate) fn saw(&self, channel: u64) -> Option<&Saw> {
        let index = self.channels.binary_search_by_key(&channel, |(id, _saw)| *id).ok()?;
        self.channels.get(index).map(|(_id, saw)| saw)
    }

    pub(crate) fn bits(&self, index: Option<usize>) -> &Bits {
        let set = index.and_then(|index| self.sets.get(index));
        set.map_or(&crate::bits::NONE, |(_place, bits)| bits)
    }

    pub(crate) fn affected(&self) -> &[u32] {
        self.affected.as_deref().unwrap_or_default()
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        self.counted
    }

    fn count(&mut self) {
        let sets: usize =
            self.sets.iter().map(|(_place, bits)| bits.len() * size_of::<u64>()).sum();
        let bytes = sets + self.channels.len() * size_of::<(u64, Saw)>();
        MEMORY.resize(self.counted, bytes);
        self.counted = bytes;
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        MEMORY.resize(self.counted, 0);
    }
}

/// The seats whose sight may change: `None` if it may be anyone's.
fn affected<T>(audience: &Audience<T>, changes: &[Change]) -> Option<Vec<u32>> {
    let mut seats = Vec::new();
    for change in changes {
        let users = match change {
            Change::Member(user, _roles) => [Some(*user), None],
            Change::Owner(owner) => [*owner, audience.rights.owner],
            _ => return None,
        };
        for user in users.into_iter().flatten() {
            seats.extend(audience.seats.of_user(user));
        }
        if seats.len() > FEW {
            return None;
        }
    }
    seats.sort_unstable();
    seats.dedup();
    Some(seats)
}
