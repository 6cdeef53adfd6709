//! Field offsets and numbers, set by user space before the object is loaded.

use exporter_common::memory::MemoryFields;

/// All zero here; a volatile read keeps the compiler from believing that.
#[unsafe(no_mangle)]
pub static FIELDS: MemoryFields = MemoryFields {
    task_mm: 0,
    task_over_high: 0,
    victim_is_task: 0,
    fault_major: 0,
    folio_flags: 0,
    folio_large: 0,
    folio_pages: 0,
};

/// A frozen constant of [`FIELDS`].
macro_rules! field {
    ($field:ident) => {{
        use $crate::fields::FIELDS;
        exporter_ebpf::frozen!(FIELDS.$field)
    }};
}
pub(crate) use field;
