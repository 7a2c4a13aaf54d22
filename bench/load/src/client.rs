//! One client of the gateway: bytes of its socket go in, what it answers comes out, and the tally
//! hears of its events.

use crate::failure::Failure;
use crate::frame::{self, Opcode};
use crate::http::Head;
use crate::message::Lens;
use crate::payload::{self, Payload};
use crate::stream::{Stream, Transport};
use crate::tally::Tally;

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Waits for the answer to its upgrade.
    Upgrading,
    /// Waits for HELLO.
    Greeted,
    /// Waits for READY.
    Identifying,
    /// Waits for so many guilds.
    Joining(usize),
    /// Has all that it gets at first.
    Live,
}

/// What all clients share while one of them is served.
pub(crate) struct Context {
    /// Microseconds of the generator's clock.
    pub(crate) now: u64,
    pub(crate) clients: usize,
    pub(crate) intents: u64,
    pub(crate) tally: Tally,
    /// What the client that is served will send.
    pub(crate) out: Vec<u8>,
    pub(crate) lens: Lens,
    pub(crate) space: Vec<u8>,
}

/// One client.
pub(crate) struct Client {
    phase: Phase,
    token: String,
    stream: Stream,
    /// Whether it goes on reading what it is sent, or counts it only.
    reads: bool,
    inbox: Vec<u8>,
    sequence: u64,
    last_id: u64,
    /// The run of messages that it last got one of, and how many.
    run: u64,
    count: usize,
    /// In microseconds; 0 until HELLO says it.
    interval: u64,
    beat_at: u64,
    unanswered: usize,
}

// A heartbeat's answer is shorter than any event, however it is compressed.
const SHORT: usize = 64;

impl Client {
    pub(crate) fn new(token: String, transport: Transport, reads: bool) -> Self {
        Self {
            phase: Phase::Upgrading,
            token,
            stream: Stream::new(transport),
            reads,
            inbox: Vec::new(),
            sequence: 0,
            last_id: 0,
            run: 0,
            count: 0,
            interval: 0,
            beat_at: 0,
            unanswered: 0,
        }
    }

