//! The one loop over all sockets: clients, and those who post to them.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::client::{Client, Context};
use crate::failure::Failure;
use crate::histogram::Histogram;
use crate::http;
use crate::link::Link;
use crate::message::{self, Lens, Mark};
use crate::options::Options;
use crate::poster::Poster;
use crate::run::Run;
use crate::tally::Tally;

// Tokens from here on are posters'.
const POSTERS: usize = 1 << 32;
// How often clients are looked at for whose heartbeat is due, in microseconds.
const BEATS: u64 = 250_000;

struct Ready {
    token: usize,
    readable: bool,
    writable: bool,
    ended: bool,
}

/// All connections of the process.
pub(crate) struct Driver {
    options: Options,
    clock: Instant,
    poll: Poll,
    events: Events,
    ready: Vec<Ready>,
    buffer: Vec<u8>,
    clients: Vec<(Link, Client)>,
    /// When each began to connect, and how long that took.
    begun: Vec<u64>,
    connects: Histogram,
    live: usize,
    /// A poster that waits long between two messages is cut off, and connects again when it is needed.
    posters: Vec<(Option<Link>, Poster)>,
    idle: Vec<usize>,
    context: Context,
    run: Option<Run>,
    seed: u64,
    beats_at: u64,
}

impl Driver {
    pub(crate) fn new(options: Options, clients: usize) -> Result<Self, Failure> {
        let context = Context {
            now: 0,
            clients,
            intents: options.intents,
            tally: Tally::default(),
            out: Vec::new(),
            lens: Lens::default(),
            space: Vec::new(),
        };
        Ok(Self {
            options,
            clock: Instant::now(),
            poll: Poll::new().map_err(unreachable)?,
            events: Events::with_capacity(1_024),
            ready: Vec::new(),
            buffer: vec![0; 256 * 1024],
            clients: Vec::with_capacity(clients),
            begun: Vec::with_capacity(clients),
            connects: Histogram::default(),
            live: 0,
            posters: Vec::new(),
            idle: Vec::new(),
            context,
            run: None,
            seed: 1,
            beats_at: 0,
        })
    }

    /// Microseconds since the driver was made.
    pub(crate) fn now(&self) -> u64 {
        self.clock.elapsed().as_micros() as u64
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.context.tally
    }

    /// How long clients took from the connection to their last guild.
    pub(crate) fn connects(&self) -> &Histogram {
        &self.connects
    }

    /// How many clients have begun, and how many have all that they get at first.
    pub(crate) fn clients(&self) -> (usize, usize) {
        (self.clients.len(), self.live)
    }

    /// Begins another client.
    pub(crate) fn connect(&mut self, token: &str, reads: bool) -> Result<(), Failure> {
        let at = Token(self.clients.len());
        let mut link =
            Link::connect(self.options.address, at, self.poll.registry()).map_err(unreachable)?;
        let mut request = http::upgrade(&self.options.host, self.options.transport.query());
        link.send(&mut request).map_err(unreachable)?;
        let client = Client::new(token.to_owned(), self.options.transport, reads);
        self.clients.push((link, client));
        self.begun.push(self.now());
        Ok(())
    }

    /// Makes sure that so many can post at once.
    pub(crate) fn hire(&mut self, posters: usize) {
        while self.posters.len() < posters {
            self.idle.push(self.posters.len());
            self.posters.push((None, Poster::default()));
        }
    }

    /// Begins a run of messages.
    pub(crate) fn begin(&mut self, run: Run) {
        self.context.tally.begin(run.id);
        self.run = Some(run);
    }

    /// How many messages the run has posted, and whether each is answered and it posts no more.
    pub(crate) fn progress(&self) -> (usize, bool) {
        match &self.run {
            Some(run) => {
                let done = run.is_over(self.now()) && self.idle.len() == self.posters.len();
                (run.posted(), done)
            }
            None => (0, true),
        }
    }

