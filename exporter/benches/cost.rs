//! What the BPF programs cost, by the kernel's own run-time statistics, beside an empty program as the
//! floor, and what the exporter slows a workload down. Run as root: `make bench`.

mod workload;

use std::time::Duration;

use kernel_exporter::{
    hooks::{
        block::{self, Block, Kept},
        sched::{self, Parts, Sched},
        selftest::Floor,
    },
    kernel::{
        bpf::ProgramInfo,
        btf::Btf,
        host::{self, Hierarchy},
    },
};
use workload::{DirectReads, PingPong};

const BATCHES: usize = 12;
const BATCH: Duration = Duration::from_millis(250);

fn main() -> anyhow::Result<()> {
    let _ = host::lift_memlock_limit();
    let btf = Btf::of_running_kernel()?;
    let hierarchy = Hierarchy::of_this_host()?;
    let parts = Parts {
        scheduler: true,
        durations: true,
        stalls: true,
        cgroups: true,
        process: true,
        executables: false,
        slots: 1024,
        processes: 4096,
    };
    let unkeyed = Parts { cgroups: false, ..parts };
    let without_stalls = Parts { stalls: false, ..parts };
    let counters = Parts { durations: false, stalls: false, ..parts };

    println!("## ns per run, by the kernel's statistics (minimum of {BATCHES} batches)\n");
    println!("| workload | program | runs | ns |\n|---|---|---|---|");
    {
        let _stats = aya::sys::enable_stats(aya::sys::Stats::RunTime)?;
        let floor = Floor::attach(&btf)?;
        let sched = Sched::attach(&btf, &hierarchy, parts)?;
        for cpus in [1, 2] {
            let workload = PingPong::start(cpus)?;
            let name = format!("pipe ping-pong on {cpus} CPU(s)");
            row(&name, "(empty)", || floor.program_info());
            for (_, program) in sched::PROGRAMS {
                row(&name, program, || sched.program_info(program));
            }
            let counting = Sched::attach(&btf, &hierarchy, counters)?;
            row(&name, "sched_switch, counters only", || counting.program_info("sched_switch"));
            drop(counting);
            let histograms = Sched::attach(&btf, &hierarchy, without_stalls)?;
            row(&name, "sched_switch, without stalls", || histograms.program_info("sched_switch"));
            drop(histograms);
            let together = Sched::attach(&btf, &hierarchy, unkeyed)?;
            row(&name, "sched_switch, cgroups not told apart", || together.program_info("sched_switch"));
            drop(workload);
        }
        let kept = Kept { device: true, operation: true, cgroup: true };
        let parts = block::Parts { slots: 1024, kept, durations: true };
        let block = Block::attach(&btf, &hierarchy, parts)?;
        let workload = DirectReads::start()?;
        let mut together = 0.0;
        for (_, program) in block::PROGRAMS {
            let ns = row("direct reads of 4 KiB", program, || block.program_info(program));
            together += if ns.is_finite() { ns } else { 0.0 };
        }
        println!("| direct reads of 4 KiB | all block programs together | | {together:.1} |");
        let kept = Kept { cgroup: false, ..kept };
        let counting = Block::attach(&btf, &hierarchy, block::Parts { slots: 1024, kept, durations: false })?;
        row("direct reads of 4 KiB", "block_rq_complete, counters only", || {
            counting.program_info("block_rq_complete")
        });
        drop(workload);
    }

    println!("\n## pipe ping-pong, ns per operation (two switches, two wakeups)\n");
    println!("| | median | minimum |\n|---|---|---|");
    let (mut without, mut with, mut empty) = (Vec::new(), Vec::new(), Vec::new());
    let (mut slowed, mut slowed_by_empty) = (Vec::new(), Vec::new());
    for _ in 0..2 * BATCHES {
        let base = ping_pong(1)?;
        let sched = Sched::attach(&btf, &hierarchy, parts)?;
        let loaded = ping_pong(1)?;
        drop(sched);
        let floor = Floor::attach(&btf)?;
        let floored = ping_pong(1)?;
        drop(floor);
        // Against the mean of before and after, because the machine's speed drifts.
        let base = f64::midpoint(base, ping_pong(1)?);
        without.push(base);
        with.push(loaded);
        empty.push(floored);
        slowed.push((loaded / base - 1.0) * 100.0);
        slowed_by_empty.push((floored / base - 1.0) * 100.0);
    }
    print("without", without);
    print("an empty program", empty);
    print("all collectors of the hook", with);
    let (slowed, slowed_by_empty) = (median(&mut slowed), median(&mut slowed_by_empty));
    println!("\nslowed by {slowed:.1} % (an empty program: {slowed_by_empty:.1} %), median of pairs");
    Ok(())
}

fn ping_pong(cpus: usize) -> anyhow::Result<f64> {
    let workload = PingPong::start(cpus)?;
    std::thread::sleep(Duration::from_millis(20));
    let before = workload.operations();
    let start = std::time::Instant::now();
    std::thread::sleep(BATCH);
    let elapsed = start.elapsed();
    Ok(elapsed.as_nanos() as f64 / (workload.operations() - before) as f64)
}

fn print(name: &str, mut values: Vec<f64>) {
    let median = median(&mut values);
    println!("| {name} | {median:.0} | {:.0} |", values[0]);
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn row(workload: &str, program: &str, info: impl Fn() -> Option<ProgramInfo>) -> f64 {
    let mut best = f64::INFINITY;
    let mut runs = 0;
    for _ in 0..BATCHES {
        let before = info().unwrap_or_default();
        std::thread::sleep(BATCH / 4);
        let after = info().unwrap_or_default();
        let count = after.run_count - before.run_count;
        if count > 0 {
            best = best.min((after.run_time_ns - before.run_time_ns) as f64 / count as f64);
            runs += count;
        }
    }
    match runs {
        0 => println!("| {workload} | {program} | 0 | |"),
        _ => println!("| {workload} | {program} | {runs} | {best:.1} |"),
    }
    best
}
