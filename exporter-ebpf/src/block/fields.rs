//! Field offsets and switches, set by user space before the object is loaded.

use exporter_common::block_io::BlockFields;

/// All zero here; a volatile read keeps the compiler from believing that.
#[unsafe(no_mangle)]
pub static FIELDS: BlockFields = BlockFields {
    request_argument: 0,
    cmd_flags: 0,
    rq_flags: 0,
    flush_seq: 0,
    data_len: 0,
    bio: 0,
    queue: 0,
    queue_disk: 0,
    rq_disk: 0,
    disk_major: 0,
    disk_first_minor: 0,
    disk_name: 0,
    bio_blkg: 0,
    blkg_blkcg: 0,
    blkcg_css: 0,
    css_set_io: 0,
    write: 0,
    flush: 0,
    request_cells: 0,
    durations: 0,
    keep_device: 0,
    keep_operation: 0,
    keep_cgroup: 0,
};

/// A frozen constant of [`FIELDS`].
macro_rules! field {
    ($field:ident) => {{
        use $crate::fields::FIELDS;
        exporter_ebpf::frozen!(FIELDS.$field)
    }};
}
pub(crate) use field;
