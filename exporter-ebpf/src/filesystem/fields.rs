//! Field offsets and switches, set by user space before the object is loaded.

use exporter_common::filesystem::FilesystemFields;

/// All zero here; a volatile read keeps the compiler from believing that.
#[unsafe(no_mangle)]
pub static FIELDS: FilesystemFields = FilesystemFields {
    file_inode: 0,
    inode_mode: 0,
    inode_super: 0,
    super_type: 0,
    super_dev: 0,
    type_name: 0,
    walk_inode: 0,
    pipe_head: 0,
    pipe_tail: 0,
    task_files: 0,
    files_table: 0,
    table_files: 0,
    regs_argument: 0,
    unknown_type: 0,
    mounts: 0,
};

/// A frozen constant of [`FIELDS`].
macro_rules! field {
    ($field:ident) => {{
        use $crate::fields::FIELDS;
        exporter_ebpf::frozen!(FIELDS.$field)
    }};
}
pub(crate) use field;
