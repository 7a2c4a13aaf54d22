//! What is asked for on the command line.

use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use crate::failure::Failure;
use crate::stream::Transport;

pub(crate) const HELP: &str = "\
Clients of a Discord gateway, thousands in one process, and messages posted to them.

  load --url URL --tokens FILE [--clients N] [--transport T] [--intents BITS] [--pid PID]
       [--poster TOKEN --channel ID [--paced N] [--saturated N] [--seconds S] [--body BYTES]]

  --url URL        the server, as http://127.0.0.1:4000
  --tokens FILE    the clients' tokens, one a line; used from the start again if there are too few
  --clients N      how many connect (default: a token each)
  --transport T    plain, zlib-stream or zstd-stream (default plain)
  --intents BITS   what the clients want to hear of (default 33281: guilds, messages, content)
  --connecting N   how many may be connecting at once (default 64)
  --read N         how many decompress what they get; the others count it (default 256)
  --nap US         microseconds of sleep before each look at the sockets (default 200): a reader that
                   sleeps on them must be woken for every write, which the writer pays for, on
                   loopback only
  --settle S       seconds of silence before memory is measured (default 2)
  --pid PID        the server's process, whose CPU time and memory are measured
  --poster TOKEN   who posts (a bot's token behind 'Bot '), and
  --channel ID     where
  --paced N        post by the clock, so that there are N deliveries a second
  --saturated N    keep N messages under way that not every client has
  --seconds S      how long each of these lasts (default 10)
  --body BYTES     length of a message's content (default 256)

The result is one line of JSON; progress is told on stderr.";

/// What a run shall be like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    pub(crate) tokens: String,
    pub(crate) clients: Option<usize>,
    pub(crate) transport: Transport,
    pub(crate) intents: u64,
    pub(crate) connecting: usize,
    pub(crate) read: usize,
    pub(crate) nap: u64,
    pub(crate) settle: f64,
    pub(crate) pid: Option<u32>,
    pub(crate) poster: String,
    pub(crate) channel: u64,
    pub(crate) paced: Option<f64>,
    pub(crate) saturated: Option<usize>,
    pub(crate) seconds: f64,
    pub(crate) body: usize,
}

impl Options {
    /// Reads the arguments.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 4000)),
            host: String::new(),
            tokens: String::new(),
            clients: None,
            transport: Transport::Plain,
            intents: 33_281,
            connecting: 64,
            read: 256,
            nap: 200,
            settle: 2.0,
            pid: None,
            poster: String::new(),
            channel: 0,
            paced: None,
            saturated: None,
            seconds: 10.0,
            body: 256,
        };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| usage(&name, "lacks its value"))?;
            options.set(&name, value)?;
        }
        options.check()
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Failure> {
        match name {
            "--url" => (self.address, self.host) = address(&value)?,
            "--tokens" => self.tokens = value,
            "--clients" => self.clients = Some(number(name, &value)?),
            "--transport" => {
                let transport = Transport::named(&value);
                self.transport = transport.ok_or_else(|| usage(name, "is none that there is"))?;
            }
            "--intents" => self.intents = number(name, &value)?,
            "--connecting" => self.connecting = number(name, &value)?,
            "--read" => self.read = number(name, &value)?,
            "--nap" => self.nap = number(name, &value)?,
            "--settle" => self.settle = number(name, &value)?,
            "--pid" => self.pid = Some(number(name, &value)?),
            "--poster" => self.poster = value,
            "--channel" => self.channel = number(name, &value)?,
            "--paced" => self.paced = Some(number(name, &value)?),
            "--saturated" => self.saturated = Some(number(name, &value)?),
            "--seconds" => self.seconds = number(name, &value)?,
            "--body" => self.body = number(name, &value)?,
            _ => return Err(usage(name, "is no option")),
        }
        Ok(())
    }

    fn check(self) -> Result<Self, Failure> {
        let posts = self.paced.is_some() || self.saturated.is_some();
        if self.host.is_empty() || self.tokens.is_empty() {
            Err(usage("--url and --tokens", "are needed"))
        } else if posts && (self.poster.is_empty() || self.channel == 0) {
            Err(usage("--poster and --channel", "are needed to post"))
        } else if self.clients == Some(0) || self.saturated == Some(0) || self.connecting == 0 {
            Err(usage("--clients, --saturated and --connecting", "must be at least 1"))
        } else if self.paced.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            Err(usage("--paced", "must be more than 0"))
        } else if !(self.seconds.is_finite() && self.settle.is_finite()) {
            Err(usage("--seconds and --settle", "must be finite"))
        } else if self.body > 2_000 {
            Err(usage("--body", "must be at most 2000"))
        } else {
            Ok(self)
        }
    }
}

fn address(url: &str) -> Result<(SocketAddr, String), Failure> {
    let host =
        url.strip_prefix("http://").ok_or_else(|| usage("--url", "must begin with http://"))?;
    let host = host.trim_end_matches('/');
    let mut addresses =
        host.to_socket_addrs().map_err(|_| usage("--url", "must name a host and a port"))?;
    let address = addresses.next().ok_or_else(|| usage("--url", "names no host"))?;
    Ok((address, host.to_owned()))
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, Failure> {
    value.parse().map_err(|_| usage(name, &format!("cannot be {value}")))
}

fn usage(name: &str, problem: &str) -> Failure {
    Failure::Usage(format!("{name} {problem}; --help lists the options"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read() {
        let options = parse(
            "--url http://127.0.0.1:4001/ --tokens t --clients 5 --paced 1e4 \
                             --poster p --channel 7 --transport zstd-stream",
        )
        .unwrap();
        assert_eq!(options.address.port(), 4001);
        assert_eq!(options.host, "127.0.0.1:4001");
        assert_eq!((options.clients, options.paced), (Some(5), Some(10_000.0)));
        assert_eq!(options.transport, Transport::Zstd);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, name) in [
            ("--clients 5", "--url"),
            ("--colour red", "--colour"),
            ("--clients", "--clients"),
            ("--clients x", "--clients"),
            ("--transport lz4", "--transport"),
            ("--url https://a:1 --tokens t", "--url"),
            ("--url http://127.0.0.1:1 --tokens t --paced 1", "--poster"),
            ("--url http://127.0.0.1:1 --tokens t --clients 0", "--clients"),
            ("--url http://127.0.0.1:1 --tokens t --poster p --channel 1 --paced 0", "--paced"),
            ("--url http://127.0.0.1:1 --tokens t --body 2001", "--body"),
        ] {
            let Err(Failure::Usage(message)) = parse(line) else { panic!("{line} is taken") };
            assert!(message.contains(name), "{line}: {message}");
        }
    }
}
