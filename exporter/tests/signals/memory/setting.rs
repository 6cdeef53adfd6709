//! What memory is short of: a limit, cold pages, swap.

use std::{
    env,
    ffi::CString,
    fs::{self, File},
    io::{self, Write as _},
    os::{
        fd::AsRawFd as _,
        unix::{ffi::OsStrExt as _, fs::FileExt as _},
    },
    path::PathBuf,
    ptr,
};

use crate::harness::*;

pub(super) const PAGE: usize = 4096;
pub(super) const MIB: usize = 1 << 20;

/// A cgroup with a limit on its memory.
pub(super) struct Bounded {
    pub(super) cgroup: Cgroup,
}

impl Bounded {
    pub(super) fn make(name: &str, mebibytes: usize) -> Self {
        let bounded = Self { cgroup: Cgroup::make(name) };
        let limit = if bounded.is_v2() { "memory.max" } else { "memory.limit_in_bytes" };
        bounded.set(limit, &(mebibytes * MIB).to_string());
        bounded
    }

    pub(super) fn is_v2(&self) -> bool {
        self.cgroup.folder().join("cgroup.controllers").exists()
    }

    pub(super) fn set(&self, file: &str, value: &str) {
        let path = self.cgroup.folder().join(file);
        fs::write(&path, value).unwrap_or_else(|error| panic!("cannot write {value} to {path:?}: {error}"));
    }

    /// The number behind `key` in one of its files; 0 where this kernel has no such line.
    pub(super) fn number(&self, file: &str, key: &str) -> u64 {
        let text = fs::read_to_string(self.cgroup.folder().join(file)).expect("the controller's file");
        text.lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(name, _)| *name == key)
            .map_or(0, |(_, value)| value.trim().parse().expect("a number"))
    }

    /// Processes that were killed because it was at its limit.
    pub(super) fn oom_kills(&self) -> u64 {
        self.number(if self.is_v2() { "memory.events" } else { "memory.oom_control" }, "oom_kill")
    }

    /// Microseconds for which somebody in it waited for memory, by pressure stall information; `None` on v1.
    pub(super) fn pressure_us(&self) -> Option<u64> {
        let text = fs::read_to_string(self.cgroup.folder().join("memory.pressure")).ok()?;
        text.lines().next()?.split("total=").nth(1)?.parse().ok()
    }
}

/// Pages that are on a disk: of a file here, of the scratch disk in a VM, whose files are in memory.
pub(super) struct Disk {
    /// Open all the time: the kernel drops the pages of a disk that nobody has open.
    pub(super) file: File,
    path: PathBuf,
    is_file: bool,
}

impl Disk {
    pub(super) fn with(mebibytes: usize) -> Self {
        let (path, is_file) = match in_vm() {
            true => ("/dev/vda".into(), false),
            false => (env::temp_dir().join(unique("pages")), true),
        };
        let file = File::options().read(true).write(true).create(is_file).open(&path).expect("root");
        if is_file {
            for round in 0..mebibytes {
                (&file).write_all(&vec![round as u8 | 1; MIB]).expect("room on the disk");
            }
        }
        let disk = Self { file, path, is_file };
        // Nothing is read ahead of what is asked for.
        disk.advise(libc::POSIX_FADV_RANDOM);
        disk
    }

    /// Takes its pages out of the page cache.
    pub(super) fn cool(&self) {
        self.file.sync_all().expect("a disk");
        self.advise(libc::POSIX_FADV_DONTNEED);
    }

    /// Writes so much from the start.
    pub(super) fn write(&self, bytes: usize) {
        let piece = vec![2; MIB / 4];
        for offset in (0..bytes).step_by(piece.len()) {
            self.file.write_all_at(&piece, offset as u64).expect("so long");
        }
    }

    fn advise(&self, advice: i32) {
        // SAFETY: a descriptor that is open.
        assert_eq!(unsafe { libc::posix_fadvise(self.file.as_raw_fd(), 0, 0, advice) }, 0);
    }

    /// Reads so much from the start, in pieces of this size.
    pub(super) fn read(&self, bytes: usize, piece: usize) {
        let mut buffer = vec![0; piece];
        for offset in (0..bytes).step_by(piece) {
            self.file.read_exact_at(&mut buffer, offset as u64).expect("so long");
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_file {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Memory of a mapping.
pub(super) struct Mapping {
    start: *mut u8,
    len: usize,
}

impl Mapping {
    /// Of nothing.
    pub(super) fn anonymous(bytes: usize) -> Self {
        Self::new(bytes, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1)
    }

    /// Of a file, whose pages are brought one by one.
    pub(super) fn of(file: &File, bytes: usize) -> Self {
        let mapping = Self::new(bytes, libc::MAP_SHARED, file.as_raw_fd());
        mapping.advise(libc::MADV_RANDOM);
        mapping
    }

    fn new(len: usize, flags: i32, file: i32) -> Self {
        let access = if file < 0 { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
        // SAFETY: a new mapping.
        let start = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, file, 0) };
        assert_ne!(start, libc::MAP_FAILED, "cannot map: {}", io::Error::last_os_error());
        let mapping = Self { start: start.cast(), len };
        mapping.advise(libc::MADV_NOHUGEPAGE);
        mapping
    }

    fn advise(&self, advice: i32) {
        // SAFETY: this mapping. A kernel without huge pages refuses to have none of them.
        unsafe { libc::madvise(self.start.cast(), self.len, advice) };
    }

    pub(super) fn write_all(&self) {
        for page in (0..self.len).step_by(PAGE) {
            // SAFETY: inside of the mapping, which is writable.
            unsafe { self.start.add(page).write_volatile(1) };
        }
    }

    /// Reads one byte of every page, and stops over none.
    pub(super) fn read_all(&self) {
        for page in (0..self.len).step_by(PAGE) {
            // SAFETY: inside of the mapping.
            unsafe { self.start.add(page).read_volatile() };
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this mapping, which nobody uses any more.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

/// A swap area in use: a file here, the scratch disk in a VM.
pub(super) struct Swap {
    disk: Disk,
    path: CString,
}

impl Swap {
    pub(super) fn on(mebibytes: usize) -> Self {
        let disk = Disk::with(mebibytes);
        // `union swap_header` (include/linux/swap.h): version 1, number of the last page, no bad pages, signature.
        let mut header = vec![0_u8; PAGE];
        header[1024..1028].copy_from_slice(&1_u32.to_le_bytes());
        header[1028..1032].copy_from_slice(&((mebibytes * MIB / PAGE - 1) as u32).to_le_bytes());
        header[PAGE - 10..].copy_from_slice(b"SWAPSPACE2");
        disk.file.write_all_at(&header, 0).and_then(|()| disk.file.sync_all()).expect("a disk");
        let path = CString::new(disk.path.as_os_str().as_bytes()).expect("no zeroes");
        // SAFETY: a path.
        let on = unsafe { libc::swapon(path.as_ptr(), 0) };
        assert_eq!(on, 0, "cannot swap on {path:?}: {}", io::Error::last_os_error());
        Self { disk, path }
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        // SAFETY: a path.
        let off = unsafe { libc::swapoff(self.path.as_ptr()) };
        if off != 0 {
            println!("cannot end swapping on {:?}: {}", self.disk.path, io::Error::last_os_error());
        }
    }
}

/// The number behind `name` in /proc/vmstat.
pub(super) fn vmstat(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/vmstat").expect("procfs");
    let line = text.lines().filter_map(|line| line.split_once(' ')).find(|(found, _)| *found == name);
    line.unwrap_or_else(|| panic!("no {name}")).1.parse().expect("a number")
}
