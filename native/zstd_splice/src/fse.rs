//! Finite state entropy: tables from distributions, and states that write symbols (RFC 8878, 4.1).

use crate::bits::Bits;

/// How often each symbol comes, in parts of `1 << log`, and what writes it.
#[derive(Debug)]
pub(crate) struct Table {
    log: u32,
    /// -1 is a symbol that is rarer than one part.
    parts: Vec<i16>,
    states: Vec<u16>,
    steps: Vec<Step>,
}

/// What writing a symbol does to a state.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    bits: u32,
    state: i32,
}

/// A coder's state, which is what it has not written yet.
#[derive(Debug)]
pub(crate) struct State(u32);

impl Table {
    /// A table of `parts`, which sum up to `1 << log`.
    pub(crate) fn new(log: u32, parts: &[i16]) -> Self {
        debug_assert_eq!(parts.iter().map(|part| part.unsigned_abs()).sum::<u16>(), 1 << log);
        let symbols = spread(log, parts);

        let mut next: Vec<u16> = Vec::with_capacity(parts.len());
        let mut total = 0;
        for part in parts {
            next.push(total);
            total += part.unsigned_abs();
        }
        let mut states = vec![0; 1 << log];
        for (state, symbol) in symbols.iter().enumerate() {
            let slot = &mut next[usize::from(*symbol)];
            states[usize::from(*slot)] = (1 << log) + state as u16;
            *slot += 1;
        }
        Self { log, parts: parts.to_vec(), states, steps: steps(log, parts) }
    }

    /// A table for symbols that come `counts` times, of which at least two come at all.
    pub(crate) fn of_counts(log: u32, counts: &[u32]) -> Self {
        Self::new(log, &normalized(log, counts))
    }

    /// Sixteenths of bits that `count` of a symbol take, about; `None` if the table has no such symbol.
    pub(crate) fn price(&self, symbol: usize, count: u32) -> Option<u32> {
        let part = self.parts.get(symbol).filter(|part| **part != 0)?.unsigned_abs();
        let bits = self.log as f32 - f32::from(part).log2();
        Some((count as f32 * bits * 16.0) as u32)
    }

    /// Appends the description that a decoder makes the same table of.
    pub(crate) fn describe(&self, out: &mut Vec<u8>) {
        let mut bits = Forward { out, pending: 0, count: 0 };
        bits.put(self.log - 5, 4);

        let (mut remaining, mut threshold, mut width) =
            ((1_i32 << self.log) + 1, 1_i32 << self.log, self.log + 1);
        let mut symbol = 0;
        while remaining > 1 {
            let part = i32::from(self.parts[symbol]);
            symbol += 1;
            let limit = 2 * threshold - 1 - remaining;
            remaining -= part.abs();

            // Small values take a bit less.
            let mut value = part + 1;
            let short = value < limit;
            if value >= threshold {
                value += limit;
            }
            bits.put(value as u32, if short { width - 1 } else { width });
            while remaining < threshold && threshold > 1 {
                width -= 1;
                threshold >>= 1;
            }

            if part == 0 && remaining > 1 {
                let zeros = self.parts[symbol..].iter().take_while(|part| **part == 0).count();
                symbol += zeros;
                (0..zeros / 3).for_each(|_three| bits.put(3, 2));
                bits.put(zeros as u32 % 3, 2);
            }
        }
        bits.finish();
    }

    /// The state that a symbol is written with first.
    #[inline]
    pub(crate) fn start(&self, symbol: u8) -> State {
        let step = self.steps[usize::from(symbol)];
        let bits = (step.bits + (1 << 15)) >> 16;
        let value = (bits << 16).wrapping_sub(step.bits);
        self.state(value >> bits, step)
    }

    /// Writes what the state must give up, and moves it on by `symbol`.
    #[inline]
    pub(crate) fn write(&self, state: &mut State, symbol: u8, out: &mut Bits<'_>) {
        let step = self.steps[usize::from(symbol)];
        let bits = state.0.wrapping_add(step.bits) >> 16;
        out.put(state.0 & ((1 << bits) - 1), bits);
        *state = self.state(state.0 >> bits, step);
    }

    /// Writes the state itself.
    pub(crate) fn end(&self, state: &State, out: &mut Bits<'_>) {
        out.put(state.0 & ((1 << self.log) - 1), self.log);
    }

    #[inline]
    fn state(&self, value: u32, step: Step) -> State {
        State(u32::from(self.states[(value as i32 + step.state) as usize]))
    }

    pub(crate) fn memory(&self) -> usize {
        self.parts.len() * 2 + self.states.len() * 2 + self.steps.len() * size_of::<Step>()
    }
}

/// Which symbol each state decodes to.
fn spread(log: u32, parts: &[i16]) -> Vec<u8> {
    let size = 1_usize << log;
    let mut symbols = vec![0; size];
    let mut high = size;
    for (symbol, _rare) in parts.iter().enumerate().filter(|(_symbol, part)| **part == -1) {
        high -= 1;
        symbols[high] = symbol as u8;
    }

    let step = (size >> 1) + (size >> 3) + 3;
    let mut position = 0;
    for (symbol, part) in parts.iter().enumerate() {
        for _state in 0..*part {
            symbols[position] = symbol as u8;
            position = (position + step) % size;
            while position >= high {
                position = (position + step) % size;
            }
        }
    }
    symbols
}

fn steps(log: u32, parts: &[i16]) -> Vec<Step> {
    let mut total = 0;
    parts
        .iter()
        .map(|part| {
            let part = i32::from(part.unsigned_abs());
            let step = match part {
                0 => Step::default(),
                1 => Step { bits: (log << 16) - (1 << log), state: total - 1 },
                _ => {
                    let bits = log - (part as u32 - 1).ilog2();
                    Step { bits: (bits << 16) - ((part as u32) << bits), state: total - part }
                }
            };
            total += part;
            step
        })
        .collect()
}

/// `counts` in parts of `1 << log`, at least one for each symbol that comes.
fn normalized(log: u32, counts: &[u32]) -> Vec<i16> {
    let size = 1_i32 << log;
    let total: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    let mut parts: Vec<i16> = counts
        .iter()
        .map(|count| {
            let part = (u64::from(*count) * (size as u64) + total / 2) / total.max(1);
            if *count > 0 { part.max(1) as i16 } else { 0 }
        })
        .collect();

    // What rounding left over or took too much is the business of the most frequent ones.
    let mut rest = size - parts.iter().map(|part| i32::from(*part)).sum::<i32>();
    while rest != 0 {
        let Some(largest) = parts.iter_mut().max_by_key(|part| **part) else { break };
        let change = rest.max(-i32::from(*largest / 2));
        *largest += change as i16;
        rest -= change;
    }
    // No symbol is all of a table: a decoder would never read a bit.
    parts
}

/// Bits for a description, which is read from its beginning.
struct Forward<'a> {
    out: &'a mut Vec<u8>,
    pending: u32,
    count: u32,
}

impl Forward<'_> {
    fn put(&mut self, value: u32, count: u32) {
        self.pending |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.out.push(self.pending as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    fn finish(self) {
        if self.count > 0 {
            self.out.push(self.pending as u8);
        }
    }
}
