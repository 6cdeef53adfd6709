//! What the programs read of a request: offsets and numbers from the running kernel's BTF.

use exporter_common::{ABSENT, block_io::BlockFields};

use super::Parts;
use crate::kernel::btf::{Btf, BtfError};

/// All offsets, what is measured, which labels are kept, and how many requests have cells. `io_on_v2`: bios know the cgroup by which cgroups are
/// told apart.
pub(super) fn of(
    btf: &Btf,
    parts: Parts,
    request_cells: u32,
    io_on_v2: bool,
) -> Result<BlockFields, BtfError> {
    let kept = parts.kept;
    let request = |field| btf.offset("request", field);
    let optional = |structure, field| btf.optional_offset(structure, field).unwrap_or(ABSENT);
    let operation = |name| {
        btf.enum_value("req_op", name)
            .or_else(|_| btf.enum_value("req_opf", name))
            .map(|number| number as u32)
    };
    let insert = btf.tracepoint("block_rq_insert").unwrap_or_default();
    let rq_disk = optional("request", "rq_disk");
    let mut fields = BlockFields {
        request_argument: u32::from(insert.first().is_some_and(|name| name == "request_queue*")),
        cmd_flags: request("cmd_flags")?,
        rq_flags: request("rq_flags")?,
        // Before 6.11 the flags are macros, of which the type information knows nothing.
        flush_seq: 1 << btf.enumerator("__RQF_FLUSH_SEQ").unwrap_or(4),
        data_len: request("__data_len")?,
        bio: request("bio")?,
        queue: request("q")?,
        queue_disk: if rq_disk == ABSENT { btf.offset("request_queue", "disk")? } else { ABSENT },
        rq_disk,
        disk_major: btf.offset("gendisk", "major")?,
        disk_first_minor: btf.offset("gendisk", "first_minor")?,
        disk_name: btf.offset("gendisk", "disk_name")?,
        bio_blkg: ABSENT,
        blkg_blkcg: ABSENT,
        blkcg_css: ABSENT,
        css_set_io: ABSENT,
        write: operation("REQ_OP_WRITE")?,
        flush: operation("REQ_OP_FLUSH")?,
        request_cells,
        durations: u32::from(parts.durations),
        keep_device: u32::from(kept.device),
        keep_operation: u32::from(kept.operation),
        keep_cgroup: u32::from(kept.cgroup),
    };
    if io_on_v2
        && let Some(bio_blkg) = btf.optional_offset("bio", "bi_blkg")
        && let Ok(io) = btf.enum_value("cgroup_subsys_id", "io_cgrp_id")
    {
        fields.bio_blkg = bio_blkg;
        fields.blkg_blkcg = btf.offset("blkcg_gq", "blkcg")?;
        fields.blkcg_css = btf.offset("blkcg", "css")?;
        fields.css_set_io = btf.offset("css_set", "subsys")? + size_of::<u64>() as u32 * io as u32;
    }
    Ok(fields)
}
