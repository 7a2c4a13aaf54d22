//! What a process has used, as Linux tells it.

use std::fs;

/// CPU time and memory of a process at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    /// Seconds in the program itself.
    pub(crate) user: f64,
    /// Seconds in the kernel on its behalf.
    pub(crate) system: f64,
    /// Bytes of memory that it holds.
    pub(crate) resident: u64,
}

// Linux counts in hundredths of a second for every program, whatever its own clock.
const TICKS: f64 = 100.0;
const PAGE: u64 = 4_096;

impl Usage {
    /// What a process has used so far, or None if there is no such process.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        Self::parse(&stat, &statm)
    }

    fn parse(stat: &str, statm: &str) -> Option<Self> {
        // The name is in parentheses and may hold any of them.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
        let user: f64 = fields.next()?.parse().ok()?;
        let system: f64 = fields.next()?.parse().ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(Self { user: user / TICKS, system: system / TICKS, resident: pages * PAGE })
    }

    /// Seconds of CPU time since `before`: in the program, in the kernel.
    pub(crate) fn since(&self, before: &Self) -> (f64, f64) {
        (self.user - before.user, self.system - before.system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_found_behind_any_name() {
        let stat = "7 (a) b (c) R 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 1 2 3";
        let usage = Usage::parse(stat, "900 10 5 1 0 8 0").unwrap();
        assert_eq!(usage, Usage { user: 2.5, system: 0.5, resident: 40_960 });
        assert_eq!(Usage::parse("7 nonsense", "900 10"), None);
    }

    #[test]
    fn this_process_uses_memory_and_another_one_is_not_there() {
        assert!(Usage::of(std::process::id()).unwrap().resident > 0);
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
