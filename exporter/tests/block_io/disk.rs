//! Disks to work on, and what the kernel itself counts for them.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _},
        unix::fs::{FileExt as _, FileTypeExt as _, OpenOptionsExt as _},
    },
    path::{Path, PathBuf},
};

// include/uapi/linux/loop.h, include/uapi/linux/fs.h
const LOOP_SET_FD: u64 = 0x4c00;
const LOOP_CLR_FD: u64 = 0x4c01;
const LOOP_CTL_GET_FREE: u64 = 0x4c82;
const BLKDISCARD: u64 = 0x1277;
const BLKZEROOUT: u64 = 0x127f;

pub(crate) const PAGE: usize = 4096;

/// Memory aligned as direct I/O wants it.
#[repr(align(4096))]
#[derive(Clone, Copy)]
struct Page {
    _bytes: [u8; PAGE],
}

/// A disk that may be overwritten.
pub(crate) struct Disk {
    /// The kernel's name of it.
    pub(crate) name: String,
    /// What a loop device has behind it.
    backing: Option<File>,
}

impl Disk {
    /// The disk that the environment offers, or else a loop device over memory.
    pub(crate) fn scratch() -> io::Result<Self> {
        match std::env::var("KERNEL_EXPORTER_SCRATCH_DISK") {
            Ok(name) => Ok(Self { name, backing: None }),
            Err(_) => Self::loop_device(32 << 20),
        }
    }

    /// A loop device over memory.
    pub(crate) fn loop_device(bytes: u64) -> io::Result<Self> {
        let control = OpenOptions::new().read(true).write(true).open("/dev/loop-control")?;
        // SAFETY: a name that is terminated by zero; the result is a new file descriptor.
        let backing = unsafe {
            let fd = libc::memfd_create(c"scratch".as_ptr(), libc::MFD_ALLOW_SEALING);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            File::from_raw_fd(fd)
        };
        backing.set_len(bytes)?;
        let name = format!("loop{}", ioctl(&control, LOOP_CTL_GET_FREE, 0)?);
        let mut disk = Self { name, backing: None };
        ioctl(&disk.open(0)?, LOOP_SET_FD, backing.as_raw_fd() as u64)?;
        disk.backing = Some(backing);
        Ok(disk)
    }

    /// A disk by its name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let is_disk =
            fs::metadata(Path::new("/dev").join(name)).is_ok_and(|it| it.file_type().is_block_device());
        is_disk.then(|| Self { name: name.to_owned(), backing: None })
    }

    /// A disk of this model, if there is one.
    pub(crate) fn of_model(model: &str) -> Option<Self> {
        let mut disks = fs::read_dir("/sys/block").ok()?.flatten();
        let is_it =
            |path: PathBuf| fs::read_to_string(path.join("device/model")).is_ok_and(|m| m.trim() == model);
        Self::named(disks.find(|disk| is_it(disk.path()))?.file_name().to_str()?)
    }

    /// From now on, writing to the memory behind a loop device fails.
    pub(crate) fn refuse_writes(&self) -> io::Result<()> {
        let backing = self.backing.as_ref().expect("a loop device");
        // SAFETY: no memory is passed.
        match unsafe { libc::fcntl(backing.as_raw_fd(), libc::F_ADD_SEALS, libc::F_SEAL_WRITE) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    pub(crate) fn open(&self, flags: i32) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).custom_flags(flags).open(Path::new("/dev").join(&self.name))
    }

    /// Reads or writes `pages` pages at `page`, past the page cache, with more flags.
    pub(crate) fn direct(&self, write: bool, page: u64, pages: usize, flags: i32) -> io::Result<()> {
        let file = self.open(libc::O_DIRECT | flags)?;
        let mut memory = vec![Page { _bytes: [0x5a; PAGE] }; pages];
        // SAFETY: pages are bytes, side by side.
        let bytes = unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), pages * PAGE) };
        let at = page * PAGE as u64;
        if write { file.write_all_at(bytes, at) } else { file.read_exact_at(bytes, at) }
    }

    /// Writes through the page cache, in pieces, and then waits until all is on the disk.
    pub(crate) fn buffered(&self, first: u64, pages: u64) -> io::Result<()> {
        let file = self.open(0)?;
        for page in first..first + pages {
            file.write_all_at(&[page as u8; PAGE], page * PAGE as u64)?;
        }
        file.sync_all()
    }

    pub(crate) fn discard(&self, page: u64, pages: u64) -> io::Result<()> {
        self.range(BLKDISCARD, page, pages)
    }

    pub(crate) fn zero(&self, page: u64, pages: u64) -> io::Result<()> {
        self.range(BLKZEROOUT, page, pages)
    }

    fn range(&self, command: u64, page: u64, pages: u64) -> io::Result<()> {
        let range = [page * PAGE as u64, pages * PAGE as u64];
        ioctl(&self.open(0)?, command, range.as_ptr() as u64).map(drop)
    }

    /// A file of the disk in sysfs.
    pub(crate) fn sysfs(&self, file: &str) -> PathBuf {
        Path::new("/sys/block").join(&self.name).join(file)
    }

    /// The disk's line in /proc/diskstats.
    pub(crate) fn statistics(&self) -> Statistics {
        let all = fs::read_to_string("/proc/diskstats").expect("/proc/diskstats");
        let line = all.lines().find(|line| line.split_whitespace().nth(2) == Some(&self.name));
        let fields: Vec<u64> = line
            .expect("the disk's line")
            .split_whitespace()
            .skip(3)
            .map(|n| n.parse().expect("a number"))
            .collect();
        Statistics {
            reads: (fields[0], fields[2] * 512),
            writes: (fields[4], fields[6] * 512),
            discards: (fields[11], fields[13] * 512),
            flushes: fields[15],
            merges: fields[1] + fields[5],
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.backing.is_some()
            && let Ok(file) = self.open(0)
        {
            let _ = ioctl(&file, LOOP_CLR_FD, 0);
        }
    }
}

/// What /proc/diskstats says; pairs are requests and bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Statistics {
    pub(crate) reads: (u64, u64),
    pub(crate) writes: (u64, u64),
    pub(crate) discards: (u64, u64),
    pub(crate) flushes: u64,
    pub(crate) merges: u64,
}

fn ioctl(file: &File, command: u64, argument: u64) -> io::Result<i32> {
    // SAFETY: callers pass what the command wants.
    match unsafe { libc::ioctl(file.as_raw_fd(), command as _, argument) } {
        result if result >= 0 => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}
