//! The few fields of a payload that a load generator needs, found without parsing the rest.

use std::ops::Range;

use memchr::memchr2;

/// The members of an object in order, each as its key (as written) and where its value lies.
///
/// It trusts that the text is JSON: of other bytes it finds something or nothing, and ends.
pub(crate) struct Members<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Members<'a> {
    pub(crate) fn new(object: &'a [u8]) -> Self {
        Self { text: object, at: 1 }
    }

    /// The next key, and where its value begins.
    pub(crate) fn key(&mut self) -> Option<(&'a [u8], usize)> {
        self.skip(b", \n\t");
        let key = string(self.text, self.at)?;
        self.at = key.end + 1;
        self.skip(b": \n\t");
        Some((self.text.get(key)?, self.at))
    }

    /// Goes behind the value, and returns where it lies.
    pub(crate) fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        self.at = end(self.text, start)?;
        Some(start..self.at)
    }

    fn skip(&mut self, what: &[u8]) {
        while self.text.get(self.at).is_some_and(|byte| what.contains(byte)) {
            self.at += 1;
        }
    }
}

/// Where the value of a key lies in an object.
pub(crate) fn field(object: &[u8], name: &[u8]) -> Option<Range<usize>> {
    let mut members = Members::new(object);
    loop {
        let (key, _start) = members.key()?;
        let value = members.value()?;
        if key == name {
            return Some(value);
        }
    }
}

/// The text inside the quotes of the string that begins here.
pub(crate) fn string(text: &[u8], at: usize) -> Option<Range<usize>> {
    if *text.get(at)? != b'"' {
        return None;
    }
    let mut end = at + 1;
    loop {
        end += memchr2(b'"', b'\\', text.get(end..)?)?;
        match text.get(end)? {
            b'"' => return Some(at + 1..end),
            _ => end += 2,
        }
    }
}

/// The number that begins here.
pub(crate) fn number(text: &[u8], at: usize) -> Option<u64> {
    let digits = text.get(at..)?.iter().map_while(|byte| (*byte as char).to_digit(10));
    digits.fold(None, |sum: Option<u64>, digit| {
        sum.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(digit))
    })
}

// Behind the value that begins here.
fn end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    let mut depth = 0_u32;
    loop {
        match text.get(at)? {
            b'"' => at = string(text, at)?.end,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
        if depth == 0 && matches!(text.get(at - 1)?, b'"' | b'}' | b']') {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &[u8] =
        br#"{"a":{"id":1,"x":["}",2]}, "s" : "q\"}\\","n":-1.5e3,"id":12,"t":true}"#;

    fn found(name: &str) -> Option<&str> {
        let range = field(OBJECT, name.as_bytes())?;
        Some(std::str::from_utf8(OBJECT.get(range)?).unwrap())
    }

    #[test]
    fn fields_of_the_object_itself_are_found() {
        assert_eq!(found("a"), Some(r#"{"id":1,"x":["}",2]}"#));
        assert_eq!(found("s"), Some(r#""q\"}\\""#));
        assert_eq!(found("n"), Some("-1.5e3"));
        assert_eq!(found("id"), Some("12"));
        assert_eq!(found("t"), Some("true"));
        assert_eq!(found("x"), None);
    }

    #[test]
    fn no_cut_text_is_read_beyond_its_end() {
        for cut in 0..OBJECT.len() {
            let _found = field(OBJECT.get(..cut).unwrap(), b"none");
        }
    }

    #[test]
    fn numbers_end_where_their_digits_do() {
        assert_eq!(number(b"17,", 0), Some(17));
        assert_eq!(number(b"x", 0), None);
        assert_eq!(number(b"99999999999999999999", 0), None);
    }
}
