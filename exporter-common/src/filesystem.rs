//! What the programs and the user's side of the collector `filesystem` agree on.

/// Operations, by their numbers.
pub mod operation {
    /// Reading of a file.
    pub const READ: u32 = 0;
    /// Writing to one.
    pub const WRITE: u32 = 1;
    /// Looking up and opening one, or making it.
    pub const OPEN: u32 = 2;
    /// Waiting until what was written is on the disk.
    pub const FSYNC: u32 = 3;
    /// Listing a directory.
    pub const READDIR: u32 = 4;
    /// Removing a name.
    pub const UNLINK: u32 = 5;
}

/// How many operations there are.
pub const OPERATIONS: u32 = 6;

/// Series, by their numbers in [`RowKey`](crate::rows::RowKey): one per operation, whose number is added.
pub mod series {
    use super::OPERATIONS;

    /// Durations; the attribute is a [`place`](super::place).
    pub const DURATION: u32 = 1;
    /// Operations that are only counted; the attribute is a [`place`](super::place).
    pub const COUNT: u32 = DURATION + OPERATIONS;
    /// Those that failed; the attribute is a [`place`](super::place), shifted by [`ERROR_BITS`](super::ERROR_BITS), and the
    /// error's number.
    pub const ERRORS: u32 = COUNT + OPERATIONS;
}

const _: () = assert!(series::ERRORS + OPERATIONS <= crate::rows::FIRST_FIXED);

/// Bits of an error's number.
pub const ERROR_BITS: u32 = 12;

/// Where a file is: the number of the file system's type, and that of the mount, shifted.
pub mod place {
    /// Bits of a type's number.
    pub const TYPE_BITS: u32 = 8;
    /// Bits of a mount's number.
    pub const MOUNT_BITS: u32 = 12;
    /// The number of types that are left out.
    pub const LEFT_OUT: u32 = 0;
    /// The number of types that have none of their own.
    pub const OTHER_TYPE: u32 = (1 << TYPE_BITS) - 1;
    /// The number of mounts that have none of their own.
    pub const OTHER_MOUNT: u32 = 0;
}

const _: () = assert!(place::TYPE_BITS + place::MOUNT_BITS + ERROR_BITS <= u32::BITS);

/// Bytes by which a type's name is known, with the zero at its end.
pub const TYPE_NAME: usize = 16;

/// The beginning of a type's name, padded with zeroes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TypeName(pub [u8; TYPE_NAME]);

// SAFETY: bytes.
unsafe impl crate::Plain for TypeName {}

/// Notes.
pub mod note {
    /// An operation ended whose start was not seen.
    pub const START_MISSED: u32 = 0;
    /// Nothing could be remembered of an operation.
    pub const TASK_ENTRY_MISSING: u32 = 1;
}

/// Programs, by their numbers in [`RowsCpu`](crate::rows::RowsCpu): that on a function's entry, and one more for that on its
/// return.
pub mod program {
    /// `vfs_read`
    pub const READ: u32 = 0;
    /// `vfs_readv`
    pub const READV: u32 = 2;
    /// `do_splice_read`, or `do_splice_to`
    pub const SPLICE_READ: u32 = 4;
    /// `vfs_write`
    pub const WRITE: u32 = 6;
    /// `vfs_writev`
    pub const WRITEV: u32 = 8;
    /// `iter_file_splice_write`
    pub const SPLICE_WRITE: u32 = 10;
    /// `path_openat`
    pub const OPEN: u32 = 12;
    /// `vfs_fsync_range`
    pub const FSYNC: u32 = 14;
    /// `do_fsync`, or the system call fsync
    pub const FSYNC_OF_NUMBER: u32 = 16;
    /// `iterate_dir`
    pub const READDIR: u32 = 18;
    /// `vfs_unlink`
    pub const UNLINK: u32 = 20;
    /// The system call fdatasync
    pub const FDATASYNC: u32 = 22;
}

/// Rows that are remembered of a task.
pub const ROWS: usize = 8;

/// What is remembered of a task.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Caller {
    /// When the operation began that it is in; 0 when it is in none.
    pub since: u64,
    /// Whose it is.
    pub task: u64,
    /// Where on the task's stack the call is that is measured.
    pub frame: u32,
    /// The rows of histograms that its operations were in last.
    pub rows: [u32; ROWS],
    /// Padding.
    pub reserved: [u32; 3],
}

// SAFETY: `repr(C)`, no padding.
unsafe impl crate::Plain for Caller {}

const _: () = assert!(size_of::<Caller>() == crate::per_task::ENTRY_SIZE);

/// Offsets from the running kernel's type information, and what is wanted.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FilesystemFields {
    /// `file.f_inode`
    pub file_inode: u32,
    /// `inode.i_mode`
    pub inode_mode: u32,
    /// `inode.i_sb`
    pub inode_super: u32,
    /// `super_block.s_type`
    pub super_type: u32,
    /// `super_block.s_dev`
    pub super_dev: u32,
    /// `file_system_type.name`
    pub type_name: u32,
    /// `nameidata.inode`
    pub walk_inode: u32,
    /// `pipe_inode_info.head`
    pub pipe_head: u32,
    /// `pipe_inode_info.tail`
    pub pipe_tail: u32,
    /// `task_struct.files`
    pub task_files: u32,
    /// `files_struct.fdt`
    pub files_table: u32,
    /// `fdtable.fd`
    pub table_files: u32,
    /// `pt_regs`: a system call's first argument
    pub regs_argument: u32,
    /// The number of types that user space has not met.
    pub unknown_type: u32,
    /// 1 when mounts are told apart.
    pub mounts: u32,
}

// SAFETY: `repr(C)`, only `u32`s.
unsafe impl crate::Plain for FilesystemFields {}
