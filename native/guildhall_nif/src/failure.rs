//! The outcomes a caller must handle, as the atoms Elixir matches on.
//!
//! A caller's bug is not here: a NIF raises it, by returning a
//! [`rustler::Error`].

use rustler::{Encoder, Env, Term};

use crate::atoms;

/// The inner `Err` of a NIF: `{:error, atom}` in Elixir.
pub(crate) enum Failure {
    /// A change would make the thing larger than the bytes it may have, and was not made.
    MemoryLimit,
    /// It would have more of something than changes of it can look at quickly, and was not made.
    TooMany,
}

impl Encoder for Failure {
    fn encode<'a>(&self, env: Env<'a>) -> Term<'a> {
        match self {
            Self::MemoryLimit => atoms::memory_limit(),
            Self::TooMany => atoms::too_many(),
        }
        .encode(env)
    }
}
