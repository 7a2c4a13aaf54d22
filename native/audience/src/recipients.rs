//! Who gets an item, without giving it to them.

use crate::Audience;
use crate::bits::{bit_of, seats, word_of};
use crate::choice::Choice;
use crate::deliver::exceptions;
use crate::item::Item;
use crate::tile::{TILE, Tile};

impl<T> Audience<T> {
    /// Counts who gets an item, and tells their keys, beginning with the seats of word `from`. Returns
    /// the word to go on with. Looks at no more than about so many words, and stops at so many keys.
    ///
    /// The item must be prepared.
    pub fn recipients<E>(
        &self,
        item: &Item<E>,
        from: usize,
        words: usize,
        mut keys: Option<(&mut Vec<u64>, usize)>,
    ) -> (Option<usize>, usize) {
        let choices = [Choice::new(self, item)];
        let exceptions = exceptions(&choices);
        let [choice] = &choices;
        let first = exceptions.partition_point(|exception| word_of(exception.seat) < from);
        let mut exceptions = exceptions.iter().skip(first).peekable();

        let end = self.seats.words();
        let last = end.min(from.saturating_add(words));
        let (mut tile, mut index, mut count) = (Tile::default(), from, 0);
        while index < last {
            tile.fill(choice, index);
            for (mut word, index) in tile.words().zip(index..end) {
                while let Some(exception) =
                    exceptions.next_if(|exception| word_of(exception.seat) == index)
                {
                    let bit = bit_of(exception.seat);
                    word = if exception.event.is_some() { word | bit } else { word & !bit };
                }
                count += word.count_ones() as usize;
                if let Some((keys, _limit)) = &mut keys {
                    let sessions = seats(index, word).filter_map(|seat| self.seats.session(seat));
                    keys.extend(sessions.map(|session| session.key));
                }
            }
            index += TILE;
            if keys.as_ref().is_some_and(|(keys, limit)| keys.len() >= *limit) {
                break;
            }
        }
        (if index < end { Some(index) } else { None }, count)
    }
}
