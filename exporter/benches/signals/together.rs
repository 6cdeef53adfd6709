//! All that is on by default, together: what it takes of a CPU at rates that a busy host has.

use std::{net::UdpSocket, thread, time::Duration};

use anyhow::Result;
use kernel_exporter::collectors::Family;

use super::{
    BATCHES, Bench,
    workload::{DirectReads, PingPong},
};

/// Per second.
const SWITCHES: f64 = 100_000.0;
const PACKETS: f64 = 20_000.0;
const REQUESTS: f64 = 5_000.0;

/// Nanoseconds in all programs, and runs of those that count what happens.
#[derive(Clone, Copy, Debug)]
struct Spent {
    ns: f64,
    switches: f64,
    requests: f64,
}

impl Spent {
    fn of(families: &[Box<dyn Family>]) -> Self {
        let mut all = Self { ns: 0.0, switches: 0.0, requests: 0.0 };
        for program in families.iter().flat_map(|family| family.account().programs) {
            all.ns += program.kernel_ns as f64;
            match program.name {
                "sched_switch" => all.switches += program.runs as f64,
                "block_rq_complete" => all.requests += program.runs as f64,
                _ => {}
            }
        }
        all
    }

    fn since(self, before: Self) -> Self {
        Self {
            ns: self.ns - before.ns,
            switches: self.switches - before.switches,
            requests: self.requests - before.requests,
        }
    }
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let families = bench.defaults()?;
    let least =
        |mut batch: Box<dyn FnMut() -> f64>| (0..BATCHES).map(|_| batch()).fold(f64::INFINITY, f64::min);
    let measured = |work: &mut dyn FnMut()| {
        let before = Spent::of(&families);
        work();
        Spent::of(&families).since(before)
    };

    let workload = PingPong::start(1)?;
    let switch = (0..BATCHES)
        .map(|_| {
            let spent = measured(&mut || thread::sleep(Duration::from_millis(100)));
            spent.ns / spent.switches
        })
        .fold(f64::INFINITY, f64::min);
    drop(workload);

    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(socket.local_addr()?)?;
    let packet = least(Box::new(|| {
        const DATAGRAMS: u32 = 10_000;
        let spent = measured(&mut || {
            for _ in 0..DATAGRAMS {
                let mut byte = [0];
                socket.send(&byte).and_then(|_| socket.recv(&mut byte)).expect("loopback delivers");
            }
        });
        (spent.ns - spent.switches * switch).max(0.0) / f64::from(DATAGRAMS)
    }));

    let workload = DirectReads::start()?;
    let request = least(Box::new(|| {
        let spent = measured(&mut || thread::sleep(Duration::from_millis(100)));
        (spent.ns - spent.switches * switch).max(0.0) / spent.requests
    }));
    drop(workload);

    println!("\n## All that is on by default, together\n");
    println!("| event | ns in all programs | per second | of one CPU |\n|---|---|---|---|");
    let mut all = 0.0;
    for (event, ns, rate) in [
        ("context switch", switch, SWITCHES),
        ("packet", packet, PACKETS),
        ("block request", request, REQUESTS),
    ] {
        let share = ns * rate / 1e7;
        all += share;
        println!("| {event} | {ns:.0} | {rate:.0} | {share:.2} % |");
    }
    println!("| together | | | {all:.2} % |");
    Ok(())
}
