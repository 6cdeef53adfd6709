//! Bytes read from and written to disks, by process.

use std::{
    env, fs,
    fs::{File, OpenOptions},
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::harness::*;

const CHUNK: usize = 64 << 10;
const WRITTEN: u64 = 64 * CHUNK as u64;
const READ: u64 = 32 * CHUNK as u64;

/// Past the page cache, what a process writes and reads is what its disk is asked for: equal to what
/// `/proc/PID/io` says and, on a disk without a filesystem, to what the process knows. A filesystem may
/// read a little more, to find out where the file is.
#[test]
fn direct_io_is_counted() {
    let Some(_turn) = turn() else { return };
    let (path, is_file) = match Path::new("/dev/vda") {
        // A VM's disk is empty and nobody's; a host's is neither.
        disk if in_vm() && disk.exists() => (disk.to_owned(), false),
        _ => (env::temp_dir().join(unique("direct")), true),
    };
    let remove = is_file.then(|| Remove(path.clone()));
    let file =
        OpenOptions::new().read(true).write(true).create(is_file).custom_flags(libc::O_DIRECT).open(&path);
    let file = match file {
        Ok(file) if allocate(&file, is_file) => file,
        _ => {
            println!("SKIPPED: no disk for direct input and output at {}", path.display());
            return;
        }
    };
    let exporter = Exporter::start("");
    let cgroup = Cgroup::make("disk");
    let mut worker = Worker::spawn(
        "truth-disk",
        &cgroup,
        || {},
        |_| {
            let buffer = PageAligned::new();
            let (address, fd) = (buffer.0, file.as_raw_fd());
            for number in 0..WRITTEN / CHUNK as u64 {
                // SAFETY: the buffer is as long as said, here and below.
                let written = unsafe { libc::pwrite(fd, address, CHUNK, (number * CHUNK as u64) as i64) };
                assert_eq!(written, CHUNK as isize);
            }
            file.sync_all().expect("a disk");
            for number in 0..READ / CHUNK as u64 {
                // SAFETY: as above.
                let read = unsafe { libc::pread(fd, address, CHUNK, (number * CHUNK as u64) as i64) };
                assert_eq!(read, CHUNK as isize);
            }
        },
    );

    let (between, by_proc) = exporter.during(|| {
        let before = disk_io(worker.pid);
        worker.work();
        let after = disk_io(worker.pid);
        (after.0 - before.0, after.1 - before.1)
    });

    let disk = |direction| {
        let labels =
            [("command", "truth-disk"), ("cgroup", cgroup.path.as_str()), ("disk_io_direction", direction)];
        between.count("process_disk_io_bytes_total", &labels)
    };
    let exported = (disk("read"), disk("write"));
    assert_eq!(exported, by_proc, "read and written");
    if is_file {
        assert!(exported.0 >= READ && exported.1 >= WRITTEN, "{exported:?}");
        assert!(exported.0 < 2 * READ && exported.1 < 2 * WRITTEN, "{exported:?}");
    } else {
        assert_eq!(exported, (READ, WRITTEN));
    }
    drop(remove);
}

/// Room for a file, so that writing it allocates nothing; false on filesystems that have none on a disk.
fn allocate(file: &File, is_file: bool) -> bool {
    // SAFETY: no pointers.
    !is_file || unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, WRITTEN as i64) } == 0 && !is_in_memory(file)
}

fn is_in_memory(file: &File) -> bool {
    // SAFETY: zeroes are valid, and the kernel fills the structure.
    unsafe {
        let mut about: libc::statfs = std::mem::zeroed();
        libc::fstatfs(file.as_raw_fd(), &mut about) != 0 || about.f_type == libc::TMPFS_MAGIC
    }
}

/// Removes a file in the end.
struct Remove(PathBuf);

impl Drop for Remove {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// [`CHUNK`] bytes at a page's beginning, as direct input and output wants.
struct PageAligned(*mut libc::c_void);

impl PageAligned {
    fn new() -> Self {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), CHUNK, access, flags, -1, 0) };
        assert_ne!(address, libc::MAP_FAILED, "no memory");
        Self(address)
    }
}

impl Drop for PageAligned {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length.
        unsafe { libc::munmap(self.0, CHUNK) };
    }
}
