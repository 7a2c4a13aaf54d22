//! Who gets some items, of the seats of some words that are looked at together.

use crate::choice::Choice;

/// Words of a tile at most, some of which make a piece of a set: each set is gone through in a loop
/// that the compiler makes wide.
pub(crate) const TILE: usize = 64;

/// For each item a row: the words with those who get its body, then those with who get its content.
#[derive(Debug)]
pub(crate) struct Tiles {
    words: Vec<u64>,
    /// Of a row's halves: no wider than the audience.
    width: usize,
}

impl Tiles {
    pub(crate) fn new(items: usize, words: usize) -> Self {
        let width = words.clamp(1, TILE);
        Self { words: vec![0; items * 2 * width], width }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Looks at the words from one on.
    pub(crate) fn fill<T, E>(&mut self, choices: &[Choice<'_, T, E>], from: usize) {
        for (row, choice) in self.words.chunks_exact_mut(2 * self.width).zip(choices) {
            let (body, content) = row.split_at_mut(self.width);
            choice.fill(from, body, content);
        }
    }

    /// For each item those who get the body, and those who get the content, of a word.
    pub(crate) fn column(&self, index: usize) -> impl Iterator<Item = (u64, u64)> {
        let index = index % self.width;
        self.words.chunks_exact(2 * self.width).map(move |row| {
            let word = |index: usize| row.get(index).copied().unwrap_or(0);
            (word(index), word(index + self.width))
        })
    }
}
