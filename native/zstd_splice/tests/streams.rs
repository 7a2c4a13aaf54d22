//! What a client reads is byte for byte what was appended, payload by payload.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use proptest::prelude::*;
use support::{Client, body, events, large_body, read_all};
use zstd_splice::{Connection, Primer, Refused, Shared};

/// A payload and how it is appended.
#[derive(Debug, Clone)]
enum Step {
    Shared(Vec<u8>, Vec<u8>),
    Alone(Vec<u8>),
    Primer(Vec<u8>, Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let head = || "(\\{\"s\":[0-9]{1,9},)?".prop_map(String::into_bytes);
    let any_body = || prop_oneof![12 => body(), 1 => large_body()];
    prop_oneof![
        8 => (head(), any_body()).prop_map(|(head, body)| Step::Shared(head, body)),
        2 => any_body().prop_map(Step::Alone),
        1 => (body(), body()).prop_map(|(before, after)| Step::Primer(before, after)),
    ]
}

/// Runs the steps, as an outbox would; returns each message with what it stands for.
fn run(primer: &Primer, steps: &[Step]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut connection = Connection::new(primer);
    let mut messages = Vec::new();
    for step in steps {
        let mut out = Vec::new();
        let payload = match step {
            Step::Shared(head, body) => {
                let shared = Shared::new(primer, body);
                match connection.append(head, &shared, &mut out) {
                    Ok(()) => [&head[..], body].concat(),
                    Err(refused) => {
                        assert_eq!((refused, out.is_empty()), (Refused::Stale, true));
                        connection.append_primer(head, body, &mut out);
                        [&head[..], primer.bytes(), body].concat()
                    }
                }
            }
            Step::Alone(payload) => {
                connection.append_alone(payload, &mut out);
                payload.clone()
            }
            Step::Primer(before, after) => {
                connection.append_primer(before, after, &mut out);
                [before, primer.bytes(), after].concat()
            }
        };
        messages.push((out, payload));
    }
    messages
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_client_reads_what_was_appended(
        steps in proptest::collection::vec(step(), 1..30), primed in any::<bool>()
    ) {
        let primer = if primed { Primer::json() } else { Primer::empty() };
        let mut client = Client::new();
        let messages = run(primer, &steps);
        for (index, (message, payload)) in messages.iter().enumerate() {
            prop_assert!(client.read(message) == *payload, "payload {index} of {} bytes", payload.len());
        }
        let (stream, content): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        prop_assert!(read_all(&stream.concat()) == content.concat());
    }
}

#[test]
fn thousands_of_events_pass_many_primers_at_every_distance() {
    let events: Vec<Vec<u8>> = events(60);
    let primer = Primer::json();
    let shared: Vec<Shared> = events.iter().map(|body| Shared::new(primer, body)).collect();

    let mut connection = Connection::new(primer);
    let mut client = Client::new();
    let (mut stream, mut content, mut primers) = (Vec::new(), Vec::new(), 0);
    for number in 0..6_000 {
        let mut out = Vec::new();
        let mut payload = format!("{{\"s\":{number},").into_bytes();
        let index = number * 13 % events.len();
        if connection.is_stale() {
            primers += 1;
            connection.append_primer(&payload, &events[index], &mut out);
            payload.extend_from_slice(primer.bytes());
        } else {
            connection.append(&payload, &shared[index], &mut out).unwrap();
        }
        payload.extend_from_slice(&events[index]);
        assert!(client.read(&out) == payload, "payload {number}");
        stream.append(&mut out);
        content.append(&mut payload);
    }

    assert!(read_all(&stream) == content);
    assert!(primers > 4, "{primers} primers in {} bytes", content.len());
    // Of each event, one variant for each magnitude of the distance.
    assert!(shared.iter().all(|shared| shared.memory() > 2 * shared.size() / 3));
    assert!(stream.len() * 4 < content.len(), "{} of {}", stream.len(), content.len());
}

#[test]
fn what_a_connection_cannot_follow_is_refused() {
    let (mut out, body) = (Vec::new(), b"{}");
    let shared = Shared::new(Primer::json(), body);
    let mut connection = Connection::new(Primer::json());
    assert_eq!(connection.append(b"", &shared, &mut out), Err(Refused::Stale));
    assert_eq!(
        Connection::new(Primer::empty()).append(b"", &shared, &mut out),
        Err(Refused::Foreign)
    );

    connection.append_primer(b"", b"", &mut out);
    let opened = out.len();
    let head = vec![b'1'; Connection::MAX_HEAD + 1];
    assert_eq!(connection.append(&head, &shared, &mut out), Err(Refused::Stale));
    assert_eq!(out.len(), opened);
    assert_eq!(connection.append(&head[1..], &shared, &mut out), Ok(()));

    // Far away the primer is out of the window.
    connection.append_alone(&vec![b'1'; 1 << 20], &mut out);
    assert!(connection.is_stale());
    assert_eq!(connection.append(b"", &shared, &mut out), Err(Refused::Stale));
}
