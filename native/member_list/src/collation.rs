//! The order of names: that of the Unicode Collation Algorithm with the weights of CLDR's root, without case.
//!
//! A name becomes bytes that sort as the names do: first its letters, then, if it has any, its
//! accents, so that `e` < `É` < `f`. Names with equal bytes differ in case at most.

mod layout;
mod table;
mod walk;
mod weights;

use std::cell::RefCell;

use layout::Writer;

/// No key is longer: what a name has beyond does not count.
pub const MAX_KEY: usize = 255;

/// Calls `fun` with the key of `name`.
pub(crate) fn with_key<T>(name: &str, fun: impl FnOnce(&[u8]) -> T) -> T {
    thread_local! {
        static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    KEY.with_borrow_mut(|buffer| {
        key(name, buffer);
        fun(buffer)
    })
}

/// Writes the key of `name` into `key`, in place of what is there.
pub fn key(name: &str, key: &mut Vec<u8>) {
    let mut writer = Writer::new(key);
    if name.is_ascii() {
        name.bytes().for_each(|byte| writer.ascii(byte));
    } else if name.chars().all(stands_alone) {
        name.chars().for_each(|char| weights::of(char, |weight| writer.weight(weight)));
    } else {
        walk::walk(name, |weight| writer.weight(weight));
    }
    writer.finish();
}

/// Whether the weights of a character depend on no other, given that the others stand alone too:
/// those of Latin, Cyrillic and Han, which are most of what is not ASCII. (`·` is no Latin letter, but
/// joins an `l` before it.)
fn stands_alone(char: char) -> bool {
    matches!(char, '\0'..='\u{b6}' | '\u{b8}'..='\u{2ff}' | '\u{400}'..='\u{482}' | '\u{4e00}'..='\u{9fff}')
}
