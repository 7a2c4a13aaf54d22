//! Finds what a body repeats: of the primer, and of itself.

use std::ops::Range;

use crate::index::{Index, Recent};
use crate::sequences::{Offset, Sequence};

/// What the search knows of a body as it walks through it.
pub(crate) struct Matcher<'a> {
    primer: &'a Index,
    body: &'a [u8],
    recent: Recent,
    /// The offsets that can be repeated. What a connection used before the body is not known.
    history: [Option<Offset>; 3],
}

/// A copy that could be made.
#[derive(Clone, Copy)]
struct Found {
    /// Bits that it saves, about.
    gain: i32,
    length: usize,
    offset: Offset,
    /// Where in the history the offset is, if it is taken from there.
    slot: Option<usize>,
}

impl<'a> Matcher<'a> {
    pub(crate) fn new(primer: &'a Index, body: &'a [u8]) -> Self {
        Self { primer, body, recent: Recent::new(body.len()), history: [None; 3] }
    }

    /// What can be repeated from here on; to be restored if a block is not written as found.
    pub(crate) fn history(&self) -> [Option<Offset>; 3] {
        self.history
    }

    pub(crate) fn restore(&mut self, history: [Option<Offset>; 3]) {
        self.history = history;
    }

    /// Appends the sequences and the literals of a part of the body; what follows the last sequence is
    /// literals. Parts must follow each other. `primed` says whether this part may look into the primer.
    pub(crate) fn find(
        &mut self,
        part: Range<usize>,
        primed: bool,
        sequences: &mut Vec<Sequence>,
        literals: &mut Vec<u8>,
    ) {
        // One byte is kept as a literal, for a block that has to teach a tree.
        let end = part.end.saturating_sub(1);
        let (mut at, mut from) = (part.start, part.start);

        while at + SHORTEST <= end {
            let Some(mut found) = self.best(at..end, at - from, primed) else {
                // The longer nothing is found, the larger the steps.
                let step = 1 + ((at - from) >> 7);
                self.recent.insert(self.body, at);
                at += step;
                continue;
            };
            // A copy that begins later may save more.
            let mut tries = LAZY;
            let mut next = at + 1;
            while tries > 0 && next + SHORTEST <= end {
                self.recent.insert(self.body, next - 1);
                match self.best(next..end, next - from, primed) {
                    Some(later) if later.gain - LITERAL * (next - at) as i32 > found.gain => {
                        (found, at, tries) = (later, next, LAZY);
                    }
                    _ => tries -= 1,
                }
                next += 1;
            }

            sequences.push(Sequence {
                literals: (at - from) as u32,
                length: found.length as u32,
                offset: found.code(at - from),
            });
            literals.extend_from_slice(&self.body[from..at]);
            self.remember(found);
            from = at + found.length;
            self.recent.insert_all(self.body, at..from);
            at = from;
        }
        literals.extend_from_slice(&self.body[from..part.end]);
    }

    fn best(&self, window: Range<usize>, literals: usize, primed: bool) -> Option<Found> {
        let rest = &self.body[window.clone()];
        let at = window.start;
        let mut best = None;

        // Without literals it would be the last copy going on, which is as long as can be.
        let fresh = usize::from(literals == 0);
        for (slot, offset) in self.history.iter().enumerate().skip(fresh) {
            let Some(offset) = *offset else { break };
            let length = match offset {
                Offset::Body(back) if back as usize <= at => {
                    common(rest, &self.body[at - back as usize..])
                }
                Offset::Primer(delta) if primed => {
                    let place = usize::try_from(at as i32 - delta).unwrap_or(usize::MAX);
                    common(rest, self.primer.bytes().get(place..).unwrap_or_default())
                }
                _ => 0,
            };
            if length >= SHORTEST {
                consider(&mut best, REPEAT, length, offset, Some(slot));
            }
        }

        self.recent.candidates(self.body, at, |place| {
            let length = common(rest, &self.body[place..]);
            let offset = Offset::Body((at - place) as u32);
            let cost = NEW + (at - place).ilog2() as i32;
            consider(&mut best, cost, length, offset, None);
        });
        if primed {
            self.primer.candidates(rest, |place| {
                let length = common(rest, &self.primer.bytes()[place..]);
                let offset = Offset::Primer(at as i32 - place as i32);
                consider(&mut best, FAR, length, offset, None);
            });
        }
        best
    }

    // As a decoder does.
    fn remember(&mut self, found: Found) {
        let [first, second, third] = self.history;
        self.history = match found.slot {
            Some(0) => return,
            Some(1) => [second, first, third],
            Some(_) => [third, first, second],
            None => [Some(found.offset), first, second],
        };
    }
}

impl Found {
    /// The offset as it is written after so many literals. Without any, 1 is the second last offset.
    fn code(&self, literals: usize) -> Offset {
        match self.slot {
            Some(slot) => Offset::Repeat(slot as u8 + u8::from(literals > 0)),
            None => self.offset,
        }
    }
}

/// What fewer bytes save is less than a sequence costs.
const SHORTEST: usize = 3;
/// How many bytes further it is worth to look for a better copy.
const LAZY: u32 = 2;

// Prices in bits: of a literal, and of sequences whose offset comes again, is new, or leads far back.
const LITERAL: i32 = 5;
const REPEAT: i32 = 9;
const NEW: i32 = 11;
const FAR: i32 = 30;

#[inline]
fn consider(
    best: &mut Option<Found>,
    cost: i32,
    length: usize,
    offset: Offset,
    slot: Option<usize>,
) {
    let gain = LITERAL * length as i32 - cost;
    if gain > best.map_or(0, |best| best.gain) {
        *best = Some(Found { gain, length, offset, slot });
    }
}

/// How many bytes two slices have in common from their beginning.
#[inline]
fn common(a: &[u8], b: &[u8]) -> usize {
    let mut length = 0;
    while let (Some(x), Some(y)) = (
        a.get(length..).and_then(|rest| rest.first_chunk::<8>()),
        b.get(length..).and_then(|rest| rest.first_chunk::<8>()),
    ) {
        let differ = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differ != 0 {
            return length + differ.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + a[length..].iter().zip(&b[length..]).take_while(|(x, y)| x == y).count()
}
