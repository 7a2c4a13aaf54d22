//! A stream socket that is written without ever waiting for the peer.
//!
//! What the kernel does not take is kept, and nothing is written before it. Whoever found the socket
//! full arranges to be told when it takes data again, and then calls [`Stream::resume`].

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_linger, socket_type};
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketType, recv, send, shutdown};

use crate::gauge::SOCKETS;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The kernel has all of it.
    All,
    /// A part was written; the rest is kept. Resume when the socket takes data (again).
    Blocked,
    /// All of it is kept, behind what was kept before.
    Behind,
    /// More would be kept than the limit, so the connection is over.
    Slow,
    /// The connection is over. Nothing is written any more.
    Lost,
}

/// Bytes that one call gives to the kernel: a peer that reads as fast as that would hold the lock, and
/// the scheduler, for as long as there is something to give.
const TURN: usize = 1 << 20;

/// What a read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing, for now.
    Nothing,
    /// The peer has ended its side, or the connection is over.
    End,
}

/// A connected socket. The lock is held for one call of the kernel.
#[derive(Debug)]
pub struct Socket {
    stream: Mutex<Stream>,
}

/// The socket under its lock.
#[derive(Debug)]
pub struct Stream {
    fd: Option<OwnedFd>,
    limit: usize,
    /// What the kernel has not taken, from `sent` on.
    rest: Vec<u8>,
    sent: usize,
    /// Bytes that were written behind what the kernel did not take.
    behind: usize,
    /// Bytes that the kernel has taken in all.
    total: u64,
    /// Whether the last bytes were written.
    ended: bool,
    lost: bool,
}

impl Socket {
    /// A socket for which at most `limit` bytes are kept behind the write that filled the kernel's
    /// buffer. Fails for what is no stream socket.
    pub fn new(fd: OwnedFd, limit: usize) -> io::Result<Self> {
        if socket_type(&fd)? != SocketType::STREAM {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        SOCKETS.add(size_of::<Self>());
        let stream = Stream {
            fd: Some(fd),
            limit,
            rest: Vec::new(),
            sent: 0,
            behind: 0,
            total: 0,
            ended: false,
            lost: false,
        };
        Ok(Self { stream: Mutex::new(stream) })
    }

    /// Waits for whoever is writing.
    pub fn lock(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        SOCKETS.remove(size_of::<Self>() + self.stream.get_mut().rest.capacity());
    }
}

impl Stream {
    /// The descriptor, until it is taken away to be closed.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }

    /// Takes the descriptor away: this side is closed from now on, and what was kept is forgotten.
    ///
    /// If something was kept, the peer will see a reset and not an end, since it has not got everything.
    pub fn close(&mut self) -> Option<OwnedFd> {
        if let Some(fd) = self.fd.as_ref().filter(|_| self.kept() > 0) {
            // Where it fails, the connection is gone already.
            let _ = set_socket_linger(fd, Some(Duration::ZERO));
        }
        self.keep(Vec::new(), 0);
        self.lost = true;
        self.fd.take()
    }

    /// Whether nothing can be written any more.
    pub fn is_over(&self) -> bool {
        self.ended || self.lost
    }

    /// Bytes that the kernel has not taken.
    pub fn kept(&self) -> usize {
        self.rest.len() - self.sent
    }

    /// Bytes that the kernel has taken since the socket was made.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Writes the bytes, or what is possible of them.
    pub fn write(&mut self, bytes: &[u8]) -> Written {
        self.write_within(bytes, self.limit)
    }

    /// The same for an outbox, which has limits of its own and writes nothing while something is kept.
    pub(crate) fn write_events(&mut self, bytes: &[u8]) -> Written {
        self.write_within(bytes, usize::MAX)
    }

    fn write_within(&mut self, bytes: &[u8], limit: usize) -> Written {
        if self.is_over() {
            return Written::Lost;
        }
        if self.kept() > 0 {
            return self.queue(bytes, limit);
        }
        let sent = self.send(bytes);
        if self.lost {
            return Written::Lost;
        }
        let rest = bytes.get(sent..).unwrap_or_default();
        if rest.is_empty() {
            return Written::All;
        }
        self.keep(rest.to_vec(), 0);
        Written::Blocked
    }

    /// Writes the last bytes: later ones find the connection over.
    pub fn write_last(&mut self, bytes: &[u8]) -> Written {
        let written = self.write(bytes);
        self.ended = true;
        written
    }

    /// Goes on with what was kept.
    pub fn resume(&mut self) -> Written {
        if self.lost {
            return Written::Lost;
        }
        let rest = std::mem::take(&mut self.rest);
        let sent = self.sent + self.send(rest.get(self.sent..).unwrap_or_default());
        let all = sent == rest.len();
        SOCKETS.resize(rest.capacity(), 0);
        if self.lost || all {
            (self.sent, self.behind) = (0, 0);
            return if self.lost { Written::Lost } else { Written::All };
        }
        self.keep(rest, sent);
        Written::Blocked
    }

    /// Ends our side: the peer sees an end after what was written. Not while something is kept.
    pub fn finish(&mut self) {
        if let Some(fd) = &self.fd {
            // Where it fails, the connection is gone already.
            let _ = shutdown(fd, Shutdown::Write);
        }
    }

    /// Reads what has arrived into the buffer.
    pub fn read(&mut self, buffer: &mut [u8]) -> Read {
        let Some(fd) = &self.fd else { return Read::End };
        loop {
            match recv(fd, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Read::End,
                Ok((count, _)) => return Read::Bytes(count),
                Err(Errno::AGAIN) => return Read::Nothing,
                Err(Errno::INTR) => {}
                Err(_) => return Read::End,
            }
        }
    }

    /// Gives the bytes, a turn's worth at most, to the kernel until it takes no more. Returns how many it
    /// took.
    fn send(&mut self, bytes: &[u8]) -> usize {
        let bytes = bytes.get(..TURN).unwrap_or(bytes);
        let mut sent = 0;
        while let (Some(rest), Some(fd)) =
            (bytes.get(sent..).filter(|rest| !rest.is_empty()), &self.fd)
        {
            match send(fd, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(count) => sent += count,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => {
                    self.lost = true;
                    break;
                }
            }
        }
        self.total += sent as u64;
        sent
    }

    fn queue(&mut self, bytes: &[u8], limit: usize) -> Written {
        // What was behind and is still kept.
        self.behind = self.behind.min(self.kept()) + bytes.len();
        if self.behind > limit {
            self.lost = true;
            return Written::Slow;
        }
        let before = self.rest.capacity();
        self.rest.extend_from_slice(bytes);
        SOCKETS.resize(before, self.rest.capacity());
        Written::Behind
    }

    fn keep(&mut self, rest: Vec<u8>, sent: usize) {
        SOCKETS.resize(self.rest.capacity(), rest.capacity());
        (self.rest, self.sent) = (rest, sent);
    }
}
