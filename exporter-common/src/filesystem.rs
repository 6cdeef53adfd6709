//! What the programs and the user's side of the collector `filesystem` agree on.

/// What can be done, by its number in attributes.
pub mod operation {
    /// Reading from a file.
    pub const READ: u32 = 0;
    /// Writing to a file.
    pub const WRITE: u32 = 1;
    /// Opening or making a file or folder.
    pub const OPEN: u32 = 2;
    /// Waiting until a file is on its device.
    pub const FSYNC: u32 = 3;
    /// Reading a folder.
    pub const READDIR: u32 = 4;
    /// Removing a file's name.
    pub const UNLINK: u32 = 5;
}

/// File systems have numbers below this, in the order in which they are met. One without a free number has
/// [`OTHER`](place::OTHER).
pub const PLACES: u32 = 256;

/// Numbers of file systems that mean something else.
pub mod place {
    /// All that are beyond the limit.
    pub const OTHER: u32 = crate::slots::OVERFLOW_SLOT;
    /// The operation failed before it was known which one it would have been on.
    pub const UNKNOWN: u32 = super::PLACES;
}

/// What tells file systems apart.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PlaceKey {
    /// Address of the type.
    pub kind: u64,
    /// Number of the device, where mounts are told apart and the file system is on one.
    pub device: u64,
}

// SAFETY: `repr(C)`, no padding.
unsafe impl crate::Plain for PlaceKey {}

/// Length of a type's name with its terminating zero; longer ones are cut.
pub const NAME_LEN: usize = 32;

/// A file system that was met.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Number of its device, as the kernel writes it (20 bits for the minor number); 0 where mounts are not told apart.
    pub device: u64,
    /// Name of its type.
    pub name: [u8; NAME_LEN],
}

// SAFETY: `repr(C)`, no padding.
unsafe impl crate::Plain for Place {}

/// Bits of attributes that are the place.
pub const PLACE_BITS: u32 = 12;

/// Bits of errors' attributes that are the operation; the error is above them and the place.
pub const OPERATION_BITS: u32 = 4;

/// Series, by their numbers in [`RowKey`](crate::rows::RowKey).
pub mod series {
    /// Durations; the attribute is the operation, shifted by [`PLACE_BITS`](super::PLACE_BITS), and the place.
    pub const DURATION: u32 = 1;
    /// Failures; the attribute is the same with the error, shifted by that and [`OPERATION_BITS`](super::OPERATION_BITS).
    pub const ERRORS: u32 = 2;
}

/// Notes.
pub mod note {
    /// An operation ended whose start was not seen.
    pub const START_MISSED: u32 = 0;
    /// Nothing could be remembered of an operation.
    pub const TASK_ENTRY_MISSING: u32 = 1;
    /// An operation was on a file system that has no number.
    pub const FILE_SYSTEM_UNNAMED: u32 = 2;
}

/// Programs, by their numbers in [`RowsCpu`](crate::rows::RowsCpu).
pub mod program {
    /// Entry of `vfs_read`.
    pub const READ_BEGINS: u32 = 0;
    /// Return of it.
    pub const READ_ENDS: u32 = 1;
    /// Entry of `vfs_write`.
    pub const WRITE_BEGINS: u32 = 2;
    /// Return of it.
    pub const WRITE_ENDS: u32 = 3;
    /// Entry of `vfs_readv`.
    pub const READV_BEGINS: u32 = 4;
    /// Return of it.
    pub const READV_ENDS: u32 = 5;
    /// Entry of `vfs_writev`.
    pub const WRITEV_BEGINS: u32 = 6;
    /// Return of it.
    pub const WRITEV_ENDS: u32 = 7;
    /// Entry of `do_filp_open`, or `do_file_open`.
    pub const OPEN_BEGINS: u32 = 8;
    /// Return of it.
    pub const OPEN_ENDS: u32 = 9;
    /// Entry of `vfs_fsync`.
    pub const FSYNC_BEGINS: u32 = 10;
    /// Return of it.
    pub const FSYNC_ENDS: u32 = 11;
    /// Entry of `vfs_fsync_range`.
    pub const FSYNC_RANGE_BEGINS: u32 = 12;
    /// Return of it.
    pub const FSYNC_RANGE_ENDS: u32 = 13;
    /// Entry of `iterate_dir`.
    pub const READDIR_BEGINS: u32 = 14;
    /// Return of it.
    pub const READDIR_ENDS: u32 = 15;
    /// Entry of `vfs_unlink`.
    pub const UNLINK_BEGINS: u32 = 16;
    /// Return of it.
    pub const UNLINK_ENDS: u32 = 17;
}

/// An operation that a task is in.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Begun {
    /// When it began; 0 when the task is in none.
    pub since: u64,
    /// The thread's id.
    pub thread: u32,
    /// Where on the stack it was called: what is called within it is further down.
    pub frame: u32,
    /// Padding.
    pub reserved: [u64; 6],
}

// SAFETY: `repr(C)`, no padding.
unsafe impl crate::Plain for Begun {}

const _: () = assert!(size_of::<Begun>() == crate::per_task::ENTRY_SIZE);

/// Offsets and switches.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct FilesystemFields {
    /// `file.f_inode`
    pub file_inode: u32,
    /// `inode.i_mode`
    pub inode_mode: u32,
    /// `inode.i_sb`
    pub inode_sb: u32,
    /// `dentry.d_sb`
    pub dentry_sb: u32,
    /// `super_block.s_flags`
    pub sb_flags: u32,
    /// `super_block.s_type`
    pub sb_type: u32,
    /// `super_block.s_dev`
    pub sb_dev: u32,
    /// `file_system_type.name`
    pub type_name: u32,
    /// `file_system_type.fs_flags`
    pub type_flags: u32,
    /// 1 when mounts are told apart.
    pub mounts: u32,
}

// SAFETY: `u32`s.
unsafe impl crate::Plain for FilesystemFields {}
