//! What the calling thread's time went to. Benchmarks alone ask.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Seek};
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds by the clock and on a processor, nanoseconds ready to run while others had it, and how
/// many times the thread went to sleep. The last two are 0 where the system does not tell.
type Times = (u64, u64, u64, u64);

/// What the system tells of the thread that opened it.
struct Told {
    schedstat: Option<File>,
    status: Option<File>,
}

/// Before and after what is measured, whose time is what is between the clocks: the files are read on the
/// other side of them.
#[rustler::nif]
fn thread_times(after: bool) -> Times {
    if after {
        let (clock, cpu) = clocks();
        let (ready, sleeps) = told();
        (clock, cpu, ready, sleeps)
    } else {
        let (ready, sleeps) = told();
        let (clock, cpu) = clocks();
        (clock, cpu, ready, sleeps)
    }
}

fn clocks() -> (u64, u64) {
    thread_local!(static BEGAN: Instant = Instant::now());
    let cpu = clock_gettime(ClockId::ThreadCPUTime);
    let cpu = cpu.tv_sec.cast_unsigned() * 1_000_000_000 + cpu.tv_nsec.cast_unsigned();
    (BEGAN.with(|began| began.elapsed().as_nanos() as u64), cpu)
}

fn told() -> (u64, u64) {
    thread_local! {
        static TOLD: RefCell<Told> = RefCell::new(Told {
            schedstat: File::open("/proc/thread-self/schedstat").ok(),
            status: File::open("/proc/thread-self/status").ok(),
        });
    }
    TOLD.with_borrow_mut(|told| {
        let ready = told.schedstat.as_mut().and_then(read).and_then(|text| number(&text, " "));
        let status = told.status.as_mut().and_then(read);
        let sleeps = status.and_then(|text| number(&text, "\nvoluntary_ctxt_switches:\t"));
        (ready.unwrap_or(0), sleeps.unwrap_or(0))
    })
}

fn read(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The number behind a name.
fn number(text: &str, name: &str) -> Option<u64> {
    let (_before, rest) = text.split_once(name)?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}
