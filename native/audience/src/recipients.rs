//! Who gets an item, without giving it to them.

use crate::bits::{bit_of, seats, word_of};
use crate::choice::Choice;
use crate::deliver::exceptions;
use crate::item::Item;
use crate::tile::Tiles;
use crate::{Audience, Budget};

/// What a word takes, and a key, in the words of a budget.
const WORD: usize = 3;
const KEY: usize = 8;

impl<T> Audience<T> {
    /// Counts who gets an item, and tells their keys, beginning with the seats of word `from`. Returns
    /// the word to go on with, if the budget was spent.
    ///
    /// The item must be prepared.
    pub fn recipients<E>(
        &self,
        item: &Item<E>,
        from: usize,
        budget: &mut Budget,
        mut keys: Option<&mut Vec<u64>>,
    ) -> (Option<usize>, usize) {
        let choices = Choice::all(self, std::slice::from_ref(item));
        let exceptions = exceptions(&choices);
        let before = exceptions.partition_point(|exception| word_of(exception.seat) < from);
        let mut exceptions = exceptions.iter().skip(before).peekable();

        let end = self.seats.words();
        let mut tiles = Tiles::new(1, end);
        let (mut first, mut count) = (from / tiles.width() * tiles.width(), 0);
        while first < end && !budget.is_spent() {
            tiles.fill(&choices, first);
            for index in from.max(first)..end.min(first + tiles.width()) {
                let (body, content) = tiles.column(index).next().unwrap_or_default();
                let mut word = body | content;
                while let Some(exception) =
                    exceptions.next_if(|exception| word_of(exception.seat) == index)
                {
                    let bit = bit_of(exception.seat);
                    word = if exception.event.is_some() { word | bit } else { word & !bit };
                }
                count += word.count_ones() as usize;
                if let Some(keys) = &mut keys {
                    budget.spend(word.count_ones() as usize * KEY);
                    let sessions = seats(index, word).filter_map(|seat| self.seats.session(seat));
                    keys.extend(sessions.map(|session| session.key));
                }
            }
            budget.spend(tiles.width() * WORD);
            first += tiles.width();
        }
        (if first < end { Some(first) } else { None }, count)
    }
}
