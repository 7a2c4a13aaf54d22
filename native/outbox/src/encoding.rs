//! How payloads are spelt.

use crate::Head;

/// The encodings of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON text.
    Json,
    /// The external term format of Erlang, with the atoms that old clients know.
    Etf,
}

/// Data that should be JSON and is not, so that it cannot be spelt in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson;

impl Encoding {
    /// What begins the payload of the event with this number.
    pub(crate) fn head(self, number: u64) -> Head {
        match self {
            Self::Json => Head::json(number),
            Self::Etf => Head::etf(number),
        }
    }
}
