//! Sockets whose peer reads as it likes: every byte arrives once and in order, and nobody waits.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use std::io::{self, ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use outbox::{Flushed, Frames, Kind, Outbox, Policy, Read, Socket, Written};
use parking_lot::Mutex;
use proptest::prelude::*;
use support::{Client, NO_LIMITS, event, transport};

const NO_LIMIT: usize = usize::MAX;

fn pair(limit: usize) -> (Socket, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Socket::new(OwnedFd::from(ours), limit).unwrap(), theirs)
}

/// A TCP connection whose buffers are full.
fn full(limit: usize) -> (Socket, TcpStream, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _address) = listener.accept().unwrap();
    let socket = Socket::new(OwnedFd::from(ours), limit).unwrap();
    let mut written = 0;
    loop {
        written += 100_000;
        if socket.lock().write(&[b'x'; 100_000]) == Written::Blocked {
            return (socket, theirs, written);
        }
    }
}

fn read_all(stream: &mut impl io::Read, bytes: usize) -> Vec<u8> {
    let mut data = vec![0; bytes];
    stream.read_exact(&mut data).unwrap();
    data
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize),
    Resume,
    Read(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..300_000_usize).prop_map(Step::Write),
        Just(Step::Resume),
        (1..300_000_usize).prop_map(Step::Read),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_arrives_once_and_in_order(steps in steps()) {
        let (socket, mut peer) = pair(NO_LIMIT);
        peer.set_nonblocking(true).unwrap();
        let (mut sent, mut got, mut next) = (Vec::new(), Vec::new(), 0_u8);
        let mut blocked = false;
        for step in steps {
            match step {
                Step::Write(bytes) => {
                    next = next.wrapping_add(1);
                    let data: Vec<u8> = (0..bytes).map(|n| next.wrapping_add((n % 251) as u8)).collect();
                    let written = socket.lock().write(&data);
                    prop_assert!(!matches!(written, Written::Lost | Written::Slow));
                    prop_assert_eq!(written == Written::Behind, blocked);
                    blocked = written != Written::All;
                    sent.extend(data);
                }
                Step::Resume => {
                    let resumed = socket.lock().resume();
                    prop_assert!(matches!(resumed, Written::All | Written::Blocked));
                    blocked = resumed == Written::Blocked;
                }
                Step::Read(bytes) => {
                    let mut buffer = vec![0; bytes];
                    match peer.read(&mut buffer) {
                        Ok(count) => got.extend(&buffer[..count]),
                        Err(error) => prop_assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                }
            }
            prop_assert_eq!(socket.lock().kept() > 0, blocked);
        }
        peer.set_nonblocking(false).unwrap();
        while got.len() < sent.len() {
            let left = sent.len() - got.len() - socket.lock().kept();
            got.extend(read_all(&mut peer, left));
            prop_assert!(matches!(socket.lock().resume(), Written::All | Written::Blocked));
        }
        prop_assert_eq!(got, sent);
    }
}

/// However fast the peer reads.
#[test]
fn one_call_writes_no_more_than_a_turn() {
    let (socket, mut peer) = pair(NO_LIMIT);
    let data: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let bytes = data.len();
    let reader = thread::spawn(move || read_all(&mut peer, bytes));
    let mut kept = bytes;
    let mut written = socket.lock().write(&data);
    while written == Written::Blocked {
        let left = socket.lock().kept();
        assert!(kept - left <= 1 << 20);
        kept = left;
        thread::yield_now();
        written = socket.lock().resume();
    }
    assert_eq!(written, Written::All);
    assert!(kept <= 1 << 20);
    assert!(reader.join().unwrap() == data);
}

#[test]
fn behind_a_full_socket_the_limit_counts() {
    let (socket, _peer, _written) = full(10);
    assert_eq!(socket.lock().write(b"0123456789"), Written::Behind);
    assert_eq!(socket.lock().write(b"x"), Written::Slow);
    assert_eq!(socket.lock().write(b"y"), Written::Lost);
    assert_eq!(socket.lock().resume(), Written::Lost);
}

