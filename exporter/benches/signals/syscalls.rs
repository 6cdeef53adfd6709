//! System calls, by one that does next to nothing; and what such a call takes with the programs and without, which is more
//! than the programs' time: the kernel takes a slower way into every call and out of it.

use std::time::Instant;

use anyhow::Result;

use super::Bench;

const CALLS: u32 = 300_000;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let all = |config| format!("collectors: {{syscalls: {{enabled: true, {config}}}}}\n");
    let mut whole = vec![("nothing attached".to_owned(), call_ns())];
    for (what, config) in [
        ("by name", "by: none"),
        ("by container", "by: container"),
        ("counters by name", "by: none, detail: counters"),
        ("counters by container", "by: container, detail: counters"),
        ("left out", "by: none, names: [openat]"),
    ] {
        let (mut best, begin) = (f64::INFINITY, Instant::now());
        let work = || best = best.min(call_ns());
        bench.collector("syscalls", &all(config), &format!("getppid, {what}"), work)?;
        assert!(begin.elapsed().as_secs() < 60, "a system call takes too long");
        whole.push((format!("getppid, {what}"), best));
    }
    for (what, ns) in whole {
        println!("| syscalls | {what} | whole call, with the kernel's statistics | | {ns:.1} | |");
    }
    Ok(())
}

/// What a call takes.
fn call_ns() -> f64 {
    let begin = Instant::now();
    for _ in 0..CALLS {
        // SAFETY: no preconditions.
        unsafe { libc::syscall(libc::SYS_getppid) };
    }
    begin.elapsed().as_nanos() as f64 / f64::from(CALLS)
}
