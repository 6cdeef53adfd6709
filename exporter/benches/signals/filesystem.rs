//! Reads and writes of what is in memory, and opens, beside reads of a pipe, which are left out but run the programs as
//! well; and what such a call takes with the programs and without.

use std::{
    env,
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process,
    time::Instant,
};

use anyhow::Result;

use super::Bench;

const CALLS: u32 = 100_000;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let path = env::temp_dir().join(format!("bench-filesystem-{}", process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    let _removed = Removed(path.clone());
    file.write_all_at(&[1; 4096], 0)?;
    let (mut out, mut into) = std::io::pipe()?;
    let mut of_pipe = || {
        into.write_all(&[0]).and_then(|()| out.read_exact(&mut [0])).expect("it has room for a byte");
    };
    let works: [(&str, &mut dyn FnMut()); 4] = [
        ("reads of 1 B in memory", &mut || file.read_exact_at(&mut [0], 0).expect("it is as long")),
        ("writes of 1 B in memory", &mut || file.write_all_at(&[1], 0).expect("there is room")),
        ("opens", &mut || drop(File::open(&path).expect("it is there"))),
        ("bytes through a pipe", &mut of_pipe),
    ];
    for (name, work) in works {
        let alone = ns_per_call(work);
        println!("| filesystem | {name}, nothing attached | whole call | | {alone:.1} | |");
        for (what, config) in [
            ("by container", ""),
            ("by none", "by: none"),
            ("by container and mount", "mounts: true"),
            ("counters by container", "detail: counters"),
        ] {
            let config = format!("collectors: {{filesystem: {{enabled: true, {config}}}}}\n");
            let name = format!("{name}, {what}");
            let mut best = f64::INFINITY;
            if let Err(error) =
                bench.collector("filesystem", &config, &name, || best = best.min(ns_per_call(work)))
            {
                // Programs on functions are not allowed everywhere; what else there is can be measured.
                println!(
                    "| filesystem | not measured: {} | | | | |",
                    format!("{error:#}").replace('\n', " ")
                );
                return Ok(());
            }
            println!("| filesystem | {name} | whole call, with the kernel's statistics | | {best:.1} | |");
        }
    }
    Ok(())
}

fn ns_per_call(work: &mut dyn FnMut()) -> f64 {
    let begin = Instant::now();
    for _ in 0..CALLS {
        work();
    }
    begin.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

/// A file that goes at the end.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file::<&Path>(&self.0);
    }
}
