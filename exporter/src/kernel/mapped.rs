//! Arrays of the kernel, mapped into our memory: reading them needs no system call.

use std::{
    io,
    marker::PhantomData,
    os::fd::{AsRawFd, BorrowedFd},
    ptr::{self, NonNull},
};

use exporter_common::Plain;

/// A memory-mapped BPF array of `T`, which the kernel changes at any moment: every access is volatile, and
/// a value of several words may be read while it is being changed.
pub struct Mapped<T> {
    first: NonNull<T>,
    len: usize,
    bytes: usize,
    _values: PhantomData<T>,
}

// SAFETY: the mapping belongs to the process, and all accesses are volatile copies.
unsafe impl<T: Send> Send for Mapped<T> {}

impl<T: Plain> Mapped<T> {
    /// Maps all `len` entries of an array made with `BPF_F_MMAPABLE`.
    pub fn new(map: BorrowedFd<'_>, len: u32) -> io::Result<Self> {
        const { assert!(size_of::<T>().is_multiple_of(8), "the kernel pads entries to eight bytes") };
        let len = len as usize;
        // The kernel maps whole pages only.
        let bytes = (len * size_of::<T>()).next_multiple_of(4096);
        // SAFETY: a new shared mapping of a file descriptor that we hold.
        let address = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let first = NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at address zero"))?;
        Ok(Self { first, len, bytes, _values: PhantomData })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Size of the mapping.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where entry `index` is, for volatile reads of single fields.
    ///
    /// # Panics
    ///
    /// When there is no such entry.
    pub fn at(&self, index: usize) -> *const T {
        assert!(index < self.len, "entry {index} of {}", self.len);
        // SAFETY: checked above.
        unsafe { self.first.as_ptr().add(index) }
    }

    /// Copies entry `index` word by word.
    pub fn copy(&self, index: usize, into: &mut T) {
        let from: *const u64 = self.at(index).cast();
        let to: *mut u64 = ptr::from_mut(into).cast();
        for word in 0..size_of::<T>() / 8 {
            // SAFETY: both are `T`s, whose size is a multiple of eight; `T` takes any bytes.
            unsafe { to.add(word).write(from.add(word).read_volatile()) };
        }
    }

    /// Entry `index`, for small types.
    pub fn get(&self, index: usize) -> T {
        // SAFETY: `T` takes any bytes.
        unsafe { self.at(index).read_volatile() }
    }

    /// Overwrites entry `index`.
    pub fn set(&mut self, index: usize, value: T) {
        // SAFETY: the mapping is writable; programs cope with any value.
        unsafe { self.at(index).cast_mut().write_volatile(value) };
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody holds pointers into it.
        unsafe { libc::munmap(self.first.as_ptr().cast(), self.bytes) };
    }
}
