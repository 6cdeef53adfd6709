//! Reads from the page cache, one page or many at a time; reads of a file that is not in memory, below a limit that lets
//! little of it stay; and page faults that find their page.

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    os::{fd::AsRawFd as _, unix::fs::FileExt as _},
    path::{Path, PathBuf},
    process, ptr,
};

use anyhow::{Context as _, Result};
use kernel_exporter::kernel::host::Hierarchy;

use super::Bench;

const PAGE: usize = 4096;
const MIB: usize = 1 << 20;
const BYTES: usize = 64 * MIB;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let path = env::temp_dir().join(format!("bench-memory-{}", process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    let _removed = Removed(path.clone());
    for _ in 0..BYTES / MIB {
        (&file).write_all(&vec![1; MIB])?;
    }
    file.sync_all()?;

    let config = "collectors: {memory: {page_cache: true}}";
    bench.collector("memory", config, "reads of 4 KiB from the page cache", || read(&file, PAGE))?;
    bench.collector("memory", config, "reads of 1 MiB from the page cache", || read(&file, MIB))?;
    bench.collector("memory", config, "reads of 1 MiB from the disk", || {
        cool(&file);
        read(&file, MIB);
    })?;
    let limit = Limit::enter(24 * MIB)?;
    bench.collector("memory", "", "reads of 1 MiB at a limit of 24 MiB", || {
        cool(&file);
        read(&file, MIB);
    })?;
    drop(limit);
    let config = "collectors: {memory: {major_fault_latency: true}}";
    bench.collector("memory", config, "faults for pages of a file in memory", || touch(&file))
}

fn read(file: &File, piece: usize) {
    let mut buffer = vec![0; piece];
    for offset in (0..BYTES).step_by(piece) {
        file.read_exact_at(&mut buffer, offset as u64).expect("it is as long");
    }
}

/// Takes the file out of the page cache.
fn cool(file: &File) {
    // SAFETY: a descriptor that is open.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
}

/// Touches every page of the file in a new mapping, one by one.
fn touch(file: &File) {
    // SAFETY: a new mapping of this length, which is read inside its bounds and goes at the end.
    unsafe {
        let start =
            libc::mmap(ptr::null_mut(), BYTES, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0);
        assert_ne!(start, libc::MAP_FAILED, "no room for a mapping");
        libc::madvise(start, BYTES, libc::MADV_RANDOM);
        for page in (0..BYTES).step_by(PAGE) {
            start.cast::<u8>().add(page).read_volatile();
        }
        libc::munmap(start, BYTES);
    }
}

/// A cgroup with little memory, in which this process is until the end.
struct Limit {
    folder: PathBuf,
    mount: PathBuf,
}

impl Limit {
    fn enter(bytes: usize) -> Result<Self> {
        let hierarchy = Hierarchy::of_this_host()?;
        let mount = hierarchy.mount.context("cgroups are not mounted")?;
        let folder = mount.join(format!("bench-memory-{}", process::id()));
        fs::create_dir(&folder)?;
        let limit = Self { folder, mount };
        let file = if hierarchy.id == 0 { "memory.max" } else { "memory.limit_in_bytes" };
        fs::write(limit.folder.join(file), bytes.to_string())?;
        enter(&limit.folder)?;
        Ok(limit)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let _ = enter(&self.mount);
        let _ = fs::remove_dir(&self.folder);
    }
}

fn enter(folder: &Path) -> Result<()> {
    fs::write(folder.join("cgroup.procs"), "0").context("cannot enter a cgroup")
}

/// A file that goes at the end.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
