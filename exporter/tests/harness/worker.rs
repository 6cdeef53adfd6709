//! Processes that work when they are told to, and sleep while the exporter is read.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::FromRawFd as _,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use super::{Cgroup, Counts, end_of, exporter::die_with_parent, is_asleep, threads_of, wait_for};

/// Numbers that a worker and its test share.
const CELLS: usize = 4096;

/// What a worker's work is given.
pub(crate) struct Job {
    /// Shared with the test; zero at the beginning.
    pub(crate) cells: &'static [AtomicU64; CELLS],
    /// How long the worker slept at the gate, by its own clock, in nanoseconds.
    pub(crate) waited_ns: u64,
}

impl Job {
    /// Leaves a number for the test.
    pub(crate) fn set(&self, cell: usize, value: u64) {
        self.cells[cell].store(value, Ordering::SeqCst);
    }

    /// Reads a number of the test's.
    pub(crate) fn get(&self, cell: usize) -> u64 {
        self.cells[cell].load(Ordering::SeqCst)
    }

    /// Leaves counts in the first four cells.
    pub(crate) fn set_counts(&self, counts: Counts) {
        let Counts { voluntary, involuntary, cpu_ns, run_queue_ns } = counts;
        [voluntary, involuntary, cpu_ns, run_queue_ns]
            .iter()
            .enumerate()
            .for_each(|(cell, n)| self.set(cell, *n));
    }
}

/// A child process in a cgroup. It is killed when dropped.
pub(crate) struct Worker {
    /// 0 when it has ended.
    pub(crate) pid: libc::pid_t,
    cells: &'static [AtomicU64; CELLS],
    gate: File,
    done: File,
}

impl Worker {
    /// Makes one, which enters the cgroup, does `prepare`, and sleeps. Each time it is told to go, it does
    /// `work` once.
    pub(crate) fn spawn(
        command: &str,
        cgroup: &Cgroup,
        prepare: impl FnOnce(),
        work: impl FnMut(&Job),
    ) -> Self {
        Self::begin(
            |_| {
                cgroup.enter();
                set_command(command);
                prepare();
            },
            work,
        )
    }

    /// The same, with nothing done for it before `prepare`.
    pub(crate) fn begin(prepare: impl FnOnce(&Job), mut work: impl FnMut(&Job)) -> Self {
        let cells = shared_cells();
        let (mut gate, open) = pipe();
        let (done, mut tell) = pipe();
        let pid = fork(|| {
            die_with_parent().expect("a valid call");
            prepare(&Job { cells, waited_ns: 0 });
            loop {
                tell.write_all(&[0]).expect("the test listens");
                let begin = Instant::now();
                gate.read_exact(&mut [0]).expect("the test has the other end");
                work(&Job { cells, waited_ns: begin.elapsed().as_nanos() as u64 });
            }
        });
        drop(tell);
        let mut worker = Self { pid, cells, gate: open, done };
        worker.finish();
        worker
    }

    /// Lets it work.
    pub(crate) fn start(&mut self) {
        self.gate.write_all(&[0]).expect("the worker has an end of the pipe");
    }

    /// Waits until its work is done and all its threads sleep in `read` again.
    #[track_caller]
    pub(crate) fn finish(&mut self) {
        let told = self.done.read_exact(&mut [0]);
        told.unwrap_or_else(|_| panic!("the worker has failed; run with --nocapture to see why"));
        wait_for("the worker sleeps", || threads_of(self.pid).iter().all(|thread| is_asleep(thread)));
    }

    /// Lets it work until it sleeps again.
    #[track_caller]
    pub(crate) fn work(&mut self) {
        self.start();
        self.finish();
    }

    /// Lets it work, and says how much it itself (not its children) used in doing so.
    #[track_caller]
    pub(crate) fn work_measured(&mut self) -> Counts {
        let before = Counts::of_process(self.pid);
        self.work();
        Counts::of_process(self.pid) - before
    }

    /// Kills it, and says what its leader used in all its life.
    pub(crate) fn end(mut self) -> Counts {
        // SAFETY: the child has not been waited for, so the id is its own.
        unsafe { libc::kill(self.pid, libc::SIGKILL) };
        let counts = end_of(self.pid).leader;
        self.pid = 0;
        counts
    }

    pub(crate) fn get(&self, cell: usize) -> u64 {
        self.cells[cell].load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, cell: usize, value: u64) {
        self.cells[cell].store(value, Ordering::SeqCst);
    }

    /// What [`Job::set_counts`] has left.
    pub(crate) fn counts(&self) -> Counts {
        let [voluntary, involuntary, cpu_ns, run_queue_ns] = [0, 1, 2, 3].map(|cell| self.get(cell));
        Counts { voluntary, involuntary, cpu_ns, run_queue_ns }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.pid > 0 {
            // SAFETY: the child has not been waited for, so the id is its own.
            unsafe {
                libc::kill(self.pid, libc::SIGKILL);
                libc::waitpid(self.pid, ptr::null_mut(), 0);
            }
        }
        // SAFETY: mapped by `shared_cells` with this length. Nobody else in this process has the reference.
        unsafe { libc::munmap(self.cells.as_ptr().cast_mut().cast(), size_of::<[AtomicU64; CELLS]>()) };
    }
}

/// A child that does this and exits, with code 0 or, when it fails, 101. It leaves nothing of this process
/// behind, no buffers and no destructors.
pub(crate) fn fork(work: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child goes on with the C library's and Rust's allocators, which glibc keeps whole.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "cannot fork: {}", io::Error::last_os_error());
    if pid > 0 {
        return pid;
    }
    let code = if catch_unwind(AssertUnwindSafe(work)).is_ok() { 0 } else { 101 };
    // SAFETY: no preconditions.
    unsafe { libc::_exit(code) }
}

/// Sets this thread's command name.
pub(crate) fn set_command(name: &str) {
    std::fs::write("/proc/thread-self/comm", name).expect("a thread may name itself");
}

fn shared_cells() -> &'static [AtomicU64; CELLS] {
    let length = size_of::<[AtomicU64; CELLS]>();
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, page-aligned, of zeroes, which are valid numbers.
    unsafe {
        let cells = libc::mmap(ptr::null_mut(), length, access, flags, -1, 0);
        assert_ne!(cells, libc::MAP_FAILED, "no memory");
        &*cells.cast()
    }
}

/// Both ends, for reading and for writing.
pub(crate) fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors, which belong to nobody else.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0, "no pipe");
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    }
}
