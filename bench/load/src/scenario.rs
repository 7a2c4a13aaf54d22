//! A whole run: everybody connects, memory is measured, messages are posted by the clock, then as
//! fast as they arrive.

use std::fs;

use serde_json::{Value, json};

use crate::driver::Driver;
use crate::failure::Failure;
use crate::meter::Usage;
use crate::options::Options;
use crate::run::{Pace, Run};
use crate::stream::Transport;

const SECOND: u64 = 1_000_000;
// How long nothing may happen that is waited for.
const PATIENCE: u64 = 30 * SECOND;
// What comes before the clock is started: code is loaded, buffers have grown.
const WARM_UP: f64 = 1.0;
// An open loop must not wait for one slow answer.
const POSTERS: usize = 32;

/// The steps of a run, and what each of them needs.
pub(crate) struct Scenario {
    options: Options,
    driver: Driver,
    tokens: Vec<String>,
    clients: usize,
    runs: u64,
    said_at: u64,
}

impl Scenario {
    pub(crate) fn new(options: Options) -> Result<Self, Failure> {
        let tokens = tokens(&options.tokens)?;
        let clients = options.clients.unwrap_or(tokens.len());
        let driver = Driver::new(options.clone(), clients)?;
        // Runs of other generators have other numbers.
        let runs = u64::from(std::process::id()) << 8;
        Ok(Self { options, driver, tokens, clients, runs, said_at: 0 })
    }

    /// Does everything, and returns what was measured.
    pub(crate) fn run(mut self) -> Result<Value, Failure> {
        let result = self.steps();
        self.driver.leave();
        match (result, self.options.pid) {
            (Err(_), Some(pid)) if Usage::of(pid).is_none() => Err(Failure::Dead(pid)),
            (result, _) => result,
        }
    }

    fn steps(&mut self) -> Result<Value, Failure> {
        let before = self.usage()?;
        let connect = self.connect(before)?;
        let settle = self.settle(before)?;
        let mut runs = Vec::new();
        if let Some(rate) = self.options.paced {
            let interval = SECOND as f64 * self.clients as f64 / rate;
            self.driver.hire(POSTERS);
            runs.push(self.measure("paced", json!(rate), Pace::Open { interval })?);
        }
        if let Some(in_flight) = self.options.saturated {
            self.driver.hire(in_flight);
            runs.push(self.measure("saturated", json!(in_flight), Pace::Closed { in_flight })?);
        }
        Ok(json!({
            "clients": self.clients,
            "transport": self.options.transport.name(),
            "body": self.options.body,
            "connect": connect,
            "settle": settle,
            "runs": runs,
        }))
    }

    fn connect(&mut self, before: Option<Usage>) -> Result<Value, Failure> {
        let start = self.driver.now();
        let mut moved = (0, start);
        loop {
            let (begun, live) = self.driver.clients();
            if live == self.clients {
                break;
            }
            let now = self.driver.now();
            moved = if live > moved.0 { (live, now) } else { moved };
            if now > moved.1 + PATIENCE {
                let left = self.clients - live;
                return Err(Failure::Late(format!("{left} clients did not get their guilds")));
            }
            let more = (self.options.connecting + live).min(self.clients).saturating_sub(begun);
            for index in begun..begun + more {
                let token = self.tokens.get(index % self.tokens.len()).map_or("", String::as_str);
                let reads = self.options.transport == Transport::Plain || index < self.options.read;
                self.driver.connect(token, reads)?;
            }
            self.driver.step(now + SECOND / 10)?;
            let all = self.clients;
            self.say(|| format!("connecting: {live} of {all} clients"));
        }
        let seconds = since(start, self.driver.now());
        let cpu = self.cpu(before)?;
        Ok(json!({
            "seconds": seconds,
            "cpu_ms": cpu.map(|(user, system)| (user + system) * 1e3 / self.clients as f64),
            "user_ms": cpu.map(|(user, _)| user * 1e3 / self.clients as f64),
            "p50_ms": self.driver.connects().quantile(500) as f64 / 1e3,
            "p99_ms": self.driver.connects().quantile(990) as f64 / 1e3,
            "events": self.driver.tally().events,
            "bytes": self.driver.tally().bytes,
        }))
    }