    /// Whether it has READY and its guilds.
    pub(crate) fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Takes what has come from the server.
    pub(crate) fn receive(&mut self, bytes: &[u8], context: &mut Context) -> Result<(), Failure> {
        if self.inbox.is_empty() {
            let used = self.consume(bytes, context)?;
            self.inbox.extend_from_slice(bytes.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut inbox = std::mem::take(&mut self.inbox);
        inbox.extend_from_slice(bytes);
        let used = self.consume(&inbox, context)?;
        inbox.drain(..used);
        // Small again after a large READY.
        inbox.shrink_to(4_096);
        self.inbox = inbox;
        Ok(())
    }

    /// Sends a heartbeat if it is time; `share` of the first interval, 0 to 1, spreads the clients.
    pub(crate) fn beat(&mut self, now: u64, share: f64, out: &mut Vec<u8>) {
        if self.interval == 0 || self.phase == Phase::Upgrading {
            return;
        }
        if self.beat_at == 0 {
            self.beat_at = now + (self.interval as f64 * share) as u64;
        } else if now >= self.beat_at {
            self.beat_at = now + self.interval;
            self.heartbeat(out);
        }
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        self.unanswered += 1;
        frame::text(format!(r#"{{"op":1,"d":{}}}"#, self.sequence).as_bytes(), out);
    }

    fn consume(&mut self, bytes: &[u8], context: &mut Context) -> Result<usize, Failure> {
        let mut used = 0;
        if self.phase == Phase::Upgrading {
            let head = Head::parse(bytes).map_err(|_| Failure::Nonsense("no HTTP response"))?;
            let Some(head) = head else { return Ok(0) };
            used = head.length;
            if head.status != 101 {
                let text = String::from_utf8_lossy(bytes.get(used..).unwrap_or_default());
                return Err(Failure::Refused("a client's upgrade", head.status, text.into_owned()));
            }
            self.phase = Phase::Greeted;
        }
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            let frame = frame::parse(rest).map_err(|_| Failure::Nonsense("no WebSocket frame"))?;
            let Some((opcode, range)) = frame else { return Ok(used) };
            used += range.end;
            context.tally.bytes += range.end as u64;
            self.frame(opcode, rest.get(range).unwrap_or_default(), context)?;
        }
    }

    fn frame(&mut self, kind: Opcode, data: &[u8], context: &mut Context) -> Result<(), Failure> {
        match kind {
            Opcode::Ping => frame::pong(data, &mut context.out),
            Opcode::Pong => {}
            Opcode::Close => {
                let (code, text) = match data {
                    [high, low, text @ ..] => (u16::from_be_bytes([*high, *low]), text),
                    _ => (1005, &[][..]),
                };
                return Err(Failure::Closed(code, String::from_utf8_lossy(text).into_owned()));
            }
            Opcode::Message => self.message(data, context)?,
        }
        Ok(())
    }

    fn message(&mut self, data: &[u8], context: &mut Context) -> Result<(), Failure> {
        let mut space = std::mem::take(&mut context.space);
        let payload = self
            .stream
            .read(data, &mut space)
            .map_err(|_| Failure::Nonsense("what cannot be decompressed"))?;
        match payload {
            Some(payload) => self.payload(payload, context)?,
            None if self.unanswered > 0 && data.len() < SHORT => self.unanswered -= 1,
            None => {
                context.tally.events += 1;
                self.delivered(context);
            }
        }
        context.space = space;
        Ok(())
    }

    fn payload(&mut self, text: &[u8], context: &mut Context) -> Result<(), Failure> {
        match Payload::read(text).ok_or(Failure::Nonsense("no payload of the gateway"))? {
            Payload::Dispatch { sequence, name, data } => {
                context.tally.events += 1;
                self.sequence = context.tally.number(self.sequence, sequence);
                self.dispatch(name, data, context);
            }
            Payload::Hello { interval } => {
                self.interval = interval * 1_000;
                self.phase = Phase::Identifying;
                let identify = format!(
                    r#"{{"op":2,"d":{{"token":"{}","intents":{},"properties":{{"os":"linux"}}}}}}"#,
                    self.token, context.intents
                );
                frame::text(identify.as_bytes(), &mut context.out);
            }
            Payload::Acknowledged => self.unanswered = self.unanswered.saturating_sub(1),
            Payload::Beat => self.heartbeat(&mut context.out),
            Payload::Reconnect => return Err(Failure::Nonsense("a client away (op 7)")),
            Payload::Invalid => return Err(Failure::Nonsense("a client away (op 9)")),
        }
        Ok(())
    }

    fn dispatch(&mut self, name: &[u8], data: &[u8], context: &mut Context) {
        match (self.phase, name) {
            (Phase::Live, b"MESSAGE_CREATE") => self.posted(data, context),
            (Phase::Identifying, b"READY") => self.joining(payload::guilds(data)),
            (Phase::Joining(left), b"GUILD_CREATE") => self.joining(left.saturating_sub(1)),
            _ => {}
        }
    }

    fn joining(&mut self, left: usize) {
        self.phase = if left == 0 { Phase::Live } else { Phase::Joining(left) };
        if left == 0 && !self.reads {
            self.stream = Stream::Blind;
        }
    }

    fn posted(&mut self, data: &[u8], context: &mut Context) {
        let Some(message) = context.lens.read(data) else { return };
        self.last_id = context.tally.identify(self.last_id, message.id);
        if message.mark.run == context.tally.run {
            context.tally.read += 1;
            context.tally.latency.add(context.now.saturating_sub(message.mark.sent));
            self.delivered(context);
        }
    }

    fn delivered(&mut self, context: &mut Context) {
        if self.run != context.tally.run {
            self.run = context.tally.run;
            self.count = 0;
        }
        context.tally.deliver(self.count, context.clients);
        self.count += 1;
    }
}
