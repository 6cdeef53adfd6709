//! What the programs read of the kernel's structures.

use exporter_common::filesystem::{
    FilesystemFields,
    place::{LEFT_OUT, OTHER_TYPE},
};

use crate::{
    config,
    kernel::btf::{Btf, BtfError},
};

/// Offsets as the running kernel has them, and what the config asks for.
pub(super) fn of(btf: &Btf, section: &config::Filesystem) -> Result<FilesystemFields, BtfError> {
    Ok(FilesystemFields {
        file_inode: btf.offset("file", "f_inode")?,
        inode_mode: btf.offset("inode", "i_mode")?,
        inode_super: btf.offset("inode", "i_sb")?,
        super_type: btf.offset("super_block", "s_type")?,
        super_dev: btf.offset("super_block", "s_dev")?,
        type_name: btf.offset("file_system_type", "name")?,
        walk_inode: btf.offset("nameidata", "inode")?,
        pipe_head: btf.offset("pipe_inode_info", "head")?,
        pipe_tail: btf.offset("pipe_inode_info", "tail")?,
        task_files: btf.offset("task_struct", "files")?,
        files_table: btf.offset("files_struct", "fdt")?,
        table_files: btf.offset("fdtable", "fd")?,
        regs_argument: btf.offset("pt_regs", if cfg!(target_arch = "aarch64") { "regs" } else { "di" })?,
        unknown_type: if section.types.is_empty() { OTHER_TYPE } else { LEFT_OUT },
        mounts: u32::from(section.mounts),
    })
}
