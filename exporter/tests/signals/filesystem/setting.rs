//! File systems to work on.

use std::{
    env,
    ffi::{CStr, CString},
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Command,
    ptr,
};

use crate::harness::{unique, wait_for};

/// The name of a type of file systems, and how one is made whose folder has this name.
type Kind = (&'static str, fn(&str) -> Mounted);

/// A file system that is mounted, until it is dropped.
pub(super) struct Mounted {
    pub(super) folder: PathBuf,
    /// What lies below it, and goes after it.
    _below: Option<Box<Mounted>>,
}

impl Mounted {
    /// One in memory, of so many bytes at most.
    pub(super) fn tmpfs(name: &str, bytes: usize) -> Self {
        let folder = folder(name);
        mount("tmpfs", &folder, c"tmpfs", &format!("size={bytes}"));
        Self { folder, _below: None }
    }

    /// An ext4 on the disk of `scsi_debug`.
    pub(super) fn ext4(name: &str) -> Self {
        let disk = slow_disk();
        set_delay(0);
        make("mkfs.ext4", &["-q", "-F", &disk]);
        Self::on(&disk, c"ext4", name)
    }

    /// An xfs on the scratch disk, for which the other one is too small; with what Linux 5.10 knows of it.
    fn xfs(name: &str) -> Self {
        let disk = env::var("KERNEL_EXPORTER_SCRATCH_DISK").expect("VMs have a scratch disk");
        let disk = format!("/dev/{disk}");
        make("mkfs.xfs", &["-q", "-f", "-m", "bigtime=0,inobtcount=0,rmapbt=0", "-i", "nrext64=0", &disk]);
        Self::on(&disk, c"xfs", name)
    }

    fn on(disk: &str, kind: &CStr, name: &str) -> Self {
        let folder = folder(name);
        mount(disk, &folder, kind, "");
        Self { folder, _below: None }
    }

    /// An overlay over an ext4.
    pub(super) fn overlay(name: &str) -> Self {
        let below = Self::ext4(&format!("{name}-below"));
        let of = |name: &str| {
            let folder = below.folder.join(name);
            fs::create_dir(&folder).expect("an empty file system");
            folder.display().to_string()
        };
        let options = format!("lowerdir={},upperdir={},workdir={}", of("lower"), of("upper"), of("work"));
        let folder = folder(name);
        mount("overlay", &folder, c"overlay", &options);
        Self { folder, _below: Some(Box::new(below)) }
    }

    /// All kinds, with the name of the type.
    pub(super) const ALL: [Kind; 4] = [
        ("tmpfs", |name| Self::tmpfs(name, 16 << 20)),
        ("ext4", Self::ext4),
        ("xfs", Self::xfs),
        ("overlay", Self::overlay),
    ];
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let path = c_path(&self.folder);
        // SAFETY: a path.
        let result = unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
        if result != 0 {
            println!("cannot unmount {path:?}: {}", io::Error::last_os_error());
        }
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Makes a file system, by a program that was packed for the VM.
fn make(program: &str, arguments: &[&str]) {
    let made = Command::new(program).env("PATH", "/usr/sbin:/sbin").args(arguments).output();
    let made = made.unwrap_or_else(|error| panic!("{program} was not packed: {error}"));
    assert!(made.status.success(), "{program}: {}", String::from_utf8_lossy(&made.stderr));
}

fn folder(name: &str) -> PathBuf {
    let folder = env::temp_dir().join(unique(name));
    fs::create_dir(&folder).expect("a folder of its own");
    folder
}

fn mount(source: &str, folder: &Path, kind: &CStr, options: &str) {
    let [source, options] = [source, options].map(|text| CString::new(text).expect("no zeroes"));
    let folder = c_path(folder);
    // SAFETY: C strings.
    let result =
        unsafe { libc::mount(source.as_ptr(), folder.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast()) };
    assert_eq!(result, 0, "cannot mount {kind:?} at {folder:?}: {}", io::Error::last_os_error());
}

pub(super) fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no zeroes")
}

/// The disk of the module `scsi_debug`.
fn slow_disk() -> String {
    let is_ours = |folder: &Path| {
        fs::read_to_string(folder.join("device/model")).is_ok_and(|model| model.trim() == "scsi_debug")
    };
    let disks = fs::read_dir("/sys/block").expect("sysfs").flatten();
    let disk = disks.map(|disk| disk.path()).find(|folder| is_ours(folder)).expect("a disk of scsi_debug");
    format!("/dev/{}", disk.file_name().expect("a name").to_string_lossy())
}

/// How long the disk of `scsi_debug` takes for each request from now on. It does not change while there are any.
pub(super) fn set_delay(nanoseconds: u32) {
    // Without nanoseconds it counts jiffies again, of which there are to be none.
    let file = if nanoseconds == 0 { "delay" } else { "ndelay" };
    let path = Path::new("/sys/bus/pseudo/drivers/scsi_debug").join(file);
    wait_for("the disk is idle", || fs::write(&path, nanoseconds.to_string()).is_ok());
}

/// Opens a file by a system call of its own, and fails when that fails.
pub(super) fn open(path: &Path, flags: i32) -> i32 {
    let fd = try_open(path, flags);
    assert!(fd >= 0, "cannot open {path:?}: {}", io::Error::last_os_error());
    fd
}

/// The same; the result is what the call has returned.
pub(super) fn try_open(path: &Path, flags: i32) -> i32 {
    let path = c_path(path);
    // SAFETY: a path.
    unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) }
}

pub(super) fn close(fd: i32) {
    // SAFETY: closes what the caller has opened.
    unsafe { libc::close(fd) };
}

pub(super) fn unlink(path: &Path) -> i32 {
    let path = c_path(path);
    // SAFETY: a path.
    unsafe { libc::unlink(path.as_ptr()) }
}

pub(super) fn pwrite(fd: i32, bytes: &[u8], offset: usize) -> isize {
    // SAFETY: as many bytes as there are.
    unsafe { libc::pwrite(fd, bytes.as_ptr().cast(), bytes.len(), offset as i64) }
}

pub(super) fn pread(fd: i32, bytes: &mut [u8], offset: usize) -> isize {
    // SAFETY: room for as many bytes.
    unsafe { libc::pread(fd, bytes.as_mut_ptr().cast(), bytes.len(), offset as i64) }
}

/// A buffer that is aligned as disks want it.
pub(super) struct Page(*mut u8);

impl Page {
    pub(super) const SIZE: usize = 4096;

    pub(super) fn new() -> Self {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping.
        let start = unsafe {
            libc::mmap(ptr::null_mut(), Self::SIZE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        assert_ne!(start, libc::MAP_FAILED, "no memory");
        Self(start.cast())
    }

    pub(super) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the mapping is as long, and nobody else has it.
        unsafe { std::slice::from_raw_parts_mut(self.0, Self::SIZE) }
    }
}