#[test]
fn whoever_is_closed_with_something_kept_sees_a_reset() {
    let (socket, mut peer, _written) = full(NO_LIMIT);
    drop(socket.lock().close());
    assert!(socket.lock().fd().is_none());
    let mut buffer = Vec::new();
    assert_eq!(peer.read_to_end(&mut buffer).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(socket.lock().write(b"x"), Written::Lost);
    assert_eq!(socket.lock().read(&mut [0; 8]), Read::End);
}

#[test]
fn the_last_bytes_are_the_last() {
    let (socket, mut peer, written) = full(NO_LIMIT);
    let outbox = Outbox::new(NO_LIMITS);
    outbox.push(&event(b"1"));
    assert_eq!(socket.lock().write_last(b"end"), Written::Behind);
    assert_eq!(socket.lock().write(b"more"), Written::Lost);
    let mut plain = transport(Kind::Plain, Policy::Shared);
    let flushed = outbox.flush(&socket, &mut plain, 1_000, NO_LIMIT, &mut Frames::default());
    assert_eq!(flushed, Ok(Flushed::Lost));
    assert_eq!(outbox.info().pending.0, 1, "what is not written still waits");

    let reader = thread::spawn(move || (read_all(&mut peer, written + 3), peer));
    while socket.lock().resume() != Written::All {
        thread::yield_now();
    }
    socket.lock().finish();
    let (data, mut peer) = reader.join().unwrap();
    assert!(data.ends_with(b"xend"));
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

#[test]
fn what_is_no_stream_is_refused() {
    let datagrams = UnixDatagram::unbound().unwrap();
    assert!(Socket::new(OwnedFd::from(datagrams), 1).is_err());
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(Socket::new(OwnedFd::from(file), 1).is_err());
}

#[test]
fn a_peer_that_ends_or_dies_is_seen() {
    let (socket, peer) = pair(NO_LIMIT);
    assert_eq!(socket.lock().read(&mut [0; 8]), Read::Nothing);
    drop(peer);
    assert_eq!(socket.lock().read(&mut [0; 8]), Read::End);
    assert_eq!(socket.lock().write(b"x"), Written::Lost);
}

/// The VM closes a socket when its owner is killed, on a scheduler that must not wait.
#[test]
fn a_socket_is_closed_while_a_large_event_is_compressed() {
    let (socket, mut peer) = pair(NO_LIMIT);
    let outbox = Outbox::new(NO_LIMITS);
    let mut digit = 1_u32;
    let body: Vec<u8> = (0..4_000_000)
        .map(|_| {
            digit = digit.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'0' + (digit >> 16) as u8 % 10
        })
        .collect();
    outbox.push(&event(&body));

    let zlib = Mutex::new(transport(Kind::Zlib, Policy::Context(u64::MAX)));
    let flushed = thread::scope(|scope| {
        let flusher = scope.spawn(|| {
            outbox.flush(&socket, &mut zlib.lock(), 1_000, NO_LIMIT, &mut Frames::default())
        });
        while zlib.try_lock().is_some() {
            thread::yield_now();
        }
        drop(socket.lock().close());
        flusher.join().unwrap()
    });
    assert_eq!(flushed, Ok(Flushed::Lost));
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

/// Whoever finds the socket full resumes it, as the session does; relays push and flush meanwhile.
#[test]
fn many_flush_one_outbox() {
    const PUSHERS: u64 = 4;
    const EACH: u64 = 2_000;
    let (socket, mut peer) = pair(NO_LIMIT);
    let outbox = Outbox::new(NO_LIMITS);
    let plain = Mutex::new(transport(Kind::Plain, Policy::Shared));
    let body = vec![b'1'; 1_000];
    let done = AtomicBool::new(false);

    let read = thread::scope(|scope| {
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut frames = Frames::default();
                    for _ in 0..EACH {
                        outbox.push(&event(&body));
                        let mut plain = plain.lock();
                        let flushed =
                            outbox.flush(&socket, &mut plain, 4_000, NO_LIMIT, &mut frames);
                        assert_ne!(flushed, Ok(Flushed::Lost));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut frames = Frames::default();
            loop {
                let last = done.load(Ordering::Acquire);
                let mut plain = plain.lock();
                let resumed = socket.lock().resume();
                let flushed = outbox.flush(&socket, &mut plain, 4_000, NO_LIMIT, &mut frames);
                if last && resumed == Written::All && flushed == Ok(Flushed::Idle) {
                    return socket.lock().finish();
                }
                drop(plain);
                thread::yield_now();
            }
        });
        let reader = scope.spawn(|| {
            let mut bytes = Vec::new();
            peer.read_to_end(&mut bytes).unwrap();
            bytes
        });
        for pusher in pushers {
            pusher.join().unwrap();
        }
        done.store(true, Ordering::Release);
        reader.join().unwrap()
    });

    let read = Client::new(Kind::Plain).read(&read);
    let heads: Vec<String> = (1..=PUSHERS * EACH).map(|n| format!("{{\"s\":{n},")).collect();
    assert_eq!(read.len(), heads.len());
    assert!(read.iter().zip(&heads).all(|(payload, head)| payload.starts_with(head.as_bytes())));
}
