//! The few commands of bpf(2) that aya does not offer: batches, iterators by file descriptor, test runs.
//!
//! Attribute layouts are `union bpf_attr`'s (include/uapi/linux/bpf.h).

use std::{
    fs::File,
    io::{self, Read as _},
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use exporter_common::Plain;

// enum bpf_cmd
const MAP_LOOKUP_ELEM: u32 = 1;
const MAP_UPDATE_ELEM: u32 = 2;
const MAP_DELETE_ELEM: u32 = 3;
const PROG_TEST_RUN: u32 = 10;
const OBJ_GET_INFO_BY_FD: u32 = 15;
const MAP_LOOKUP_BATCH: u32 = 24;
const LINK_CREATE: u32 = 28;
const ITER_CREATE: u32 = 33;

/// `BPF_TRACE_ITER` of enum bpf_attach_type.
const TRACE_ITER: u32 = 28;

/// Calls bpf(2).
///
/// # Safety
///
/// `attributes` is laid out as `command` wants it, and the addresses in it are valid for what it does.
unsafe fn bpf<A>(command: u32, attributes: &mut A) -> io::Result<i64> {
    // SAFETY: the caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<A>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[repr(C)]
struct Element {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

impl Element {
    fn new<K>(map: BorrowedFd<'_>, key: *const K) -> Self {
        Self { map: map.as_raw_fd() as u32, padding: 0, key: key as u64, value: 0, flags: 0 }
    }
}

/// The value of `key`, if there is one.
pub fn lookup<K: Plain, V: Plain>(map: BorrowedFd<'_>, key: &K) -> io::Result<Option<V>> {
    let mut value = MaybeUninit::<V>::zeroed();
    let mut element = Element::new(map, key);
    element.value = value.as_mut_ptr() as u64;
    // SAFETY: key and value are as large as the map was declared with; `V` takes any bytes.
    match unsafe { bpf(MAP_LOOKUP_ELEM, &mut element) } {
        // SAFETY: as above.
        Ok(_) => Ok(Some(unsafe { value.assume_init() })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes an entry for `key` unless there is one; whether there is one now. A full map has no room.
pub fn insert_new<K: Plain, V: Plain>(map: BorrowedFd<'_>, key: &K, value: &V) -> io::Result<bool> {
    const NOEXIST: u64 = 1;
    let mut element = Element::new(map, key);
    element.value = &raw const *value as u64;
    element.flags = NOEXIST;
    // SAFETY: key and value are as large as the map was declared with.
    match unsafe { bpf(MAP_UPDATE_ELEM, &mut element) } {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::E2BIG) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes `key`; whether it was there.
pub fn delete<K: Plain>(map: BorrowedFd<'_>, key: &K) -> io::Result<bool> {
    // SAFETY: the key is as large as the map was declared with.
    match unsafe { bpf(MAP_DELETE_ELEM, &mut Element::new(map, key)) } {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Appends to a queue.
pub fn push<V: Plain>(queue: BorrowedFd<'_>, value: &V) -> io::Result<()> {
    let mut element = Element::new::<u8>(queue, std::ptr::null());
    element.value = &raw const *value as u64;
    // SAFETY: a queue has no key; the value is as large as it was declared with.
    unsafe { bpf(MAP_UPDATE_ELEM, &mut element) }.map(drop)
}

#[repr(C)]
struct Batch {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map: u32,
    element_flags: u64,
    flags: u64,
}

/// Whether a call of bpf(2) with a command that no kernel has is turned down as not permitted, before the kernel
/// could have called it invalid: by a seccomp filter or a security module, when the caller holds `CAP_BPF`.
pub fn is_forbidden() -> bool {
    // SAFETY: no command, so nothing is read or written.
    let answer = unsafe { bpf(u32::MAX >> 1, &mut [0u64; 2]) };
    answer.is_err_and(|error| matches!(error.raw_os_error(), Some(libc::EPERM | libc::EACCES | libc::ENOSYS)))
}

/// All entries of a hash, by batches (Linux 5.6). Entries that come or go meanwhile may be missed.
pub fn entries<K: Plain, V: Plain>(map: BorrowedFd<'_>, expected: usize) -> io::Result<Vec<(K, V)>> {
    let mut all = Vec::with_capacity(expected);
    // The kernel hands out whole hash buckets and refuses a batch that is smaller than one. Larger buffers
    // than these would make the allocator tidy up at every read.
    let mut size = 256;
    let (mut position, mut next) = (0u64, 0u64);
    let mut first = true;
    loop {
        let mut keys = Vec::<K>::with_capacity(size);
        let mut values = Vec::<V>::with_capacity(size);
        let mut batch = Batch {
            in_batch: if first { 0 } else { &raw const position as u64 },
            out_batch: &raw mut next as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: size as u32,
            map: map.as_raw_fd() as u32,
            element_flags: 0,
            flags: 0,
        };
        // SAFETY: both arrays have room for `count` entries; positions of hashes have 32 bits.
        let result = unsafe { bpf(MAP_LOOKUP_BATCH, &mut batch) };
        let ended = match result {
            Ok(_) => false,
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && size < 1 << 20 => {
                size *= 2;
                continue;
            }
            Err(error) => return Err(error),
        };
        let count = (batch.count as usize).min(size);
        // SAFETY: the kernel has filled that many; both types take any bytes.
        unsafe {
            keys.set_len(count);
            values.set_len(count);
        }
        all.extend(keys.into_iter().zip(values));
        if ended {
            return Ok(all);
        }
        (position, first) = (next, false);
    }
}

/// A loaded iterator program, ready to be run any number of times.
pub struct Iterator(OwnedFd);

impl Iterator {
    /// From the file descriptor of an iterator program (Linux 5.8).
    pub fn new(program: BorrowedFd<'_>) -> io::Result<Self> {
        #[repr(C)]
        struct Link {
            program: u32,
            target: u32,
            attach_type: u32,
            flags: u32,
            iter_info: u64,
            iter_info_len: u32,
            padding: u32,
        }
        let mut link = Link {
            program: program.as_raw_fd() as u32,
            target: 0,
            attach_type: TRACE_ITER,
            flags: 0,
            iter_info: 0,
            iter_info_len: 0,
            padding: 0,
        };
        // SAFETY: no addresses in it; the result is a new file descriptor.
        unsafe { bpf(LINK_CREATE, &mut link).map(|fd| Self(OwnedFd::from_raw_fd(fd as i32))) }
    }

    /// Runs the program once over everything, and appends what it wrote.
    pub fn run(&self, output: &mut Vec<u8>) -> io::Result<()> {
        let mut attributes = [self.0.as_fd().as_raw_fd() as u32, 0];
        // SAFETY: no addresses in it; the result is a new file descriptor.
        let mut file = unsafe { File::from_raw_fd(bpf(ITER_CREATE, &mut attributes)? as i32) };
        // The kernel answers with at most eight pages at a time, whatever is asked for.
        file.read_to_end(output).map(drop)
    }
}

/// Runs a raw tracepoint program once, here, without its hook (Linux 5.10); its return value.
pub fn test_run(program: BorrowedFd<'_>) -> io::Result<u32> {
    #[repr(C)]
    struct TestRun {
        program: u32,
        result: u32,
        data_sizes: [u32; 2],
        data: [u64; 2],
        repeat: u32,
        duration: u32,
        context_sizes: [u32; 2],
        context: [u64; 2],
        flags: u32,
        cpu: u32,
    }
    // SAFETY: all of it are integers.
    let mut run: TestRun = unsafe { std::mem::zeroed() };
    run.program = program.as_raw_fd() as u32;
    // SAFETY: no addresses in it.
    unsafe { bpf(PROG_TEST_RUN, &mut run) }?;
    Ok(run.result)
}

/// What the kernel itself knows about a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProgramInfo {
    /// Nanoseconds spent in it, while the kernel's run-time statistics were on.
    pub run_time_ns: u64,
    /// Runs, while the kernel's run-time statistics were on.
    pub run_count: u64,
    /// Runs that were skipped because the program interrupted itself; `None` before Linux 5.12.
    pub recursion_misses: Option<u64>,
}

/// Whether the kernel keeps run-time statistics of programs (`sysctl kernel.bpf_stats_enabled`).
pub fn keeps_statistics() -> bool {
    std::fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").is_ok_and(|value| value.trim() == "1")
}

/// Asks the kernel about a loaded program.
pub fn program_info(program: BorrowedFd<'_>) -> io::Result<ProgramInfo> {
    /// `struct bpf_prog_info` up to `recursion_misses`; what an older kernel doesn't know stays zero.
    #[repr(C)]
    struct Info {
        before: [u8; 192],
        run_time_ns: u64,
        run_count: u64,
        recursion_misses: u64,
    }
    #[repr(C)]
    struct Query {
        fd: u32,
        len: u32,
        info: u64,
    }
    // SAFETY: all of it are integers.
    let mut info: Info = unsafe { std::mem::zeroed() };
    let mut query =
        Query { fd: program.as_raw_fd() as u32, len: size_of::<Info>() as u32, info: &raw mut info as u64 };
    // SAFETY: `info` has room for `len` bytes.
    unsafe { bpf(OBJ_GET_INFO_BY_FD, &mut query) }?;
    Ok(ProgramInfo {
        run_time_ns: info.run_time_ns,
        run_count: info.run_count,
        // The kernel says how much it has filled in.
        recursion_misses: (query.len as usize >= size_of::<Info>()).then_some(info.recursion_misses),
    })
}
