//! The outcomes a caller must handle, as the atoms Elixir matches on.
//!
//! A caller's bug is not here: a NIF raises it, by returning a
//! [`rustler::Error`].

use rustler::{Encoder, Env, Term};

use crate::atoms;

/// The inner `Err` of a NIF: `{:error, atom}` in Elixir.
#[allow(dead_code, reason = "the first noun with an expected failure uses it")]
pub(crate) enum Failure {
    /// The thing has a limit and has reached it.
    Full,
}

impl Encoder for Failure {
    fn encode<'a>(&self, env: Env<'a>) -> Term<'a> {
        match self {
            Self::Full => atoms::full(),
        }
        .encode(env)
    }
}
