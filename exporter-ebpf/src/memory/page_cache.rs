//! The page cache: what reads look up in it, and what is added.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use exporter_common::{
    ABSENT,
    memory::{program, series, word},
};
use exporter_ebpf::{
    kernel::Struct,
    rows::{Cpu, current_cgroup},
};

use crate::{fields::field, pending::thread, rows};

/// `mm_filemap_get_pages`: a read has got pages, which were there or have been read for it. A long read gets them batch by
/// batch, and says each time from where to its end.
#[btf_tracepoint(function = "mm_filemap_get_pages")]
fn mm_filemap_get_pages(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::LOOK_UP, |cpu| {
        let mapping = Struct::new(ctx.arg(0)).address_bits();
        let who = u64::from(thread()) << 32 | u64::from(mapping);
        let (first, end): (u64, u64) = (ctx.arg(1), ctx.arg(2));
        let word = |word| cpu.memory(word);
        // SAFETY: maps' values. Who is interrupted in here by another task's read counts a batch twice.
        unsafe {
            let goes_on = *word(word::WHO) == who && *word(word::END) == end && *word(word::FIRST) < first;
            *word(word::FIRST) = first;
            if goes_on {
                return;
            }
            *word(word::WHO) = who;
            *word(word::END) = end;
            let pages = end.wrapping_sub(first) + last_is_told(cpu, first, end);
            cpu.count(series::LOOKED_UP, 0, current_cgroup(), pages);
        }
    })
}

/// 1 when the end is the last page. The first kernels with this tracepoint tell the page behind it, which nothing but
/// a read of a single page gives away.
#[inline(always)]
fn last_is_told(cpu: Cpu, first: u64, end: u64) -> u64 {
    let inclusive = cpu.memory(word::INCLUSIVE);
    // SAFETY: a map's value.
    unsafe {
        if first == end {
            *inclusive = 1;
        }
        *inclusive
    }
}

/// `mm_filemap_add_to_page_cache`: by reads, ahead of them, or by writes.
#[btf_tracepoint(function = "mm_filemap_add_to_page_cache")]
fn mm_filemap_add_to_page_cache(ctx: BtfTracePointContext) -> i32 {
    rows().measured(program::ADD, |cpu| {
        cpu.count(series::ADDED, 0, current_cgroup(), pages(Struct::new(ctx.arg(0))));
    })
}

/// How many pages a folio has.
#[inline(always)]
fn pages(folio: Struct) -> u64 {
    if field!(folio_pages) == ABSENT {
        return 1;
    }
    let flags: u64 = folio.read(field!(folio_flags));
    if flags >> field!(folio_large) & 1 == 0 {
        return 1;
    }
    let pages: u32 = folio.read(field!(folio_pages));
    u64::from(pages)
}
