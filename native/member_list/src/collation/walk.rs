//! The weights of a name whose characters act on each other (UTS #10, section 7.2).

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::table::TABLE;
use super::weights;

/// Gives the weights of the name to `take`, in order.
pub(super) fn walk(name: &str, mut take: impl FnMut(u16)) {
    let mut chars: Vec<char> = name.nfd().collect();
    let mut at = 0;
    while let Some(&first) = chars.get(at) {
        let found =
            if TABLE.begins_contraction(first) { contraction(&mut chars, at) } else { None };
        match found {
            Some((length, weights)) => {
                weights.iter().copied().for_each(&mut take);
                at += length;
            }
            None => {
                weights::of(first, &mut take);
                at += 1;
            }
        }
    }
}

/// The longest contraction at `at` and its length. Accents that belong to it, but stand behind
/// others, are taken out of `chars`.
fn contraction(chars: &mut Vec<char>, at: usize) -> Option<(usize, &'static [u16])> {
    let rest = chars.get(at..)?;
    let longest = (2..=3.min(rest.len()))
        .rev()
        .find(|&length| rest.get(..length).is_some_and(|chars| TABLE.contraction(chars).is_some()));
    let length = longest.unwrap_or(1);
    let mut joined = rest.get(..length)?.to_vec();

    let (mut next, mut blocked) = (at + length, 0);
    while let Some(&char) = chars.get(next) {
        let class = canonical_combining_class(char);
        if class == 0 {
            break;
        }
        if class > blocked {
            joined.push(char);
            if TABLE.contraction(&joined).is_some() {
                chars.remove(next);
                continue;
            }
            joined.pop();
        }
        blocked = class;
        next += 1;
    }
    TABLE.contraction(&joined).map(|weights| (length, weights))
}
