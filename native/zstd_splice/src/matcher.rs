//! Finds what a body repeats: of the primer, and of itself.

use std::ops::Range;

use crate::index::{Index, Recent, word};
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

        while at < end {
            let Some(mut found) = self.best(at..end, at == from, primed) else {
                self.recent.insert(self.body, at);
                // The longer nothing is found, the larger the steps.
                at += 1 + ((at - from) >> 7);
                continue;
            };

            // A copy that begins a little later may save more.
            let mut next = at + 1;
            while next <= at + LAZY && next < end && found.length < LONG {
                self.recent.insert(self.body, next - 1);
                if let Some(later) = self.best(next..end, false, primed)
                    && later.gain - LITERAL * (next - at) as i32 > found.gain
                {
                    (found, at) = (later, next);
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

    /// The copy that saves most at the beginning of `window`; `after_copy` if no literal precedes it.
    fn best(&self, window: Range<usize>, after_copy: bool, primed: bool) -> Option<Found> {
        let at = window.start;
        let rest = Rest::new(&self.body[window])?;
        let mut best = None;

        // Directly after a copy, the last offset would be that copy going on, which is as long as can be.
        for (slot, offset) in self.history.iter().enumerate().skip(usize::from(after_copy)) {
            let source = match offset {
                Some(Offset::Body(back)) => self.body.get(at.wrapping_sub(*back as usize)..),
                Some(Offset::Primer(delta)) if primed => {
                    self.primer.bytes().get((at as isize - *delta as isize) as usize..)
                }
                _ => None,
            };
            if let (Some(source), Some(offset)) = (source, *offset) {
                let length = rest.common(source, SHORTEST);
                consider(&mut best, REPEAT, length, offset, Some(slot));
            }
        }
        if best.is_some_and(|best| best.length >= PLENTY) {
            return best;
        }

        self.recent.candidates(rest.word, at, |place| {
            let length = rest.common(&self.body[place..], SHORTEST);
            let offset = Offset::Body((at - place) as u32);
            let cost = NEW + (at - place).ilog2() as i32;
            consider(&mut best, cost, length, offset, None);
        });
        if primed {
            // What is no longer than the best one costs no less.
            self.primer.candidates(rest.word, |place| {
                let longer = best.map_or(SHORTEST, |best| best.length + 1);
                let length = rest.common(&self.primer.bytes()[place..], longer);
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

/// The format has no shorter copies.
const SHORTEST: usize = 3;
/// From here on a repeated offset is better than any other.
const PLENTY: usize = 16;
/// From here on a copy is taken as it is.
const LONG: usize = 48;
/// How many bytes further it is worth to look for a better copy. Less than [`SHORTEST`], so that no place is
/// remembered that is not behind.
const LAZY: usize = 2;

// Prices in bits: of a literal, and of sequences whose offset comes again, is new, or leads far back. A few
// bits more or less change nothing: 307 bytes for 308 with the very prices of the tables.
const LITERAL: i32 = 5;
const REPEAT: i32 = 9;
const NEW: i32 = 11;
const FAR: i32 = 30;

/// Keeps the copy that saves more than what it costs and than the one before.
#[inline(always)]
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

/// What follows in the body, with its first eight bytes, which decide most comparisons.
struct Rest<'a> {
    bytes: &'a [u8],
    word: u64,
}

impl<'a> Rest<'a> {
    #[inline]
    fn new(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { bytes, word: word(bytes, 0)? })
    }

    /// How many bytes it has in common with others, or 0 if not `least`, which is 1 or more.
    #[inline(always)]
    fn common(&self, others: &[u8], least: usize) -> usize {
        let Some(other) = word(others, 0) else { return 0 };
        let differ = other ^ self.word;
        let length = if differ != 0 {
            differ.trailing_zeros() as usize / 8
        } else if others.get(least - 1) == self.bytes.get(least - 1) {
            8 + common(&self.bytes[8..], &others[8..])
        } else {
            0
        };
        if length < least { 0 } else { length }
    }
}

#[inline(never)]
fn common(a: &[u8], b: &[u8]) -> usize {
    let mut length = 0;
    for (x, y) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        let word = |chunk: &[u8]| chunk.first_chunk().copied().map_or(0, u64::from_le_bytes);
        let differ = word(x) ^ word(y);
        if differ != 0 {
            return length + differ.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + a[length..].iter().zip(&b[length..]).take_while(|(x, y)| x == y).count()
}
