//! JSON: text in, terms out, and back.

mod atoms;
mod beam;
mod decode;
mod encode;
mod scratch;

use payload::{MAX_BYTES, Reason};
use rustler::{Atom, Binary, Encoder, Env, Term, types::atom};

use atoms::Words;
use beam::Beam;
use decode::Terms;
use encode::{Failure, NORMAL_BYTES, Step};

/// `{:ok, text}`, `:large` if it is more than a normal scheduler should do, or
/// `{:error, {reason, position | nil, term, path}}`.
#[rustler::nif]
fn payload_encode<'a>(env: Env<'a>, term: Term<'a>) -> Term<'a> {
    encode(env, term, NORMAL_BYTES)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn payload_encode_dirty<'a>(env: Env<'a>, term: Term<'a>) -> Term<'a> {
    encode(env, term, MAX_BYTES)
}

/// `{:ok, term}` or `{:error, {reason, position}}`.
#[rustler::nif]
fn payload_decode<'a>(env: Env<'a>, text: Binary<'a>) -> Term<'a> {
    decode(env, text)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn payload_decode_dirty<'a>(env: Env<'a>, text: Binary<'a>) -> Term<'a> {
    decode(env, text)
}

/// Bytes that the schedulers keep for their next calls.
#[rustler::nif]
fn payload_retained() -> usize {
    scratch::retained()
}

fn encode<'a>(env: Env<'a>, term: Term<'a>, limit: usize) -> Term<'a> {
    let beam = Beam::new(env);
    let result = scratch::with_encoder(|encoder| {
        encoder.encode(beam, term.as_c_arg(), limit)?;
        consume(beam, encoder.out.len());
        Ok(beam.make_binary(&encoder.out))
    });

    match result {
        Ok(text) => (atom::ok(), Beam::term(env, text)).encode(env),
        Err(Failure::Large) => atoms::large().encode(env),
        Err(Failure::Term { reason, position, term, path }) => {
            let path: Vec<Term<'a>> = path.into_iter().map(|step| place(env, step)).collect();
            (atom::error(), (reason, position, Beam::term(env, term), path)).encode(env)
        }
    }
}

fn place(env: Env<'_>, step: Step) -> Term<'_> {
    match step {
        Step::Key(key) => Beam::term(env, key),
        Step::Index(index) => index.encode(env),
    }
}

fn decode<'a>(env: Env<'a>, text: Binary<'a>) -> Term<'a> {
    let beam = Beam::new(env);
    let mut terms = Terms::new(beam, Words::get());
    let text = text.as_slice();
    consume(beam, text.len());

    match scratch::with_reader(|reader| reader.read(text, &mut terms)) {
        Ok(term) => (atom::ok(), Beam::term(env, term)).encode(env),
        Err(error) => (atom::error(), (name(error.reason), error.position)).encode(env),
    }
}

/// 64 KB are about a sixth of the millisecond that a process runs at a time.
fn consume(beam: Beam, bytes: usize) {
    if bytes >= 4_096 {
        beam.consume(i32::try_from(bytes / 4_096).unwrap_or(i32::MAX));
    }
}

fn name(reason: Reason) -> Atom {
    match reason {
        Reason::UnexpectedByte => atoms::unexpected_byte(),
        Reason::UnexpectedEnd => atoms::unexpected_end(),
        Reason::ControlCharacter => atoms::control_character(),
        Reason::InvalidEscape => atoms::invalid_escape(),
        Reason::LoneSurrogate => atoms::lone_surrogate(),
        Reason::InvalidUtf8 => atoms::invalid_utf8(),
        Reason::NumberOutOfRange => atoms::number_out_of_range(),
        Reason::NumberTooLong => atoms::number_too_long(),
        Reason::TooDeep => atoms::too_deep(),
        Reason::TooLarge => atoms::too_large(),
    }
}
