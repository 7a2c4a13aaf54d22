//! What can be wrong with a text, and where.

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A byte that no JSON text has here.
    UnexpectedByte,
    /// The text ends within a value, or has none.
    UnexpectedEnd,
    /// A byte below 0x20 in a string.
    ControlCharacter,
    /// A backslash and something that is no escape.
    InvalidEscape,
    /// Half of a pair of `\u` escapes that stand for one character.
    LoneSurrogate,
    /// A string that is not UTF-8.
    InvalidUtf8,
    /// A float beyond those of 64 bits.
    NumberOutOfRange,
    /// An integer of more than [`MAX_DIGITS`](crate::MAX_DIGITS).
    NumberTooLong,
    /// More than [`MAX_DEPTH`](crate::MAX_DEPTH) open arrays and objects.
    TooDeep,
    /// More than [`MAX_BYTES`](crate::MAX_BYTES).
    TooLarge,
}

/// What is wrong, and the offset of the byte at which it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub reason: Reason,
    /// The offset of the first byte that cannot stand: of the backslash for an escape, of the
    /// first character for a number.
    pub position: usize,
}

impl Error {
    #[cold]
    pub(crate) fn new(reason: Reason, position: usize) -> Self {
        Self { reason, position }
    }

    /// Nothing that is allowed here is at `position`.
    #[cold]
    pub(crate) fn unexpected(input: &[u8], position: usize) -> Self {
        match input.get(position) {
            Some(_) => Self::new(Reason::UnexpectedByte, position),
            None => Self::new(Reason::UnexpectedEnd, input.len()),
        }
    }
}
