//! Reads that reach the disk.

use std::{
    alloc::{Layout, alloc, dealloc},
    fs::{self, File, OpenOptions},
    io,
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

const BLOCK: usize = 4096;
const BLOCKS: usize = 4096;

/// A thread that reads blocks of a file past the page cache.
pub(crate) struct DirectReads {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    path: PathBuf,
}

impl DirectReads {
    /// Makes the file in the build's folder, which is on a disk.
    pub(crate) fn start() -> io::Result<Self> {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("direct-reads");
        fs::write(&path, vec![1; BLOCK * BLOCKS])?;
        File::open(&path)?.sync_all()?;
        let file = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(&path)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let layout = Layout::from_size_align(BLOCK, BLOCK).expect("a block is a power of two");
            // SAFETY: the layout is not empty; the buffer is used for its length and freed once.
            unsafe {
                let buffer = alloc(layout);
                let mut number = 1;
                while !stopped.load(Ordering::Relaxed) {
                    number = (number * 1_103_515_245 + 12_345) % BLOCKS;
                    libc::pread(file.as_raw_fd(), buffer.cast(), BLOCK, (number * BLOCK) as i64);
                }
                dealloc(buffer, layout);
            }
        });
        Ok(Self { stop, thread: Some(thread), path })
    }
}

impl Drop for DirectReads {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
    }
}
