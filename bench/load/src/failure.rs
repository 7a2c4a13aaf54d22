//! Why a run cannot go on, in words for the person who started it.

use std::fmt;

/// The end of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Options or files that are of no use.
    Usage(String),
    /// The server did not accept a connection.
    Unreachable(String),
    /// The server's process is gone.
    Dead(u32),
    /// A connection ended that should not.
    Lost(&'static str),
    /// The gateway closed a connection with a code.
    Closed(u16, String),
    /// A request was answered with this status and text.
    Refused(&'static str, u16, String),
    /// The server spoke what is not the protocol.
    Nonsense(&'static str),
    /// Something that was waited for did not come.
    Late(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Late(message) => f.write_str(message),
            Self::Unreachable(message) => write!(f, "the server does not answer: {message}"),
            Self::Dead(pid) => write!(f, "the server, process {pid}, has ended"),
            Self::Lost(who) => write!(f, "the server cut off {who}"),
            Self::Closed(code, text) => {
                write!(f, "the gateway closed a client's connection: {code} {text}")
            }
            Self::Refused(what, status, text) => {
                write!(f, "the server refused {what}: {status} {text}")
            }
            Self::Nonsense(what) => write!(f, "the server sent {what}"),
        }
    }
}
