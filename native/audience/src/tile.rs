//! Who gets an item, of the seats of some words that are looked at together.

use crate::choice::Choice;

/// Words of a tile: each set is gone through in a loop that the compiler makes wide.
pub(crate) const TILE: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Tile {
    body: [u64; TILE],
    content: [u64; TILE],
}

impl Default for Tile {
    fn default() -> Self {
        Self { body: [0; TILE], content: [0; TILE] }
    }
}

impl Tile {
    /// Looks at the words from one on.
    pub(crate) fn fill<T, E>(&mut self, choice: &Choice<'_, T, E>, from: usize) {
        let length = choice.words().saturating_sub(from).min(TILE);
        let (body, rest) = self.body.split_at_mut(length);
        rest.fill(0);
        choice.fill(from, body, self.content.get_mut(..length).unwrap_or_default());
    }

    /// The words, each with all who get the item.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        self.body.iter().zip(&self.content).map(|(body, content)| body | content)
    }

    /// Those who get the body, and those who get the content, of a word by its place in the set.
    pub(crate) fn get(&self, index: usize) -> (u64, u64) {
        let word = |words: &[u64; TILE]| words.get(index % TILE).copied().unwrap_or(0);
        (word(&self.body), word(&self.content))
    }
}
