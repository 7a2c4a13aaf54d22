//! The messages that are posted, and how they are known again when they are delivered.

use crate::json::{field, number};

/// What a posted message says of itself at the beginning of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Which run of messages it belongs to.
    pub(crate) run: u64,
    /// When it was due, in microseconds of the generator's clock.
    pub(crate) sent: u64,
}

impl Mark {
    const LENGTH: usize = 8 + 1 + 16;

    fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text.get(..Self::LENGTH)?).ok()?;
        let (run, sent) = text.split_once('.')?;
        let run = u64::from_str_radix(run, 16).ok()?;
        Some(Self { run, sent: u64::from_str_radix(sent, 16).ok()? })
    }
}

/// The JSON of a message of so many bytes, in words so that it is as compressible as people's are.
pub(crate) fn body(mark: Mark, length: usize, seed: &mut u64) -> Vec<u8> {
    let mut content = format!("{:08x}.{:016x}", mark.run as u32, mark.sent);
    while content.len() < length {
        // A linear congruence (Knuth's MMIX) is random enough to choose words.
        *seed =
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        content.push(' ');
        content.push_str(WORDS.get((*seed >> 33) as usize % WORDS.len()).unwrap_or(&"and"));
    }
    content.truncate(length.max(Mark::LENGTH));
    format!(r#"{{"content":"{content}"}}"#).into_bytes()
}

/// A delivered message: its id, which a server gives in ascending order, and its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) id: u64,
    pub(crate) mark: Mark,
}

/// Where a message's fields lay the last time: those of one run lie in the same places.
#[derive(Debug, Default)]
pub(crate) struct Lens {
    length: usize,
    id: usize,
    content: usize,
}

impl Lens {
    const ID: &'static [u8] = br#""id":""#;
    const CONTENT: &'static [u8] = br#""content":""#;

    /// What is posted by a generator, or None for a message of somebody else's.
    pub(crate) fn read(&mut self, data: &[u8]) -> Option<Delivered> {
        if !self.fits(data) {
            self.adjust(data)?;
        }
        let mark = Mark::read(data.get(self.content..)?)?;
        Some(Delivered { id: number(data, self.id)?, mark })
    }

    fn fits(&self, data: &[u8]) -> bool {
        self.length == data.len()
            && data.get(..self.id).is_some_and(|text| text.ends_with(Self::ID))
            && data.get(..self.content).is_some_and(|text| text.ends_with(Self::CONTENT))
    }

    fn adjust(&mut self, data: &[u8]) -> Option<()> {
        self.id = field(data, b"id")?.start + 1;
        self.content = field(data, b"content")?.start + 1;
        self.length = data.len();
        Some(())
    }
}

const WORDS: [&str; 64] = [
    "about", "after", "again", "all", "also", "and", "any", "because", "been", "before", "but",
    "call", "can", "come", "could", "day", "did", "door", "down", "each", "even", "find", "first",
    "for", "from", "game", "get", "give", "good", "have", "hello", "here", "how", "just", "know",
    "later", "like", "little", "look", "make", "many", "meet", "more", "night", "no", "not", "now",
    "one", "only", "other", "out", "people", "really", "right", "said", "same", "server", "so",
    "some", "thanks", "that", "there", "think", "tomorrow",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(id: &str, content: &str) -> Vec<u8> {
        format!(r#"{{"author":{{"id":"5"}},"content":"{content}","id":"{id}","type":0}}"#)
            .into_bytes()
    }

    #[test]
    fn a_message_is_known_again() {
        let mark = Mark { run: 7, sent: 0x1234_5678_9abc };
        let posted = body(mark, 256, &mut 1);
        let range = field(&posted, b"content").unwrap();
        assert_eq!(range.len(), 256 + 2);
        let content = std::str::from_utf8(&posted[range]).unwrap().trim_matches('"');
        let mut lens = Lens::default();
        let message = lens.read(&delivered("100", content));
        assert_eq!(message, Some(Delivered { id: 100, mark }));
        let message = lens.read(&delivered("101", content));
        assert_eq!(message, Some(Delivered { id: 101, mark }), "the same places");
        let message = lens.read(&delivered("1", content));
        assert_eq!(message, Some(Delivered { id: 1, mark }), "other places");
    }

    #[test]
    fn the_mark_is_whole_however_short_the_message() {
        let mark = Mark { run: 1, sent: 2 };
        let posted = body(mark, 1, &mut 1);
        assert_eq!(posted.len(), Mark::LENGTH + br#"{"content":""}"#.len());
    }

    #[test]
    fn others_messages_are_none_of_ours() {
        let mut lens = Lens::default();
        assert_eq!(lens.read(&delivered("1", "hi there")), None);
        assert_eq!(lens.read(b"{}"), None);
    }
}
