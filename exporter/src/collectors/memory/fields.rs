//! What the programs read of the kernel's structures.

use exporter_common::{ABSENT, memory::MemoryFields};

use crate::kernel::btf::{Btf, BtfError};

/// All offsets and numbers. What parts of the collector need alone is `ABSENT` where the kernel lacks it.
pub(super) fn of(btf: &Btf) -> Result<MemoryFields, BtfError> {
    let victim = btf.tracepoint("mark_victim").unwrap_or_default();
    let (folio_flags, folio_large, folio_pages) = folio(btf).unwrap_or((ABSENT, 0, ABSENT));
    Ok(MemoryFields {
        task_mm: btf.offset("task_struct", "mm")?,
        task_over_high: btf.optional_offset("task_struct", "memcg_nr_pages_over_high").unwrap_or(ABSENT),
        victim_is_task: u32::from(victim.first().is_some_and(|name| name == "task_struct*")),
        fault_major: btf.enum_value("vm_fault_reason", "VM_FAULT_MAJOR")? as u32,
        folio_flags,
        folio_large,
        folio_pages,
    })
}

/// Whether what is added to the page cache is told as a folio, which may have several pages.
pub(super) fn tells_folios(btf: &Btf) -> bool {
    let added = btf.tracepoint("mm_filemap_add_to_page_cache").unwrap_or_default();
    added.first().is_some_and(|name| name == "folio*")
}

/// Where a folio has its flags, which of them says that it has several pages, and where it says how many.
pub(super) fn folio(btf: &Btf) -> Result<(u32, u32, u32), BtfError> {
    let pages = btf.offset("folio", "_folio_nr_pages").or_else(|_| btf.offset("folio", "_nr_pages"))?;
    Ok((btf.offset("folio", "flags")?, btf.enum_value("pageflags", "PG_head")? as u32, pages))
}
