//! Whose I/O a request is.
//!
//! With cgroup v2 a bio carries the cgroup that is charged for it, which is right also for write-back, where
//! the current task is a flusher. But what is charged is the nearest cgroup above that has the io
//! controller. So when that is also the one above the current task, the task itself tells more: its own
//! cgroup is taken. Otherwise somebody works for others, and the bio's cgroup is taken.
//!
//! With cgroup v1 the bio knows only the io controller's hierarchy, so it is always the current task.

use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_get_current_task_btf};
use exporter_common::ABSENT;
use exporter_ebpf::{
    cgroup,
    kernel::{Address, Pointer, Struct},
};

use crate::fields::field;

/// The id of the root of every cgroup hierarchy: the first that the kernel gives out.
const ROOT: u64 = 1;

/// The id of the cgroup for which a request is being submitted. Only where the current task may be the one
/// that submits it.
#[inline(always)]
pub fn current(request: Struct, operation: u32) -> u64 {
    if field!(keep_cgroup) == 0 {
        return 0;
    }
    // One flush serves all who wait for it, and whoever comes along issues it.
    if operation == field!(flush) {
        return ROOT;
    }
    // SAFETY: helpers without arguments.
    if cgroup::current_task_is_typed() {
        of_task_or_bio(Struct::new(unsafe { bpf_get_current_task_btf() }.cast()), Struct::as_ptr, request)
    } else {
        let address = |state: Address| state.0 as *mut u8;
        of_task_or_bio(Address(unsafe { bpf_get_current_task() }), address, request)
    }
}

#[inline(always)]
fn of_task_or_bio<P: Pointer>(task: P, pointer: impl FnOnce(P) -> *mut u8, request: Struct) -> u64 {
    if let Some(charged) = charged(request)
        && pointer(cgroup::state_of_task(task, field!(css_set_io))) != charged.as_ptr()
    {
        return cgroup::id(cgroup::of_state(charged));
    }
    cgroup::id(cgroup::of_task(task))
}

/// As [`current`], when the current task has nothing to do with the request.
#[inline(always)]
pub fn from_afar(request: Struct) -> u64 {
    if field!(keep_cgroup) == 0 {
        return 0;
    }
    charged(request).map_or(ROOT, |state| cgroup::id(cgroup::of_state(state)))
}

/// The io controller's state that is charged for a request.
#[inline(always)]
fn charged(request: Struct) -> Option<Struct> {
    if field!(bio_blkg) == ABSENT {
        return None;
    }
    let bio = request.follow(field!(bio));
    if bio.is_null() {
        return None;
    }
    let group = bio.follow(field!(bio_blkg));
    if group.is_null() {
        return None;
    }
    let blkcg = group.follow(field!(blkg_blkcg));
    if blkcg.is_null() { None } else { Some(blkcg.part(field!(blkcg_css))) }
}
