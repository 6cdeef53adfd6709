//! Processes that execute a program which does nothing.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::Bench;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let program = if Path::new("/bin/true").exists() { "/bin/true" } else { "/usr/bin/true" };
    let processes = || {
        for _ in 0..300 {
            Command::new(program).status().expect("a program that does nothing");
        }
    };
    bench.collector("lifecycle", "", "fork, exec and exit of true", processes)?;
    let counters = "collectors: {lifecycle: {detail: counters}}";
    bench.collector("lifecycle", counters, "the same, counters only", processes)
}
