//! Tasks that switch.

use std::{
    io::{self, Read as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

/// Pairs of threads, each pair pinned to one CPU, that pass a byte to and fro through pipes.
pub(crate) struct PingPong {
    stop: Arc<AtomicBool>,
    operations: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl PingPong {
    pub(crate) fn start(pairs: usize) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let operations = Arc::new(AtomicU64::new(0));
        let mut threads = Vec::new();
        for cpu in 0..pairs {
            let (mut here, mut away) = io::pipe()?;
            let (mut back, mut forth) = io::pipe()?;
            threads.push(std::thread::spawn(move || {
                pin(cpu);
                let mut byte = [0];
                while here.read_exact(&mut byte).is_ok() && forth.write_all(&byte).is_ok() {}
            }));
            let (stop, operations) = (stop.clone(), operations.clone());
            threads.push(std::thread::spawn(move || {
                pin(cpu);
                let mut byte = [0];
                while !stop.load(Ordering::Relaxed)
                    && away.write_all(&byte).is_ok()
                    && back.read_exact(&mut byte).is_ok()
                {
                    operations.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        Ok(Self { stop, operations, threads })
    }

    pub(crate) fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }
}

impl Drop for PingPong {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn pin(cpu: usize) {
    // SAFETY: a valid set, for the calling thread.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}