    // Until nothing has come for a while.
    fn settle(&mut self, before: Option<Usage>) -> Result<Value, Failure> {
        let start = self.driver.now();
        let usage = self.usage()?;
        let silence = (self.options.settle * SECOND as f64) as u64;
        let mut moved = (self.driver.tally().events, start);
        loop {
            let now = self.driver.now();
            let events = self.driver.tally().events;
            moved = if events == moved.0 { moved } else { (events, now) };
            if now >= moved.1 + silence || now > start + 4 * PATIENCE {
                break;
            }
            self.driver.step(now + SECOND / 20)?;
            self.say(|| format!("settling: {events} events so far"));
        }
        let resident = self.usage()?.map(|usage| usage.resident);
        let each = before.zip(resident).map(|(before, after)| {
            after.saturating_sub(before.resident) as f64 / self.clients as f64
        });
        Ok(json!({
            "seconds": since(start, moved.1),
            "cpu_seconds": self.cpu(usage)?.map(|(user, system)| user + system),
            "events": self.driver.tally().events,
            "resident": resident,
            "bytes_per_connection": each,
        }))
    }

    fn measure(&mut self, mode: &str, load: Value, pace: Pace) -> Result<Value, Failure> {
        self.post(mode, pace, WARM_UP.min(self.options.seconds))?;
        let own = Usage::of(std::process::id());
        let before = self.usage()?;
        let start = self.driver.now();
        let messages = self.post(mode, pace, self.options.seconds)?;
        let seconds = since(start, self.driver.now());
        let cpu = self.cpu(before)?;
        let resident = self.usage()?.map(|usage| usage.resident);
        let own = own.zip(Usage::of(std::process::id())).map(|(before, now)| now.since(&before));
        let tally = self.driver.tally();
        let expected = (messages * self.clients) as u64;
        let million = tally.deliveries as f64 / 1e6;
        Ok(json!({
            "mode": mode,
            "load": load,
            "seconds": seconds,
            "messages": messages,
            "deliveries": tally.deliveries,
            "deliveries_per_second": tally.deliveries as f64 / seconds,
            "bytes_per_delivery": tally.bytes as f64 / tally.deliveries as f64,
            "read": tally.read,
            "p50_us": tally.latency.quantile(500),
            "p99_us": tally.latency.quantile(990),
            "missing": expected.saturating_sub(tally.deliveries),
            "surplus": tally.deliveries.saturating_sub(expected),
            "gaps": tally.gaps,
            "duplicates": tally.duplicates,
            "reordered": tally.reordered,
            "user_seconds": cpu.map(|(user, _)| user),
            "system_seconds": cpu.map(|(_, system)| system),
            "cpu_per_million": cpu.map(|(user, system)| (user + system) / million),
            "generator_cpu_share": own.map(|(user, system)| (user + system) / seconds),
            "resident": resident,
        }))
    }

    // Posts for so many seconds, and waits until everything has arrived or nothing more does.
    fn post(&mut self, mode: &str, pace: Pace, seconds: f64) -> Result<usize, Failure> {
        self.runs += 1;
        let start = self.driver.now();
        let until = start + (seconds * SECOND as f64) as u64;
        self.driver.begin(Run::new(self.runs, pace, start, until));
        let mut moved = (0, until);
        loop {
            let (posted, done) = self.driver.progress();
            let deliveries = self.driver.tally().deliveries;
            if done && deliveries >= (posted * self.clients) as u64 {
                return Ok(posted);
            }
            let now = self.driver.now();
            moved = if deliveries == moved.0 { moved } else { (deliveries, now.max(until)) };
            if now > moved.1 + PATIENCE {
                return if done { Ok(posted) } else { Err(late()) };
            }
            // A closed loop posts when something has arrived, which ends the step.
            let next = if done { now + SECOND / 20 } else { until.max(now + 1_000) };
            self.driver.step(next)?;
            self.say(|| format!("{mode}: {posted} messages, {deliveries} deliveries"));
        }
    }

    fn usage(&self) -> Result<Option<Usage>, Failure> {
        match self.options.pid {
            Some(pid) => Usage::of(pid).map(Some).ok_or(Failure::Dead(pid)),
            None => Ok(None),
        }
    }

    fn cpu(&self, before: Option<Usage>) -> Result<Option<(f64, f64)>, Failure> {
        Ok(self.usage()?.zip(before).map(|(now, before)| now.since(&before)))
    }

    // Not more often than people read.
    fn say(&mut self, line: impl FnOnce() -> String) {
        let now = self.driver.now();
        if now >= self.said_at + SECOND {
            self.said_at = now;
            eprintln!("{}", line());
        }
    }
}

fn late() -> Failure {
    Failure::Late("a message was not answered".into())
}

fn since(start: u64, now: u64) -> f64 {
    now.saturating_sub(start) as f64 / SECOND as f64
}

fn tokens(path: &str) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("cannot read {path}: {error}")))?;
    let tokens: Vec<String> = text.lines().map(str::to_owned).collect();
    if tokens.is_empty() {
        return Err(Failure::Usage(format!("{path} has no tokens")));
    }
    Ok(tokens)
}
