//! What do a look-up and a change cost whose member nobody has asked for lately?
//!
//!     cargo run --release -p member_list --example cold [MEMBERS]
//!
//! Between rounds the caches are filled with something else; a round is 5,000 members anywhere in the
//! list. The time of one call, in nanoseconds: of the best round, and of the one in the middle.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "it is run by hand")]

use std::hint::black_box;
use std::time::Instant;

use member_list::{Group, Limits, List};

const ROUND: usize = 5_000;
const ROUNDS: usize = 20;
/// Larger than the caches.
const SPOIL: usize = 96 << 20;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}

/// A name of 3 to 14 letters, as in `bench/native/member_list_bench.exs`.
fn name(n: u64) -> String {
    let mut random = Random(n);
    let letters = b"eeaaiioonnrrsstldcmupbghkvyfwjzx";
    (0..3 + random.next() % 12)
        .map(|_| char::from(letters[(random.next() % 32) as usize]))
        .collect()
}

fn id(n: u64) -> u64 {
    1_174_109_841_002_725_376 + n * 4_194_304
}

fn main() {
    let members: u64 = std::env::args().nth(1).map_or(1_000_000, |n| n.parse().unwrap());
    let mut list = List::new(Limits { bytes: usize::MAX >> 1, subscribers: 1 });
    let start = Instant::now();
    let mut order: Vec<u64> = (0..members).collect();
    for n in &order {
        list.put(id(*n), &name(*n), Group::Online).unwrap();
    }
    println!("{members} members, {:.1} bytes each", list.bytes() as f64 / members as f64);
    println!("{:28} {:6.0}", "fill", start.elapsed().as_nanos() as f64 / members as f64);

    let mut random = Random(7);
    for n in (1..order.len()).rev() {
        order.swap(n, (random.next() % (n as u64 + 1)) as usize);
    }
    let mut spoil = vec![1_u8; SPOIL];
    let mut times: [Vec<f64>; 5] = Default::default();
    let (mut at, mut found) = (0, 0);
    for _round in 0..ROUNDS {
        let some: Vec<(u64, String)> = (0..ROUND)
            .map(|next| order[(at + next) % order.len()])
            .map(|n| (id(n), name(n)))
            .collect();
        at += ROUND;
        let mut measure = |what: usize, call: &mut dyn FnMut(&(u64, String))| {
            for byte in spoil.iter_mut().step_by(64) {
                *byte = byte.wrapping_add(1);
            }
            let start = Instant::now();
            some.iter().for_each(call);
            times[what].push(start.elapsed().as_nanos() as f64 / ROUND as f64);
        };
        measure(0, &mut |(id, _name)| found += usize::from(list.rank(*id).is_some()));
        measure(1, &mut |(id, _name)| found += usize::from(list.delete(*id)));
        measure(2, &mut |(id, name)| list.put(*id, name, Group::Online).unwrap());
        measure(3, &mut |(id, name)| list.put(*id, name, Group::Offline).unwrap());
        measure(4, &mut |(id, name)| {
            list.delete(*id);
            list.put(*id, name, Group::Online).unwrap();
        });
    }
    assert_eq!(found, 2 * ROUNDS * ROUND);
    black_box(&spoil);
    let names = ["rank", "delete", "put, new", "put, another group", "delete and put, together"];
    for (name, mut times) in names.into_iter().zip(times) {
        times.sort_by(f64::total_cmp);
        println!("{name:28} {:6.0} {:6.0}", times[0], times[times.len() / 2]);
    }
}