    /// Does what is to be done until `deadline`, or a little earlier.
    pub(crate) fn step(&mut self, deadline: u64) -> Result<(), Failure> {
        self.post()?;
        self.beat()?;
        let now = self.now();
        let mut until = deadline.min(self.beats_at);
        if let Some(run) = self.run.as_ref().filter(|_| !self.idle.is_empty()) {
            let next = run.next();
            until = if next > now { until.min(next) } else { until };
        }
        let nap = self.options.nap;
        if nap > 0 {
            thread::sleep(Duration::from_micros(nap.min(until.saturating_sub(now))));
        }
        let pause = Duration::from_micros(until.saturating_sub(now + nap));
        match self.poll.poll(&mut self.events, Some(pause)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(unreachable(error));
            }
            _ => {}
        }
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        ready.extend(self.events.iter().map(|event| Ready {
            token: event.token().0,
            readable: event.is_readable(),
            writable: event.is_writable(),
            ended: event.is_read_closed() || event.is_error(),
        }));
        for one in &ready {
            if one.token >= POSTERS {
                self.serve_poster(one)?;
            } else {
                self.serve_client(one)?;
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn serve_client(&mut self, ready: &Ready) -> Result<(), Failure> {
        let Some((link, client)) = self.clients.get_mut(ready.token) else { return Ok(()) };
        if ready.writable {
            link.writable().map_err(unreachable)?;
        }
        let was_live = client.is_live();
        let readable = ready.readable || ready.ended;
        while let Some(length) = arrived(link, &mut self.buffer, readable, "a client")? {
            let bytes = self.buffer.get(..length).unwrap_or_default();
            self.context.now = self.clock.elapsed().as_micros() as u64;
            client.receive(bytes, &mut self.context)?;
            // A read that leaves room has left nothing behind it.
            if length < self.buffer.len() && !ready.ended {
                break;
            }
        }
        if !self.context.out.is_empty() {
            link.send(&mut self.context.out).map_err(|_| Failure::Lost("a client"))?;
        }
        if !was_live && client.is_live() {
            self.live += 1;
            let begun = self.begun.get(ready.token).copied().unwrap_or_default();
            self.connects.add(self.context.now.saturating_sub(begun));
        }
        Ok(())
    }

    fn serve_poster(&mut self, ready: &Ready) -> Result<(), Failure> {
        let index = ready.token - POSTERS;
        let Some((Some(link), poster)) = self.posters.get_mut(index) else { return Ok(()) };
        if ready.writable {
            link.writable().map_err(unreachable)?;
        }
        let readable = ready.readable || ready.ended;
        loop {
            match arrived(link, &mut self.buffer, readable, "a poster") {
                Ok(None) => return Ok(()),
                Ok(Some(length)) => {
                    if poster.receive(self.buffer.get(..length).unwrap_or_default())? {
                        self.idle.push(index);
                    }
                }
                Err(failure) => {
                    *poster = Poster::default();
                    self.posters.get_mut(index).map(|(link, _)| link.take());
                    return if self.idle.contains(&index) { Ok(()) } else { Err(failure) };
                }
            }
        }
    }

    fn post(&mut self) -> Result<(), Failure> {
        let Some(run) = &mut self.run else { return Ok(()) };
        while let Some(index) = self.idle.last().copied() {
            let now = self.clock.elapsed().as_micros() as u64;
            let Some(sent) = run.take(now, self.context.tally.complete()) else { break };
            let Some((place, _poster)) = self.posters.get_mut(index) else { break };
            let link = match place {
                Some(link) => link,
                None => {
                    let token = Token(POSTERS + index);
                    let link = Link::connect(self.options.address, token, self.poll.registry());
                    place.insert(link.map_err(unreachable)?)
                }
            };
            let Options { host, channel, poster, body, .. } = &self.options;
            let body = message::body(Mark { run: run.id, sent }, *body, &mut self.seed);
            let mut request = Vec::new();
            http::post(host, *channel, poster, &body, &mut request);
            link.send(&mut request).map_err(|_| Failure::Lost("a poster"))?;
            self.idle.pop();
        }
        Ok(())
    }

    fn beat(&mut self) -> Result<(), Failure> {
        let now = self.now();
        if now < self.beats_at {
            return Ok(());
        }
        self.beats_at = now + BEATS;
        let all = self.clients.len() as f64;
        for (index, (link, client)) in self.clients.iter_mut().enumerate() {
            client.beat(now, index as f64 / all, &mut self.context.out);
            if !self.context.out.is_empty() {
                link.send(&mut self.context.out).map_err(|_| Failure::Lost("a client"))?;
            }
        }
        Ok(())
    }

    /// Says goodbye for every client, so that their sessions end.
    pub(crate) fn leave(&mut self) {
        for (link, _client) in &mut self.clients {
            let mut farewell = Vec::new();
            crate::frame::close(&mut farewell);
            // One that is gone already has left.
            let _gone = link.send(&mut farewell);
        }
    }
}

// How many bytes have come; none is no error, but the end of the connection is.
fn arrived(
    link: &mut Link,
    buffer: &mut [u8],
    readable: bool,
    who: &'static str,
) -> Result<Option<usize>, Failure> {
    if !readable {
        return Ok(None);
    }
    match link.read(buffer) {
        Ok(Some(0)) | Err(_) => Err(Failure::Lost(who)),
        Ok(length) => Ok(length),
    }
}

fn unreachable(error: io::Error) -> Failure {
    Failure::Unreachable(error.to_string())
}
