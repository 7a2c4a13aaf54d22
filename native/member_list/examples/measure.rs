use member_list::*;
struct Instant(f64);
fn cpu() -> f64 { std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9 }
impl Instant { fn now() -> Self { std::thread::yield_now(); Instant(cpu()) } fn elapsed(&self) -> std::time::Duration { std::thread::yield_now(); std::time::Duration::from_secs_f64(cpu() - self.0) } }
fn name(i: u64, kind: &str) -> String {
    let mut x = i.wrapping_mul(0x9E3779B97F4A7C15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xBF58476D1CE4E5B9);
    x ^= x >> 32;
    let syl = [
        "an", "be", "co", "da", "el", "fi", "go", "ha", "in", "jo", "ka", "li", "mo", "na", "or",
        "pe", "qu", "ra", "sa", "to", "ul", "vi", "wa", "xe", "yo", "zu",
    ];
    match kind {
        "user" => format!("user {}", i),
        _ => {
            let n = 3 + x % 4;
            let mut s = String::new();
            for _ in 0..n {
                s += syl[(x % 26) as usize];
                x /= 26;
            }
            if x % 3 == 0 {
                s += &(x % 100).to_string();
            }
            s
        }
    }
}
fn main() {
    let n: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let kind = std::env::args().nth(2).unwrap_or("name".into());
    let mut list = List::new(Limits { bytes: 1 << 40, subscribers: 100 });
    list.set_roles(&(1..=20).collect::<Vec<_>>()).unwrap();
    let id = |i: u64| 1174109841002725376 + (i.wrapping_mul(7919) % n) * 4194304;
    let names: Vec<String> = (0..n.min(4_000_000)).map(|i| name(i, &kind)).collect();
    println!(
        "average name {}",
        names.iter().map(|n| n.len()).sum::<usize>() as f64 / names.len() as f64
    );
    let grp = |i: u64| match i % 10 {
        0..=5 => Group::Offline,
        6 | 7 => Group::Online,
        _ => Group::Role(1 + i % 20),
    };
    let t = Instant::now();
    for i in 0..n {
        let nm = if i < names.len() as u64 { &names[i as usize] } else { &name(i, &kind) };
        list.put(id(i), nm, Group::Online).unwrap();
    }
    println!(
        "fill {:.3} us, {:.1} bytes",
        t.elapsed().as_secs_f64() * 1e6 / n as f64,
        list.bytes() as f64 / n as f64
    );

    let m = 400_000.min(n);
    let pick: Vec<u64> = (0..m).map(|k| k.wrapping_mul(104729) % n).collect();
    let big: Vec<u64> = (0..5_000_000u64).map(|i| (i.wrapping_mul(2862933555777941757).wrapping_add(3037000493)) % 5_000_000).collect();
    let chase = || { let t = Instant::now(); let mut x = 1u64; for _ in 0..200_000 { x = x.wrapping_mul(6364136223846793005).wrapping_add(big[((x >> 33) % 5_000_000) as usize] | 1); } println!("one miss {:.3} us {x}", t.elapsed().as_secs_f64() * 5.0); };
    for _ in 0..1 {
    chase();
        let t = Instant::now();
        let mut s = 0;
        for &i in &pick {
            if let Some(Rank::Index(x)) = list.rank(id(i)) {
                s += x
            }
        }
        println!("rank {:.3} us {s}", t.elapsed().as_secs_f64() * 1e6 / m as f64);
        let t = Instant::now();
        let mut s = 0;
        for &i in &pick {
            list.slice(i as usize, 100, |it| {
                if let Item::Member(x) = it {
                    s ^= x
                }
            });
        }
        println!("slice {:.3} us {s}", t.elapsed().as_secs_f64() * 1e6 / m as f64);
        let t = Instant::now();
        for &i in &pick {
            list.delete(id(i));
        }
        println!("delete {:.3} us", t.elapsed().as_secs_f64() * 1e6 / m as f64);
        let t = Instant::now();
        for &i in &pick {
            let nm = &names[i as usize % names.len()];
            list.put(id(i), nm, Group::Online).unwrap();
        }
        println!("add {:.3} us", t.elapsed().as_secs_f64() * 1e6 / m as f64);
        let t = Instant::now();
        for &i in &pick {
            let nm = &names[i as usize % names.len()];
            list.put(id(i), nm, grp(i)).unwrap();
            list.put(id(i), nm, Group::Online).unwrap();
        }
        println!("move twice {:.3} us", t.elapsed().as_secs_f64() * 1e6 / m as f64);
    }
    println!("{:.1} bytes", list.bytes() as f64 / n as f64);
}
