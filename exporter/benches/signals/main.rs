//! What the programs of the collectors with rows cost, by the kernel's own run-time statistics, beside an empty program as
//! the floor. Run as root: `make bench`, or for some collectors only `cargo bench --bench signals -- tcp syscalls`.

mod filesystem;
mod interrupts;
mod lifecycle;
mod memory;
mod network;
mod syscalls;
mod tcp;
mod together;
#[expect(dead_code, reason = "the cost of switches is measured elsewhere")]
#[path = "../workload/mod.rs"]
mod workload;

use std::{env, thread, time::Duration};

use anyhow::{Context as _, Result};
use kernel_exporter::{
    collectors::{
        Family, ProgramAccount,
        registry::{FAMILIES, Kernel},
    },
    config::Config,
    hooks::selftest::Floor,
    kernel::{
        btf::Btf,
        host::{self, Hierarchy},
    },
};
use workload::PingPong;

const BATCHES: usize = 12;
const BATCH: Duration = Duration::from_millis(100);

fn main() -> Result<()> {
    let _ = host::lift_memlock_limit();
    let _stats = aya::sys::enable_stats(aya::sys::Stats::RunTime)?;
    let kernel = Kernel { btf: Btf::of_running_kernel()?, hierarchy: Hierarchy::of_this_host()? };
    let bench = Bench { floor: floor(&kernel.btf)?, kernel };
    println!(
        "| collector | workload | program | runs | ns per run, minimum of {BATCHES} batches | empty programs |\n\
         |---|---|---|---|---|---|"
    );
    println!("| (floor) | pipe ping-pong | empty program | | {:.1} | 1.00 |", bench.floor);
    type Run = fn(&Bench) -> Result<()>;
    let all: [(&str, Run); 8] = [
        ("interrupts", interrupts::run),
        ("memory", memory::run),
        ("syscalls", syscalls::run),
        ("filesystem", filesystem::run),
        ("tcp", tcp::run),
        ("lifecycle", lifecycle::run),
        ("network", network::run),
        ("together", together::run),
    ];
    let wanted: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, run) in all {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            run(&bench)?;
        }
    }
    Ok(())
}

/// Attaches collectors and shows what their programs cost.
pub(crate) struct Bench {
    kernel: Kernel,
    /// What an empty program reads.
    floor: f64,
}

/// What an empty program on sched_switch reads, while two threads do nothing but switch.
fn floor(btf: &Btf) -> Result<f64> {
    let floor = Floor::attach(btf)?;
    let _workload = PingPong::start(1)?;
    let batches = (0..BATCHES).map(|_| {
        let before = floor.program_info().unwrap_or_default();
        thread::sleep(BATCH);
        let after = floor.program_info().unwrap_or_default();
        (after.run_time_ns - before.run_time_ns) as f64 / (after.run_count - before.run_count) as f64
    });
    Ok(batches.fold(f64::INFINITY, f64::min))
}

impl Bench {
    /// All hook families that are on by default, attached.
    pub(crate) fn defaults(&self) -> Result<Vec<Box<dyn Family>>> {
        let config = Config::default();
        let enabled = FAMILIES.iter().filter(|entry| !(entry.enabled)(&config).is_empty());
        enabled.map(|entry| (entry.attach)(&self.kernel, &config)).collect()
    }

    /// Attaches the hook family of `collector` as `config` asks for, does `work` again and again, and prints a line for each
    /// program that ran, and one for `all` of them together, per what happened once.
    pub(crate) fn collector(
        &self,
        collector: &str,
        config: &str,
        workload: &str,
        mut work: impl FnMut(),
    ) -> Result<()> {
        let config = Config::from_yaml("bench", config.as_bytes())?;
        let entry = FAMILIES
            .iter()
            .find(|entry| entry.collectors.iter().any(|about| about.name == collector))
            .with_context(|| format!("no collector {collector}"))?;
        let family = (entry.attach)(&self.kernel, &config)?;
        let mut best: Vec<(&'static str, u64, f64)> = Vec::new();
        for _ in 0..BATCHES {
            let before = programs(&*family);
            work();
            for (before, after) in before.iter().zip(programs(&*family)) {
                let runs = after.runs - before.runs;
                let ns = (after.kernel_ns - before.kernel_ns) as f64 / runs as f64;
                match best.iter_mut().find(|(name, ..)| *name == after.name) {
                    _ if runs == 0 => {}
                    Some((_, all, least)) => (*all, *least) = (*all + runs, least.min(ns)),
                    None => best.push((after.name, runs, ns)),
                }
            }
        }
        let all: f64 = best.iter().map(|(.., ns)| ns).sum();
        for (name, runs, ns) in &best {
            println!("| {collector} | {workload} | {name} | {runs} | {ns:.1} | {:.2} |", ns / self.floor);
        }
        if best.len() > 1 {
            let floors = all / self.floor;
            println!("| {collector} | {workload} | all of them, once each | | {all:.1} | {floors:.2} |");
        }
        Ok(())
    }
}

fn programs(family: &dyn Family) -> Vec<ProgramAccount> {
    family.account().programs
}
