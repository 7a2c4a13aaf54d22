//! JSON: text in, terms out, and back.

mod atoms;
mod decode;
mod encode;
mod frames;
mod keys;
mod scratch;
mod stop;
mod walk;

use payload::Reason;
use rustler::{Atom, Binary, Encoder, Env, NifResult, Term, types::atom};

use crate::beam::Beam;
use atoms::Words;
use decode::Terms;
use encode::Unfinished;
use frames::Step;

/// `{:ok, text}`, `{:error, {reason, position | nil, term, path}}`, or `{:more, text, rest}` if that
/// is as much as a normal scheduler should write.
#[rustler::nif]
fn payload_encode<'a>(env: Env<'a>, term: Term<'a>, max_bytes: usize) -> Term<'a> {
    scratch::with_encoder(|encoder| {
        let result = encoder.start(env, term, max_bytes);
        Beam::new(env).consume_bytes(encoder.out.len());
        encoded(env, &encoder.out, result)
    })
}

/// Goes on where `payload_encode` stopped.
#[rustler::nif(schedule = "DirtyCpu")]
fn payload_encode_dirty<'a>(
    env: Env<'a>,
    text: Binary<'a>,
    rest: Term<'a>,
    max_bytes: usize,
) -> NifResult<Term<'a>> {
    scratch::with_encoder(|encoder| {
        let result = encoder.finish(env, &text, rest, max_bytes)?;
        Ok(encoded(env, &encoder.out, result))
    })
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

/// How many buffers the schedulers keep for their next calls, and their bytes.
#[rustler::nif]
fn payload_memory() -> (u64, u64) {
    scratch::MEMORY.read()
}

fn encoded<'a>(env: Env<'a>, out: &[u8], result: Result<(), Unfinished<'a>>) -> Term<'a> {
    let text = || Beam::term(env, Beam::new(env).make_binary(out));
    match result {
        Ok(()) => (atom::ok(), text()).encode(env),
        Err(Unfinished::More(rest)) => (atoms::more(), text(), rest).encode(env),
        Err(Unfinished::Refused { reason, position, term, path }) => {
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
    beam.consume_bytes(text.len());

    match scratch::with_reader(|reader| reader.read(text, &mut terms)) {
        Ok(term) => (atom::ok(), Beam::term(env, term)).encode(env),
        Err(error) => (atom::error(), (name(error.reason), error.position)).encode(env),
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
